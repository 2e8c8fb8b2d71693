"""Known keys of one mapping of a policy file, read one by one with their errors collected.

Guards: a key that nobody asked for is an error that names the nearest known key; a value of the
wrong kind, out of its bounds or not among the known words is an error at its own place, and the
reading goes on with a stand-in, so that one run shows every fault.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table

WORD = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
WORD_REMEDY = "use 1-63 of a-z, 0-9 and _, beginning with a letter"
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}\Z")
MAX_TEXT = 2_000
OUTCOMES = tuple(outcome.word for outcome in Outcome)


class Fields:
    """One mapping; `what` names it in messages, `known` lists the keys it may have."""

    def __init__(self, table: Table, what: str, known: Collection[str], findings: Findings) -> None:
        self.table = table
        self.what = what
        self.findings = findings
        for key, (scalar, _) in table.entries.items():
            if key not in known:
                message = f"{what} has no key `{shown(key)}`"
                findings.error(scalar.source, "unknown_key", message, one_of(known, key))

    @property
    def source(self) -> Source:
        """Where the mapping begins."""
        return self.table.source

    def node(self, key: str) -> Node | None:
        """The value of a key; None when the key is absent or its value is null."""
        found = self.table.entries.get(key)
        if found is None or (isinstance(found[1], Scalar) and found[1].value is None):
            return None
        return found[1]

    def place(self, key: str) -> Source:
        """Place of a value, else of the mapping."""
        node = self.node(key)
        return node.source if node else self.source

    def missing(self, key: str) -> None:
        """Add the error that a needed key is absent."""
        message = f"{self.what} needs `{key}`"
        self.findings.error(self.source, "missing_key", message, f"add `{key}`")

    def wrong(self, source: Source, key: str, wanted: str) -> None:
        """Add the error that a value is of the wrong kind or out of bounds."""
        message = f"`{key}` of {self.what} is not {wanted}"
        self.findings.error(source, "bad_value", message, f"give {wanted}")

    def scalar(self, key: str, *, required: bool = False) -> Scalar | None:
        """The scalar of a key, or None (an error is added when it is needed or no scalar)."""
        node = self.node(key)
        if node is None:
            if required:
                self.missing(key)
            return None
        if not isinstance(node, Scalar):
            self.wrong(node.source, key, "a single value")
            return None
        return node

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text of at most MAX_TEXT characters; numbers and booleans are taken as written."""
        scalar = self.scalar(key, required=required)
        if scalar is None:
            return default
        if len(scalar.text) > MAX_TEXT:
            self.wrong(scalar.source, key, f"a text of at most {MAX_TEXT} characters")
            return default
        return scalar.text

    def pattern(self, key: str, pattern: re.Pattern[str], remedy: str) -> str:
        """A needed text of a form; empty when it is wrong."""
        scalar = self.scalar(key, required=True)
        if scalar is None:
            return ""
        if not pattern.match(scalar.text):
            message = f"`{key}` of {self.what} is not of the right form"
            self.findings.error(scalar.source, "bad_name", message, remedy)
            return ""
        return scalar.text

    def flag(self, key: str) -> bool:
        """true or false; false when absent."""
        scalar = self.scalar(key)
        if scalar is None:
            return False
        if not isinstance(scalar.value, bool):
            self.wrong(scalar.source, key, "true or false")
            return False
        return scalar.value

    def integer(self, key: str, low: int, high: int, default: int = 0) -> int:
        """An integer in low..high."""
        scalar = self.scalar(key)
        if scalar is None:
            return default
        value = scalar.value
        if type(value) is not int or not low <= value <= high:
            self.wrong(scalar.source, key, f"an integer from {low} to {high}")
            return default
        return value

    def number(self, key: str, low: float, high: float) -> float | None:
        """A number in low..high, or None when absent or wrong."""
        scalar = self.scalar(key)
        if scalar is None:
            return None
        value = scalar.value
        if isinstance(value, bool | str) or value is None or not low <= value <= high:
            self.wrong(scalar.source, key, f"a number from {low:g} to {high:g}")
            return None
        return value

    def outcome(self, key: str, default: Outcome | None, allowed: Collection[str]) -> Outcome:
        """One of the allowed outcome words; ALLOW stands in for a wrong one without default."""
        found = self.optional_outcome(key, allowed)
        return found if found is not None else (default or Outcome.ALLOW)

    def optional_outcome(self, key: str, allowed: Collection[str] = OUTCOMES) -> Outcome | None:
        """One of the allowed outcome words, or None when absent or wrong."""
        scalar = self.scalar(key)
        if scalar is None:
            return None
        if scalar.text not in allowed:
            self.unknown(scalar, "outcome", allowed)
            return None
        return Outcome.parse(scalar.text)

    def words(self, key: str) -> tuple[Scalar, ...]:
        """Texts of a list, or of a single scalar; an empty tuple when absent."""
        node = self.node(key)
        if node is None:
            return ()
        items = node.items if isinstance(node, Items) else (node,)
        found = []
        for item in items:
            if isinstance(item, Scalar) and item.value is not None:
                found.append(item)
            else:
                self.wrong(item.source, key, "a text or a list of texts")
        return tuple(found)

    def known_words(self, key: str, kind: str, known: Collection[str]) -> tuple[str, ...]:
        """Distinct words of a list that are all known; unknown ones are errors."""
        found: dict[str, None] = {}
        for scalar in self.words(key):
            if scalar.text in known:
                found[scalar.text] = None
            else:
                self.unknown(scalar, kind, known)
        return tuple(found)

    def unknown(self, scalar: Scalar, kind: str, known: Collection[str]) -> None:
        """Add the error that a word is not among the known ones."""
        message = f"{self.what} names an unknown {kind} `{shown(scalar.text)}`"
        code = f"unknown_{kind.replace(' ', '_')}"
        self.findings.error(scalar.source, code, message, one_of(known, scalar.text))

    def table_of(self, key: str) -> Table | None:
        """The mapping of a key, or None."""
        node = self.node(key)
        if node is None or isinstance(node, Table):
            return node
        self.wrong(node.source, key, "a mapping")
        return None

    def tables(self, key: str) -> Iterator[Table]:
        """Mappings of a list."""
        node = self.node(key)
        if node is None:
            return
        if not isinstance(node, Items):
            self.wrong(node.source, key, "a list")
            return
        yield from tables_of(node, f"`{key}` of {self.what}", self.findings)


def tables_of(items: Items, what: str, findings: Findings) -> Iterator[Table]:
    """The mappings of a list; anything else in it is an error."""
    for item in items.items:
        if isinstance(item, Table):
            yield item
        else:
            message = f"{what} holds something that is no mapping"
            findings.error(item.source, "bad_value", message, "write `key: value` pairs")
