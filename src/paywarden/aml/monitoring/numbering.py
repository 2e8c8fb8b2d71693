"""Texts of transfers as numbers: accounts, kinds, countries, and transfers in columns.

Guards: number 0 is the empty text everywhere (for accounts: the outside). Numbers of accounts that
were forgotten are given to new ones, so that memory follows the accounts that are alive. Kinds
beyond 62 different ones share a number that no setting names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.aml.monitoring.layout import (
    COUNTRIES,
    KINDS,
    ROW,
    ROW_AMOUNT,
    ROW_AT,
    ROW_FROM,
    ROW_FROM_COUNTRY,
    ROW_KIND,
    ROW_TO,
    ROW_TO_COUNTRY,
    Words,
)
from paywarden.aml.monitoring.transfers import MOST_AMOUNT_MINOR, Transfer
from paywarden.core.errors import InvalidRequest, LimitExceeded

TEXTS = ("kind", "channel", "from_country", "to_country", "from_bank", "to_bank")
Codes = npt.NDArray[np.int32]


class Numbers:
    """Numbers for texts from 0 (the empty text); `most`: further texts share the last number."""

    def __init__(self, most: int | None = None) -> None:
        self._numbers = {"": 0}
        self._texts: list[str] = [""]
        self._most = most
        self._free: list[int] = []

    def __len__(self) -> int:
        """Numbers in use or free."""
        return len(self._texts)

    def of(self, text: str) -> int:
        """The number of a text, a new one if it is not known."""
        found = self._numbers.get(text)
        if found is not None:
            return found
        if self._free:
            number = self._free.pop()
            self._texts[number] = text
        elif self._most is not None and len(self._texts) >= self._most:
            return self._most
        else:
            number = len(self._texts)
            self._texts.append(text)
        self._numbers[text] = number
        return number

    def text(self, number: int) -> str:
        """The text of a number."""
        return self._texts[number]

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts by number; freed ones are empty."""
        return tuple(self._texts)

    def forget(self, numbers: Iterable[int]) -> None:
        """Free numbers, to be given again."""
        for number in numbers:
            del self._numbers[self._texts[number]]
            self._texts[number] = ""
            self._free.append(number)

    def restore(self, texts: Sequence[str]) -> None:
        """Become what another was when it gave these texts."""
        self._texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(texts) if text}
        self._numbers[""] = 0
        self._free = [number for number, text in enumerate(texts) if number and not text]


@dataclass(frozen=True, slots=True)
class TransferBatch:
    """Transfers in order. `rows` int64 [n, ROW] (`layout`), `sequence` int64 [n].

    `codes`: per text of TEXTS int32 [n], numbers into `texts` of the same name (0: empty).
    """

    rows: Words
    sequence: Words
    codes: dict[str, Codes]
    texts: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        """Number of transfers."""
        return len(self.sequence)


class TransferNumbers:
    """All numbers of one engine."""

    def __init__(self, kinds: Iterable[str], countries: Iterable[str]) -> None:
        self.accounts = Numbers()
        self.kinds = Numbers(KINDS - 1)
        self.channels = Numbers()
        self.countries = Numbers()
        self.banks = Numbers()
        for kind in kinds:
            self.kinds.of(kind)
        for country in countries:
            self.countries.of(country)

    def batch(self, transfers: Sequence[Transfer]) -> TransferBatch:
        """Transfers, already in order and counted, in columns."""
        rows = np.zeros((len(transfers), ROW), np.int64)
        codes = {name: np.zeros(len(transfers), np.int32) for name in TEXTS}
        for row, one in enumerate(transfers):
            if not one.counts or not 0 <= one.at_us < 2**62:
                raise InvalidRequest("transfer", "a transfer of nothing, or outside of time")
            rows[row] = (
                one.at_us,
                self.accounts.of(one.from_account),
                self.accounts.of(one.to_account),
                min(one.amount_minor, MOST_AMOUNT_MINOR),
                self.kinds.of(one.kind),
                self._country(one.from_country),
                self._country(one.to_country),
            )
            codes["channel"][row] = self.channels.of(one.channel)
            codes["from_bank"][row] = self.banks.of(one.from_bank)
            codes["to_bank"][row] = self.banks.of(one.to_bank)
        return self._finished(rows, np.array([one.sequence for one in transfers], np.int64), codes)

    def _finished(self, rows: Words, sequence: Words, codes: dict[str, Codes]) -> TransferBatch:
        codes["kind"] = rows[:, ROW_KIND].astype(np.int32)
        codes["from_country"] = rows[:, ROW_FROM_COUNTRY].astype(np.int32)
        codes["to_country"] = rows[:, ROW_TO_COUNTRY].astype(np.int32)
        countries, banks = self.countries.texts, self.banks.texts
        texts = {
            "kind": self.kinds.texts,
            "channel": self.channels.texts,
            "from_country": countries,
            "to_country": countries,
            "from_bank": banks,
            "to_bank": banks,
        }
        return TransferBatch(rows, sequence, codes, texts)

    def _country(self, text: str) -> int:
        number = self.countries.of(text)
        if number >= COUNTRIES:
            raise LimitExceeded("transfer_countries", "more different countries than there are")
        return number

    def columns(self, columns: dict[str, list[str]], numbers: dict[str, Words]) -> TransferBatch:
        """Columns by the names of Transfer, in order and counted; `numbers`: at_us, amount_minor,
        sequence. Texts are looked up once for each different one."""
        rows = np.zeros((len(numbers["sequence"]), ROW), np.int64)
        rows[:, ROW_AT] = numbers["at_us"]
        rows[:, ROW_AMOUNT] = np.minimum(numbers["amount_minor"], MOST_AMOUNT_MINOR)
        places = (
            (ROW_FROM, "from_account", self.accounts.of),
            (ROW_TO, "to_account", self.accounts.of),
            (ROW_KIND, "kind", self.kinds.of),
            (ROW_FROM_COUNTRY, "from_country", self._country),
            (ROW_TO_COUNTRY, "to_country", self._country),
        )
        for place, name, number in places:
            rows[:, place] = _numbered(columns[name], number)
        codes = {
            "channel": _numbered(columns["channel"], self.channels.of),
            "from_bank": _numbered(columns["from_bank"], self.banks.of),
            "to_bank": _numbered(columns["to_bank"], self.banks.of),
        }
        return self._finished(rows, numbers["sequence"], codes)


def _numbered(texts: list[str], number: object) -> Codes:
    assert callable(number)
    known = {text: number(text) for text in dict.fromkeys(texts)}
    return np.fromiter((known[text] for text in texts), np.int32, len(texts))
