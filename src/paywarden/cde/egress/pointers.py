"""JSON pointers (RFC 6901), and where in a JSON text the value stands that one names.

Guards: a value is replaced in the text itself, so that everything around it leaves as the caller
wrote it (amounts keep their digits, a signature over the rest its meaning). A name that stands
twice on the way is refused: readers differ in which of both counts.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Final

_STEP: Final = re.compile(r"(?:[^~/]|~0|~1)*\Z")
_INDEX: Final = re.compile(r"(?:0|[1-9][0-9]{0,4})\Z")
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SKIP: Final = json.JSONDecoder(parse_int=str, parse_float=str)
Steps = tuple[str, ...]
Span = tuple[int, int]


@functools.lru_cache(maxsize=4_096)
def parsed(pointer: str) -> Steps | None:
    """The steps of a pointer, or None when it is none; "" names the whole."""
    if pointer == "":
        return ()
    if not pointer.startswith("/"):
        return None
    steps = pointer[1:].split("/")
    if not all(_STEP.match(step) for step in steps):
        return None
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def span_of(text: str, steps: Steps) -> Span | None:
    """(start, end) of the value in a valid JSON text; None when absent or named twice."""
    start = _after_space(text, 0)
    for step in steps:
        found = _child(text, start, step)
        if found is None:
            return None
        start = found
    return start, _end(text, start)


def _child(text: str, start: int, step: str) -> int | None:
    if text[start] == "{":
        return _member(text, start, step)
    if text[start] == "[" and _INDEX.match(step):
        return _item(text, start, int(step))
    return None


def _member(text: str, start: int, step: str) -> int | None:
    found, at = None, _after_space(text, start + 1)
    while text[at] != "}":
        name, at = _SKIP.raw_decode(text, at)
        value = _after_space(text, _after_space(text, at) + 1)  # behind the colon
        if name == step:
            if found is not None:
                return None
            found = value
        at = _next(text, value)
    return found


def _item(text: str, start: int, index: int) -> int | None:
    at = _after_space(text, start + 1)
    while text[at] != "]":
        if index == 0:
            return at
        index -= 1
        at = _next(text, at)
    return None


def _next(text: str, value: int) -> int:
    at = _after_space(text, _end(text, value))
    return _after_space(text, at + 1) if text[at] == "," else at


def _end(text: str, value: int) -> int:
    return _SKIP.raw_decode(text, value)[1]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
