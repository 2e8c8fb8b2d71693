"""A person's verdict on a party and a list entry. Pure values.

Guards: a verdict names who gave it, why, and on which decision; "different" (the good-guy pair)
ends by itself, after a year at the latest or when the entry's content changes, because a changed
entry may describe the party after all. "same" stays until somebody ends it. The party stands as a
keyed digest, so that erasing a person leaves no name here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope

Word = Literal["different", "same"]
LONGEST_US: Final = 366 * DAY_US
MOST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """Instants in microseconds since 1970 UTC. `party_key`: hex. `decision_seq`: where it was seen.

    `expires_at_us` None: until somebody ends it. `ended_at_us`, `ended_by`: when somebody did.
    """

    id: str
    scope: Scope
    party_key: str
    role: str
    entry: str
    source: str
    content_hash: str
    word: Word
    person: str
    reason: str
    decision_seq: int
    decided_at_us: int
    expires_at_us: int | None
    ended_at_us: int | None = None
    ended_by: str = ""

    def holds(self, now_us: int, content_hash: str) -> bool:
        """Whether it speaks of an entry as it reads now."""
        if self.ended_at_us is not None:
            return False
        if self.expires_at_us is not None and now_us >= self.expires_at_us:
            return False
        return self.word == "same" or self.content_hash == content_hash
