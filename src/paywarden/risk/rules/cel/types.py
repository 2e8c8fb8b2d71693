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
