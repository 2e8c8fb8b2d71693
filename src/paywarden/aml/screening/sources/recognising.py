"""Which list a file is, by its first octets alone: names and endings of files prove nothing.

Guards: a web page saved instead of a list (an error page, a sign-in) is told as such; a file that
is no list is a fault and not an empty list.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import Final

from paywarden.aml.screening.sources import eu_csv, uk_csv
from paywarden.aml.screening.sources.faults import ListFault
from paywarden.aml.screening.sources.ofac_csv import recognise_ofac
from paywarden.aml.screening.sources.own import names_something

_ROOTS: Final = {
    "CONSOLIDATED_LIST": "un-xml",
    "export": "eu-xml",
    "Sanctions": "ofac-advanced-xml",
    "sdnList": "ofac-xml",
    "Designations": "uk-xml",
}
_PROLOG: Final = re.compile(
    r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>|\s)*", re.S
)
_ROOT: Final = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)")
_YML: Final = re.compile(r"(?:---\s*\n)?[A-Za-z][\w-]*:\s*\n\s+content:\s*\n")
_SEPARATORS: Final = ",;\t|"
_LINES_LOOKED_AT: Final = 8


@dataclass(frozen=True, slots=True)
class Format:
    """Name of a format and, for own CSV files, what parts the cells."""

    name: str
    delimiter: str = ","


def recognise(head: bytes) -> Format:
    """Format of a list. Errors: ListFault `list_unrecognised`, `list_empty`, `list_is_a_page`."""
    text = _text(head)
    start = text.lstrip()
    if not start or start == "\x1a":
        raise ListFault("list_empty", "the file is empty", "fetch it again")
    if start.startswith("<"):
        return _of_xml(start)
    if start.startswith(("{", "[")):
        return Format(_json(start))
    if _YML.match(start):
        return Format("names-yml")
    return _of_rows(text)


def _text(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "ignore")
    return head.decode("utf-8-sig", "replace")


def _of_xml(start: str) -> Format:
    prolog = _PROLOG.match(start)
    root = _ROOT.match(start, prolog.end() if prolog else 0)
    name = root[1] if root else ""
    if name.casefold() == "html" or start[:15].casefold().startswith("<!doctype html"):
        raise ListFault(
            "list_is_a_page",
            "the file is a web page, not a list",
            "fetch the list itself; the address may need signing in or have moved",
        )
    if name in _ROOTS:
        return Format(_ROOTS[name])
    if "<!DOCTYPE" in start or "<!ENTITY" in start:
        raise ListFault(
            "list_xml_refused",
            "the XML declares a document type or entities, which lists do not need",
            "fetch the list from its publisher; do not remove the declaration by hand",
        )
    raise _unknown()


def _json(start: str) -> str:
    first = start.splitlines()[0].rstrip()
    lone = len(first) > 1 and "\n" not in start
    lines = start.startswith("{") and (first.endswith("}") or lone)
    return "json-lines" if lines else "json"


def _of_rows(text: str) -> Format:
    lines = [one for one in text.splitlines()[:_LINES_LOOKED_AT] if one.strip()]
    for place, line in enumerate(lines):
        kind = recognise_ofac(_cells(line, ","))
        if kind is not None and place == 0:
            return Format(kind)
        if eu_csv.MARK in _cells(line, ";") and place == 0:
            return Format("eu-csv", ";")
        if uk_csv.MARK in (one.strip().casefold() for one in _cells(line, ",")):
            return Format("uk-csv")
    for delimiter in sorted(_SEPARATORS, key=lambda one: -lines[0].count(one)):
        if names_something(_cells(lines[0], delimiter)):
            return Format("own-csv", delimiter)
    raise _unknown()


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _unknown() -> ListFault:
    return ListFault(
        "list_unrecognised",
        "this is no list known here",
        "give OFAC, UN, EU or UK lists, FollowTheMoney JSON, or CSV with a column `name`; "
        "take other files out of the folder",
    )
