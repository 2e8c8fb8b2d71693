"""Cards from another vault: each row of a sealed file becomes a token, or the code of a refusal.

    row     {"reference": "old-17", "number": "4111...", "expiry": "2031-07"}     one JSON line each
    result  {"row": 1, "reference": "old-17", "token": "tk_...", "fingerprint": "fp_...",
             "existing": false}  or  {"row": 2, "reference": "old-18", "code": "card_expired"}

Guards: results never hold a number, nor what stood in a row that is none (a reference that looks
like a card is one of those). Rows go to the vault in batches, and each batch's results are on disk
before the next is read. Going on after a stop: as many rows are passed over as results stand there,
and a batch that was sent twice gives the same tokens, for a multi-use token is stable. The vault's
caps hold: at the caller's (`card_cap_caller`) the import pauses, to be started again later; a card
like too many others (`card_cap_alike`) is a refused row, to be sent in a later file. The results
name the file that they belong to. Not done here: who may import (`entrypoints`), unsealing.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.core.errors import Conflict, Unavailable
from paywarden.reference.card_numbers import looks_like_card_number

ROW_OCTETS: Final = 1_024
BATCH_ROWS: Final = 64
PAUSING: Final = "card_cap_caller"
_MALFORMED: Final = "row_malformed"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card to keep; it prints nothing that it holds."""

    reference: Annotated[str, Meta(min_length=1, max_length=128)]
    number: Annotated[str, Meta(min_length=1, max_length=32)]
    expiry: Annotated[str, Meta(min_length=1, max_length=16)]

    def __repr__(self) -> str:
        return "<Row>"


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a row; `code` where it was refused."""

    row: int
    reference: str = ""
    token: str = ""
    fingerprint: str = ""
    existing: bool = False
    code: str = ""


class Keeps(Protocol):
    """Port to the vault."""

    async def tokenise(
        self, scope: str, merchant: str, caller: str, cards: Sequence[wire.CardGiven]
    ) -> list[wire.TokenAnswer] | Refused:
        """A token or a refusal per card, in their order."""
        ...


@dataclass(slots=True)
class Receipt:
    """Counts of a whole file by outcome, whether it is through, and the results' SHA-256."""

    rows: int = 0
    made: int = 0
    existing: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    finished: bool = False
    sha256: str = ""


class Results:
    """The file of results: a first line that names the source, then a line a row."""

    def __init__(self, path: Path, source: str) -> None:
        """Errors: Conflict `results_of_another_file`."""
        self.receipt = Receipt()
        self._head = msgspec.json.encode({"source": source}) + b"\n"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "r+b")
        self._digest = hashlib.sha256()
        try:
            self._go_on(path)
        except BaseException:
            self._file.close()
            raise

    def _go_on(self, path: Path) -> None:
        head = self._file.readline()
        if not head.endswith(b"\n"):
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._head)
        elif head != self._head:
            raise Conflict("results_of_another_file", f"{path.name} holds another file's results")
        self._digest.update(self._head)
        end = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n"):
                break  # cut while it was written: its batch is done again
            self._count(msgspec.json.decode(line, type=Result))
            self._digest.update(line)
            end += len(line)
        self._file.seek(end)
        self._file.truncate()

    def add(self, results: Iterable[Result]) -> None:
        """Durable on return."""
        for one in results:
            line = msgspec.json.encode(one) + b"\n"
            self._file.write(line)
            self._digest.update(line)
            self._count(one)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self.receipt.sha256 = self._digest.hexdigest()
        self._file.close()

    def _count(self, one: Result) -> None:
        receipt = self.receipt
        receipt.rows += 1
        if one.code:
            receipt.refused[one.code] += 1
        elif one.existing:
            receipt.existing += 1
        else:
            receipt.made += 1


class Importing:
    """The use case for one merchant of one scope, in the name of `caller`."""

    def __init__(self, vault: Keeps, scope: str, merchant: str, caller: str) -> None:
        self._vault, self._scope, self._merchant, self._caller = vault, scope, merchant, caller

    async def run(self, rows: Iterator[bytes], results: Results) -> Receipt:
        """Go on until the file ends or a cap holds. Errors: Unavailable, Corrupt of the file."""
        done = results.receipt.rows
        for _ in islice(rows, done):
            pass
        while batch := list(islice(rows, BATCH_ROWS)):
            answers = await self._answers(batch, done + 1)
            paused = next((n for n, one in enumerate(answers) if one.code == PAUSING), None)
            results.add(answers[:paused])
            done += len(answers[:paused])
            if paused is not None:
                return results.receipt
        results.receipt.finished = True
        return results.receipt

    async def _answers(self, batch: Sequence[bytes], first: int) -> list[Result]:
        rows = [_row(line) for line in batch]
        given = [wire.CardGiven(one.number.encode(), one.expiry) for one in rows if one is not None]
        told = iter(await self._told(given))
        return [
            Result(number, code=_MALFORMED) if row is None else _result(number, row, next(told))
            for number, row in enumerate(rows, first)
        ]

    async def _told(self, given: Sequence[wire.CardGiven]) -> list[wire.TokenAnswer]:
        if not given:
            return []
        told = await self._vault.tokenise(self._scope, self._merchant, self._caller, given)
        if isinstance(told, Refused):
            raise Unavailable("vault_refused", f"the vault refused ({told.code}); start again")
        return told


def _row(line: bytes) -> Row | None:
    try:
        row = msgspec.json.decode(line, type=Row)
        row.number.encode("ascii")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return None if looks_like_card_number(row.reference) else row


def _result(number: int, row: Row, told: wire.TokenAnswer) -> Result:
    if isinstance(told, wire.TokenRefused):
        return Result(number, row.reference, code=told.code)
    return Result(number, row.reference, told.token, told.fingerprint, told.existing)
