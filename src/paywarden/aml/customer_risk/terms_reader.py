"""The section `exposure` of a model: windows, delays of delivery, steps of reserve."""

from __future__ import annotations

import re
from typing import Final

from paywarden.aml.customer_risk.model import ExposureTerms, Level, ReserveStep
from paywarden.reference.mcc import risk_groups
from paywarden.risk.rules.fields import IDENTIFIER, Fields
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.yaml_source import Scalar, Table

OTHER: Final = "other"
_KEYS: Final = (
    "captured", "refunds", "chargebacks", "base", "ratio_days", "delay_days", "steps",
    "reserve_by_level", "hold_minor",
)  # fmt: skip
_LEVELS: Final = ("low", "medium", "high")
_DAYS: Final = re.compile(r"([1-9][0-9]{0,2})d\Z")
MAX_MINOR: Final = 10**15
_WINDOW: Final = "name a window of the policy"


def read_exposure(model: Fields, findings: Findings) -> ExposureTerms | None:
    """Terms of exposure; None when the model has none, or on faults (told in `findings`)."""
    table = model.table_of("exposure")
    if table is None:
        return None
    fields = Fields(table, "`exposure`", _KEYS, findings)
    names = {key: fields.pattern(key, IDENTIFIER, _WINDOW)
             for key in ("refunds", "chargebacks", "base")}  # fmt: skip
    captured = _captured(fields, findings)
    delays = _numbers(fields, "delay_days", (OTHER, *risk_groups()), 0, 400, findings)
    if OTHER not in delays:
        fields.wrong(fields.place("delay_days"), "delay_days", "days for `other` at least")
    longest = captured[-1][0] if captured else 0
    if any(days > longest for days in delays.values()):
        fields.wrong(fields.place("delay_days"), "delay_days", "within the longest window")
    reserve = _numbers(fields, "reserve_by_level", _LEVELS, 0, 100, findings)
    hold = _numbers(fields, "hold_minor", _LEVELS, 0, MAX_MINOR, findings)
    for key, found in (("reserve_by_level", reserve), ("hold_minor", hold)):
        if found.keys() != set(_LEVELS):
            fields.wrong(fields.place(key), key, "a number for low, medium and high")
    return ExposureTerms(
        captured, names["refunds"], names["chargebacks"], names["base"],
        fields.integer("ratio_days", 1, 400, 30), delays, _steps(fields, findings),
        {Level.parse(word): number for word, number in reserve.items()},
        {Level.parse(word): number for word, number in hold.items()},
    )  # fmt: skip


def _captured(fields: Fields, findings: Findings) -> tuple[tuple[int, str], ...]:
    table = fields.table_of("captured")
    found = []
    for key, (scalar, node) in (table.entries if table else {}).items():
        days = _DAYS.match(key)
        if days is None or not isinstance(node, Scalar) or not IDENTIFIER.match(node.text):
            findings.error(scalar.source, "bad_value", "this is no window of captured sums",
                           "write DAYSd: NAME of a window")  # fmt: skip
            continue
        found.append((int(days[1]), node.text))
    if not found or found != sorted(found):
        fields.wrong(fields.place("captured"), "captured", "windows of rising length")
    return tuple(found)


def _numbers(
    fields: Fields, key: str, known: tuple[str, ...], low: int, high: int, findings: Findings
) -> dict[str, int]:
    table = fields.table_of(key)
    if table is None:
        fields.missing(key)
        return {}
    inner = Fields(table, f"`{key}`", known, findings)
    return {word: inner.integer(word, low, high) for word in table.entries if word in known}


def _steps(fields: Fields, findings: Findings) -> tuple[ReserveStep, ...]:
    found = []
    for table in fields.tables("steps"):
        found.append(_step(table, findings))
    rising = [(one.loss_percent, one.reserve_percent) for one in found]
    percents = [one.reserve_percent for one in found]
    if not found or rising != sorted(rising) or percents != sorted(percents):
        fields.wrong(fields.place("steps"), "steps", "steps that rise in loss and reserve")
    return tuple(found)


def _step(table: Table, findings: Findings) -> ReserveStep:
    keys = ("loss_percent", "reserve_percent")
    fields = Fields(table, "a step of `exposure`", keys, findings)
    loss = fields.number("loss_percent", 0.0, 100.0)
    return ReserveStep(float(loss or 0.0), fields.integer("reserve_percent", 0, 100))
