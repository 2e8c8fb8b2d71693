"""Limits on hosted fields against card testing, before the vault is asked.

Guards: a page that everybody may open is where stolen numbers are tried out, and BIN and last four
leave about a thousand possible numbers, so that whoever may ask without limit finds the number
behind a fingerprint. Counted in a window, by session, address and merchant: tries, different cards,
and different cards with one BIN and last four. Cards are told apart by a digest under a key of this
start, cut to 16 octets: memory holds no number, and a restart forgets the counts. Memory is
bounded: when `PLACES` counts are held, the oldest go.
Not done here: rates by key and address (`kit.http.limits`), the caps on each key's cards, which
survive restarts (`cde.vault.caps`).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import LimitExceeded
from paywarden.core.instants import MICROSECONDS

PLACES: Final = 65_536
DIGEST_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `tries`, `cards` and `alike` (one BIN and last four) within `seconds`."""

    name: str
    seconds: int
    tries: int
    cards: int
    alike: int


OF_MERCHANT_FIELDS: Final = Allowance("merchant", 3_600, 20_000, 10_000, 50)
OF_ADDRESS: Final = Allowance("address", 3_600, 60, 20, 5)
OF_SESSION: Final = Allowance("session", 900, 10, 3, 2)
"""Defaults; a shop's customers rarely need a second card, and never a fourth."""


@dataclass(slots=True)
class _Counted:
    ends_us: int
    tries: int = 0
    cards: set[bytes] = field(default_factory=set)
    alike: dict[bytes, set[bytes]] = field(default_factory=dict)


class Tries:
    """Counts by allowance and subject."""

    def __init__(self, clock: Clock, randomness: Randomness, places: int = PLACES) -> None:
        self._clock, self._places = clock, places
        self._key = randomness.octets(32)
        self._held: OrderedDict[tuple[str, str], _Counted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def count_try(self, subjects: Sequence[tuple[Allowance, str]]) -> None:
        """One try, good or bad, at all or none. Errors: LimitExceeded `tries_too_many`."""
        found = [(one, self._of(one, subject)) for one, subject in subjects]
        for allowance, counted in found:
            if counted.tries >= allowance.tries:
                raise self._over("tries_too_many", allowance, counted)
        for _, counted in found:
            counted.tries += 1

    def count_card(self, subjects: Sequence[tuple[Allowance, str]], pan: bytes) -> None:
        """One whole card. Errors: LimitExceeded `cards_too_many`."""
        card = self._digest(b"card", pan)
        alike = self._digest(b"alike", pan[:8] + pan[-4:])
        found = [(one, self._of(one, subject)) for one, subject in subjects]
        for allowance, counted in found:
            if card not in counted.cards and (
                len(counted.cards) >= allowance.cards
                or len(counted.alike.get(alike, ())) >= allowance.alike
            ):
                raise self._over("cards_too_many", allowance, counted)
        for _, counted in found:
            counted.cards.add(card)
            counted.alike.setdefault(alike, set()).add(card)

    def _of(self, allowance: Allowance, subject: str) -> _Counted:
        name, now_us = (allowance.name, subject), self._clock.now_us()
        counted = self._held.get(name)
        if counted is None or counted.ends_us <= now_us:
            counted = _Counted(now_us + allowance.seconds * MICROSECONDS)
            self._held[name] = counted
            self._held.move_to_end(name)
            while len(self._held) > self._places:
                self._held.popitem(last=False)
        return counted

    def _over(self, code: str, allowance: Allowance, counted: _Counted) -> LimitExceeded:
        seconds = max(1, -(-(counted.ends_us - self._clock.now_us()) // MICROSECONDS))
        return LimitExceeded(
            code, f"the limit by {allowance.name} is reached", retry_after_seconds=seconds
        )

    def _digest(self, purpose: bytes, octets: bytes) -> bytes:
        made = hashlib.blake2b(octets, key=self._key, person=purpose, digest_size=DIGEST_OCTETS)
        return made.digest()
