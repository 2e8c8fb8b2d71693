"""Remembered exceptions: they cover one party and one reading of one entry, for a time."""

import pytest

from paywarden.aml.screening.exceptions import LONGEST_US, Exceptions
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName, PartialDate
from paywarden.aml.screening.party import Party
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest

DAY_US = 86_400_000_000
ENTRY = ListedEntity("x-1", "x", "Person", (ListedName("Igor Sechin"),))
GOOD = Party("Igor Sechin", birth_date=PartialDate(1999, 1, 2))
BARE = Party("Igor Sechin")


def sifted(exceptions: Exceptions, party: Party, entry: ListedEntity) -> tuple[int, int]:
    hits = ScreeningIndex.build([entry]).search(party)
    found = exceptions.sift(party, hits)
    return len(found.alerts), len(found.excepted)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(1_000 * DAY_US)


def test_it_covers_the_party_and_nobody_else(clock: FixedClock) -> None:
    kept = Exceptions(clock)
    kept.remember(GOOD, ENTRY, "mia", "born 39 years later", clock.now_us() + DAY_US)
    assert sifted(kept, GOOD, ENTRY) == (0, 1)
    assert sifted(kept, BARE, ENTRY) == (1, 0)


def test_it_ends_at_its_time(clock: FixedClock) -> None:
    kept = Exceptions(clock)
    kept.remember(BARE, ENTRY, "mia", "known client", clock.now_us() + DAY_US)
    clock.advance(86_400)
    assert sifted(kept, BARE, ENTRY) == (1, 0)


def test_it_ends_when_the_entry_changes(clock: FixedClock) -> None:
    kept = Exceptions(clock)
    kept.remember(BARE, ENTRY, "mia", "known client", clock.now_us() + DAY_US)
    changed = ListedEntity("x-1", "x", "Person", ENTRY.names, (PartialDate(1999, 1, 2),))
    assert sifted(kept, BARE, changed) == (1, 0)


@pytest.mark.parametrize(
    ("who", "why", "after_us"),
    [("", "x", 1), ("mia", " ", 1), ("mia", "x", 0), ("mia", "x", LONGEST_US + 1)],
)
def test_it_is_refused_unexplained_or_without_end(
    clock: FixedClock, who: str, why: str, after_us: int
) -> None:
    with pytest.raises(InvalidRequest):
        Exceptions(clock).remember(BARE, ENTRY, who, why, clock.now_us() + after_us)
