"""Types of conditions: the scalar types of CEL, lists, maps, and the membership of a named list.

`DYN` is the type of what is not declared; checked mode never ends in it silently, dynamic mode
(no declared names) gives it to every name. Source: google/cel-spec, doc/langdef.md, "Values".

>>> str(list_of(STRING))
'list(string)'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CelType:
    """A type: a kind and, for list and map, its parameters."""

    kind: str
    parameters: tuple[CelType, ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.parameters))
        return f"{self.kind}({inner})" if inner else self.kind


BOOL = CelType("bool")
INT = CelType("int")
UINT = CelType("uint")
DOUBLE = CelType("double")
STRING = CelType("string")
BYTES = CelType("bytes")
NULL = CelType("null")
TIMESTAMP = CelType("timestamp")
DURATION = CelType("duration")
DYN = CelType("dyn")
TYPE = CelType("type")
MEMBERS = CelType("members")  # a named list of the policy: only usable on the right of `in`


def list_of(element: CelType) -> CelType:
    """List of one element type."""
    return CelType("list", (element,))


def map_of(key: CelType, value: CelType) -> CelType:
    """Map of one key and one value type."""
    return CelType("map", (key, value))


_PLAIN = (BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION, DYN, TYPE, MEMBERS)
SCALARS = {each.kind: each for each in _PLAIN}
NUMBERS = frozenset({"int", "uint", "double"})


def named(word: str) -> CelType:
    """The type that a text such as `map(string, list(int))` names. Errors: ValueError.

    >>> named("map(string, dyn)") == map_of(STRING, DYN)
    True
    """
    text = word.replace(" ", "")
    if len(text) > 200:
        raise ValueError("the text of a type has at most 200 characters")
    found, rest = _read(text)
    if rest:
        raise ValueError("the text of a type goes on after its end")
    return found


def _read(text: str) -> tuple[CelType, str]:
    end = next((i for i, c in enumerate(text) if c in "(),"), len(text))
    word, rest = text[:end], text[end:]
    if word in SCALARS:
        return SCALARS[word], rest
    wanted = {"list": 1, "map": 2}.get(word)
    if wanted is None or not rest.startswith("("):
        raise ValueError("a type is one of " + ", ".join([*SCALARS, "list(T)", "map(K, V)"]))
    parameters = []
    for closing in ("," * (wanted - 1)) + ")":
        parameter, rest = _read(rest[1:])
        parameters.append(parameter)
        if not rest.startswith(closing):
            raise ValueError(f"{word} takes {wanted} type(s) in brackets")
    return CelType(word, tuple(parameters)), rest[1:]


def assignable(wanted: CelType, given: CelType) -> bool:
    """Whether a value of type `given` may stand where `wanted` is asked; dyn fits everything."""
    if wanted == given or wanted.kind == "dyn" or given.kind == "dyn":
        return True
    if wanted.kind != given.kind:
        return False
    return all(map(assignable, wanted.parameters, given.parameters))


def comparable(left: CelType, right: CelType) -> bool:
    """Whether `==` can be true: equal types, dyn, or numbers of different types, also nested."""
    if left.kind == "dyn" or right.kind == "dyn":
        return True
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return True
    if left.kind != right.kind:
        return False
    return all(map(comparable, left.parameters, right.parameters))


def joined(types: list[CelType]) -> CelType:
    """The one type of all, else dyn; dyn for none."""
    first = types[0] if types else DYN
    return first if all(other == first for other in types) else DYN
