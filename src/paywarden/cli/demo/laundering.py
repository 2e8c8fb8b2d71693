"""The second engine in a run: alerts as an officer reads them, and holds against the truth.

Guards: alerts name entities by keyed hash, and of them only counts by kind and subject are kept;
memory is bounded. An innocent pattern that looks like laundering counts as genuine everywhere, and
here by itself. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from paywarden.cli.demo.statistics import Tally

_ALERTS_KEPT = 5_000
_PATTERNS_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Laundering:
    """Payments of laundering by their truth, and what was done. `patterns_held`: at least once.

    `alerts` and `interdicted` count alerts; `by_kind` and `by_subject` the most frequent.
    """

    payments: int = 0
    value_minor: int = 0
    held: int = 0
    held_value_minor: int = 0
    patterns: int = 0
    patterns_held: int = 0
    look_alikes: int = 0
    look_alikes_hurt: int = 0
    listed: int = 0
    listed_held: int = 0
    alerts: int = 0
    interdicted: int = 0
    by_kind: tuple[tuple[str, int], ...] = ()
    by_subject: tuple[tuple[str, int], ...] = ()

    def document(self) -> dict[str, Any]:
        """Plain values for the JSON answer."""
        return {
            "laundering": self.payments,
            "laundering_value_minor": self.value_minor,
            "held": self.held,
            "held_value_minor": self.held_value_minor,
            "patterns": self.patterns,
            "patterns_held": self.patterns_held,
            "look_alikes": self.look_alikes,
            "look_alikes_hurt": self.look_alikes_hurt,
            "to_listed_parties": self.listed,
            "to_listed_parties_held": self.listed_held,
            "alerts": self.alerts,
            "interdicting_alerts": self.interdicted,
            "alerts_by_kind": dict(self.by_kind),
            "alerts_by_subject": [
                {"subject": subject, "count": count} for subject, count in self.by_subject
            ],
        }


class LaunderingWatch:
    """Keeps the figures of a run."""

    def __init__(self) -> None:
        self._now = Laundering()
        self._patterns: OrderedDict[str, bool] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._kinds, self._subjects = Tally(), Tally()

    def decided(self, kind: str, pattern: str, value_minor: int, outcome: str) -> None:
        """Count a first answer to a payment of laundering; `pattern` names one of one world."""
        now, held = self._now, outcome != "allow"
        listed = kind == "sanctions_evasion"
        fresh, before = pattern not in self._patterns, self._patterns.get(pattern, False)
        self._patterns[pattern] = before or held
        if len(self._patterns) > _PATTERNS_KEPT:
            self._patterns.popitem(last=False)
        self._now = replace(
            now,
            payments=now.payments + 1,
            value_minor=now.value_minor + value_minor,
            held=now.held + held,
            held_value_minor=now.held_value_minor + value_minor * held,
            patterns=now.patterns + fresh,
            patterns_held=now.patterns_held + (held and not before),
            listed=now.listed + listed,
            listed_held=now.listed_held + (listed and held),
        )

    def alike(self, outcome: str) -> None:
        """Count a first answer to a payment of an innocent pattern."""
        now = self._now
        hurt = now.look_alikes_hurt + (outcome != "allow")
        self._now = replace(now, look_alikes=now.look_alikes + 1, look_alikes_hurt=hurt)

    def alerted(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Count alerts that were not seen before, as `GET /v1/aml/alerts` gives them."""
        for alert in alerts:
            name = str(alert["id"])
            if name in self._seen:
                continue
            self._seen[name] = None
            if len(self._seen) > _ALERTS_KEPT:
                self._seen.popitem(last=False)
            self._kinds.add(str(alert["kind"]))
            kind, subject = str(alert["kind"]), str(alert["subject"])
            self._subjects.add(subject if kind == "typology" else kind)
            interdicted = self._now.interdicted + bool(alert["interdicted"])
            self._now = replace(self._now, alerts=self._now.alerts + 1, interdicted=interdicted)

    def standing(self) -> Laundering:
        """The figures as they stand."""
        kinds, subjects = tuple(self._kinds.most(4)), tuple(self._subjects.most(12))
        return replace(self._now, by_kind=kinds, by_subject=subjects)
