"""The canonical form of a policy and its name: "rs_" and the SHA-256 of that form.

Guards: everything that can change an answer, or what is told about it, is in the form; places,
comments, titles, explanations, examples and the spelling of conditions are not. What has no order
is sorted (rules, windows, lists, words, terms of `&&`), what has one keeps it (segments, merchant
groups: the first that holds). The same meaning written differently therefore has the same name, and
a name is never reused. Values of lists have versions of their own (`paywarden.risk.lists`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.model import Policy, Rule, Thresholds
from paywarden.risk.rules.ordering import ordered

FORM = 1
"""Version of the form; raised when the meaning of a policy changes with the program."""


def ruleset_hash(policy: Policy) -> str:
    """The name of a policy: `rs_` and 64 hexadecimal digits."""
    text = json.dumps(
        canonical_form(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return "rs_" + hashlib.sha256(text.encode()).hexdigest()


def canonical_form(policy: Policy) -> Mapping[str, Any]:
    """The form as plain JSON values."""
    return {
        "form": FORM,
        "name": policy.name,
        "base_currency": policy.base_currency,
        "points": _levels(policy.points),
        "model": _levels(policy.model),
        "stages": {
            name: [float(limits.deadline_ms), limits.on_failure.word]
            for name, limits in policy.stages.items()
        },
        "segments": [
            [one.name, canonical_condition(one.when), one.challenge_unavailable.word]
            for one in policy.segments
        ],
        "merchant_groups": [
            [one.name, canonical_condition(one.when)] for one in policy.merchant_groups
        ],
        "aggregates": sorted(map(_aggregate, policy.aggregates)),
        "rules": sorted(map(_rule, policy.rules), key=lambda form: str(form["id"])),
        "lists": dict(policy.lists),
        "reasons": dict(policy.reasons),
        "engines": {name: one.engine for name, one in policy.scenarios.items()},
    }


@lru_cache(maxsize=8192)
def canonical_condition(text: str) -> str:
    """One text for conditions that differ only in spelling and order of terms.

    A text that does not parse is its own form, so that a hash exists for any policy.

    >>> canonical_condition("b  &&(a == 'x')")
    'a == "x" && b'
    """
    try:
        return unparse(ordered(parse(text)))
    except CompileError:
        return text


def _levels(thresholds: Thresholds) -> list[float | None]:
    """Thresholds as doubles: 50 and 50.0 are the same level."""
    levels = (thresholds.challenge, thresholds.review, thresholds.block)
    return [None if level is None else float(level) for level in levels]


def _aggregate(window: Aggregate) -> str:
    return json.dumps(asdict(window), sort_keys=True)


def _rule(rule: Rule) -> dict[str, Any]:
    then = rule.then
    return {
        "id": rule.id,
        "scenario": rule.scenario,
        "phases": sorted(rule.phases),
        "when": canonical_condition(rule.when),
        "points": then.points,
        "outcome": then.outcome.word if isinstance(then.outcome, Outcome) else None,
        "reason": then.reason,
        "allow_scenarios": sorted(then.allow_scenarios),
        "actions": [[one.name, [list(pair) for pair in one.parameters]] for one in then.actions],
        "hard": rule.hard,
        "allow_partial": rule.allow_partial,
        "segments": sorted(rule.segments),
        "merchant_groups": sorted(rule.merchant_groups),
    }
