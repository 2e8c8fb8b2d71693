"""The search for an object of JSON that holds one name twice.

Guards: readers differ in which of two equal names counts, so a body that holds one twice could show
a signature or a screen something else than what is decided. Such a body is refused (RFC 7493,
section 2.3). Quick look: every text stands between two quotes, so a body with more quotes than what
was decoded from it, written again, tells of names that the decoder dropped. Only then, or when
escaped backslashes make quotes doubtful, the exact search runs. Linear in the body.

>>> place_of_repeated_name(b'{"a": {"b": 1, "b": 2}}')
('a', 'b')
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

Steps = tuple[str | int, ...]


def place_of_repeated_name(body: bytes) -> Steps | None:
    """Place of the first name that stands twice in one object of valid JSON; None without one."""
    again = msgspec.json.encode(msgspec.json.decode(body))
    if b"\\\\" not in body and b"\\\\" not in again and _quotes(body) == _quotes(again):
        return None
    # Numbers stay text: nothing here asks for them, and some are longer than Python reads.
    found = json.loads(
        body, object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=str
    )
    return _place(found)


def _quotes(body: bytes) -> int:
    """Quotes around names and texts, in JSON without an escaped backslash."""
    return body.count(b'"') - body.count(b'\\"')


class _Repeating(dict[str, Any]):
    """An object with a name that stood twice."""

    name = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) == len(pairs):
        return held
    repeating = _Repeating(held)
    repeating.name = _first_repeated(name for name, _ in pairs)
    return repeating


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise ValueError("no name stands twice")


def _place(body: Any) -> Steps | None:
    waiting: list[tuple[Any, Steps]] = [(body, ())]
    while waiting:
        value, steps = waiting.pop()
        if isinstance(value, _Repeating):
            return (*steps, value.name)
        if isinstance(value, dict):
            waiting += [(held, (*steps, name)) for name, held in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(value[n], (*steps, n)) for n in range(len(value) - 1, -1, -1)]
    return None
