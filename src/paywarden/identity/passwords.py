"""Which passwords are acceptable (PCI DSS 4.0.1, 8.3.6 and 8.3.7).

Guards: 12 to 128 characters, letters and digits, not in the operator's list of breached ones,
zxcvbn score of 3 or more with the person's own names known, none of the last four. Cheap checks
come first. Compared in Unicode form NFKC, so that keyboards that compose letters otherwise agree.
8.3.9 (a change every 90 days) is for passwords that are the only factor: here none is, see
docs/compliance/pci-dss-8.md.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.core.secret import Secret
from paywarden.identity.breached import BreachedPasswords
from paywarden.identity.model import PasswordRecord
from paywarden.identity.ports import PasswordHashing

SHORTEST: Final = 12
LONGEST: Final = 128
SCORE: Final = 3
REMEMBERED: Final = 4
OWN: Final = 8
"""So many letters and digits must be left when the person's own names are taken out."""
_POINTER: Final = "/password"
_WORDS: Final = re.compile(r"[\W_]+")


def normalised(password: Secret[str]) -> Secret[str]:
    """NFKC; what is too long to be a password is cut, since it fits none."""
    return Secret(unicodedata.normalize("NFKC", password.expose()[: 4 * LONGEST]))


class PasswordPolicy:
    """Judges and hashes new passwords."""

    def __init__(self, hashing: PasswordHashing, breached: BreachedPasswords, clock: Clock) -> None:
        self._hashing = hashing
        self._breached = breached
        self._clock = clock

    async def accept(
        self,
        person: PersonId,
        given: Secret[str],
        own_words: Sequence[str],
        before: PasswordRecord | None,
    ) -> PasswordRecord:
        """The record of a new password. Errors: InvalidRequest `password_...`, LimitExceeded."""
        password = normalised(given)
        _check_form(password.expose())
        if await asyncio.to_thread(self._breached.holds, password):
            raise _refused("password_breached", "this password is known from a breach")
        words = _parts(own_words)
        alone = _without(password.expose(), words)
        if alone < OWN or await self._hashing.strength(password, words) < SCORE:
            raise _refused("password_weak", "this password is easy to guess; add words to it")
        earlier = () if before is None else (before.encoded, *before.earlier)
        for encoded in earlier[:REMEMBERED]:
            if await self._hashing.verify(encoded, password):
                raise _refused("password_used_before", "this is one of your last four passwords")
        encoded = await self._hashing.hash(password)
        kept = earlier[: REMEMBERED - 1]
        return PasswordRecord(person, encoded, self._clock.now_us(), kept)

    async def rehashed(self, record: PasswordRecord, password: Secret[str]) -> PasswordRecord:
        """The same password under the present parameters."""
        return replace(record, encoded=await self._hashing.hash(normalised(password)))


def _check_form(password: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise _refused("password_length", f"use {SHORTEST} to {LONGEST} characters")
    letters = any(character.isalpha() for character in password)
    digits = any(character.isdigit() for character in password)
    if not letters or not digits:
        raise _refused("password_simple", "use letters and digits")


def _parts(words: Sequence[str]) -> list[str]:
    """Words and their parts, as zxcvbn wants them."""
    parts = [part for word in words for part in (word, *_WORDS.split(word)) if len(part) > 1]
    return sorted({part.casefold() for part in parts})


def _without(password: str, words: Sequence[str]) -> int:
    """How many letters and digits are left without `words`."""
    rest = password.casefold()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ") if len(word) > 2 else rest
    return sum(character.isalnum() for character in rest)


def _refused(code: str, detail: str) -> InvalidRequest:
    return InvalidRequest(code, detail, pointer=_POINTER)
