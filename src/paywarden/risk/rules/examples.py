"""Examples of rules: read from the file, and run through the reference interpreter as tests.

    given: {payment: {amount_base_minor: 100}, windows: {'count(card, "10m")': 6}}
    fires: true

`given` holds values by name; what it does not hold is missing, and stays missing. Windows are given
under `agg` by name, or under `windows` by the text of the macro. Lists are given as plain lists
under `lists`; one that is not given is empty, as a list always exists. Times are RFC 3339 texts.
A `segment`, `merchant_group` or `payment.phase` that is given must be one that the rule applies to;
one that is not given does not matter. Guards: values that do not fit the declared type are an error
of the example, not a rule that silently does not fire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paywarden.core.instants import parse_rfc3339, to_datetime
from paywarden.risk.rules.cel.errors import CompileError, EvaluationError, shown
from paywarden.risk.rules.cel.names import find
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import Select
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Example, Rule, Source
from paywarden.risk.rules.yaml_source import Items, Node, Scalar

MAX_EXAMPLES = 50
MISSING = frozenset({"absent_value", "no_such_key"})
"""Errors that mean a missing value: the rule does not fire, which an example may expect."""


def read_examples(fields: Fields, macros: WindowMacros) -> tuple[Example, ...]:
    """Examples of a rule; faulty ones are reported and left out."""
    found: list[Example] = []
    for table in fields.tables("examples"):
        what = f"an example of {fields.what}"
        inner = Fields(table, what, ("given", "fires", "text"), fields.findings)
        if inner.node("fires") is None:
            inner.missing("fires")
        if len(found) >= MAX_EXAMPLES:
            inner.wrong(table.source, "examples", f"a list of at most {MAX_EXAMPLES} examples")
            break
        found.append(Example(given_values(inner, macros), inner.flag("fires"), table.source))
    return tuple(found)


def given_values(fields: Fields, macros: WindowMacros | None) -> dict[str, Any]:
    """`given` of an example as nested mappings; windows under the names that `macros` gave them."""
    given = fields.table_of("given")
    values: dict[str, Any] = _plain(given) if given else {}
    if macros is not None:
        _windows(values, macros, fields)
    return values


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    return {key: _plain(value) for key, (_, value) in node.entries.items()}


def _windows(values: dict[str, Any], macros: WindowMacros, fields: Fields) -> None:
    """Move `windows`, by text of the macro, into `agg`, by name."""
    given = values.pop("windows", None)
    if given is None:
        return
    source = fields.place("given")
    for text, value in given.items() if isinstance(given, dict) else ():
        try:
            written = parse(text)
            expr = macros.expand(written)
        except CompileError as error:
            fields.findings.compile_error(source, fields.what, error)
            continue
        if isinstance(expr, Select) and expr is not written:
            values.setdefault("agg", {})[expr.field] = value
        else:
            message = f"`{shown(text)}` in `windows` of {fields.what} is no window"
            remedy = 'write it as in the condition, such as count(card, "10m")'
            fields.findings.error(source, "bad_window", message, remedy)
    if not isinstance(given, dict):
        fields.wrong(source, "windows", "a mapping of windows to values")


@dataclass(frozen=True, slots=True)
class ExampleRunner:
    """Runs examples over the declared names of one policy."""

    types: Mapping[str, CelType]
    findings: Findings

    def run(self, rule: Rule, program: Program) -> None:
        """Every example of a rule; a failing one is an error finding at its place."""
        what = f"an example of the rule `{shown(rule.template or rule.id)}`"
        for example in rule.examples:
            given = self.bindings(example.given, example.source, what)
            if given is None:
                continue
            try:
                fired = _applies(rule, given) and program.evaluate(given) is True
            except EvaluationError as error:
                if error.code not in MISSING:
                    remedy = "give values that the condition can work with"
                    message = f"{what} cannot be evaluated: {error.detail}"
                    self.findings.error(example.source, "example_error", message, remedy)
                    continue
                fired = False
            if fired != example.fires:
                self._failed(rule, example, what)

    def _failed(self, rule: Rule, example: Example, what: str) -> None:
        stamped = f" (stamped as `{rule.id}`)" if rule.template else ""
        does = "does not fire" if example.fires else "fires"
        message = f"{what} fails: the rule {does}{stamped}"
        remedy = "correct the condition, or what the example gives or expects"
        self.findings.error(example.source, "example_failed", message, remedy)

    def bindings(
        self, given: Mapping[str, Any], source: Source, what: str
    ) -> dict[str, Any] | None:
        """Bindings of what is given, times as datetimes; None when a name or time is wrong."""
        flat: dict[str, Any] = {
            path: [] for path, kind in self.types.items() if kind.kind == "members"
        }
        sound = True
        for path, value in _leaves(given, "", self.types):
            if path not in self.types:
                message = f"{what} gives `{shown(path)}`, which is no name in scope"
                self.findings.error(source, "unknown_name", message, one_of(self.types, path))
                sound = False
            elif value is not None and self.types[path].kind == "timestamp":
                flat[path] = self._time(value, path, source, what)
                sound = sound and flat[path] is not None
            else:
                flat[path] = _number(value, self.types[path])
        return flat if sound else None

    def _time(self, value: object, path: str, source: Source, what: str) -> object:
        try:
            return to_datetime(parse_rfc3339(str(value)))
        except (ValueError, OverflowError):
            message = f"{what} gives `{path}` something that is no time"
            remedy = "write an RFC 3339 time, such as 2026-01-01T00:00:00Z"
            self.findings.error(source, "bad_value", message, remedy)
            return None


def _number(value: Any, kind: CelType) -> Any:
    """An integer where a double is declared, as people write it."""
    return float(value) if type(value) is int and kind.kind == "double" else value


def _leaves(
    given: Mapping[str, Any], prefix: str, types: Mapping[str, CelType]
) -> list[tuple[str, Any]]:
    """Dotted paths and values; a declared map stays whole. Depth is bounded by the file's."""
    found: list[tuple[str, Any]] = []
    for key, value in given.items():
        path = prefix + key
        if isinstance(value, Mapping) and path not in types:
            found += _leaves(value, path + ".", types)
        else:
            found.append((path, value))
    return found


def _applies(rule: Rule, given: Mapping[str, Any]) -> bool:
    limits = (
        ("segment", rule.segments),
        ("merchant_group", rule.merchant_groups),
        ("payment.phase", rule.phases),
    )
    for path, allowed in limits:
        value = find(given, [path])
        if value is not None and allowed and value not in allowed:
            return False
    return True
