"""A tree back into text, and into a key that equal conditions share.

Guards: `parse(unparse(tree))` is the same tree but for places, for every tree that the parser
makes; a checked tree gives the text of its source names. The text is canonical: one spelling of
strings, numbers and brackets. `key_of` ignores places and the names of bound variables, and keeps
apart what differs in meaning (1, 1u, 1.0, true, a name and a text). Neither is for secrets: both
hold the literals of the condition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    MapOf,
    Name,
    Present,
    Reference,
    Select,
)
from paywarden.risk.rules.cel.tree import AND, LOGIC, OR
from paywarden.risk.rules.cel.types import UINT

_LEVELS = {
    "_?_:_": 0,
    OR: 1,
    AND: 2,
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in"), 3),
    **dict.fromkeys(("_+_", "_-_"), 4),
    **dict.fromkeys(("_*_", "_/_", "_%_"), 5),
    "!_": 6,
    "-_": 6,
}
_MARKS = {function: mark for mark, function in LOGIC.items()} | {"@in": "in"}
_MEMBER = 7
_PLAIN_FIELD = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_NO_FIELD = frozenset({"true", "false", "null", "in"})


def unparse(expr: Expr) -> str:
    """Canonical text of `expr`, on one line."""
    return _text(expr, 0)


def _text(expr: Expr, level: int) -> str:
    """Text of `expr` as an operand of that level of precedence, in brackets where needed."""
    own = _LEVELS.get(expr.function, _MEMBER) if isinstance(expr, Call) else _MEMBER
    text = _bare(expr)
    return f"({text})" if own < level else text


def _bare(expr: Expr) -> str:
    if isinstance(expr, Literal):
        return _literal(expr)
    if isinstance(expr, Name):
        return expr.name
    if isinstance(expr, Reference):
        return expr.path
    if isinstance(expr, Present):
        return f"has({expr.path})"
    if isinstance(expr, Select):
        text = f"{_text(expr.operand, _MEMBER)}.{_field(expr.field)}"
        return f"has({text})" if expr.test_only else text
    if isinstance(expr, Call):
        return _call(expr)
    if isinstance(expr, ListOf):
        return "[" + _all(expr.items) + "]"
    if isinstance(expr, MapOf):
        entries = [f"{_text(key, 0)}: {_text(value, 0)}" for key, value in expr.entries]
        return "{" + ", ".join(entries) + "}"
    parts = [part for part in (expr.condition, expr.result) if part is not None]
    return f"{_text(expr.range, _MEMBER)}.{expr.kind}({expr.variable}, {_all(tuple(parts))})"


def _all(parts: tuple[Expr, ...]) -> str:
    return ", ".join([_text(part, 0) for part in parts])


def _call(call: Call) -> str:
    arguments = call.arguments
    level = _LEVELS.get(call.function)
    if call.function == "_?_:_":
        condition, chosen, other = arguments
        return f"{_text(condition, 1)} ? {_text(chosen, 1)} : {_text(other, 0)}"
    if call.function == "_[_]":
        return f"{_text(arguments[0], _MEMBER)}[{_text(arguments[1], 0)}]"
    if level is not None and len(arguments) == 1:
        return call.function[0] + _operand(call, arguments[0])
    if level is not None:
        mark = _MARKS.get(call.function, call.function.strip("_"))
        # A chain of && or || is one balanced tree, whichever way it is bracketed.
        right = level if level <= 2 else level + 1
        return f"{_text(arguments[0], level)} {mark} {_text(arguments[1], right)}"
    if call.member:
        return f"{_text(arguments[0], _MEMBER)}.{call.function}({_all(arguments[1:])})"
    return f"{call.function}({_all(arguments)})"


def _operand(call: Call, inner: Expr) -> str:
    same = isinstance(inner, Call) and inner.function == call.function
    text = _text(inner, 6 if same else _MEMBER)
    # `-5` is a literal, so the negation of a literal 5 needs its brackets.
    signed = call.function == "-_" and (text[0].isdigit() or text[0] == ".")
    return f"({text})" if signed else text


def _field(name: str) -> str:
    plain = _PLAIN_FIELD.fullmatch(name) and name not in _NO_FIELD
    return name if plain else f"`{name}`"


def _literal(expr: Literal) -> str:
    value = expr.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bytes):
        return 'b"' + "".join(_octet(octet) for octet in value) + '"'
    if isinstance(value, float):
        return repr(value)
    return f"{value}u" if expr.type == UINT else str(value)


def _quoted(text: str) -> str:
    return '"' + "".join([_character(c) for c in text]) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _octet(octet: int) -> str:
    plain = 0x20 <= octet < 0x7F and octet not in b'"\\'
    return chr(octet) if plain else f"\\x{octet:02x}"


def key_of(expr: Expr) -> str:
    """A text that two trees share if and only if they are equal but for places and bound names."""
    return _key(expr, {})


def _key(expr: Expr, bound: Mapping[str, int]) -> str:
    if isinstance(expr, Reference):
        return "$" + expr.path
    if isinstance(expr, Literal):
        return _literal_key(expr)
    if isinstance(expr, Call):
        style = "." if expr.member else ""
        return f"({style}{expr.function} {' '.join([_key(a, bound) for a in expr.arguments])})"
    if isinstance(expr, Present):
        return "?" + expr.path
    if isinstance(expr, Name):
        return f"#{bound[expr.name]}" if expr.name in bound else "@" + expr.name
    if isinstance(expr, Select):
        mark = "has" if expr.test_only else "get"
        return f"({mark} {_key(expr.operand, bound)} {json.dumps(expr.field)})"
    if isinstance(expr, ListOf):
        return "[" + " ".join([_key(item, bound) for item in expr.items]) + "]"
    if isinstance(expr, MapOf):
        parts = [f"{_key(key, bound)}:{_key(value, bound)}" for key, value in expr.entries]
        return "{" + " ".join(parts) + "}"
    return _loop_key(expr, bound)


def _loop_key(loop: Comprehension, bound: Mapping[str, int]) -> str:
    inner = {**bound, loop.variable: 1 + max(bound.values(), default=-1)}
    condition = "-" if loop.condition is None else _key(loop.condition, inner)
    result = "-" if loop.result is None else _key(loop.result, inner)
    return f"(loop {loop.kind} {_key(loop.range, bound)} {condition} {result})"


def _literal_key(expr: Literal) -> str:
    value = expr.value
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bytes):
        return "b" + value.hex()
    return _literal(expr)
