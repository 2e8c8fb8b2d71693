"""The set hash: order is nothing, every element counts, what goes leaves no trace."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.vault.set_hash import STATE_OCTETS, SetHash

_elements = st.lists(st.binary(max_size=40), unique=True, max_size=12)


def slow_state(elements: list[bytes]) -> bytes:
    """Lane by lane, as the definition says."""
    lanes = [0] * (STATE_OCTETS // 2)
    for element in elements:
        octets = hashlib.shake_128(element).digest(STATE_OCTETS)
        for n in range(len(lanes)):
            lanes[n] = (lanes[n] + int.from_bytes(octets[2 * n : 2 * n + 2], "little")) % 65_536
    return b"".join(lane.to_bytes(2, "little") for lane in lanes)


@settings(max_examples=40, deadline=None)
@given(_elements, st.randoms())
def test_it_is_the_sum_of_its_lanes_in_any_order(elements: list[bytes], order) -> None:
    mixed = list(elements)
    order.shuffle(mixed)
    hashed = SetHash()
    hashed.add(mixed[:3])
    hashed.add(mixed[3:])
    assert hashed.state == slow_state(elements)


@settings(max_examples=40, deadline=None)
@given(_elements, _elements)
def test_what_goes_leaves_no_trace(kept: list[bytes], gone: list[bytes]) -> None:
    gone = [one for one in gone if one not in kept]
    through, straight = SetHash(), SetHash()
    through.add([*kept, *gone])
    through.remove(gone)
    straight.add(kept)
    assert through.state == straight.state
    assert SetHash(through.state).root(7) == straight.root(7)


def test_each_element_and_the_revision_count() -> None:
    one, other = SetHash(), SetHash()
    one.add([b"a"])
    other.add([b"b"])
    assert len({one.root(1), one.root(2), other.root(1), SetHash().root(1)}) == 4
