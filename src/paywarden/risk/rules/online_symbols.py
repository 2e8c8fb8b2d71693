"""The symbol table of one generated function: what its names stand for.

Guards: generated source holds only names, numbers and operators of ours; slots, rule numbers,
texts, sets, patterns and helpers are values bound to those names when the code is loaded. So the
same source serves other slots and other texts (code is cached by its source), and no text of a
policy is ever part of a program. A symbol is (kind, payload) and crosses processes as data:
slot path | constant value | set values | rule number | memo atom | pattern text | helper name |
atom number (the function of an expensive atom) | list name | table path | chunk number.
"""

from __future__ import annotations

from typing import Any

Symbol = tuple[str, Any]


class Symbols:
    """Names given out in order of first use, one letter a kind; equal symbols share a name."""

    def __init__(self) -> None:
        self.entries: list[Symbol] = []
        self._names: dict[Any, str] = {}

    def _name(self, letter: str, kind: str, payload: Any) -> str:
        key = (kind, repr(payload))
        found = self._names.get(key)
        if found is None:
            found = self._names[key] = f"{letter}{len(self.entries)}"
            self.entries.append((kind, payload))
        return found

    def names(self) -> tuple[tuple[str, str, Any], ...]:
        """(name, kind, payload) of every symbol."""
        given = self._names.values()
        return tuple((name, *entry) for name, entry in zip(given, self.entries, strict=True))

    def slot(self, path: str) -> str:
        """Position of a path in the vector."""
        return self._name("a", "slot", path)

    def constant(self, value: Any) -> str:
        """A number, text or octets."""
        return self._name("c", "constant", value)

    def members(self, values: tuple[Any, ...]) -> str:
        """A frozen set of constants."""
        return self._name("s", "set", values)

    def rule(self, number: int) -> str:
        """Number of a rule."""
        return self._name("r", "rule", number)

    def memo(self, atom: int) -> str:
        """Where the answer of an expensive atom is kept during one evaluation."""
        return self._name("k", "memo", atom)

    def atom(self, atom: int) -> str:
        """Function (v, m) -> True, False or an error mark of an expensive atom."""
        return self._name("f", "atom", atom)

    def part(self, node: int) -> str:
        """Function (v, m) -> bool of a shared part of a formula."""
        return self._name("n", "part", node)

    def listed(self, name: str) -> str:
        """Position of a named list among the lists of one evaluation."""
        return self._name("l", "list", name)

    def table(self, path: str) -> str:
        """Look-up (value, default) of the groups filed under the values of a path."""
        return self._name("d", "table", path)

    def chunk(self, number: int) -> str:
        """Another generated function, by its number in the image."""
        return self._name("g", "chunk", number)

    def pattern(self, text: str) -> str:
        """A compiled RE2 pattern."""
        return self._name("p", "pattern", text)

    def helper(self, name: str) -> str:
        """A function of `online_fallback.HELPERS`."""
        return self._name("h", "helper", name)
