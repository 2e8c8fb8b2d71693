"""Alerts of screening and the travel rule, from a decision or from changed lists. Pure.

Guards: an alert names whom it is about by a keyed digest of the caller's identifier, as alerts of
typologies do, so that both stand in one group; never by name or account. Its id follows from the
entity, the listed entry and the place in the log, so the same payment never alerts twice. A party
without any identifier stands as the payment that it took part in.
Not done here: keeping and telling alerts (`aml.alerts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from paywarden.aml.alerts.model import Alert, Entity, EntityKind, Reason
from paywarden.aml.monitoring.payment_alerts import named_entity
from paywarden.aml.screening.serving.messages import HIT_AT, Found
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


class About(NamedTuple):
    """What an alert is about. `sequence`: the place in the log that it follows from."""

    fields: Mapping[str, Any]
    payment_id: str
    decision: str
    at_us: int
    sequence: int
    versions: tuple[tuple[str, str], ...]
    digest: Digest
    held: bool


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
    held, seen = any(row.outcome is not None for row in rows), entry.observation
    versions = (("ruleset", entry.ruleset), *_versions(lists))
    about = About(fields, entry.payment_id, name, seen.t_us, seen.seq, versions, digest, held)
    settings = policy.screening or ScreeningSettings()
    found = [
        _of_found(about, hit.role, hit.found, _least(settings, hit.role))
        for hit in _standing(hits, settings)
    ]
    if any(row.scenario == TRAVEL_RULE for row in rows):
        found.append(_of_travel_rule(about))
    return tuple(found)


def found_again(
    role: str, found: Found, fields: Mapping[str, Any], payment_id: str, decision: str, at_us: int,
    sequence: int, lists: ScreeningLists, digest: Digest,
) -> Alert:  # fmt: skip
    """The alert of a known party that changed lists speak of; `sequence`: of their switch."""
    about = About(
        fields, payment_id, decision, at_us, sequence, _versions(lists), digest, held=False
    )
    return _of_found(about, role, found, HIT_AT)


def _standing(hits: Iterable[Hit], settings: ScreeningSettings) -> Iterable[Hit]:
    for hit in hits:
        usual = FREE_TEXT_HIT if hit.role == "remittance" else HIT_AT
        sure = hit.word == "same" or hit.found.identified
        enough = hit.found.score >= min(usual, _least(settings, hit.role))
        if hit.word != "different" and (sure or enough):
            yield hit


def _least(settings: ScreeningSettings, role: str) -> float:
    return settings.remittance_hold_at if role == "remittance" else settings.hold_at


def _of_found(about: About, role: str, found: Found, least: float) -> Alert:
    ranked = sorted(found.features, key=lambda one: -abs(one[2]))[:_MOST_REASONS]
    reasons = tuple(Reason(name, added, _says(name, value)) for name, value, added in ranked)
    held = about.held and not found.pep
    return _alert(about, role, found.entry, found.score, least, reasons, held)


def _of_travel_rule(about: About) -> Alert:
    missing = str(about.fields["travel_rule.missing"]).split(",")
    reasons = tuple(Reason("missing", 1.0, f"{name} is missing") for name in missing)
    return _alert(about, "payer", TRAVEL_RULE, float(len(missing)), 1.0, reasons, about.held)


def _alert(
    about: About, role: str, subject: str, score: float, threshold: float,
    reasons: tuple[Reason, ...], held: bool,
) -> Alert:  # fmt: skip
    return Alert(
        "screening", _entity(about, role), subject, score, threshold, about.at_us,
        about.sequence, reasons, interdicted=held, decisions=(about.decision,),
        payments=(about.payment_id,), others=_others(about, role), versions=about.versions,
    )  # fmt: skip


def _entity(about: About, role: str) -> Entity:
    kind, fields = _KINDS[role], about.fields
    name = fields.get(f"{kind}.id")
    if name is None and kind == "payee" and "payee.account" in fields:
        kind, name = "account", fields["payee.account"]
    if name is None:
        return Entity(kind, f"payment:{about.payment_id}")
    return Entity(kind, named_entity(kind, str(name), about.digest))


def _others(about: About, role: str) -> tuple[Entity, ...]:
    """The other parties that the caller named."""
    found = []
    for kind in _PARTIES:
        name = about.fields.get(f"{kind}.id")
        if kind != _KINDS[role] and name is not None:
            found.append(Entity(kind, named_entity(kind, str(name), about.digest)))
    return tuple(found)


def _versions(lists: ScreeningLists | None) -> tuple[tuple[str, str], ...]:
    if lists is None:
        return ()
    return tuple((f"list:{one.source}", one.snapshot) for one in lists.lists)


def _says(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {value:g}"
