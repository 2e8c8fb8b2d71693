"""Reading mapping files (TOML): known sections and keys only, every error with its line.

Order: size, TOML, sections, keys, values. Errors: InvalidRequest `mapping_*`.
Not done here: columns of the payments file, which this file alone cannot know (`sources.py`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable
from paywarden.core.instants import DAY_US
from paywarden.lab.mapping import (
    DERIVED_ONLY,
    MAPPABLE,
    UNITS,
    AmountMap,
    LabelMap,
    Mapping,
    RatesMap,
    Scalar,
    TimeMap,
    catalogue_path,
    is_metadata,
)
from paywarden.reference.currencies import currency
from paywarden.risk.rules.cel.checker import nearest
from paywarden.risk.rules.cel.errors import shown

MAX_BYTES = 1_000_000
MAX_EXPONENT = 6
SECTIONS: dict[str, tuple[str, ...]] = {
    "columns": (),
    "constants": (),
    "time": ("column", "unit"),
    "amount": ("column", "exponent", "currency"),
    "label": ("column", "fraud", "delay", "reported_share", "source"),
    "rates": (),
    "file": ("separator",),
}
EVENT_SECTIONS = ("result_files", "label_files")
"""Sections about other files of the same customer (`event_map.py`)."""
SOURCES = ("chargeback", "issuer_notice", "customer", "analyst")
_DELAY = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DELAYS = "delay is a number with s, m, h or d, such as 7d, at most 400d"
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_HEADER = re.compile(r"\s*\[\s*([A-Za-z_]+)")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"']+)\s*=")


def delay_of(text: str) -> int:
    """Microseconds of a delay such as `7d`. Errors: InvalidRequest `label_delay`."""
    found = _delay(text)
    if found is None:
        raise InvalidRequest("label_delay", _DELAYS)
    return found


def _delay(text: str) -> int | None:
    found = _DELAY.fullmatch(text)
    microseconds = int(found[1]) * _SECONDS[found[2]] * 1_000_000 if found else -1
    return microseconds if 0 <= microseconds <= 400 * DAY_US else None


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file. Errors: TooLarge, Unparsable, InvalidRequest."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidRequest("mapping_unreadable", "cannot be read", pointer=str(path)) from error
    if len(raw) > MAX_BYTES:
        raise TooLarge("mapping_too_large", f"has over {MAX_BYTES} bytes", pointer=path.name)
    return parse_mapping(raw, path.name)


def parse_mapping(raw: bytes, name: str) -> Mapping:
    """The same from octets at hand; `name` stands in error texts."""
    try:
        text = raw.decode()
        document = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise Unparsable("mapping_unparsable", "is not UTF-8", pointer=name) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        pointer = f"{name}:{line.group(1)}" if line else name
        raise Unparsable("mapping_unparsable", "is not TOML here", pointer=pointer) from error
    return _Reader(document, name, _places(text, name)).mapping()


def _places(text: str, name: str) -> dict[str, str]:
    """`file:line` of every `section.key` as written, and of every section."""
    found: dict[str, str] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            section = header.group(1)
            found.setdefault(section, f"{name}:{number}")
        elif key:
            word = key.group(1).replace('"', "").replace("'", "")
            found.setdefault(f"{section}.{word}" if section else word, f"{name}:{number}")
    return found


class _Reader:
    def __init__(self, document: dict[str, Any], name: str, places: dict[str, str]) -> None:
        self._document = document
        self._name = name
        self._places = places

    def mapping(self) -> Mapping:
        self._known("", self._document, (*SECTIONS, *EVENT_SECTIONS))
        for section, known in SECTIONS.items():
            table = self._table(section)
            if known:
                self._known(section, table, known)
        fields = self._fields("columns")
        constants = self._fields("constants")
        for path in constants:
            if path in fields:
                self._refuse("mapping_twice", "is mapped and a constant", f"constants.{path}")
        texts = {path: self._written(path, value) for path, value in fields.items()}
        amount = self._amount(texts, constants)
        return Mapping(
            self._name,
            texts,
            constants,
            self._time(),
            amount,
            self._label(),
            self._rates(),
            self._separator(),
            self._places,
        )

    # --- sections --------------------------------------------------------------------------

    def _time(self) -> TimeMap:
        if "time" not in self._document:
            self._refuse("mapping_incomplete", "needs [time] with column and unit", "time")
        unit = self._text("time", "unit")
        if unit not in UNITS and "%" not in unit:
            detail = f"unit is one of {', '.join(UNITS)}, or a format such as %Y-%m-%d %H:%M:%S"
            self._refuse("mapping_value", detail, "time.unit")
        return TimeMap(self._text("time", "column"), unit)

    def _amount(self, fields: dict[str, str], constants: dict[str, Scalar]) -> AmountMap | None:
        given = "payment.amount_minor" in fields or "payment.amount_minor" in constants
        if "amount" not in self._document:
            return None
        if given:
            self._refuse("mapping_twice", "the amount is mapped in [columns], too", "amount")
        code = self._optional("amount", "currency")
        if code is not None and ("payment.currency" in fields or "payment.currency" in constants):
            self._refuse("mapping_twice", "the currency is mapped twice", "amount.currency")
        if code is not None and currency(code) is None:
            self._refuse("mapping_value", "is no ISO 4217 code", "amount.currency")
        exponent = self._table("amount").get("exponent")
        if exponent is not None and (
            type(exponent) is not int or not 0 <= exponent <= MAX_EXPONENT
        ):
            detail = f"exponent is a whole number from 0 to {MAX_EXPONENT}"
            self._refuse("mapping_value", detail, "amount.exponent")
        return AmountMap(self._text("amount", "column"), exponent, code)

    def _label(self) -> LabelMap | None:
        if "label" not in self._document:
            return None
        table = self._table("label")
        if "fraud" not in table:
            self._refuse("mapping_incomplete", "[label] needs `fraud`, the value", "label")
        fraud = table["fraud"]
        values = tuple(fraud) if isinstance(fraud, list) else (fraud,)
        if not values or not all(isinstance(v, str | int | Decimal) for v in values):
            self._refuse("mapping_value", "fraud is a value or a list of values", "label.fraud")
        source = self._optional("label", "source") or SOURCES[0]
        if source not in SOURCES:
            self._refuse("mapping_value", _one_of("source", SOURCES, source), "label.source")
        column = self._text("label", "column")
        return LabelMap(column, values, self._delay(), self._share(), source)

    def _delay(self) -> int | None:
        text = self._optional("label", "delay")
        if text is None:
            return None
        microseconds = _delay(text)
        if microseconds is None:
            self._refuse("mapping_value", _DELAYS, "label.delay")
        return microseconds

    def _share(self) -> float:
        given = self._table("label").get("reported_share", 1)
        number = isinstance(given, int | Decimal) and not isinstance(given, bool)
        share = float(given) if number else -1.0
        if not 0.0 <= share <= 1.0:
            self._refuse("mapping_value", "is a number from 0 to 1", "label.reported_share")
        return share

    def _rates(self) -> RatesMap | None:
        if "rates" not in self._document:
            return None
        base = self._text("rates", "base")
        rates: dict[str, str] = {}
        for code, value in self._table("rates").items():
            if code == "base":
                continue
            known = currency(code)
            if known is None or known.exponent is None:
                self._refuse("mapping_value", "is no ISO 4217 code", f"rates.{code}")
            if isinstance(value, bool) or not _RATE.fullmatch(str(value)):
                self._refuse("mapping_value", "is no decimal rate", f"rates.{code}")
            rates[code] = str(value)
        if currency(base) is None:
            self._refuse("mapping_value", "is no ISO 4217 code", "rates.base")
        return RatesMap(base, rates)

    def _separator(self) -> str:
        given = self._optional("file", "separator") or ","
        if len(given) != 1 or not given.isascii() or given in '"\r\n':
            self._refuse("mapping_value", "separator is one character", "file.separator")
        return given

    # --- fields ----------------------------------------------------------------------------

    def _fields(self, section: str) -> dict[str, Any]:
        """Values by catalogue path, nested tables flattened."""
        found: dict[str, Any] = {}
        for written, value in _flat(self._table(section)):
            path = catalogue_path(written)
            key = f"{section}.{written}"
            self._mappable(path, written, key)
            if path in found:
                self._refuse("mapping_twice", "the field is mapped twice", key)
            if not isinstance(value, str | int | Decimal):
                self._refuse("mapping_value", "is no single value", key)
            found[path] = value
            self._places.setdefault(path, self._places.get(key, self._name))
        return found

    def _mappable(self, path: str, written: str, key: str) -> None:
        if path in DERIVED_ONLY:
            detail = f"`{written}` is derived and cannot be mapped; {DERIVED_ONLY[path]}"
            self._refuse("mapping_derived_field", detail, key)
        if path not in MAPPABLE and not is_metadata(path):
            detail = _one_of(f"there is no field `{shown(written)}`", MAPPABLE, written)
            self._refuse("mapping_unknown_field", detail, key)

    def _written(self, path: str, value: object) -> str:
        if not isinstance(value, str) or not value:
            detail = "is the name of a column or an expression, in quotes"
            self._refuse("mapping_value", detail, path)
        return value

    # --- parts -----------------------------------------------------------------------------

    def _known(self, section: str, table: dict[str, Any], known: Collection[str]) -> None:
        for key in table:
            if key not in known:
                what = f"[{section}] has no key" if section else "there is no section"
                detail = _one_of(f"{what} `{shown(key)}`", known, key)
                self._refuse("mapping_unknown_key", detail, f"{section}.{key}".lstrip("."))

    def _table(self, section: str) -> dict[str, Any]:
        table = self._document.get(section, {})
        if not isinstance(table, dict):
            self._refuse("mapping_value", f"is a section: [{section}]", section)
        return table

    def _text(self, section: str, key: str) -> str:
        found = self._optional(section, key)
        if found is None:
            self._refuse("mapping_incomplete", f"[{section}] needs `{key}`", section)
        return found

    def _optional(self, section: str, key: str) -> str | None:
        value = self._table(section).get(key)
        if value is not None and (not isinstance(value, str) or not value):
            self._refuse("mapping_value", f"{key} is a text", f"{section}.{key}")
        return value

    def _refuse(self, code: str, detail: str, key: str) -> NoReturn:
        raise InvalidRequest(code, detail, pointer=self._places.get(key, self._name))


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        path = f"{before}.{key}" if before else key
        found += _flat(value, path) if isinstance(value, dict) else [(path, value)]
    return found


def _one_of(text: str, known: Collection[str], given: str) -> str:
    near = nearest(given, list(known))
    if near is not None:
        return f"{text}; did you mean `{near}`?"
    return f"{text}; known are {', '.join(known)}" if len(known) <= 20 else text
