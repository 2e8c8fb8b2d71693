"""Doubts about the whole: windows, lists, scenarios and reasons that nothing uses or fills.

Guards: a name counts as used when a condition, a segment, an action or a typology reads it. That a
window's filter can never count anything is a proof over what the kinds of events carry.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL
from paywarden.risk.rules.linting.subjects import Material
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.proving.domains import PAYMENT_DOMAINS
from paywarden.risk.rules.proving.prover import Prover
from paywarden.risk.rules.scope import filter_types

_CARRIED = """
(event.kind != "payment" || !has(event.status) && !has(event.verdict) && !has(event.source)
  && !has(event.code) && !has(event.reason) && !has(event.result))
&& (!has(event.verdict) || event.verdict in ["fraud", "genuine", "withdrawn"])
&& (!has(event.status)
  || event.status in ["authorised", "declined", "captured", "refunded", "cancelled"])
&& (!has(event.source)
  || event.source in ["chargeback", "issuer_notice", "customer", "analyst"])
&& has(event.kind)
"""
"""What the intake of events lets through, as a filter that always holds."""


def lint_unused(material: Material, used: set[str], files: Mapping[str, bytes]) -> None:
    """Judge the policy's declarations; `used` holds the names that conditions read."""
    _windows(material, used)
    _lists(material, used, files)
    _words(material)


def _windows(material: Material, used: set[str]) -> None:
    types = filter_types()
    kinds = {path: kind.kind for path, kind in types.items()}
    domains = {f"event.{path}": domain for path, domain in PAYMENT_DOMAINS.items()}
    prover = Prover(kinds, domains)
    carried = prover.lowered(compile_condition(_CARRIED, types, result=BOOL).expr).true
    for window in material.policy.aggregates:
        place = material.reading.places.get(f"aggregates.{window.name}")
        if place is None:
            continue
        if f"agg.{window.name}" not in used:
            _unused(material, place, "aggregate", "window", window.name)
        if window.where is None:
            continue
        counts = prover.lowered(compile_condition(window.where, types, result=BOOL).expr).true
        if prover.never([(counts, True), (carried, True)]):
            message = f"the window `{window.name}` never counts anything: its filter never holds"
            material.report.about((window.name,), place, "aggregate_never_counts", message)


def _lists(material: Material, used: set[str], files: Mapping[str, bytes]) -> None:
    acted = {
        str(value)
        for rule in material.policy.rules
        for action in rule.then.actions
        for key, value in action.parameters
        if key == "list"
    }
    for name in material.policy.lists:
        path = f"lists/{name}.csv"
        place = material.reading.places.get(f"lists.{name}") or Source(path, 1)
        if f"lists.{name}" not in used and name not in acted:
            _unused(material, place, "list", "list", name)
        elif path in files and not _has_rows(files[path]):
            message = f"the list `{name}` is empty"
            material.report.about((name,), Source(path, 1), "empty_list", message)


def _words(material: Material) -> None:
    policy = material.policy
    reasons = {rule.then.reason for rule in policy.rules}
    scenarios = {rule.scenario for rule in policy.rules}
    for kind, used, declared in (
        ("reasons", reasons, policy.reasons),
        ("scenarios", scenarios, policy.scenarios),
    ):
        for name in declared:
            if name not in used:
                place = material.reading.places.get(f"{kind}.{name}") or Source("policy.yaml", 1)
                _unused(material, place, kind[:-1], kind[:-1], name)


def _unused(material: Material, place: Source, code: str, kind: str, name: str) -> None:
    message = f"nothing uses the {kind} `{name}`"
    material.report.about((name,), place, f"unused_{code}", message)


def _has_rows(content: bytes) -> bool:
    lines = (line for line in content.splitlines() if line.strip() and not line.startswith(b"#"))
    next(lines, None)
    return next(lines, None) is not None
