"""Two views of a decision: what the merchant was told, and the operator's whole record.

Guards: the merchant's view is the answer and nothing else: neutral codes, never AML's; the
operator's view shows every value with personal fields masked. Texts of reasons come from the
ruleset, so an old decision reads as it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paywarden.core.instants import format_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.masking import mask, mask_all
from paywarden.decision.messages import DecisionAnswer, DecisionView, Reason, RequiredAction
from paywarden.decision.payments import STAGES, Decided
from paywarden.decision.receipts import Receipts
from paywarden.decision.screening_record import hits_of
from paywarden.decision.screening_view import ListsAt, screening_view
from paywarden.decision.sealing import Sealer
from paywarden.decision.trial_tally import EVERYBODY_PPM
from paywarden.fraud.reasons import reason_text
from paywarden.risk.features.catalogue import (
    FIELDS,
    KEPT_FROM_SEGMENTS,
    LINK_FIELDS,
    POSTERIOR_FIELDS,
    RISK_FIELDS,
)

SHOWN_INPUTS = 20
ADVICE_CODES: Mapping[Outcome, tuple[tuple[str, str], ...]] = {
    Outcome.CHALLENGE: (
        ("NEVER_SHARE_CODES", "Nobody who is honest will ask the payer for a one-time code"),
    ),
}


class Views:
    """Makes answers and records of decisions."""

    def __init__(
        self, ids: DecisionIds, sealer: Sealer, receipts: Receipts, lists_at: ListsAt
    ) -> None:
        self._lists_at = lists_at
        self._ids = ids
        self._receipts = receipts
        self._sealer = sealer

    def answer(self, decided: Decided, policy_reasons: Mapping[str, str]) -> DecisionAnswer:
        """What the caller of POST /v1/decisions gets."""
        return DecisionAnswer(
            **self._told(decided, policy_reasons), receipt=self._receipts.promise(decided)
        )

    def merchant(self, decided: Decided, policy_reasons: Mapping[str, str]) -> DecisionView:
        """The recorded answer, without any of the record."""
        return DecisionView(
            **self._told(decided, policy_reasons),
            created_at=format_rfc3339(decided.entry.received_us),
            continues=self._continues(decided),
        )

    def operator(
        self, decided: Decided, policy_reasons: Mapping[str, str], runtime: PolicyRuntime | None
    ) -> DecisionView:
        """The answer and the whole record; `runtime` of the ruleset that decided, if at hand."""
        return DecisionView(
            **self._told(decided, policy_reasons),
            created_at=format_rfc3339(decided.entry.received_us),
            continues=self._continues(decided),
            record=self.record(decided, runtime),
        )

    def record(self, decided: Decided, runtime: PolicyRuntime | None) -> dict[str, Any]:
        """The whole record of a decision, personal fields masked."""
        entry = decided.entry
        fields, gone = self._sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)
        fields.update(
            (name, value)
            for name, value in (
                ("segment", entry.result.segment),
                ("merchant_group", entry.result.merchant_group),
            )
        )
        return {
            "log_sequence": decided.seq,
            "clock": _clock(entry),
            "inputs": _given(fields),
            "enrichment": _derived(fields),
            "links": _companion(fields, LINK_FIELDS),
            "posteriors": _companion(fields, POSTERIOR_FIELDS),
            "customer_risk": _companion(fields, RISK_FIELDS),
            "persons_erased": len(gone),
            "erased": [
                {"person": one.person, "erased_at": format_rfc3339(one.at_us)} for one in gone
            ],
            "segment": entry.result.segment,
            "merchant_group": entry.result.merchant_group,
            "features": features(entry, runtime),
            "rules": fired(entry, fields, runtime),
            "typologies": typologies(entry, fields, runtime),
            "scenario_points": entry.result.scenario_points,
            "decided_by": entry.result.deciding.split(",") if entry.result.deciding else [],
            "forced_by_magic_value": entry.forced,
            "skipped_stages": list(entry.skipped),
            "degraded": list(entry.degraded),
            "stage_us": dict(zip(STAGES, entry.stage_us, strict=True)),
            "ruleset": entry.ruleset,
            "model": _model(entry, fields, runtime),
            "screening": self._screening(decided, fields, runtime),
            "other_ruleset": _other(entry),
            "control_group_probability": entry.result.control_ppm / EVERYBODY_PPM or None,
            "lists_version": entry.lists_seq,
            "tables_version": entry.tables,
        }

    def _screening(
        self, decided: Decided, fields: Mapping[str, Any], runtime: PolicyRuntime | None
    ) -> dict[str, Any] | None:
        """What screening and the travel rule said, with lists, hits and people's verdicts."""
        record = decided.entry.screening
        hits = hits_of(self._sealer, decided.scope, decided.seq, record)
        lists = self._lists_at(decided.scope, record.lists_seq) if record is not None else None
        policy = runtime.policy if runtime is not None else None
        return screening_view(record, fields, hits, lists, policy)

    def _told(self, decided: Decided, policy_reasons: Mapping[str, str]) -> dict[str, Any]:
        entry, result = decided.entry, decided.entry.result
        name = decided.name or self._ids.text(decided.scope, decided.seq)
        action = None
        if result.required_action == "challenge":
            action = RequiredAction("challenge", f"/v1/decisions/{name}/continue")
        return {
            "id": name,
            "payment_id": entry.payment_id,
            "attempt": entry.attempt,
            "outcome": result.answer.word,
            "points": result.points,
            "reasons": [Reason(code, reason_text(code, policy_reasons)) for code in result.reasons],
            "required_action": action,
            "advice": [Reason(*advice) for advice in ADVICE_CODES.get(result.answer, ())],
            "ruleset": entry.ruleset,
            "model": entry.decider.model or None,
            "degraded": list(entry.degraded),
            "latency_ms": entry.latency_us / 1000,
        }

    def _continues(self, decided: Decided) -> str | None:
        first = decided.entry.continues
        return self._ids.text(decided.scope, first) if first else None


def features(entry: PaymentEntry, runtime: PolicyRuntime | None) -> dict[str, Any]:
    """Every window value by name; by position when the ruleset is no longer at hand."""
    names = runtime.plan.names if runtime is not None else map(str, range(len(entry.aggregates)))
    return dict(zip(names, entry.aggregates, strict=False))


def fired(
    entry: PaymentEntry, fields: Mapping[str, Any], runtime: PolicyRuntime | None
) -> list[dict[str, Any]]:
    """Rules that fired, with the values that fired them."""
    if runtime is None:
        return [{"index": index} for index in entry.result.fired]
    compiled = runtime.compiled
    values = runtime.vector(fields, entry.aggregates, {})
    values[compiled.slots["segment"]] = entry.result.segment
    values[compiled.slots["merchant_group"]] = entry.result.merchant_group
    made = []
    for index in entry.result.fired:
        if index >= runtime.typologies.start:
            break  # ascending: what follows is told as typologies
        row, rule = compiled.rules[index], runtime.policy.rules[index]
        read = compiled.online.fired_values(index, values)
        made.append(
            {
                "id": row.id,
                "title": rule.title,
                "scenario": row.scenario,
                "when": row.text,
                "points": row.effect.points,
                "outcome": row.effect.outcome.word if row.effect.outcome is not None else None,
                "hard": row.hard,
                "reason": row.effect.reason,
                "explanation": rule.explanation,
                "values": {path: mask(path, value) for path, value in read.items()},
            }
        )
    return made


def typologies(
    entry: PaymentEntry, fields: Mapping[str, Any], runtime: PolicyRuntime | None
) -> list[dict[str, Any]]:
    """Typologies that alerted, with score, thresholds and the terms that held."""
    if runtime is None or not runtime.typologies.rows:
        return []
    values = runtime.vector_of(fields, entry.aggregates, {}, entry.result)
    return list(runtime.typology_alerts.explained(entry.result.fired, values, {}))


def _other(entry: PaymentEntry) -> dict[str, Any] | None:
    """What the other ruleset of a trial would have answered."""
    other = entry.other
    if other is None:
        return None
    outcome = Outcome(other.outcome).word
    said = other.model
    return {
        "ruleset": other.ruleset,
        "model": said.model if said is not None else None,
        "probability": said.probability if said is not None else None,
        "outcome": outcome,
        "points": other.points,
    }


def _model(
    entry: PaymentEntry, fields: Mapping[str, Any], runtime: PolicyRuntime | None
) -> dict[str, Any] | None:
    """What the model said and, where it is at hand, which inputs moved it most."""
    said = entry.result.model
    if said is None:
        return None
    shown: dict[str, Any] = {"name": said.model, "probability": said.probability}
    shown["reasons"] = list(said.reasons)
    if said.anomaly is not None:
        shown["anomaly"] = said.anomaly
    if runtime is not None and runtime.model is not None and not said.silent:
        vector = runtime.vector(fields, entry.aggregates, {})
        moved = list(runtime.model.attribution(vector).items())[:SHOWN_INPUTS]
        shown["inputs"] = {name: round(weight, 4) for name, weight in moved}
    return shown


def _clock(entry: PaymentEntry) -> dict[str, Any]:
    seen = entry.observation
    return {
        "received_at": format_rfc3339(entry.received_us),
        "decided_at": format_rfc3339(seen.t_us),
        "counted_at": format_rfc3339(seen.s_us),
        "late": entry.late,
    }


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = {p: v for p, v in fields.items() if p in FIELDS and not FIELDS[p].derived}
    return _readable(mask_all(given))


def _derived(fields: Mapping[str, Any]) -> dict[str, Any]:
    apart = KEPT_FROM_SEGMENTS.keys() | RISK_FIELDS.keys()
    own = (path for path in fields if path in FIELDS and path not in apart)
    derived = {path: fields[path] for path in own if FIELDS[path].derived}
    return _readable(mask_all(derived))


def _companion(fields: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any] | None:
    """What a companion knew, by path without its first word; None where it was not kept."""
    return {path.partition(".")[2]: fields[path] for path in paths if path in fields} or None


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    for path, value in fields.items():
        if FIELDS[path].type == "timestamp" and type(value) is int:
            fields[path] = format_rfc3339(value)
    return fields
