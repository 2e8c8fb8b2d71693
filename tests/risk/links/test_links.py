"""Links join what belongs together, leave crowds apart, and forget by generations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "features"))

from windows_kit import observation

from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.links.model import CAPS, GENERATION_US, QUARTER_US, LinkValues
from paywarden.risk.links.store import Links

START = 700 * GENERATION_US
Keys = dict[str, int]


class Story:
    """Observations in order, into one store."""

    def __init__(self) -> None:
        self.links, self.seq, self.t_us = Links(), 0, START
        self.seen: list[Observation] = []

    def tell(self, keys: Keys, after_us: int = 1, retracts: int = 0, **values: Any) -> int:
        self.seq, self.t_us = self.seq + 1, self.t_us + after_us
        given = values or {"event__kind": "payment"}
        one = observation(self.seq, self.t_us, keys=keys, retracts=retracts, **given)
        self.seen.append(one)
        self.links.add(one)
        return self.seq

    def fraud(self, keys: Keys, **more: Any) -> int:
        return self.tell(keys, event__kind="label", event__verdict="fraud", **more)

    def read(self, keys: Keys) -> LinkValues:
        return self.links.read(row(keys), self.t_us)


def row(keys: Keys) -> list[int]:
    return [keys.get(kind, 0) for kind in KEY_KINDS]


def aged() -> Story:
    """A story whose older generation has begun to count."""
    return Story()


def test_a_ring_of_devices_is_seen_from_each_of_its_cards() -> None:
    story = aged()
    for card in range(1, 6):
        story.tell({"card": card, "device": 1 + card // 3})
        story.tell({"card": card, "email": 1 + card % 2})
    assert story.read({"card": 3}) == LinkValues(9, 0, 5, 10, 0)
    assert story.read({"device": 1}).cards == 5
    assert story.read({"card": 99}) == LinkValues()


def test_fraud_is_known_through_neighbours_and_a_withdrawal_takes_it_back() -> None:
    story = aged()
    story.tell({"card": 1, "device": 7})
    story.tell({"card": 2, "device": 7})
    bad = story.fraud({"card": 1, "device": 7})
    assert story.read({"card": 2}).bad_neighbours == 2
    again = story.fraud({"card": 1, "device": 7}, retracts=bad)
    assert story.read({"card": 2}).bad_neighbours == 2
    story.tell({"card": 1, "device": 7}, retracts=again, event__kind="label",
               event__verdict="withdrawn")  # fmt: skip
    assert story.read({"card": 2}).bad_neighbours == 0
    story.tell({"card": 1, "device": 7}, retracts=again, event__kind="label",
               event__verdict="genuine")  # fmt: skip
    assert story.read({"card": 2}).bad_neighbours == 0


def test_a_tablet_of_a_shop_joins_no_strangers() -> None:
    story = aged()
    for payer in range(1, 200):
        story.tell({"payer": payer, "card": payer, "device": 5})
    crowd = story.read({"device": 5})
    assert crowd == LinkValues(hubs=1)
    assert story.read({"payer": 150}).component_size == 2
    first = story.read({"payer": 1}).component_size  # joined before it was known to be a hub
    assert first <= 2 * (CAPS["device"] + 1) + 1
    story.tell({"payer": 1, "card": 1, "device": 5}, after_us=GENERATION_US)
    story.tell({"payer": 2, "card": 2, "device": 5})
    assert story.read({"payer": 1}).component_size > 2  # still answered by what began before
    story.tell({"payer": 1, "card": 1, "device": 5}, after_us=GENERATION_US)
    assert story.read({"payer": 1}).component_size == 2
    assert story.read({"device": 5}).hubs == 1


def test_an_address_of_the_network_joins_nobody() -> None:
    story = aged()
    for payer in range(1, 4):
        story.tell({"payer": payer, "card": payer, "ip": 5})
    assert story.read({"payer": 1, "ip": 5}) == LinkValues(2, 0, 1, 1, 1)


def test_what_is_old_is_forgotten_between_one_and_two_generations() -> None:
    story = aged()
    story.tell({"card": 1, "device": 1})
    story.tell({"card": 9}, after_us=GENERATION_US)
    assert story.read({"card": 1}).component_size == 2
    story.tell({"card": 9}, after_us=GENERATION_US)
    assert story.read({"card": 1}).component_size == 0
    story.tell({"card": 1, "device": 1})
    story.tell({"card": 9}, after_us=3 * GENERATION_US)
    assert story.read({"card": 1}) == LinkValues()


def test_new_edges_are_those_of_the_last_hour() -> None:
    story = aged()
    story.tell({"card": 1, "device": 1}, after_us=QUARTER_US - START % QUARTER_US)
    for card in (2, 3):
        story.tell({"card": card, "device": 1}, after_us=QUARTER_US)
    assert story.read({"device": 1}).new_edges_1h == 3
    story.tell({"card": 3, "device": 1}, after_us=2 * QUARTER_US)
    assert story.read({"device": 1}).new_edges_1h == 2
    assert story.links.read(row({"device": 1}), story.t_us + 9 * QUARTER_US).new_edges_1h == 0


def test_neighbours_are_bounded_and_hubs_are_not_passed() -> None:
    story = aged()
    for card in range(1, 10):
        story.tell({"card": card, "device": 1})
        story.tell({"card": card, "ip": 3})
    story.fraud({"card": 4})
    found = story.links.neighbours("device", 1)
    assert [one.kind for one in found[:1]] == ["device"] and found[0].distance == 0
    assert {one.digest for one in found if one.kind == "card"} == set(range(1, 10))
    ip = next(one for one in found if one.kind == "ip")
    assert ip.hub and ip.distance == 2 and ip.partners == 9
    assert [one.digest for one in found if one.bad] == [4]
    assert len(story.links.neighbours("device", 1, limit=4)) == 4
    assert [one.digest for one in story.links.neighbours("ip", 3, depth=1) if one.distance] == list(
        range(9, 0, -1)
    )
    assert story.links.neighbours("card", 77) == []


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    story = aged()
    for number in range(4_000):
        story.tell({"card": 1 + number % 900, "device": 1 + number % 611, "ip": 1 + number % 37},
                   after_us=GENERATION_US // 1_500)  # fmt: skip
    at_once = Links()
    for start in range(0, len(story.seen), 700):
        at_once.add_columns(from_observations(story.seen[start : start + 700]))
    for card in range(1, 901, 50):
        assert at_once.read(row({"card": card}), story.t_us) == story.read({"card": card})
    assert at_once.memory() == story.links.memory()
