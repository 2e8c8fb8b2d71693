"""The card data environment's own event log: append-only, hash-chained, durable before an answer.

Guards: each line carries the SHA-256 of the line before, so that a changed, removed or inserted
line is found by `verify`; `append` returns when its line is on the disk. Lines that wait meanwhile
share one fsync. The queue is bounded. An event holds tokens, ids and codes, never a card number:
runs of 13 to 19 digits with a right check digit, separators aside, are cut out of every text.
Not done here: cutting off the end is seen only against a head kept elsewhere (`head`).
Source: PCI DSS 4.0.1, 10.2.1, 10.3.2 and 10.3.4.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Literal

import msgspec

from paywarden.cde.card import luhn_passes
from paywarden.core.clock import Clock
from paywarden.core.errors import Corrupt, LimitExceeded, Unavailable
from paywarden.kit.durable import sync_directory
from paywarden.reference.card_numbers import MAX_DIGITS, MIN_DIGITS

GENESIS: Final = "0" * 64
QUEUE_LIMIT: Final = 4_096
BATCH_LIMIT: Final = 512
LINE_LIMIT_OCTETS: Final = 8_192
_DIGITS: Final = re.compile(r"[0-9](?:[^0-9A-Za-z_]{0,2}[0-9]){12,}")
Severity = Literal["info", "warning", "critical"]
Scalar = str | int | bool | None


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: `previous` is the SHA-256 (hex) of the line before, without its line feed."""

    seq: int
    previous: str
    at_us: int
    kind: str
    severity: Severity
    scope: str
    detail: dict[str, Scalar]


class Head(msgspec.Struct, frozen=True):
    """Where a log ends: its last sequence (0: empty) and the hash of its last line."""

    seq: int
    hash: str


Entry = tuple[str, Severity, str, dict[str, Scalar], "Future[int]"]


class EventLog:
    """Appends to one file from one thread; `observe(kind, severity)` counts for the metrics."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        observe: Callable[[str, Severity], None] = lambda _kind, _severity: None,
    ) -> None:
        """Errors: Corrupt when the file that is there does not verify, Unavailable for its disk."""
        self._clock = clock
        self._observe = observe
        self._head = verify(path) if path.exists() else Head(0, GENESIS)
        self._handle = _open(path)
        self._failed = False
        self._waiting: queue.Queue[Entry | None] = queue.Queue(QUEUE_LIMIT)
        self._thread = threading.Thread(target=self._run, name="cde-events", daemon=True)
        self._thread.start()

    @property
    def head(self) -> Head:
        """The end of what is durable; keep it elsewhere to see a cut."""
        return self._head

    def append(
        self, kind: str, severity: Severity, scope: str, detail: dict[str, Scalar]
    ) -> Future[int]:
        """Queue an event; the future gives its sequence when it is on the disk.

        Errors: LimitExceeded for a full queue, Unavailable (by the future) when the disk does not
        take it.
        """
        detail = {name: _cut(one) if isinstance(one, str) else one for name, one in detail.items()}
        done: Future[int] = Future()
        try:
            self._waiting.put_nowait((kind, severity, scope, detail, done))
        except queue.Full:
            raise LimitExceeded("events_full", "the event log cannot keep up; try later") from None
        self._observe(kind, severity)
        return done

    def close(self) -> None:
        """Write what waits, then close."""
        self._waiting.put(None)
        self._thread.join()
        os.close(self._handle)

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._waiting.get()]
            while len(batch) < BATCH_LIMIT and batch[-1] is not None:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            going = batch[-1] is not None
            self._write([entry for entry in batch if entry is not None])

    def _write(self, batch: list[Entry]) -> None:
        head, lines, seqs = self._head, [], []
        for kind, severity, scope, detail, _done in batch:
            event = Event(
                head.seq + 1, head.hash, self._clock.now_us(), kind, severity, scope, detail
            )
            line = msgspec.json.encode(event)
            head = Head(event.seq, hashlib.sha256(line).hexdigest())
            lines.append(line + b"\n")
            seqs.append(event.seq)
        try:
            if self._failed:  # a line may be half there; only a restart looks at the file again
                raise OSError("an earlier write failed")
            if lines:
                _write_all(self._handle, b"".join(lines))
                os.fdatasync(self._handle)
        except OSError:
            self._failed = True
            fault = Unavailable("events_unwritable", "the disk refuses the event; nothing is done")
            for entry in batch:
                entry[4].set_exception(fault)
            return
        self._head = head
        for entry, seq in zip(batch, seqs, strict=True):
            entry[4].set_result(seq)


def verify(path: Path) -> Head:
    """Check every line of a log. Errors: Corrupt `events_corrupt` naming the line."""
    head = Head(0, GENESIS)
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(LINE_LIMIT_OCTETS + 1), b""):
            head = _after(head, line)
    return head


def _after(head: Head, line: bytes) -> Head:
    seq = head.seq + 1
    if not line.endswith(b"\n"):
        raise Corrupt("events_corrupt", f"line {seq} is cut off or too long; see its backup")
    try:
        event = msgspec.json.decode(line, type=Event)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Corrupt("events_corrupt", f"line {seq} is no event") from None
    if event.seq != seq or event.previous != head.hash:
        raise Corrupt("events_corrupt", f"line {seq} does not follow the line before it")
    return Head(seq, hashlib.sha256(line[:-1]).hexdigest())


def _cut(text: str) -> str:
    """The text without what may be a card number."""
    return _DIGITS.sub(lambda found: "[digits]" if _holds_number(found[0]) else found[0], text)


def _holds_number(run: str) -> bool:
    digits = bytes(map(ord, filter(str.isdigit, run)))
    return any(
        luhn_passes(digits[start : start + length])
        for length in range(MIN_DIGITS, MAX_DIGITS + 1)
        for start in range(len(digits) - length + 1)
    )


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o600)
        sync_directory(path.parent)
    except OSError:
        raise Unavailable("events_unwritable", f"{path.name} cannot be written") from None
    return handle


def _write_all(handle: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(handle, rest) :]
