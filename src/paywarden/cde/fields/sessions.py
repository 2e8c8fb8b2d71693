"""Sessions of hosted fields: made by a merchant's server, spent by one card.

Guards: the id is 32 random octets, known to the merchant's page alone; memory holds its digest. A
session names the one origin that may embed it and hear its answer, the merchant, the form of token.
`spending` claims it before the vault is asked, so that of two cards sent at once one is refused; a
card that is not taken gives it back, the token ends it. At most `SESSIONS_LIMIT` are open, of one
key `KEY_LIMIT`; ended ones are swept as new ones come. They live in the memory of one process: a
restart ends them, and the merchant's server makes new ones. Not done here: limits on tries
(`edge.tries`).
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from paywarden.cde.edge.messages import Form
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import LimitExceeded, NotFound
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope

LIFE_SECONDS: Final = 900
SESSIONS_LIMIT: Final = 100_000
KEY_LIMIT: Final = 20_000
_ID_OCTETS: Final = 32
ID_CHARACTERS: Final = 43


@dataclass(frozen=True, slots=True)
class FieldSession:
    """An open session; `name` is safe to log."""

    name: str
    scope: Scope
    merchant: str
    key_id: str
    origin: str
    ancestors: tuple[str, ...]
    form: Form
    expires_at_us: int
    button: bool = True


class FieldSessions:
    """Open sessions by digest of their id, oldest first."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        limit: int = SESSIONS_LIMIT,
        key_limit: int = KEY_LIMIT,
    ) -> None:
        self._clock, self._randomness = clock, randomness
        self._limit, self._key_limit = limit, key_limit
        self._open: OrderedDict[bytes, FieldSession] = OrderedDict()
        self._of_key: Counter[str] = Counter()
        self._claimed: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._open)

    def make(
        self,
        scope: Scope,
        merchant: str,
        key_id: str,
        origin: str,
        ancestors: tuple[str, ...],
        form: Form,
        *,
        button: bool = True,
    ) -> tuple[str, FieldSession]:
        """(secret id, session). Errors: LimitExceeded `field_sessions_full`."""
        self._sweep()
        if len(self._open) >= self._limit or self._of_key[key_id] >= self._key_limit:
            raise LimitExceeded(
                "field_sessions_full", "too many sessions are open", retry_after_seconds=60
            )
        text = base64.urlsafe_b64encode(self._randomness.octets(_ID_OCTETS)).decode().rstrip("=")
        digest = _digest(text)
        made = FieldSession(
            "fs_" + digest[:8].hex(), scope, merchant, key_id, origin, ancestors, form,
            self._clock.now_us() + LIFE_SECONDS * MICROSECONDS, button,
        )  # fmt: skip
        self._open[digest] = made
        self._of_key[key_id] += 1
        return text, made

    def find(self, text: str) -> FieldSession:
        """The open session of an id. Errors: NotFound `field_session_unknown`."""
        found = self._open.get(_digest(text)) if len(text) == ID_CHARACTERS else None
        if found is None or found.expires_at_us <= self._clock.now_us():
            raise unknown()
        return found

    @contextmanager
    def spending(self, text: str) -> Iterator[FieldSession]:
        """Claim a session; it ends with the block, unless the block raises.

        Errors: NotFound `field_session_unknown` (also while another card is under way).
        """
        session, digest = self.find(text), _digest(text)
        if digest in self._claimed:
            raise unknown()
        self._claimed.add(digest)
        try:
            yield session
            self._end(digest)
        finally:
            self._claimed.discard(digest)

    def _end(self, digest: bytes) -> None:
        ended = self._open.pop(digest, None)
        if ended is not None:
            self._of_key[ended.key_id] -= 1
            if not self._of_key[ended.key_id]:
                del self._of_key[ended.key_id]

    def _sweep(self) -> None:
        now_us = self._clock.now_us()
        while self._open:
            digest, session = next(iter(self._open.items()))
            if session.expires_at_us > now_us:
                return
            self._end(digest)


def unknown() -> NotFound:
    """One answer for unknown, ended, spent and claimed sessions."""
    return NotFound("field_session_unknown", "no such session is open")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
