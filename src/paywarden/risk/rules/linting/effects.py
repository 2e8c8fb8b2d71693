"""Doubts about what rules do: thresholds out of reach, phases that know no challenge, examples.

Guards: points count once per scenario (the maximum) and are summed over the scenarios of one
engine (ARCHITECTURE.md, "A policy"); a threshold above that sum is never reached, which is a proof.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.firing import FRAUD
from paywarden.risk.rules.linting.subjects import Material, Subject
from paywarden.risk.rules.model import Example, Source
from paywarden.risk.rules.policy_reader import FILE
from paywarden.risk.rules.proving.sets import points

NOBODY_TO_ASK = frozenset({"post_auth", "capture", "refund"})


def lint_effects(material: Material) -> None:
    """Judge thresholds, outcomes and examples."""
    _thresholds(material)
    for subject in material.subjects:
        _phases(material, subject)
        _examples(material, subject)


def _thresholds(material: Material) -> None:
    policy = material.policy
    highest: dict[str, dict[str, int]] = defaultdict(dict)
    for rule in policy.rules:
        known = policy.scenarios.get(rule.scenario)
        engine = known.engine if known is not None else FRAUD
        scored = highest[engine]
        scored[rule.scenario] = max(scored.get(rule.scenario, 0), rule.then.points)
    most = max((sum(scored.values()) for scored in highest.values()), default=0)
    place = material.reading.places.get("thresholds.points") or Source(FILE, 1)
    levels = policy.points
    given = {word: getattr(levels, word) for word in ("challenge", "review", "block")}
    if most and all(level is None for level in given.values()):
        message = "rules give points, and no threshold turns them into an outcome"
        material.report.about(("thresholds",), place, "points_without_threshold", message)
    for word, level in given.items():
        if level is not None and level > most and policy.rules:
            message = f"points never reach {word} at {level:g}: all scenarios together give {most}"
            material.report.about(("thresholds",), place, "threshold_unreachable", message)


def _phases(material: Material, subject: Subject) -> None:
    if subject.rule.then.outcome is not Outcome.CHALLENGE:
        return
    without = [phase for phase in subject.rule.phases if phase in NOBODY_TO_ASK]
    if without:
        message = f"{subject.what} challenges in {', '.join(without)}, where nobody can be asked"
        material.report.about_rule(subject, "challenge_not_possible", message, subject.rule.source)


def _examples(material: Material, subject: Subject) -> None:
    rule = subject.rule
    if not rule.examples:
        message = f"{subject.what} has no example"
        material.report.about_rule(subject, "rule_without_example", message, rule.source)
    for example in rule.examples:
        for path, value in _given(example, material):
            domain = material.domains[path]
            if not points((value,)).within(domain):
                message = f"an example of {subject.what} gives `{path}` a value that never occurs"
                material.report.about_rule(subject, "example_impossible", message, example.source)


def _given(example: Example, material: Material) -> Iterator[tuple[str, Any]]:
    """Values of an example whose names have a domain of the same kind."""
    for path, value in _leaves(example.given, ""):
        kind = material.types.get(path)
        if path not in material.domains or kind is None or isinstance(value, bool):
            continue
        if kind.kind == "double" and isinstance(value, int | float):
            yield path, float(value)
        elif isinstance(value, int if kind.kind == "int" else str):
            yield path, value


def _leaves(given: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Dotted paths and values. Depth is bounded by the file's."""
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
