"""XML of any size, element by element, with nothing fetched, expanded or kept.

Guards: a document type, an entity or an external reference ends the reading (billion laughs,
quadratic blow-up, XXE); nesting has a limit; an end before the root's end is a truncated list. Each
element asked for is dropped once it was used, so memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the types; parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from paywarden.aml.screening.sources.faults import ListFault, malformed, too_large, truncated
from paywarden.aml.screening.sources.limits import XML_DEPTH_LIMIT
from paywarden.aml.screening.sources.opening import Content

_ENDS = ("no element found", "unclosed token", "unclosed CDATA section", "partial character")


def local(element: Element) -> str:
    """Name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def elements(content: Content, wanted: frozenset[str]) -> Iterator[tuple[str, Element]]:
    """The root as it opens (named `""`), then each complete element whose local name is wanted.

    Wanted elements do not lie in one another. Errors: ListFault.
    """
    with content.stream() as stream:
        events: Any = iterparse(stream, events=("start", "end"), forbid_dtd=True)
        try:
            yield from _walked(iter(events), wanted)
        except DefusedXmlException as fault:
            raise ListFault(
                "list_xml_refused",
                "the XML declares a document type or entities, which lists do not need",
                "fetch the list from its publisher; do not remove the declaration by hand",
            ) from fault
        except ParseError as fault:
            line = fault.position[0]
            if str(fault).startswith(_ENDS):
                raise truncated(line) from fault
            raise malformed("the XML is not well formed", line) from fault
        except (UnicodeError, ValueError, LookupError) as fault:
            raise malformed("the XML's encoding is not known or wrong") from fault


def _walked(
    events: Iterator[tuple[str, Element]], wanted: frozenset[str]
) -> Iterator[tuple[str, Element]]:
    open_ones: list[Element] = []
    inside = 0
    for event, element in events:
        name = local(element)
        if event == "start":
            if not open_ones:
                yield "", element
            open_ones.append(element)
            if len(open_ones) > XML_DEPTH_LIMIT:
                raise too_large("the XML is nested too deeply")
            inside += name in wanted
            continue
        open_ones.pop()
        if name in wanted:
            yield name, element
            inside -= 1
        if not inside:
            element.clear()
            if open_ones:
                open_ones[-1].remove(element)


def texts(element: Element, *path: str) -> Iterator[str]:
    """Texts of all elements down a path of local names; empty ones are left out."""
    for found in below(element, *path):
        if found.text and found.text.strip():
            yield found.text


def text(element: Element, *path: str) -> str:
    """The first of `texts`, or an empty text."""
    return next(texts(element, *path), "")


def below(element: Element, *path: str) -> Iterator[Element]:
    """All elements down a path of local names."""
    if not path:
        yield element
        return
    for child in element:
        if local(child) == path[0]:
            yield from below(child, *path[1:])
