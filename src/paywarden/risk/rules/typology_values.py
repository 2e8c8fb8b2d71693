"""Names that a typology gives to expressions, so that its terms read as sentences.

    values:
      deposits: count(payer, "7d", event.payment.type == "top_up")
    terms:
      many: {when: deposits >= 5, weight: 40, says: "{deposits} deposits in 7 days"}

Guards: a name is replaced by its expression before anything is checked, so it means nothing of its
own; it may use names that stand above it, and never one that conditions know already. An example
gives values of names that are windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    MapOf,
    Name,
    Select,
)
from paywarden.risk.rules.cel.tree import nodes_of, refuse_deep
from paywarden.risk.rules.fields import WORD, WORD_REMEDY, Fields
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.yaml_source import Scalar

MAX_VALUES: Final = 40
MAX_NODES: Final = 2_000
TAKEN: Final = frozenset(
    {path.partition(".")[0] for path in FIELDS}
    | {"agg", "event", "flow", "account", "transfer", "lists", "model", "segment"}
    | {"merchant_group", "values", "true", "false", "null"}
)
"""First words of names that conditions know already."""


@dataclass(slots=True)
class NamedValues:
    """The names of one typology with their trees, and the text of each as it is written."""

    trees: dict[str, Expr] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)

    def put_in(self, expr: Expr) -> Expr:
        """`expr` with every name replaced. Errors: CompileError where that would be too long."""
        if not self.trees:
            return expr
        self._size(expr)
        return _put(expr, self.trees)

    def add(self, name: str, expr: Expr, written: str) -> None:
        """Name an expression, which may use names from before. Errors: CompileError."""
        size, tree = self._size(expr), self.put_in(expr)
        refuse_deep(tree)
        self.trees[name], self.written[name], self._sizes[name] = tree, written, size

    def _size(self, expr: Expr) -> int:
        """Nodes once names are replaced, counted without replacing: names may double and double."""
        sizes = self._sizes
        total = sum(
            sizes.get(node.name, 1) if isinstance(node, Name) else 1 for node in nodes_of(expr)
        )
        if total > MAX_NODES:
            detail = f"the expression has more than {MAX_NODES} parts once names are replaced"
            raise CompileError("condition_too_long", detail, expr.place)
        return total


def read_values(fields: Fields) -> NamedValues:
    """`values` of a typology; faulty ones are reported and left out."""
    found = NamedValues()
    table = fields.table_of("values")
    for name, (key, node) in table.entries.items() if table is not None else ():
        what = f"the value `{shown(name)}` of {fields.what}"
        if not WORD.match(name) or name in TAKEN:
            message = f"{what} is not well named, or conditions know the name already"
            fields.findings.error(key.source, "bad_name", message, WORD_REMEDY)
        elif not isinstance(node, Scalar) or len(found.trees) >= MAX_VALUES:
            fields.wrong(node.source, name, f"one of at most {MAX_VALUES} expressions")
        else:
            try:
                found.add(name, parse(node.text), " ".join(node.text.split()))
            except CompileError as error:
                place = node.inside(error.line, error.column)
                fields.findings.compile_error(place, what, error)
    return found


def give_values(
    given: dict[str, Any], values: NamedValues, macros: WindowMacros | None, fields: Fields
) -> None:
    """Move `values` of an example, by name, to the windows that they stand for."""
    told = given.pop("values", None)
    source = fields.place("given")
    if told is not None and not isinstance(told, dict):
        fields.wrong(source, "values", "a mapping of names to values")
        return
    for name, value in (told or {}).items():
        window = _window(values.trees.get(name), macros, source, fields)
        if window is None:
            message = f"{fields.what} gives `{shown(name)}`, which is no window of `values`"
            remedy = "give fields under their own names, and windows under `values`"
            fields.findings.error(source, "unknown_value", message, remedy)
        else:
            given.setdefault("agg", {})[window] = value


def _window(
    tree: Expr | None, macros: WindowMacros | None, source: Source, fields: Fields
) -> str | None:
    """Name of the aggregate that a value is, or None."""
    if tree is None or macros is None:
        return None
    try:
        made = macros.expand(tree)
    except CompileError as error:
        fields.findings.compile_error(source, fields.what, error)
        return None
    if isinstance(made, Select) and isinstance(made.operand, Name) and made.operand.name == "agg":
        return made.field
    return None


def _put(expr: Expr, trees: Mapping[str, Expr]) -> Expr:
    if isinstance(expr, Name):
        return trees.get(expr.name, expr)
    if isinstance(expr, Call):
        return replace(expr, arguments=tuple(_put(part, trees) for part in expr.arguments))
    if isinstance(expr, Select):
        return replace(expr, operand=_put(expr.operand, trees))
    if isinstance(expr, ListOf):
        return replace(expr, items=tuple(_put(item, trees) for item in expr.items))
    if isinstance(expr, MapOf):
        entries = tuple((_put(key, trees), _put(value, trees)) for key, value in expr.entries)
        return replace(expr, entries=entries)
    if isinstance(expr, Comprehension):
        inner = {name: tree for name, tree in trees.items() if name != expr.variable}
        return replace(
            expr,
            range=_put(expr.range, trees),
            condition=None if expr.condition is None else _put(expr.condition, inner),
            result=None if expr.result is None else _put(expr.result, inner),
        )
    return expr
