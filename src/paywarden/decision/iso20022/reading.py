"""XML from outside to a tree with lines, with nothing fetched, expanded or guessed.

Guards, as the octets come: a document type, an entity or an outside reference ends the reading
(billion laughs, quadratic blow-up, XXE); depth, elements, attributes and the length of a text have
limits, so that memory stays a small multiple of the body; a compressed body is not read at all. Of
the names of XML Schema only the hint where a schema may lie is passed over, unread: types that a
message brings along would change what its elements mean.
Not done here: the schema (`checking`), meaning (`credit_transfers`, `initiations`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from paywarden.decision.iso20022 import faults

DEPTH_LIMIT: Final = 40
ATTRIBUTE_LIMIT: Final = 8
TEXT_LIMIT: Final = 20_000
PIECE: Final = 64 * 1024
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS: Final = frozenset({_XSI + "schemaLocation", _XSI + "noNamespaceSchemaLocation"})
_NAME: Final = re.compile(r"[A-Za-z]{1,35}\Z", re.ASCII)


class Placed(Element):
    """An element that knows its line, its parent, and how many of its name stand before it."""

    line: int = 0
    parent: Placed | None = None
    position: int = 1


class Builder:
    """Target of the parser: builds the tree within the limits. `line` is asked of the parser."""

    def __init__(self, element_limit: int) -> None:
        self.expat: Any = None
        self._element_limit = element_limit
        self._open: list[Placed] = []
        self._counts: list[dict[str, int]] = [{}]
        self._texts: list[str] = []
        self._length = 0
        self._elements = 0
        self._last: Placed | None = None
        self._root: Placed | None = None

    @property
    def line(self) -> int:
        """The line that the parser stands in, from 1."""
        return int(self.expat.CurrentLineNumber) if self.expat is not None else 1

    def start(self, tag: str, attributes: dict[str, str]) -> Placed:
        """An element begins."""
        self._flush()
        self._elements += 1
        if len(self._open) >= DEPTH_LIMIT:
            raise faults.too_large(f"elements nested deeper than {DEPTH_LIMIT}", self.line)
        if self._elements > self._element_limit:
            raise faults.too_large(f"over {self._element_limit} elements", self.line)
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise faults.too_large("too many attributes", self.line)
        made = Placed(tag, self._kept(attributes))
        made.line = self.line
        counts = self._counts[-1]
        made.position = counts[tag] = counts.get(tag, 0) + 1
        if self._open:
            made.parent = self._open[-1]
            made.parent.append(made)
        elif self._root is None:
            self._root = made
        self._open.append(made)
        self._counts.append({})
        self._last = None
        return made

    def end(self, _tag: str) -> Placed:
        """An element ends."""
        self._flush()
        self._counts.pop()
        self._last = self._open.pop()
        return self._last

    def data(self, text: str) -> None:
        """Text within an element."""
        self._length += len(text)
        if self._length > TEXT_LIMIT:
            raise faults.too_large(f"a text of over {TEXT_LIMIT} characters", self.line)
        self._texts.append(text)

    def close(self) -> Placed:
        """The whole tree."""
        assert self._root is not None  # a document without a root is not well formed
        return self._root

    def _flush(self) -> None:
        if not self._texts:
            return
        text, self._texts, self._length = "".join(self._texts), [], 0
        if self._last is not None:
            self._last.tail = text
        elif self._open:
            self._open[-1].text = text

    def _kept(self, attributes: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in attributes.items() if name not in _HINTS}
        if any(name.startswith(_XSI) for name in kept):
            raise faults.refused_xml(self.line)
        return kept


def read_xml(octets: bytes, element_limit: int = 100_000) -> Placed:
    """The tree. Errors: Unparsable `xml_malformed`, InvalidRequest `xml_refused`, TooLarge."""
    builder = Builder(element_limit)
    try:
        parser: Any = DefusedXMLParser(target=builder, forbid_dtd=True)
        builder.expat = parser.parser
        for start in range(0, len(octets), PIECE):
            parser.feed(octets[start : start + PIECE])
        root: Placed = parser.close()
    except DefusedXmlException:
        raise faults.refused_xml(builder.line) from None
    except ParseError as fault:
        raise faults.malformed(fault.position[0]) from None
    except (UnicodeError, ValueError, LookupError):
        raise faults.malformed(builder.line) from None
    return root


def local(element: Element) -> str:
    """Name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def place(element: Placed, *below: str) -> str:
    """Path from the root by names; a number where more of one name may stand; `*` for strange."""
    steps: list[str] = []
    found: Placed | None = element
    while found is not None:
        name = local(found)
        shown = name if _NAME.match(name) else "*"
        steps.append(f"{shown}[{found.position}]" if found.position > 1 else shown)
        found = found.parent
    return "/" + "/".join([*reversed(steps), *below])


def below(element: Placed, *path: str) -> Iterator[Placed]:
    """All elements down a path of local names."""
    if not path:
        yield element
        return
    for child in element:
        if local(child) == path[0]:
            assert isinstance(child, Placed)
            yield from below(child, *path[1:])


def first(element: Placed, *path: str) -> Placed | None:
    """The first of `below`."""
    return next(below(element, *path), None)


def text(element: Placed | None, *path: str) -> str | None:
    """Text of the first of `below`, runs of white space as one blank; None for none or nothing."""
    found = None if element is None else first(element, *path)
    said = "" if found is None or found.text is None else " ".join(found.text.split())
    return said or None
