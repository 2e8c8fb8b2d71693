"""From typologies that a payment set off to alerts, and to their explanation in its record.

Guards: an alert is raised in the commit of the decision that set it off, so neither is without the
other; a held payment always has its alert, quiet days or not. Entities of people are keyed hashes
as windows hold them; texts show no field that only a person's key opens (`typology_check.py`). Not
done here: which typologies are set off (`risk.rules.typology_rows`), keeping (`aml/alerts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from paywarden.aml.alerts.model import Alert, Entity, EntityKind, Reason
from paywarden.reference.canonical import canonical_account
from paywarden.reference.currencies import currency
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.rules.compiler import CompiledPolicy
from paywarden.risk.rules.typology_program import TypologyProgram, typology_program
from paywarden.risk.rules.typology_rows import Scored, TypologyRows
from paywarden.risk.rules.typology_scores import expression_text
from paywarden.risk.rules.typology_texts import MINOR_DIGITS

KEYS: Final[Mapping[str, str]] = {
    "payer": "payer",
    "customer": "payer",
    "payee": "payee",
    "account": "account",
    "merchant": "merchant",
}
"""Which key of an observation an entity is counted by."""
_INSTEAD: Final = ("account", "payee", "payer", "merchant")
"""Whom an alert is about where the payment does not name the typology's own entity."""


@dataclass(frozen=True, slots=True)
class Happened:
    """The decision that set alerts off. `keys`: digests of the observation, by key kind."""

    decision: str
    payment: str
    sequence: int
    at_us: int
    keys: Sequence[int]
    merchant: str | None
    versions: tuple[tuple[str, str], ...]


class PaymentAlerts:
    """Explains typologies of one compiled policy; programs are made when first needed."""

    def __init__(self, compiled: CompiledPolicy, rows: TypologyRows) -> None:
        self._compiled = compiled
        self._rows = rows
        known = currency(compiled.policy.base_currency)
        digits = known.exponent if known is not None else None
        self._minor_digits = MINOR_DIGITS if digits is None else digits
        self._programs: dict[str, TypologyProgram] = {}

    def alerts(
        self, fired: Sequence[int], values: Sequence[Any], lists: Any, happened: Happened
    ) -> list[Alert]:
        """Alerts of rows that are settled. `values`: the vector that they were decided by."""
        scored = list(self._rows.scored(fired))
        if not scored:
            return []
        bindings = self._compiled.slow.bindings(values, lists)
        return [self._alert(one, bindings, happened) for one in scored]

    def explained(
        self, fired: Sequence[int], values: Sequence[Any], lists: Any
    ) -> Iterator[dict[str, Any]]:
        """Typologies of settled rows for an operator: score, thresholds, terms with their texts."""
        scored = list(self._rows.scored(fired))
        bindings = self._compiled.slow.bindings(values, lists) if scored else {}
        for one in scored:
            typology = one.typology
            yield {
                "id": typology.id,
                "title": typology.title,
                "family": typology.family,
                "score": one.score,
                "alert": typology.alert,
                "interdict": typology.interdict,
                "holds": one.holds,
                "formula": expression_text(typology.score),
                "terms": self._terms(one, bindings),
            }

    def _terms(self, scored: Scored, bindings: Mapping[str, Any]) -> list[dict[str, Any]]:
        written = {term.name: term.written for term in scored.typology.terms}
        return [
            {"name": one.name, "when": written[one.name], "weight": one.weight, "says": one.says}
            for one in self._reasons(scored, bindings)
        ]

    def _alert(self, scored: Scored, bindings: Mapping[str, Any], happened: Happened) -> Alert:
        typology = scored.typology
        threshold = typology.interdict if scored.holds else typology.alert
        return Alert(
            kind="typology",
            entity=_entity(typology.entity, happened),
            subject=typology.id,
            score=scored.score,
            threshold=typology.alert if threshold is None else threshold,
            at_us=happened.at_us,
            sequence=happened.sequence,
            reasons=tuple(self._reasons(scored, bindings)),
            interdicted=scored.holds,
            decisions=(happened.decision,),
            payments=(happened.payment,),
            versions=happened.versions,
            quiet_days=0 if scored.holds else typology.quiet_days,
        )

    def _reasons(self, scored: Scored, bindings: Mapping[str, Any]) -> Iterator[Reason]:
        program = self._program(scored)
        for name in scored.held:
            says = program.says(name, bindings, self._minor_digits)
            yield Reason(name, program.weights[name], says)

    def _program(self, scored: Scored) -> TypologyProgram:
        typology = scored.typology
        found = self._programs.get(typology.id)
        if found is None:
            found = typology_program(typology, self._compiled.types)
            self._programs[typology.id] = found
        return found


def _entity(wanted: str, happened: Happened) -> Entity:
    """The entity by keyed hash (merchants as they are named); the nearest one where it is absent,
    and the payment itself where nobody is named."""
    for kind in (wanted, *_INSTEAD):
        if kind == "merchant":
            if happened.merchant is not None:
                return Entity("merchant", happened.merchant)
            continue
        digest = happened.keys[KEY_KINDS.index(KEYS[kind])]
        if digest:
            return Entity(cast("EntityKind", kind), entity_id(digest))
    return Entity("account", f"payment {happened.payment}")


def named_entity(kind: str, name: str, digest: Callable[[str, str], int]) -> str:
    """The id of an entity as payments name it; an account in any spelling of it."""
    if kind == "merchant":
        return name
    if kind == "account":
        name = canonical_account(name) or name
    return entity_id(digest(KEYS[kind], name))


def entity_id(digest: int) -> str:
    """A keyed hash of windows as alerts hold it: 16 hex digits."""
    return f"{digest:016x}"
