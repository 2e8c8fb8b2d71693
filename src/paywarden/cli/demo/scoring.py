"""Scoring: decisions against the simulator's truth, per kind of attack.

Guards: the measure is the one of `paywarden decide`: fraud is caught, and a genuine payment hurt,
by any first answer but allow. What a challenge made of it is counted beside that, never instead:
fraud that passed its challenge is `slipped`. Values are minor units of the euro at the simulator's
fixed rates. Truth is used here only; it never travels to the server. Pure.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CURRENCY = "EUR"
STOPPING = ("challenge", "review", "block")
_CAMPAIGNS_KEPT = 4_096
OTHER = "other"


@dataclass(slots=True)
class Attacks:
    """Fraud of one type. `first_stops`: which payment of a campaign was the first to be caught."""

    payments: int = 0
    value_minor: int = 0
    caught: int = 0
    caught_value_minor: int = 0
    slipped: int = 0
    slipped_value_minor: int = 0
    campaigns: int = 0
    campaigns_stopped: int = 0
    first_stops: list[int] = field(default_factory=list)

    def first_stop(self) -> tuple[int, int] | None:
        """Median and largest position of the first caught payment; None before the first."""
        if not self.first_stops:
            return None
        ordered = sorted(self.first_stops)
        return ordered[(len(ordered) - 1) // 2], ordered[-1]

    def document(self) -> dict[str, Any]:
        """Plain values for the JSON answer."""
        first = self.first_stop()
        return {
            "payments": self.payments,
            "value_minor": self.value_minor,
            "caught": self.caught,
            "caught_value_minor": self.caught_value_minor,
            "slipped_after_challenge": self.slipped,
            "campaigns": self.campaigns,
            "campaigns_stopped": self.campaigns_stopped,
            "first_stop_median": first[0] if first else None,
            "first_stop_largest": first[1] if first else None,
        }


@dataclass(slots=True)
class Honest:
    """Genuine payments. `hurt` by the first outcome; `turned_away` after a challenge."""

    payments: int = 0
    hurt: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STOPPING, 0))
    passed: int = 0
    turned_away: int = 0

    @property
    def hurt_total(self) -> int:
        """Genuine payments whose first answer was not allow."""
        return sum(self.hurt.values())


@dataclass(slots=True)
class _Course:
    """One campaign so far."""

    payments: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The score at one moment."""

    attacks: dict[str, Attacks]
    honest: Honest

    def whole(self) -> Attacks:
        """All attacks together; positions of first stops of all campaigns."""
        sum_ = Attacks()
        for one in self.attacks.values():
            for name in Attacks.__slots__:
                setattr(sum_, name, getattr(sum_, name) + getattr(one, name))
        return sum_

    def document(self) -> dict[str, Any]:
        """The answer's `labelled`, named as in `paywarden decide --json`, and more beside it."""
        whole, honest = self.whole(), self.honest
        return {
            "currency": CURRENCY,
            "fraud": whole.payments,
            "fraud_value_minor": whole.value_minor,
            "caught": whole.caught,
            "caught_value_minor": whole.caught_value_minor,
            "slipped_after_challenge": whole.slipped,
            "slipped_after_challenge_value_minor": whole.slipped_value_minor,
            "genuine": honest.payments,
            "genuine_hurt": honest.hurt_total,
            "genuine_hurt_by": dict(honest.hurt),
            "genuine_passed_challenge": honest.passed,
            "genuine_turned_away": honest.turned_away,
        }


class Score:
    """Keeps the score of a run."""

    def __init__(self) -> None:
        self.attacks: dict[str, Attacks] = {}
        self.honest = Honest()
        self._campaigns: OrderedDict[str, _Course] = OrderedDict()

    def decided(
        self, fraud: bool, kind: str | None, campaign: str | None, value_minor: int, outcome: str
    ) -> None:
        """Count a first answer. `campaign` names one campaign of one world."""
        if not fraud:
            self.honest.payments += 1
            if outcome != "allow":
                self.honest.hurt[outcome] = self.honest.hurt.get(outcome, 0) + 1
            return
        attacks = self.attacks.setdefault(kind or OTHER, Attacks())
        attacks.payments += 1
        attacks.value_minor += value_minor
        if outcome != "allow":
            attacks.caught += 1
            attacks.caught_value_minor += value_minor
        if campaign is not None:
            self._advance(attacks, campaign, outcome != "allow")

    def continued(self, fraud: bool, kind: str | None, value_minor: int, outcome: str) -> None:
        """Count the second answer to a payment that was challenged."""
        through = outcome == "allow"
        if not fraud:
            self.honest.passed += through
            self.honest.turned_away += not through
        elif through:
            attacks = self.attacks.setdefault(kind or OTHER, Attacks())
            attacks.slipped += 1
            attacks.slipped_value_minor += value_minor

    def standing(self) -> Standing:
        """A copy of the score as it stands."""
        return Standing(copy.deepcopy(self.attacks), copy.deepcopy(self.honest))

    def _advance(self, attacks: Attacks, campaign: str, stopped: bool) -> None:
        course = self._campaigns.get(campaign)
        if course is None:
            course = self._campaigns[campaign] = _Course()
            attacks.campaigns += 1
            if len(self._campaigns) > _CAMPAIGNS_KEPT:
                self._campaigns.popitem(last=False)
        course.payments += 1
        if stopped and not course.stopped:
            course.stopped = True
            attacks.campaigns_stopped += 1
            attacks.first_stops.append(course.payments)


class Rates:
    """Amounts of any currency as minor units of the euro. `rates`: exponent and units per euro."""

    def __init__(self, rates: Mapping[str, tuple[int, float]]) -> None:
        self._rates = rates

    def euro_minor(self, amount_minor: int, currency: str) -> int:
        """Minor units of the euro; 0 for a currency without a rate."""
        known = self._rates.get(currency)
        if known is None:
            return 0
        exponent, per_euro = known
        return round(amount_minor / float(10**exponent) / per_euro * 100)
