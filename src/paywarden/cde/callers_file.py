"""`Callers` over the roster that the house hands in: no file of the house's own is opened.

Guards: the roster counts only under the pinned key; it is read again when it changed; an older one
than was seen never comes back; past its age nobody is believed (`callers_stale`), because a key
that was revoked since would still stand in it. One that cannot be read or is not signed leaves the
last good one in force until that is too old, and an alarm says so: whoever can write garbage here
could as well keep the old roster in place. A key's own end is checked at each use. Look-ups are by
a digest of 160 random bits, whose timing tells nothing.
Standard: PCI DSS 4.0.1, 1.4 (segmentation), 7.2.5, 8.6.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde.callers import Caller
from paywarden.cde.pinned_file import pinned_octets
from paywarden.cde_client.callers import LIMIT_OCTETS, CallerRow, Roster, check_of, opened
from paywarden.cde_client.facts import TENANT_WIDE
from paywarden.core.clock import Clock
from paywarden.core.errors import Unavailable
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.kit.log import logger

MAX_AGE_SECONDS: Final = 300
AHEAD_SECONDS: Final = 60
PIN_OCTETS: Final = 32
_Stamp = tuple[int, int, int]
_Held = Mapping[bytes, tuple[Caller, int | None]]


class RosterCallers:
    """`Callers` of `roster`, under the key in `pin`. Errors: Unavailable `callers_unpinned`."""

    def __init__(
        self, roster: Path, pin: Path, clock: Clock, *, max_age_seconds: int = MAX_AGE_SECONDS
    ) -> None:
        self._path, self._clock = roster, clock
        self._public = pinned_octets(pin, PIN_OCTETS + 1, "callers_unpinned")
        if len(self._public) != PIN_OCTETS:
            raise Unavailable("callers_unpinned", f"{pin.name} is no public key of 32 octets")
        self._max_age_us = max_age_seconds * MICROSECONDS
        self._stamp: _Stamp | None = None
        self._issued_at_us: int | None = None
        self._held: _Held = {}

    def of(self, bearer: str) -> Caller | None:
        """The caller of a key's text. Errors: Unavailable `callers_missing`, `callers_stale`."""
        self._follow()
        standing = self.standing()
        if standing == "missing":
            raise Unavailable("callers_missing", "the house has handed in no roster of callers")
        if standing != "fresh":
            raise Unavailable("callers_stale", "the roster of callers is too old to be believed")
        caller, expires_at_us = self._held.get(check_of(bearer), (None, None))
        if expires_at_us is not None and expires_at_us <= self._clock.now_us():
            return None
        return caller

    def standing(self) -> str:
        """`fresh`, `stale` or `missing`."""
        self._follow()
        if self._issued_at_us is None:
            return "missing"
        age_us = self._clock.now_us() - self._issued_at_us
        return "fresh" if -AHEAD_SECONDS * MICROSECONDS <= age_us <= self._max_age_us else "stale"

    def _follow(self) -> None:
        try:
            found = os.stat(self._path)
        except OSError:
            return  # what is held gets old
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._stamp = stamp
            self._take()

    def _take(self) -> None:
        try:
            with self._path.open("rb") as file:
                roster = opened(file.read(LIMIT_OCTETS + 1), self._public)
            held = _held_of(roster)
        except (OSError, ValueError, msgspec.MsgspecError) as fault:
            logger().error("callers_unreadable", error_type=type(fault).__name__)
            return
        if self._issued_at_us is not None and roster.issued_at_us < self._issued_at_us:
            logger().error("callers_rolled_back")
            return
        self._issued_at_us, self._held = roster.issued_at_us, held


def _held_of(roster: Roster) -> _Held:
    # A key "of the merchant *" would be one of the whole tenant.
    rows = [row for row in roster.callers if row.merchant != TENANT_WIDE]
    return {row.check: (_caller(row), row.expires_at_us) for row in rows}


def _caller(row: CallerRow) -> Caller:
    scope = Scope.parse(row.scope)
    return Caller(scope, row.merchant, row.key_id, frozenset(row.permissions))
