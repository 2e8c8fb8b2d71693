"""Mapping of result and label files: sections [result_files], [label_files] of a mapping file.

    [label_files]
    payment_id = "ARN_ORDER"             # a column of the file
    reason     = "REASON_CODE"
    constants  = { source = "chargeback", scheme = "visa" }
    words      = { verdict = { "C" = "fraud", "R" = "withdrawn" } }
    time       = { column = "RECEIVED", unit = "%Y-%m-%d" }

Guards: known keys only, the nearest one named otherwise, every error with its line; `words` say in
our terms what the file says in its own. `time` of a label is when it was received: it counts from
then on. Not done here: reading the files (`event_files.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable
from paywarden.lab.mapping import UNITS, TimeMap
from paywarden.lab.mapping_file import MAX_BYTES
from paywarden.reference.dispute_reasons import dispute_schemes
from paywarden.risk.labels.model import SOURCES
from paywarden.risk.rules.cel.checker import nearest
from paywarden.risk.rules.cel.errors import shown

RESULT, LABEL = "result_files", "label_files"
ALLOWED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    RESULT: {
        "payment_id": (),
        "attempt": (),
        "id": (),
        "status": ("authorised", "declined", "captured", "refunded", "cancelled"),
        "code": (),
    },
    LABEL: {
        "payment_id": (),
        "attempt": (),
        "id": (),
        "verdict": ("fraud", "genuine", "withdrawn"),
        "source": SOURCES,
        "reason": (),
        "scheme": dispute_schemes(),
    },
}
"""Fields of each section, and the words that a field may hold (none named: any)."""
NEEDED = {RESULT: ("payment_id", "status"), LABEL: ("payment_id",)}
_OTHER = ("constants", "words", "time")


@dataclass(frozen=True, slots=True)
class EventMap:
    """How one kind of event file is read. `words`: our word by theirs, by field."""

    name: str
    section: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    time: TimeMap
    separator: str

    def place(self, key: str = "") -> str:
        """Where a key stands, for error texts."""
        return f"{self.name}:[{self.section}]" + (f".{key}" if key else "")


def read_event_map(path: Path, section: str) -> EventMap:
    """The section of a mapping file. Errors: InvalidRequest `mapping_*`, TooLarge, Unparsable."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidRequest("mapping_unreadable", "cannot be read", pointer=str(path)) from error
    if len(raw) > MAX_BYTES:
        raise TooLarge("mapping_too_large", f"has over {MAX_BYTES} bytes", pointer=path.name)
    try:
        document = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unparsable("mapping_unparsable", f"is not TOML: {error}", pointer=path.name) from None
    if section not in document:
        detail = f"needs a section [{section}] for these files"
        raise InvalidRequest("mapping_incomplete", detail, pointer=path.name)
    separator = document.get("file", {}).get("separator", ",")
    return _Section(path.name, section, document[section]).map(str(separator))


class _Section:
    def __init__(self, name: str, section: str, table: Any) -> None:
        self._place = f"{name}:[{section}]"
        self._name, self._section = name, section
        self._allowed = ALLOWED[section]
        if not isinstance(table, dict):
            self._refuse("mapping_value", "is a section")
        self._table: dict[str, Any] = table

    def map(self, separator: str) -> EventMap:
        self._known(self._table, (*self._allowed, *_OTHER))
        columns = {k: self._text(v, k) for k, v in self._table.items() if k not in _OTHER}
        constants = self._constants(columns)
        for field in NEEDED[self._section]:
            if field not in columns and field not in constants:
                self._refuse("mapping_incomplete", f"has to map {field}")
        if self._section == LABEL and not {"verdict", "reason"} & {*columns, *constants}:
            self._refuse("mapping_incomplete", "has to map verdict or reason")
        return EventMap(
            self._name, self._section, columns, constants, self._words(columns), self._time(),
            separator,
        )  # fmt: skip

    def _constants(self, columns: Collection[str]) -> dict[str, str]:
        found = self._sub("constants", self._allowed)
        for field, value in found.items():
            word = self._text(value, f"constants.{field}")
            if field in columns:
                self._refuse("mapping_twice", f"{field} is mapped and a constant")
            if self._allowed[field] and word not in self._allowed[field]:
                self._refuse("mapping_value", self._one_of(field, self._allowed[field], word))
        return found

    def _words(self, columns: Collection[str]) -> dict[str, dict[str, str]]:
        found = self._sub("words", self._allowed)
        for field, words in found.items():
            if not isinstance(words, dict) or field not in columns:
                self._refuse("mapping_value", f"words.{field} is a table for a mapped column")
            for given, word in words.items():
                if word not in self._allowed[field] and self._allowed[field]:
                    detail = self._one_of(f"words.{field}.{shown(given)}", self._allowed[field], "")
                    self._refuse("mapping_value", detail)
        return found

    def _time(self) -> TimeMap:
        table = self._sub("time", ("column", "unit"))
        if set(table) != {"column", "unit"}:
            self._refuse("mapping_incomplete", "time needs column and unit")
        unit = self._text(table["unit"], "time.unit")
        if unit not in UNITS and "%" not in unit:
            self._refuse("mapping_value", f"time.unit is one of {', '.join(UNITS)}, or a format")
        return TimeMap(self._text(table["column"], "time.column"), unit)

    def _sub(self, key: str, known: Collection[str]) -> dict[str, Any]:
        table = self._table.get(key, {})
        if not isinstance(table, dict):
            self._refuse("mapping_value", f"{key} is a table")
        self._known(table, known)
        return dict(table)

    def _known(self, table: Mapping[str, Any], known: Collection[str]) -> None:
        for key in table:
            if key not in known:
                self._refuse("mapping_unknown_key", self._one_of(shown(key), known, key))

    def _text(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not value:
            self._refuse("mapping_value", f"{key} is a text")
        return str(value)

    def _one_of(self, what: str, known: Collection[str], given: str) -> str:
        near = nearest(given, list(known)) if given else None
        hint = f"did you mean `{near}`?" if near else f"known are {', '.join(known)}"
        return f"`{what}` is not known here; {hint}"

    def _refuse(self, code: str, detail: str) -> NoReturn:
        raise InvalidRequest(code, detail, pointer=self._place)
