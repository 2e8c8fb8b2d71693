"""The control group: some payments that would be blocked pass, at random and with a capped loss.

Guards: without it nobody learns whom the blocks hurt, since a blocked payment has no outcome. Never
under a hard rule, never where AML has a say, never for a stage that failed or a magic value, only
before authorisation, only up to the policy's amount and its loss of one day. The draw is a keyed
hash of the attempt, so it can neither be steered nor repeated; its probability is recorded with the
decision (inverse propensity weights need it). What was let pass is counted from the log, so replay
and a restart draw alike. Source: Horvitz and Thompson, JASA 47 (1952) 663.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.core.instants import DAY_US
from paywarden.core.outcome import Outcome
from paywarden.decision.combine import Combined
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.stored_fields import one
from paywarden.decision.trial_tally import EVERYBODY_PPM
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.firing import FRAUD, FiredRule
from paywarden.risk.rules.model import ControlGroup

AMOUNT: Final = "payment.amount_base_minor"
_SALT: Final = b"paywarden control group"


@dataclass(slots=True)
class ControlLoss:
    """Amounts that the control group let pass on one day (UTC); a fold over the log."""

    day: int = -1
    spent_minor: int = 0

    def spent(self, t_us: int) -> int:
        """What was let pass on the day of an instant so far."""
        return self.spent_minor if t_us // DAY_US == self.day else 0

    def add(self, t_us: int, amount_minor: int) -> None:
        """Note a payment that was let pass."""
        self.spent_minor = self.spent(t_us) + amount_minor
        self.day = t_us // DAY_US

    def count(self, body: PaymentEntry) -> None:
        """Note a recorded payment, if the control group let it pass."""
        if body.result.control_ppm:
            self.add(body.observation.t_us, int(one(body.clear, AMOUNT)))

    def count_back(self, body: PaymentEntry) -> bool:
        """Note a payment that was let pass, the newest first; False before the newest one's day.

        An earlier day is spent and forgotten, so whoever reads backwards may stop there.
        """
        if self.day not in (-1, body.observation.t_us // DAY_US):
            return False
        self.count(body)
        return True


@dataclass(frozen=True, slots=True)
class ControlDraw:
    """A payment's place among all (0 to 999,999), and what of the day's loss is spent."""

    place_ppm: int
    spent_minor: int


def draw(seen: Observation, loss: ControlLoss) -> ControlDraw:
    """The draw of an attempt; the same at every time and in every replay."""
    digest = hashlib.blake2b(
        seen.identity.to_bytes(8, "little", signed=seen.identity < 0), key=_SALT, digest_size=8
    ).digest()
    place = int.from_bytes(digest, "little") % EVERYBODY_PPM
    return ControlDraw(place, loss.spent(seen.t_us))


def passes(
    group: ControlGroup,
    drawn: ControlDraw,
    fields: Mapping[str, Any],
    rows: Sequence[FiredRule],
    combined: Combined,
) -> bool:
    """Whether a payment that would be blocked is let pass."""
    if combined.outcome is not Outcome.BLOCK or drawn.place_ppm >= share_ppm(group):
        return False
    if fields.get("payment.phase", "pre_auth") != "pre_auth":
        return False
    if any(row.engine != FRAUD or (row.hard and row.outcome is Outcome.BLOCK) for row in rows):
        return False
    if any(reason.startswith("stage:") for reason in combined.deciding):
        return False
    amount = fields.get(AMOUNT)
    return (
        type(amount) is int
        and 0 < amount <= group.max_amount_base_minor
        and drawn.spent_minor + amount <= group.daily_loss_base_minor
    )


def share_ppm(group: ControlGroup) -> int:
    """The probability in parts per million."""
    return round(group.percent * 10_000)
