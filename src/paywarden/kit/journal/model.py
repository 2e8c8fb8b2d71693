"""One entry of the event log.

Guards: the log is the only truth, state = f(log). `seq` is one dense global order from 1, given by
the state owner before the commit; `at_us` is information and plays no part in the order, so a clock
that steps back disturbs nothing. Bodies are opaque bytes to the log (personal data inside is
ciphertext by then).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from paywarden.core.scope import Scope

BODY_LIMIT_OCTETS = 1_048_576
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry `seq` (from 1) of `scope`: what happened (`kind`), when (`at_us`), and its `body`."""

    seq: int
    scope: Scope
    kind: str
    at_us: int
    body: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.seq < 2**63:
            raise ValueError("seq counts from 1")
        if not _KIND.match(self.kind):
            raise ValueError("kind is a lower-case word of at most 63 characters")
        if type(self.body) is not bytes or len(self.body) > BODY_LIMIT_OCTETS:
            raise ValueError(f"body is bytes, at most {BODY_LIMIT_OCTETS}")
