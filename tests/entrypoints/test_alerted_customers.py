"""Alerts reach customers' risk: figures by entity, and a new assessment for who was alerted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paywarden.entrypoints.alerted import AT_ONCE, LIMIT, Alerted

from paywarden.core.scope import Environment, Scope

SCOPE = Scope("default", Environment.LIVE)


class Store:
    """Figures by (kind, id), as a store of alerts tells them."""

    def __init__(self, known: dict[tuple[str, str], tuple[int, float]]) -> None:
        self._known = known

    def figures(self, _scope: Scope, kind: str, entity: str, _since: int) -> tuple[int, float]:
        return self._known.get((kind, entity), (0, 0.0))


def alerted(known: Any = None) -> Alerted:
    return Alerted(Store(known or {}), lambda _scope, kind, name: f"{kind}-{name}")  # type: ignore[arg-type]


def test_figures_add_up_over_what_a_customer_can_be() -> None:
    known = {("payer", "payer-c1"): (2, 70.0), ("merchant", "merchant-c1"): (1, 95.5)}
    assert alerted(known).about(SCOPE, "c1", 0) == (3, 95)
    assert alerted(known).about(SCOPE, "c2", 0) == (0, 0)


async def test_whoever_was_alerted_is_assessed_once() -> None:
    one, touched = alerted(), []

    async def touch(scope: Scope, name: str) -> bool:
        touched.append((scope, name))
        return True

    one.note(SCOPE, ["c1", None, "m1", "c1"])
    await one.look(touch)
    await one.look(touch)
    assert touched == [(SCOPE, "c1"), (SCOPE, "m1")]


async def test_the_waiting_are_bounded_and_taken_in_parts() -> None:
    one = alerted()
    one.note(SCOPE, (f"c{number}" for number in range(LIMIT + 50)))
    rounds: list[int] = []

    async def touch(_scope: Scope, _name: str) -> bool:
        rounds[-1] += 1
        return True

    while not rounds or rounds[-1]:
        rounds.append(0)
        await one.look(touch)
    assert sum(rounds) == LIMIT
    assert rounds[0] == AT_ONCE


async def test_a_fault_loses_no_one_but_the_one_at_fault() -> None:
    one, seen = alerted(), []

    async def touch(_scope: Scope, name: str) -> bool:
        seen.append(name)
        if name == "c1":
            raise ValueError
        return True

    one.note(SCOPE, ["c1", "c2"])
    for _ in range(2):
        try:
            await one.look(touch)
        except ValueError:
            continue
    assert seen == ["c1", "c2"]


def test_names_of_nobody_are_not_noted() -> None:
    one = alerted()
    nobody: Sequence[str | None] = [None, None]
    one.note(SCOPE, nobody)
    assert not one._waiting
