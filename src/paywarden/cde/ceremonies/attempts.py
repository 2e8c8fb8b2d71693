"""How often parts may be wrong: counted on disk before the answer, so that a restart forgets none.

Guards: ten wrong parts within an hour close the door until the hour is over; the first right quorum
clears the count. A part has 256 random bits: the limit is against confusion and mischief that
should be noticed, not against guessing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.errors import LimitExceeded
from paywarden.core.instants import MICROSECONDS

WRONG_LIMIT: Final = 10
WINDOW_SECONDS: Final = 3_600


class _Count(msgspec.Struct, frozen=True):
    since_us: int
    wrong: int


class Attempts:
    """Wrong parts of the present window, in a file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def check(self) -> None:
        """Errors: LimitExceeded `attempts_exceeded` while the door is closed."""
        found = self._read()
        if found.wrong >= WRONG_LIMIT:
            left = found.since_us // MICROSECONDS + WINDOW_SECONDS
            seconds = max(1, left - self._clock.now_us() // MICROSECONDS)
            detail = f"too many wrong parts; try again in {seconds} s"
            raise LimitExceeded("attempts_exceeded", detail, retry_after_seconds=seconds)

    def wrong(self) -> int:
        """Count one more, durably; how many are left."""
        found = self._read()
        self._write(_Count(found.since_us, found.wrong + 1))
        return max(0, WRONG_LIMIT - found.wrong - 1)

    def clear(self) -> None:
        """A quorum was right: forget."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> _Count:
        now_us = self._clock.now_us()
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Count)
        except FileNotFoundError:
            return _Count(now_us, 0)
        except msgspec.DecodeError:
            return _Count(now_us, WRONG_LIMIT)  # an unreadable count closes the door for an hour
        over = now_us - found.since_us >= WINDOW_SECONDS * MICROSECONDS
        return _Count(now_us, 0) if over else found

    def _write(self, count: _Count) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(count))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
