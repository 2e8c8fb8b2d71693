"""The operation that shows drift: alarms that stand, and the figures behind them.

Guards: reading only, for operators of the policy; what was counted in this process since it
started, of the asker's own scope. Everything listed is bounded; of fresh values some are shown,
of fields that the log keeps in the clear.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.core.errors import NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.decision.drift.desk import view_of
from paywarden.decision.drift.watch import DriftWatch, ScopeWatch
from paywarden.decision.webhook_types import DriftAlarm
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.risk.drift import novelty
from paywarden.risk.drift.outcomes import ALERTS
from paywarden.risk.drift.shares import Counts
from paywarden.risk.scoring.drift import Drift

ALARMS_SHOWN: Final = 200


class StandingAlarm(msgspec.Struct, frozen=True):
    """An alarm that stands. `values`: for novelty, some of the values never seen before."""

    alarm: DriftAlarm
    values: list[str]


class SegmentShares(msgspec.Struct, frozen=True):
    """Outcomes of a segment (empty: all) in the last quarter of an hour and in the reference."""

    segment: str
    payments: int
    shares: dict[str, float]
    payments_before: float
    shares_before: dict[str, float]


class InputDrift(msgspec.Struct, frozen=True):
    """An input of a model (`model.p`: its score) against its reference."""

    name: str
    psi: float
    ks: float
    missing: float
    missing_before: float
    outside: float
    verdict: str


class ModelDrift(msgspec.Struct, frozen=True):
    """A model over the last hour and the last day, greatest index first."""

    model: str
    hour: list[InputDrift]
    day: list[InputDrift]


class SliceRatio(msgspec.Struct, frozen=True):
    """Rate of a slice, and its ratio to everybody else's of the group; null without others."""

    group: str
    slice: str
    measure: str
    payments: float
    rate: float
    ratio: float | None


class DriftView(msgspec.Struct, frozen=True):
    """The present state. `since`: when counting began, null before the first minute."""

    since: str | None
    alarms_standing: int
    alarms: list[StandingAlarm]
    merchants: int
    segments: list[SegmentShares]
    models: list[ModelDrift]
    slices: list[SliceRatio]
    not_counted: int


class DriftOperations:
    """The handler over what is watched."""

    def __init__(self, watch: DriftWatch) -> None:
        self._watch = watch

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", "/v1/drift", "get_drift", "How live traffic has changed", self.read,
                      DriftView, permission="rulesets:read", tag="policy", weight=5),
        ]  # fmt: skip

    async def read(self, call: Call) -> Answer:
        """GET /v1/drift."""
        if call.asker.merchant is not None:  # it shows every merchant's state
            raise NotPermitted("other_merchant", "drift is shown to keys of no one merchant")
        return Answer(drift_view(self._watch.of(call.asker.scope)))


def drift_view(watch: ScopeWatch) -> DriftView:
    """Wire form of the state of a scope."""
    standing = list(watch.book.standing.values())[-ALARMS_SHOWN:]
    return DriftView(
        format_rfc3339(watch.since_us) if watch.since_us else None,
        len(watch.book.standing),
        [StandingAlarm(view_of(one), _values(watch, one.key.kind, one.key.what))
         for one in standing],
        len(watch.fields.merchants),
        [_segment(*each) for each in watch.outcomes.shown()],
        [ModelDrift(one.model, _drifts(one.hour), _drifts(one.day)) for one in watch.models],
        [SliceRatio(one.group, one.name, one.measure, round(one.payments, 1), one.rate, one.ratio)
         for one in watch.slices.shown()],
        watch.faults,
    )  # fmt: skip


def _values(watch: ScopeWatch, kind: str, what: str) -> list[str]:
    return watch.novelty.fresh(what) if kind == novelty.KIND else []


def _segment(name: str, recent: Counts, whole: Counts) -> SegmentShares:
    return SegmentShares(
        name, int(recent[0]), _shares(recent), round(float(whole[0]), 1), _shares(whole)
    )


def _shares(counts: Counts) -> dict[str, float]:
    total = max(float(counts[0]), 1.0)
    return {one.word: round(float(counts[int(one)]) / total, 6) for one in ALERTS}


def _drifts(found: tuple[Drift, ...]) -> list[InputDrift]:
    return [InputDrift(**one.document()) for one in found]
