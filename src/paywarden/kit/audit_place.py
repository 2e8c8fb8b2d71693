"""Where an event stands in the log, and what the log promises of it.

Guards: a place is known once its unit of work is durable; so is the promise, which the log's keeper
(`Promiser`) makes for all wishes of one commit at once, in the writer's thread and before anybody
is told of the commit. Not done here: signing (the evidence room is the promiser).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Wish(NamedTuple):
    """What shall be promised of an event: a hash (base 64) in its details, and an instant."""

    decision: str
    at_us: int


class Promised(NamedTuple):
    """One promise out of a batch: where it stands in the signed tree of `size`, path in base 64."""

    log: str
    size: int
    position: int
    path: list[str]
    signature: str


class Place:
    """Where an event will stand in the log; `index` (from 0) is known once its unit is durable.

    `wish`: what the log is to promise of it; `promised`: what it did, None while it signs nothing.
    """

    __slots__ = ("_index", "promised", "wish")
    _index: int | None
    wish: Wish | None
    promised: Promised | None

    def __init__(self, wish: Wish | None = None) -> None:
        self._index = None
        self.wish = wish
        self.promised = None

    @property
    def index(self) -> int:
        """Place in the log, from 0. RuntimeError before the commit."""
        if self._index is None:
            raise RuntimeError("an event has its place when its unit of work is durable")
        return self._index

    def settle(self, index: int) -> None:
        """Note the place; the log does this while it commits."""
        self._index = index


Promiser = Callable[[Sequence[Place]], None]
"""Fills `promised` of the places with wishes that one commit made durable, ascending by index."""


def nothing_promised(_places: Sequence[Place]) -> None:
    """For processes that do not sign the log."""
