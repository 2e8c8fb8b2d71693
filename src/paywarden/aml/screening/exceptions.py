"""Remembered exceptions: a person has judged that this party is not that entry ("good guy").

Guards: an exception names who decided, why and until when; it covers one party and one entry as it
read on that day, and ends when it expires or when the entry's content changes, because a changed
entry may describe the party after all. It hides nothing: suppressed hits are handed back beside the
others. Not done here: keeping them on disk, and who may decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paywarden.aml.screening.index import Hit
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.party import Party
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest

LONGEST_US = 366 * 24 * 3_600 * 1_000_000
"""An exception lasts a year at most; then a person looks again."""
MOST_EXCEPTIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class ScreeningException:
    """Instants in microseconds since 1970 UTC."""

    party_key: str
    entity_id: str
    content_hash: str
    person: str
    reason: str
    decided_at_us: int
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class Sifted:
    """Hits that alert, and hits that an exception covers."""

    alerts: tuple[Hit, ...]
    excepted: tuple[tuple[Hit, ScreeningException], ...]


class Exceptions:
    """Exceptions in memory, one per party and entry; a later one replaces an earlier one."""

    def __init__(self, clock: Clock, kept: Iterable[ScreeningException] = ()) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], ScreeningException] = {}
        for one in kept:
            self._keep(one)

    def remember(
        self, party: Party, entity: ListedEntity, person: str, reason: str, expires_at_us: int
    ) -> ScreeningException:
        """Record a judgement. Errors: InvalidRequest without person, reason or a sound expiry."""
        now = self._clock.now_us()
        if not person.strip() or not reason.strip():
            raise InvalidRequest("exception_unexplained", "an exception needs person and reason")
        if not now < expires_at_us <= now + LONGEST_US:
            detail = "an exception expires in the future, within 366 days"
            raise InvalidRequest("exception_expiry", detail)
        made = ScreeningException(
            party.key(), entity.id, entity.content_hash, person, reason, now, expires_at_us
        )
        self._keep(made)
        return made

    def sift(self, party: Party, hits: Iterable[Hit]) -> Sifted:
        """Part the hits by whether a living exception covers them."""
        key = party.key()
        alerts, excepted = [], []
        for hit in hits:
            found = self._kept.get((key, hit.entity.id))
            if found is not None and self._lives(found, hit.entity):
                excepted.append((hit, found))
            else:
                alerts.append(hit)
        return Sifted(tuple(alerts), tuple(excepted))

    def __iter__(self) -> Iterator[ScreeningException]:
        return iter(self._kept.values())

    def _lives(self, one: ScreeningException, entity: ListedEntity) -> bool:
        return self._clock.now_us() < one.expires_at_us and one.content_hash == entity.content_hash

    def _keep(self, one: ScreeningException) -> None:
        key = (one.party_key, one.entity_id)
        if key not in self._kept and len(self._kept) >= MOST_EXCEPTIONS:
            detail = f"over {MOST_EXCEPTIONS} exceptions; remove those that have expired"
            raise InvalidRequest("exceptions_full", detail)
        self._kept[key] = one
