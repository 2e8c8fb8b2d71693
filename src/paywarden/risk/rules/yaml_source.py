"""Text of a policy file into a tree whose every part knows its file, line and column.

Guards: only plain data comes out (texts, integers, doubles, booleans, null, lists, mappings); no
tags, no anchors and aliases (so nothing can be multiplied), one document per file, keys are texts
and stand once; at most 2 MiB, 40 levels and 500,000 parts per file. The tree is built from the
event stream without recursion. Plain scalars follow the core schema of YAML 1.2: `yes`, `no` and
`NO` are texts, numbers are decimal. Order: size, UTF-8, events, scalars. Not done here: what keys
mean (`reader.py`). Source: yaml.org/spec/1.2.2, sections 6.9, 7 and 10.3.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.model import Source

MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
MAX_PARTS = 500_000
_INT = re.compile(r"[-+]?[0-9]{1,19}\Z")
_DOUBLE = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,4})?\Z")
_WORDS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Value = bool | int | float | str | None


class Text:
    """The text of one file; offsets into places."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        breaks = re.finditer("\r\n|[\r\n\x85\u2028\u2029]", text)
        self._starts = [0, *(found.end() for found in breaks)]

    def at(self, offset: int) -> Source:
        """The place of the code point at `offset`."""
        line = bisect_right(self._starts, offset)
        return Source(self.file, line, offset - self._starts[line - 1] + 1)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar: its value, its text as YAML read it, and where it stands in the file."""

    value: Value
    text: str
    origin: Text = field(repr=False, compare=False)
    start: int = 0
    end: int = 0

    @property
    def source(self) -> Source:
        """Where it begins."""
        return self.origin.at(self.start)

    def inside(self, line: int, column: int) -> Source:
        """Place in the file of a line and column of the text (both from 1).

        The text and its form in the file hold the same visible characters in the same order, but
        for quotes and escapes; so the character is found by walking both side by side.
        """
        lines = self.text.split("\n")[: max(line, 1)]
        wanted = sum(len(part) + 1 for part in lines[:-1]) + column - 1
        raw = self.origin.text
        position = self.start
        for character in self.text[: wanted + 1]:
            if character.isspace():
                continue
            found = raw.find(character, position, self.end)
            if found < 0:
                return self.source
            position = found + 1
        past_the_end = wanted >= len(self.text.rstrip())
        return self.origin.at(position if past_the_end else max(position - 1, self.start))


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping: key text -> (key, value), in order of the file."""

    entries: Mapping[str, tuple[Scalar, Node]]
    source: Source


Node = Scalar | Items | Table


def scalar_of(text: str) -> Value:
    """Value of a plain scalar by the core schema.

    >>> [scalar_of(text) for text in ("12", "1.5", "no", "true", "~")]
    [12, 1.5, 'no', True, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        number = int(text)
        return number if -(2**63) <= number < 2**63 else text
    if _DOUBLE.match(text):
        double = float(text)
        return double if abs(double) != float("inf") else text
    return text


def parse_yaml(file: str, content: bytes, findings: Findings) -> Node | None:
    """The tree of a file, or None (empty file, or refused: an error is added to `findings`)."""
    start = Source(file, 1, 1)
    if len(content) > MAX_FILE_BYTES:
        limit = f"a policy file has at most {MAX_FILE_BYTES} bytes"
        findings.error(start, "file_too_large", limit, "split it into several files")
        return None
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        findings.error(start, "not_utf8", "the file is not UTF-8", "save it as UTF-8")
        return None
    origin = Text(file, text)
    try:
        return _Builder(origin).build()
    except _Refused as refused:
        findings.error(refused.source, refused.code, refused.message, refused.remedy)
    except yaml.YAMLError as error:
        findings.error(_mark(origin, error), "yaml_syntax", _problem(error), "correct the YAML")
    return None


def _mark(origin: Text, error: yaml.YAMLError) -> Source:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return Source(origin.file, mark.line + 1, mark.column + 1) if mark else Source(origin.file, 1)


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None)
    if isinstance(problem, str):
        return "the file is no YAML: " + shown(problem)
    return "the file is no YAML: it holds a character that YAML does not allow"


class _Refused(Exception):
    """A part of YAML that policies do not use."""

    def __init__(self, source: Source, code: str, message: str, remedy: str) -> None:
        super().__init__(code)
        self.source = source
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    source: Source
    items: list[Node] | None
    entries: dict[str, tuple[Scalar, Node]]
    key: Scalar | None = None


class _Builder:
    """One pass over the events of one file, with a stack of open collections."""

    def __init__(self, origin: Text) -> None:
        self._origin = origin
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._parts = 0

    def build(self) -> Node | None:
        for event in self._events():
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event))
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        return self._root

    def _events(self) -> Iterator[yaml.Event]:
        documents = 0
        for event in yaml.parse(self._origin.text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            if isinstance(event, yaml.NodeEvent):
                self._refuse_features(event, documents)
            yield event

    def _refuse_features(self, event: yaml.NodeEvent, documents: int) -> None:
        source = self._at(event)
        self._parts += 1
        if documents > 1:
            message = "the file holds more than one document"
            raise _Refused(source, "several_documents", message, "write one document per file")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            message = "anchors and aliases are not used in policies"
            raise _Refused(source, "alias_not_allowed", message, "use a template (for_each)")
        if getattr(event, "tag", None) not in (None, "!"):
            message = "tags are not used in policies"
            raise _Refused(source, "tag_not_allowed", message, "write plain values")
        if self._parts > MAX_PARTS:
            message = f"the file has more than {MAX_PARTS} parts"
            raise _Refused(source, "file_too_large", message, "split it into several files")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = event.implicit[0]
        value = scalar_of(event.value) if plain else event.value
        assert event.start_mark is not None and event.end_mark is not None
        start, end = event.start_mark.index, event.end_mark.index
        return Scalar(value, event.value, self._origin, start, end)

    def _at(self, event: yaml.Event) -> Source:
        assert event.start_mark is not None
        return self._origin.at(event.start_mark.index)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        source = self._at(event)
        if len(self._stack) >= MAX_DEPTH:
            message = f"the file is nested more than {MAX_DEPTH} levels deep"
            raise _Refused(source, "file_too_deep", message, "flatten it")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        self._stack.append(_Open(source, [] if is_list else None, {}))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.items is not None:
            self._add(Items(tuple(done.items), done.source))
        else:
            self._add(Table(done.entries, done.source))

    def _add(self, node: Node) -> None:
        if not self._stack:
            self._root = None if isinstance(node, Scalar) and node.value is None else node
            return
        top = self._stack[-1]
        if top.items is not None:
            top.items.append(node)
        elif top.key is None:
            top.key = self._key(top, node)
        else:
            top.entries[top.key.text] = (top.key, node)
            top.key = None

    def _key(self, top: _Open, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            message = "a key is a list or a mapping"
            raise _Refused(node.source, "key_not_text", message, "write the key as text")
        if node.text in top.entries:
            message = f"the key `{shown(node.text)}` stands twice"
            raise _Refused(node.source, "duplicate_key", message, "keep one of the two")
        return node
