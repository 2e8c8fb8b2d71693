"""What the engine against money laundering does to a payment without any rule of the policy. Pure.

Guards: a match with a listed party holds a payment and a certain one blocks it, whatever else there
is: each row is hard and of AML, so neither allow rules nor the control group, snoozes, a passed
challenge or a magic value lower it, and no row has a reason or points that a merchant could see.
The fields that rows are made from stand in the record, so replay and drafts make the same rows.
Sources: FATF recommendations 6, 7, 12 and 16; Regulation (EU) 2023/1113.

>>> [row.id for row in built_in_rows(None, None, {"screening.payee.score": 0.9})]
['screening.payee']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from paywarden.core.outcome import Outcome
from paywarden.risk.features.catalogue import SCREENED_ROLES
from paywarden.risk.rules.firing import AML, FiredRule
from paywarden.risk.rules.model import ScreeningSettings, TravelRule

SCREENING_STAGE: Final = "screening"
_DEFAULT: Final = ScreeningSettings()


def _row(id: str, outcome: Outcome | None) -> FiredRule:
    return FiredRule(id, id.partition(".")[0], outcome=outcome, hard=True, engine=AML)


_SCORES: Final = tuple((role, f"screening.{role}.score") for role in SCREENED_ROLES)
_HOLDS: Final = {role: _row(f"screening.{role}", Outcome.REVIEW) for role in SCREENED_ROLES}
_CONFIRMED: Final = _row("screening.confirmed", Outcome.BLOCK)
_IDENTIFIED: Final = _row("screening.identified", Outcome.BLOCK)
_PEP: Final = {"alert": _row("screening.pep", None), "hold": _row("screening.pep", Outcome.REVIEW)}
_TRAVEL: Final = {
    "alert": _row("travel_rule.missing", None),
    "review": _row("travel_rule.missing", Outcome.REVIEW),
}


def built_in_rows(
    screening: ScreeningSettings | None, travel_rule: TravelRule | None, fields: Mapping[str, Any]
) -> list[FiredRule]:
    """The rows of a payment by the settings of its policy; most have none."""
    given, rows = screening or _DEFAULT, []
    for role, path in _SCORES:
        score = fields.get(path)
        if score:
            least = given.remittance_hold_at if role == "remittance" else given.hold_at
            if score >= least:
                rows.append(_HOLDS[role])
    if fields.get("screening.confirmed"):
        rows.append(_CONFIRMED)
    if (fields.get("screening.identified") or 0.0) >= given.block_at:
        rows.append(_IDENTIFIED)
    if fields.get("screening.pep"):
        rows.append(_PEP[given.pep])
    if (
        travel_rule is not None
        and fields.get("travel_rule.missing")
        and reaches(travel_rule, fields)
    ):
        rows.append(_TRAVEL[travel_rule.on_missing])
    return rows


def reaches(rule: TravelRule, fields: Mapping[str, Any]) -> bool:
    """Whether the travel rule holds for the amount; one that has no rate is taken as reaching."""
    amount = fields.get("payment.amount_base_minor")
    crypto = fields.get("travel_rule.crypto")
    least = rule.crypto_threshold_base_minor if crypto else rule.threshold_base_minor
    return amount is None or bool(amount >= least)


def floor_of(rows: Iterable[FiredRule]) -> Outcome:
    """The mildest outcome that these rows leave."""
    return max((row.outcome or Outcome.ALLOW for row in rows), default=Outcome.ALLOW)
