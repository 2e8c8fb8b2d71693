"""Templates: one written rule stamped out per segment, per merchant group, or per pair of both.

    for_each: [segments, merchant_groups]
    defaults: {declines: 5}
    parameters:
      ecommerce: {declines: 4}
      digital: {declines: 3}
      ecommerce/digital: {declines: 2}
    when: agg.card_declines_10m >= ${declines}

Values of a parameter, weakest first: `defaults`, the `parameters` of the segment and then of the
group in policy.yaml, then the template's own `parameters` for the segment, the group, the pair.
Guards: in a condition a placeholder is a whole operand and becomes a literal of the syntax tree;
text is never pasted into a condition, and a placeholder inside quotes is refused. Elsewhere a value
that is nothing but `${name}` keeps its type (`${name + 1}` and `${name - 1}` count from it, for
examples at the edge of a threshold); within a longer text it is written out. A stamped rule applies
to its segment and group only and its id ends with them unless the id names them itself.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    MapOf,
    Name,
    Place,
    Select,
)
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL, DOUBLE, INT, STRING
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.fields import WORD, WORD_REMEDY, Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table, Value

AXES = {"segments": "segment", "merchant_groups": "merchant_group"}
"""What a template may go over, and the placeholder that holds the present one."""
TEMPLATE_KEYS = ("for_each", "defaults", "parameters")
MAX_PARAMETERS = 100

Parameter = Value | tuple[Value, ...]
Parameters = Mapping[str, Parameter]

_PLACEHOLDER = re.compile(r"\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:([+-])\s*([0-9]{1,9})\s*)?\}")


@dataclass(frozen=True, slots=True)
class Axis:
    """Segments or merchant groups: names in order of the policy, with their own parameters."""

    word: str
    values: Mapping[str, Parameters]


@dataclass(frozen=True, slots=True)
class Stamp:
    """One stamping: the present value of each axis and all parameters."""

    values: tuple[tuple[str, str], ...]
    parameters: Parameters

    @property
    def suffix(self) -> str:
        """What makes the id of the stamped rule its own."""
        return "".join("." + value for _, value in self.values)

    def restricted(self, axis: str) -> tuple[str, ...] | None:
        """The present value of an axis as a restriction, or None when it is not gone over."""
        return next(((value,) for word, value in self.values if word == axis), None)


NO_STAMP = Stamp((), {})


def stamps_of(fields: Fields, axes: Mapping[str, Axis], findings: Findings) -> Iterator[Stamp]:
    """The stampings of a rule, in order of the policy; NO_STAMP alone for a plain rule."""
    words = fields.known_words("for_each", "axis", tuple(AXES))
    if not words:
        for key in ("defaults", "parameters"):
            if fields.node(key) is not None:
                message = f"{fields.what} has `{key}` but no `for_each`"
                findings.error(fields.place(key), "bad_template", message, "add `for_each`")
        yield NO_STAMP
        return
    chosen = [_restricted(fields, axes[word]) for word in words]
    defaults = read_parameters(fields.table_of("defaults"), fields.what, findings)
    own = _own_parameters(fields, chosen, findings)
    for names in itertools.product(*(axis.values for axis in chosen)):
        values = tuple(zip(words, names, strict=True))
        merged: dict[str, Parameter] = dict(defaults)
        for axis, name in zip(chosen, names, strict=True):
            merged.update(axis.values[name])
        for name in (*names, "/".join(names)):
            merged.update(own.get(name, {}))
        merged.update({AXES[word]: name for word, name in values})
        yield Stamp(values, merged)


def _restricted(fields: Fields, axis: Axis) -> Axis:
    """The axis without the values that the rule's own `segments` or `merchant_groups` leave out."""
    kept = {scalar.text for scalar in fields.words(axis.word)}
    if not kept:
        return axis
    return replace(axis, values={name: own for name, own in axis.values.items() if name in kept})


def _own_parameters(
    fields: Fields, chosen: list[Axis], findings: Findings
) -> dict[str, Parameters]:
    table = fields.table_of("parameters")
    if table is None:
        return {}
    known = {name for axis in chosen for name in axis.values}
    if len(chosen) > 1:
        pairs = itertools.product(*(axis.values for axis in chosen))
        known |= {"/".join(names) for names in pairs}
    found: dict[str, Parameters] = {}
    for name, (key, node) in table.entries.items():
        if name not in known:
            message = f"`parameters` of {fields.what} names `{shown(name)}`, which is not gone over"
            findings.error(key.source, "unknown_template_value", message, one_of(known, name))
        elif isinstance(node, Table):
            found[name] = read_parameters(node, fields.what, findings)
        else:
            fields.wrong(node.source, "parameters", "a mapping of mappings")
    return found


def read_parameters(table: Table | None, what: str, findings: Findings) -> Parameters:
    """Parameters of a mapping: names to scalars or lists of scalars."""
    if table is None:
        return {}
    found: dict[str, Parameter] = {}
    for name, (key, node) in table.entries.items():
        if not WORD.match(name) or name in AXES.values():
            message = f"`{shown(name)}` of {what} cannot name a parameter"
            findings.error(key.source, "bad_name", message, WORD_REMEDY)
            continue
        value = _parameter(node)
        if value is None or len(found) >= MAX_PARAMETERS:
            message = f"the parameter `{name}` of {what} is no value or list of values"
            findings.error(node.source, "bad_value", message, "give a number, a text or a list")
            continue
        found[name] = value
    return found


def _parameter(node: Node) -> Parameter:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        values = tuple(item.value if isinstance(item, Scalar) else None for item in node.items)
        return None if None in values else values
    return None


# --- conditions ----------------------------------------------------------------------------


def fill_condition(text: str, parameters: Parameters) -> Expr:
    """The tree of a condition with its placeholders as literals. Errors: CompileError."""
    expr, names = _marked(text)
    return _filled(expr, names, parameters) if names else expr


def stamped_text(text: str, parameters: Parameters) -> str:
    """The condition for people to read: as written, with values in place of the placeholders.

    For a text that `fill_condition` takes, which holds no placeholder within quotes.
    """
    place = Place(1, 1)
    return _PLACEHOLDER.sub(
        lambda found: unparse(_literal(parameters[found[1]], place)) if found[1] in parameters
        else found[0], text,
    )  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _marked(text: str) -> tuple[Expr, Mapping[str, str]]:
    """The tree of a condition with a marker name of the same length for each placeholder."""
    names: dict[str, str] = {}

    def mark(found: re.Match[str]) -> str:
        if found[2] or len(found[0]) != len(found[1]) + 3:
            return found[0]
        marker = f"__{found[1]}_"
        names[marker] = found[1]
        return marker

    marked, count = _PLACEHOLDER.subn(mark, text)
    rest = marked.find("${")
    if rest >= 0:
        detail = "a placeholder is `${name}`; calculate outside of it"
        raise CompileError("bad_placeholder", detail, _place(text, rest))
    expr = parse(marked)
    found = sum(isinstance(node, Name) and node.name in names for node in nodes_of(expr))
    if found != count:
        detail = "a placeholder is a whole value; write ${name} without quotes around it"
        raise CompileError("bad_placeholder", detail, _place(text, text.find("${")))
    return expr, names


def _place(text: str, offset: int) -> Place:
    line = text.count("\n", 0, offset) + 1
    return Place(line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _filled(expr: Expr, names: Mapping[str, str], parameters: Parameters) -> Expr:
    """`expr` with marker names replaced; depth is bounded by the parser."""

    def fill(node: Expr) -> Expr:
        return _filled(node, names, parameters)

    if isinstance(expr, Name):
        if expr.name not in names:
            return expr
        return _literal(_value(names[expr.name], parameters, expr.place), expr.place)
    if isinstance(expr, Call):
        return replace(expr, arguments=tuple(map(fill, expr.arguments)))
    if isinstance(expr, Select):
        return replace(expr, operand=fill(expr.operand))
    if isinstance(expr, ListOf):
        return replace(expr, items=tuple(map(fill, expr.items)))
    if isinstance(expr, MapOf):
        return replace(expr, entries=tuple((fill(k), fill(v)) for k, v in expr.entries))
    if isinstance(expr, Comprehension):
        return replace(
            expr,
            range=fill(expr.range),
            condition=None if expr.condition is None else fill(expr.condition),
            result=None if expr.result is None else fill(expr.result),
        )
    return expr


def _value(name: str, parameters: Parameters, place: Place) -> Parameter:
    if name not in parameters:
        detail = f"there is no parameter `{shown(name)}`; {one_of(parameters, name)}"
        raise CompileError("unknown_parameter", detail, place)
    return parameters[name]


def _literal(value: Parameter, place: Place) -> Expr:
    if isinstance(value, tuple):
        return ListOf(tuple(_literal(item, place) for item in value), place)
    if isinstance(value, bool):
        return Literal(value, BOOL, place)
    if isinstance(value, int):
        return Literal(value, INT, place)
    if isinstance(value, float):
        return Literal(value, DOUBLE, place)
    return Literal(value, STRING, place)


# --- everything else -----------------------------------------------------------------------


def fill_node(node: Node, parameters: Parameters, findings: Findings) -> Node:
    """A part of the file with the placeholders of its scalars filled in."""
    if isinstance(node, Scalar):
        return _fill_scalar(node, parameters, findings) if "${" in node.text else node
    if isinstance(node, Items):
        return Items(tuple(fill_node(i, parameters, findings) for i in node.items), node.source)
    entries = {
        key: (name, fill_node(value, parameters, findings))
        for key, (name, value) in node.entries.items()
    }
    return Table(entries, node.source)


def _fill_scalar(scalar: Scalar, parameters: Parameters, findings: Findings) -> Node:
    whole = _PLACEHOLDER.fullmatch(scalar.text)
    if whole:
        value = _counted(whole, scalar.source, parameters, findings)
        if isinstance(value, tuple):
            items = (replace(scalar, value=item, text=text_of(item)) for item in value)
            return Items(tuple(items), scalar.source)
        return replace(scalar, value=value, text=text_of(value))

    def write(found: re.Match[str]) -> str:
        value = _counted(found, scalar.source, parameters, findings)
        parts = value if isinstance(value, tuple) else (value,)
        return ", ".join(map(text_of, parts))

    text = _PLACEHOLDER.sub(write, scalar.text)
    if "${" in text:
        message = "a placeholder is not of the form ${name}"
        findings.error(scalar.source, "bad_placeholder", message, "write ${name}")
    return replace(scalar, value=text, text=text)


def _counted(
    found: re.Match[str], source: Source, parameters: Parameters, findings: Findings
) -> Parameter:
    name = found[1]
    if name not in parameters:
        message = f"there is no parameter `{shown(name)}`"
        findings.error(source, "unknown_parameter", message, one_of(parameters, name))
        return 0
    value = parameters[name]
    if not found[2]:
        return value
    if isinstance(value, bool | str | tuple) or value is None:
        message = f"the parameter `{name}` is no number"
        findings.error(source, "bad_placeholder", message, "count only from numbers")
        return 0
    step = int(found[3])
    return value + step if found[2] == "+" else value - step


def text_of(value: Value) -> str:
    """A value as it is written into a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
