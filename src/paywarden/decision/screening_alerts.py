"""Alerts of screening and the travel rule, made from a decision as it is recorded. Pure.

Guards: an alert names whom it is about by a keyed digest of the caller's identifier, as alerts of
typologies do, so that both stand in one group; never by name or account. Its id follows from the
entity, the listed entry and the place in the log, so the same payment never alerts twice. A party
without any identifier stands as the payment that it took part in.
Not done here: keeping and telling alerts (`aml.alerts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from paywarden.aml.alerts.model import Alert, Entity, EntityKind, Reason
from paywarden.aml.monitoring.payment_alerts import named_entity
from paywarden.aml.screening.serving.messages import HIT_AT
from paywarden.aml.screening.serving.opinion import FREE_TEXT_HIT, Hit
from paywarden.decision.built_in import built_in_rows
from paywarden.decision.entries import PaymentEntry, ScreeningLists
from paywarden.risk.rules.model import Policy, ScreeningSettings

TRAVEL_RULE: Final = "travel_rule"
Digest = Callable[[str, str], int]
_KINDS: Final[Mapping[str, EntityKind]] = {
    "payer": "payer", "payee": "payee", "merchant": "merchant", "remittance": "payer",
}  # fmt: skip
_PARTIES: Final[tuple[EntityKind, ...]] = ("payer", "payee", "merchant")
_MOST_REASONS: Final = 12


def alerts_of(
    policy: Policy,
    fields: Mapping[str, Any],
    hits: Sequence[Hit],
    entry: PaymentEntry,
    name: str,
    lists: ScreeningLists | None,
    digest: Digest,
) -> tuple[Alert, ...]:
    """The alerts of one decision; `name`: its id. Most have none."""
    rows = built_in_rows(policy.screening, policy.travel_rule, fields)
    if not rows:
        return ()
    held = any(row.outcome is not None for row in rows)
    made = _Maker(entry, name, lists, digest, fields, held)
    settings = policy.screening or ScreeningSettings()
    found = [made.of_hit(hit, settings) for hit in _standing(hits)]
    if any(row.scenario == TRAVEL_RULE for row in rows):
        found.append(made.of_travel_rule())
    return tuple(found)


def _standing(hits: Iterable[Hit]) -> Iterable[Hit]:
    for hit in hits:
        least = FREE_TEXT_HIT if hit.role == "remittance" else HIT_AT
        sure = hit.word == "same" or hit.found.identified
        if hit.word != "different" and (sure or hit.found.score >= least):
            yield hit


class _Maker:
    """What every alert of one decision has in common."""

    def __init__(
        self, entry: PaymentEntry, name: str, lists: ScreeningLists | None, digest: Digest,
        fields: Mapping[str, Any], held: bool,
    ) -> None:  # fmt: skip
        self._entry = entry
        self._name = name
        self._digest = digest
        self._fields = fields
        self._held = held
        self._versions = (("ruleset", entry.ruleset), *_versions(lists))

    def of_hit(self, hit: Hit, settings: ScreeningSettings) -> Alert:
        found = hit.found
        least = settings.remittance_hold_at if hit.role == "remittance" else settings.hold_at
        ranked = sorted(found.features, key=lambda one: -abs(one[2]))[:_MOST_REASONS]
        reasons = tuple(Reason(name, added, _says(name, value)) for name, value, added in ranked)
        return self._alert(
            hit.role, found.entry, found.score, least, reasons, self._held and not found.pep
        )

    def of_travel_rule(self) -> Alert:
        missing = str(self._fields["travel_rule.missing"]).split(",")
        reasons = tuple(Reason("missing", 1.0, f"{name} is missing") for name in missing)
        return self._alert("payer", TRAVEL_RULE, float(len(missing)), 1.0, reasons, self._held)

    def _alert(
        self, role: str, subject: str, score: float, threshold: float,
        reasons: tuple[Reason, ...], held: bool,
    ) -> Alert:  # fmt: skip
        entry = self._entry
        return Alert(
            "screening", self._entity(role), subject, score, threshold, entry.observation.t_us,
            entry.observation.seq, reasons, interdicted=held, decisions=(self._name,),
            payments=(entry.payment_id,), others=self._others(role), versions=self._versions,
        )  # fmt: skip

    def _entity(self, role: str) -> Entity:
        kind = _KINDS[role]
        name = self._fields.get(f"{kind}.id")
        if name is None and kind == "payee" and "payee.account" in self._fields:
            kind, name = "account", self._fields["payee.account"]
        if name is None:
            return Entity(kind, f"payment:{self._entry.payment_id}")
        return Entity(kind, named_entity(kind, str(name), self._digest))

    def _others(self, role: str) -> tuple[Entity, ...]:
        """The other parties that the caller named."""
        found = []
        for kind in _PARTIES:
            name = self._fields.get(f"{kind}.id")
            if kind != _KINDS[role] and name is not None:
                found.append(Entity(kind, named_entity(kind, str(name), self._digest)))
        return tuple(found)


def _versions(lists: ScreeningLists | None) -> tuple[tuple[str, str], ...]:
    if lists is None:
        return ()
    return tuple((f"list:{one.source}", one.snapshot) for one in lists.lists)


def _says(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {value:g}"
