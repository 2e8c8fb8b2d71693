"""`screening` and `travel_rule` of policy.yaml into values.

Guards: a threshold below what screening reports at all (`REPORTED_AT`) would never be reached as it
reads, so it is refused. Sources: FATF recommendation 16 (1,000 units of the base currency);
Regulation (EU) 2023/1113, articles 4, 5, 14 and 16 (crypto-assets: every amount).
"""

from __future__ import annotations

from typing import Final

from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.model import ScreeningSettings, TravelRule

REPORTED_AT: Final = 0.5
"""Matches below this score are not told to rules: they read 0."""
PEP_WORDS: Final = ("alert", "hold")
MISSING_WORDS: Final = ("alert", "review")
MAX_AMOUNT: Final = 10**15


def read_screening(fields: Fields) -> ScreeningSettings | None:
    """The settings, None when there are none; faults are collected."""
    table = fields.table_of("screening")
    if table is None:
        return None
    known = ("hold_at", "remittance_hold_at", "block_at", "pep")
    inner, default = Fields(table, "`screening`", known, fields.findings), ScreeningSettings()

    def score(key: str, instead: float) -> float:
        found = inner.number(key, REPORTED_AT, 1)
        return instead if found is None else float(found)

    return ScreeningSettings(
        score("hold_at", default.hold_at),
        score("remittance_hold_at", default.remittance_hold_at),
        score("block_at", default.block_at),
        _word(inner, "pep", default.pep, PEP_WORDS),
    )


def read_travel_rule(fields: Fields) -> TravelRule | None:
    """The settings, None when the rule is not checked; faults are collected."""
    table = fields.table_of("travel_rule")
    if table is None:
        return None
    known = ("threshold_base_minor", "crypto_threshold_base_minor", "on_missing")
    inner, default = Fields(table, "`travel_rule`", known, fields.findings), TravelRule()
    return TravelRule(
        inner.integer("threshold_base_minor", 0, MAX_AMOUNT, default.threshold_base_minor),
        inner.integer(
            "crypto_threshold_base_minor", 0, MAX_AMOUNT, default.crypto_threshold_base_minor
        ),
        _word(inner, "on_missing", default.on_missing, MISSING_WORDS),
    )


def _word(fields: Fields, key: str, default: str, known: tuple[str, ...]) -> str:
    scalar = fields.scalar(key)
    if scalar is None:
        return default
    if scalar.text not in known:
        fields.unknown(scalar, key, known)
        return default
    return scalar.text
