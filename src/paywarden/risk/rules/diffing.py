"""What differs between two policies, in the words of a policy: rules, thresholds, windows, lists.

Guards: rules are compared by id, not by where they stand; rules that a template stamped out are
told together when the same happened to them. A condition whose shape is the same is told by the
constants that changed (`>= 5` became `>= 7`), else by both texts. Entries of lists are counted and
never shown: they may be personal. Not done here: which decisions change (`paywarden backtest`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Call, Expr, Literal
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.model import Policy, Rule
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_scores import expression_text
from paywarden.risk.rules.windows import length_text

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_PLACES = frozenset({"source", "template", "examples", "written"})
_OUTCOMES = frozenset({"outcome", "challenge_unavailable", "on_failure"})
_PARTS = (
    "name", "base_currency", "points", "model", "stages", "control_group", "screening",
    "travel_rule",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `part`: rule, aggregate, list, segment, ...; `names`: what it happened to.

    `detail`: what changed, as (what, old, new); a change of an order has no texts.
    """

    part: str
    what: str
    names: tuple[str, ...]
    detail: tuple[tuple[str, str, str], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return {
            "part": self.part,
            "what": self.what,
            "names": list(self.names),
            "detail": [{"what": w, "old": old, "new": new} for w, old, new in self.detail],
        }


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """All differences, in order of part and name."""

    changes: tuple[Change, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, object]:
        """`{"changes": [...], "counts": {part: {what: rules or names}}}`."""
        counts: dict[str, dict[str, int]] = {}
        for change in self.changes:
            part = counts.setdefault(change.part, {})
            part[change.what] = part.get(change.what, 0) + len(change.names)
        return {"changes": [change.as_dict() for change in self.changes], "counts": counts}


def diff_policies(
    old: Policy,
    new: Policy,
    old_files: Mapping[str, bytes] | None = None,
    new_files: Mapping[str, bytes] | None = None,
) -> PolicyDiff:
    """What became of `old` in `new`; with both policies' files, entries of lists as well."""
    changes = [*_parts(old, new), *_rules(old.rules, new.rules)]
    for part, before, after in (
        ("aggregate", _by_name(old.aggregates), _by_name(new.aggregates)),
        ("segment", _by_name(old.segments), _by_name(new.segments)),
        ("merchant group", _by_name(old.merchant_groups), _by_name(new.merchant_groups)),
        ("list", old.lists, new.lists),
        (
            "typology",
            {one.id: one for one in old.typologies},
            {one.id: one for one in new.typologies},
        ),
        ("typology file", old.typology_files, new.typology_files),
        ("scenario", old.scenarios, new.scenarios),
        ("reason", old.reasons, new.reasons),
    ):
        changes += _named(part, before, after)
    for part, kept, now in (
        ("segment", old.segments, new.segments),
        ("merchant group", old.merchant_groups, new.merchant_groups),
    ):
        changes += _order(part, [one.name for one in kept], [one.name for one in now])
    changes += _entries(old_files or {}, new_files or {})
    return PolicyDiff(tuple(changes))


def _by_name(named: Iterable[Any]) -> dict[str, Any]:
    return {one.name: one for one in named}


def _parts(old: Policy, new: Policy) -> list[Change]:
    detail: list[tuple[str, str, str]] = []
    for name in _PARTS:
        detail += _pairs(name, _plain(getattr(old, name)), _plain(getattr(new, name)))
    return [Change("policy", CHANGED, ("policy.yaml",), tuple(detail))] if detail else []


def _pairs(name: str, old: Any, new: Any) -> list[tuple[str, str, str]]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [p for key in keys for p in _pairs(f"{name}.{key}", old.get(key), new.get(key))]
    outcome = name.rpartition(".")[2] in _OUTCOMES
    return [(name, _text(old, outcome), _text(new, outcome))]


def _named(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes = [Change(part, REMOVED, (name,)) for name in old if name not in new]
    changes += [Change(part, ADDED, (name,)) for name in new if name not in old]
    for name in old:
        if name in new:
            before, after = _content(old[name]), _content(new[name])
            detail = tuple(
                pair for key in before for pair in _pairs(key, before[key], after.get(key))
            )
            if detail:
                changes.append(Change(part, CHANGED, (name,), detail))
    return changes


def _content(one: Any) -> dict[str, Any]:
    """Fields of a declaration, places left out; a word alone is its kind."""
    if isinstance(one, str):
        return {"value": one}
    if isinstance(one, Typology):
        return _typology_content(one)
    names = [f.name for f in fields(one) if f.name not in _PLACES]
    found = {name: _plain(getattr(one, name)) for name in names}
    if "window_us" in found:
        found["window"] = length_text(found.pop("window_us"))
    return found


def _typology_content(one: Typology) -> dict[str, Any]:
    """Thresholds, terms by name and the score in words; places and examples left out."""
    plain = (
        "title", "family", "explanation", "entity", "alert", "interdict", "quiet_days",
        "phases", "allow_partial",
    )  # fmt: skip
    found = {name: _plain(getattr(one, name)) for name in plain}
    found["values"] = dict(one.values)
    found["terms"] = {
        term.name: {"when": term.written, "weight": term.weight, "says": term.says}
        for term in one.terms
    }
    return {**found, "score": expression_text(one.score)}


def _order(part: str, old: list[str], new: list[str]) -> list[Change]:
    kept, now = [n for n in old if n in new], [n for n in new if n in old]
    if kept == now:
        return []
    return [Change(part, CHANGED, tuple(now), (("order", ", ".join(kept), ", ".join(now)),))]


# --- rules ---------------------------------------------------------------------------------


def _rules(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> list[Change]:
    before, after = {rule.id: rule for rule in old}, {rule.id: rule for rule in new}
    found: dict[tuple[str, str, Any], list[str]] = defaultdict(list)
    for name, rule in before.items():
        if name not in after:
            found[(rule.template or name, REMOVED, ())].append(name)
    for name, rule in after.items():
        if name not in before:
            found[(rule.template or name, ADDED, ())].append(name)
        elif before[name] != rule:
            detail = _rule_detail(before[name], rule)
            if detail:
                found[(rule.template or name, CHANGED, detail)].append(name)
    order = {REMOVED: 0, ADDED: 1, CHANGED: 2}
    keys = sorted(found, key=lambda key: (order[key[1]], key[0], str(key[2])))
    return [Change("rule", key[1], tuple(found[key]), key[2]) for key in keys]


def _rule_detail(old: Rule, new: Rule) -> tuple[tuple[str, str, str], ...]:
    detail: list[tuple[str, str, str]] = []
    if old.when != new.when:
        detail += _condition_detail(old, new)
    before, after = _content(old), _content(new)
    for key in before:
        if key != "when":
            detail += _pairs(key, before[key], after[key])
    if len(old.examples) != len(new.examples):
        detail.append(("examples", str(len(old.examples)), str(len(new.examples))))
    return tuple(detail)


def _condition_detail(old: Rule, new: Rule) -> list[tuple[str, str, str]]:
    """Constants that changed where the shape is the same, else both conditions."""
    before, after = parse(old.when), parse(new.when)
    if _shape(before) != _shape(after):
        return [("when", old.written or old.when, new.written or new.when)]
    pairs = zip(_constants(before), _constants(after), strict=True)
    return [(name, _text(a), _text(b)) for (name, a), (_, b) in pairs if _differ(a, b)]


def _differ(old: Any, new: Any) -> bool:
    return type(old) is not type(new) or bool(old != new)


def _shape(expr: Expr) -> list[Any]:
    """The condition without its constants and places, as its nodes in order."""
    return [_kind(node) for node in nodes_of(expr)]


def _kind(node: Expr) -> Any:
    if isinstance(node, Literal):
        return "constant"
    names = ("name", "field", "function", "member", "test_only", "kind", "variable", "path")
    return (type(node).__name__, *(getattr(node, name, None) for name in names), _width(node))


def _width(node: Expr) -> int:
    return len(getattr(node, "items", ())) + len(getattr(node, "arguments", ()))


def _constants(expr: Expr) -> list[tuple[str, Any]]:
    """(what it is compared with, value) of every constant."""
    beside: dict[int, str] = {}
    for node in nodes_of(expr):
        if isinstance(node, Call) and len(node.arguments) == 2:
            for one, other in (node.arguments, node.arguments[::-1]):
                if isinstance(one, Literal) and not isinstance(other, Literal):
                    beside[id(one)] = f"{shown(unparse(other))} {node.function.strip('_@')}"
    return [
        (beside.get(id(node), "constant"), node.value)
        for node in nodes_of(expr)
        if isinstance(node, Literal)
    ]


# --- lists and texts -----------------------------------------------------------------------


def _entries(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    changes = []
    for path in sorted(old.keys() | new.keys()):
        if path.startswith("lists/") and path.endswith(".csv"):
            before, after = _rows(old.get(path, b"")), _rows(new.get(path, b""))
            if before != after:
                counts = (
                    ("entries", str(len(before)), str(len(after))),
                    ("entries added", "", str(len(after - before))),
                    ("entries removed", "", str(len(before - after))),
                )
                changes.append(Change("list", CHANGED, (path,), counts))
    return changes


def _rows(content: bytes) -> frozenset[bytes]:
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
    return frozenset(lines[1:])


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _text(value: Any, outcome: bool = False) -> str:
    if value is None:
        return "none"
    if outcome and isinstance(value, int):
        return Outcome(value).word
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
