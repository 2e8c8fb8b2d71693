"""Which columns of a table are what: accounts, time, amount, the outside, and where truth lies.

Guards: known sections and keys only, every error with its section; truth is named in a section of
its own and read by judging alone. Errors: InvalidRequest `mapping_*`, TooLarge, Unparsable.
Without a file the columns are those of the contract (`COLUMNS`). Format: TOML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable

MAX_OCTETS: Final = 100_000
TEXTS: Final = ("kind", "channel", "from_country", "to_country", "from_bank", "to_bank")
"""Columns that may be absent: texts, empty where nothing is known."""
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "columns": ("sequence", "from_account", "to_account", *TEXTS),
    "time": ("column", "unit", "start"),
    "amount": ("column", "exponent"),
    "outside": ("accounts",),
    "accounts": ("file", "account"),
    "truth": ("patterns", "pattern", "family", "account", "main", "transfers", "laundering"),
}


@dataclass(frozen=True, slots=True)
class TruthMap:
    """`patterns`: a file (beside the transfers) of pattern, family, account, main.

    Transfers of laundering stand in a file of their own (`transfers`, joined by `sequence`), or
    are marked in the column `laundering` of the table itself.
    """

    patterns: str = "truth/patterns.csv"
    pattern: str = "pattern"
    family: str = "family"
    account: str = "account"
    main: str = "main"
    transfers: str | None = "truth/transfers.csv"
    laundering: str | None = None


@dataclass(frozen=True, slots=True)
class TransferMap:
    """`unit`: us, ms, s, day (counted from `start`), datetime, or a strftime format.

    `exponent`: decimal places of a whole unit; None: the column holds minor units already.
    `outside`: identifiers that stand for everybody who is no account of the house.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_column: str = "at_us"
    unit: str = "us"
    start: str = "2026-01-01"
    amount_column: str = "amount_minor"
    exponent: int | None = None
    outside: tuple[str, ...] = ("",)
    accounts_file: str | None = "accounts.csv"
    accounts_column: str = "account"
    truth: TruthMap = TruthMap()

    def column(self, name: str) -> str:
        """The file's name of a column of the contract."""
        return self.columns.get(name, name)


def read_map(path: Path | None) -> TransferMap:
    """The mapping of a file, or the contract's own. Errors: those of `mapping_*` above."""
    if path is None:
        return TransferMap()
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_OCTETS + 1)
    except OSError as error:
        raise InvalidRequest("mapping_unreadable", "cannot be read", pointer=str(path)) from error
    if len(raw) > MAX_OCTETS:
        raise TooLarge("mapping_too_large", f"has over {MAX_OCTETS} bytes", pointer=path.name)
    try:
        document = tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise Unparsable("mapping_unparsable", "is not UTF-8", pointer=path.name) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        pointer = f"{path.name}:{line.group(1)}" if line else path.name
        raise Unparsable("mapping_unparsable", "is not TOML here", pointer=pointer) from error
    return _map_of(document, path.name)


def _map_of(document: Mapping[str, Any], name: str) -> TransferMap:
    for section, content in document.items():
        if section not in _SECTIONS or not isinstance(content, dict):
            known = ", ".join(_SECTIONS)
            raise InvalidRequest("mapping_section", f"sections are {known}", pointer=name)
        for key in content:
            if key not in _SECTIONS[section]:
                detail = f"keys here are {', '.join(_SECTIONS[section])}"
                raise InvalidRequest("mapping_key", detail, pointer=f"{name}:{section}.{key}")
    read = _Section(document, name)
    exponent = document.get("amount", {}).get("exponent")
    if exponent is not None and (type(exponent) is not int or not 0 <= exponent <= 6):
        raise InvalidRequest(
            "mapping_value", "an exponent is 0 to 6", pointer=f"{name}:amount.exponent"
        )
    truth = TruthMap()
    if "truth" in document:
        given = {key: read.text("truth", key) for key in document["truth"]}
        truth = TruthMap(**{"transfers": None, **given})  # type: ignore[arg-type]
    return TransferMap(
        columns={key: read.text("columns", key) for key in document.get("columns", {})},
        time_column=read.text("time", "column", "at_us"),
        unit=read.text("time", "unit", "us"),
        start=read.text("time", "start", "2026-01-01"),
        amount_column=read.text("amount", "column", "amount_minor"),
        exponent=exponent,
        outside=read.texts("outside", "accounts", ("",)),
        accounts_file=read.text("accounts", "file", "accounts.csv"),
        accounts_column=read.text("accounts", "account", "account"),
        truth=truth,
    )


@dataclass(frozen=True, slots=True)
class _Section:
    document: Mapping[str, Any]
    name: str

    def text(self, section: str, key: str, default: str = "") -> str:
        found = self.document.get(section, {}).get(key, default)
        if not isinstance(found, str):
            raise self._wrong(section, key, "is a text in quotes")
        return found

    def texts(self, section: str, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        found = self.document.get(section, {}).get(key, default)
        if isinstance(found, list | tuple) and all(isinstance(one, str) for one in found):
            return tuple(found)
        raise self._wrong(section, key, "is a list of texts in quotes")

    def _wrong(self, section: str, key: str, detail: str) -> InvalidRequest:
        return InvalidRequest("mapping_value", detail, pointer=f"{self.name}:{section}.{key}")
