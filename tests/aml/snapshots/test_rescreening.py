"""Known parties against a delta: every party once, resumable at any page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.rescreening import rescreen
from paywarden.aml.screening.snapshots.model import Delta, ListsChanged


@dataclass(frozen=True)
class Somebody:
    id: str
    name: str


class Parties:
    def __init__(self, all_of_them: list[Somebody]) -> None:
        self._all = sorted(all_of_them, key=lambda one: one.id)

    def after(self, party_id: str, limit: int) -> Sequence[Somebody]:
        return [one for one in self._all if one.id > party_id][:limit]


class EqualNames:
    def __init__(self, names: set[str] | None = None) -> None:
        self._names = names or set()
        self.prepared: list[int] = []

    def prepare(self, entries: Sequence[ListedEntity]) -> EqualNames:
        self.prepared.append(len(entries))
        return EqualNames({name.text for one in entries for name in one.names})

    def hits(self, party: Any) -> Sequence[str]:
        return [party.name] if party.name in self._names else []


@dataclass
class Kept:
    fails_after: int = 10**9
    positions: dict[str, str] = field(default_factory=dict)
    hits: set[tuple[str, str]] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    commits: int = 0

    def position(self, change_id: str) -> str:
        return self.positions.get(change_id, "")

    def commit(self, change_id: str, hits: Sequence[tuple[str, str]], position: str) -> None:
        if self.commits >= self.fails_after:
            raise OSError("the disk is gone")
        self.commits += 1
        self.hits.update(hits)
        self.positions[change_id] = position

    def entries_removed(self, change_id: str, entry_ids: Sequence[str]) -> None:
        self.removed.update(entry_ids)


def change(names: list[str], removed: tuple[str, ...] = ()) -> ListsChanged:
    entities = tuple(
        ListedEntity(f"x-{name}", "x", "Person", (ListedName(name),)) for name in names
    )
    return ListsChanged("x", 4, "a", "b", Delta(entities[:1], entities[1:], removed))


def crowd(count: int) -> list[Somebody]:
    return [Somebody(f"p{number:05d}", f"name {number % 7}") for number in range(count)]


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 30), st.integers(0, 8))
def test_every_party_once_whatever_stops_it(count, page, at_most, fails_after):
    parties, kept = Parties(crowd(count)), Kept(fails_after)
    event, seen = change(["name 3", "name 5"], ("x-gone",)), 0
    for _ in range(200):
        try:
            done = rescreen(event, parties, EqualNames(), kept, page=page, at_most=at_most)
        except OSError:
            kept.fails_after = 10**9
            continue
        seen += done.parties
        if done.done:
            break
    expected = {(one.id, one.name) for one in crowd(count) if one.name in ("name 3", "name 5")}
    assert kept.hits == expected and kept.removed == {"x-gone"}
    assert seen <= count and done.done


def test_only_changed_entries_are_screened():
    screener = EqualNames()
    done = rescreen(change(["name 1", "name 2"]), Parties(crowd(10)), screener, Kept())
    assert screener.prepared == [2] and (done.parties, done.hits, done.done) == (10, 4, True)


def test_removals_alone_screen_nobody():
    screener, kept = EqualNames(), Kept()
    done = rescreen(change([], ("x-1",)), Parties(crowd(10)), screener, kept)
    assert done.done and screener.prepared == [] and kept.removed == {"x-1"}


def test_parties_out_of_order_are_a_fault():
    class Wrong:
        def after(self, party_id: str, limit: int) -> Sequence[Somebody]:
            return [Somebody("b", "n"), Somebody("a", "n")] if party_id != "z" else []

    with pytest.raises(ValueError, match="out of order"):
        rescreen(change(["n"]), Wrong(), EqualNames(), Kept())
