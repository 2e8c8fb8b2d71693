"""States of keys: every legal transition works, every other one is refused, rings only grow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.keys.making import check_value, first_ring, key_maker
from paywarden.cde.keys.model import (
    DAY_US,
    LEGAL,
    Key,
    Ring,
    Status,
    compromised,
    destroyed,
    months_around,
    rotated,
)
from paywarden.core.errors import Conflict, NotFound
from paywarden.kit.clock import SystemRandomness

RANDOMNESS = SystemRandomness()
MAKE = key_maker(RANDOMNESS)


def key_in(status: Status) -> Key:
    material = b"" if status is Status.DESTROYED else b"k" * 32
    return Key("pan", "1", status, material, "00", 0, 365)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
def test_only_legal_transitions_exist(old: Status, new: Status) -> None:
    key = key_in(old)
    if new in LEGAL[old]:
        moved = key.moved(new, 7)
        assert moved.status is new
        assert (moved.material == b"") == (new is Status.DESTROYED)
    else:
        with pytest.raises(Conflict):
            key.moved(new, 7)


def test_an_active_key_is_never_destroyed_and_a_destroyed_one_never_comes_back() -> None:
    assert Status.DESTROYED not in LEGAL[Status.ACTIVE]
    assert not LEGAL[Status.DESTROYED]


ACTS = st.lists(
    st.tuples(st.sampled_from(["rotate", "compromise", "destroy"]), st.integers(1, 6)), max_size=20
)


@given(ACTS)
def test_any_order_of_acts_keeps_one_active_version_and_loses_no_name(
    acts: list[tuple[str, int]],
) -> None:
    ring = first_ring(RANDOMNESS, 1)
    for act, version in acts:
        before = ring
        try:
            ring = changed(ring, act, str(version))
        except (Conflict, NotFound):
            ring = before
            continue
        assert ring.revision > before.revision
        assert {(k.purpose, k.name) for k in before.keys} <= {
            (k.purpose, k.name) for k in ring.keys
        }
        states = [key.status for key in ring.versions("pan")]
        assert states.count(Status.ACTIVE) == 1
        assert states[0] is Status.ACTIVE  # the newest
        gone = [key for key in ring.keys if key.status is Status.DESTROYED]
        assert all(key.material == b"" and key.check_value for key in gone)


def changed(ring: Ring, act: str, name: str) -> Ring:
    if act == "rotate":
        return rotated(ring, "pan", 5, MAKE)
    if act == "compromise":
        return compromised(ring, "pan", name, 5, MAKE)
    return destroyed(ring, "pan", name, 5)


def test_a_compromised_active_version_is_replaced_at_once() -> None:
    ring = compromised(first_ring(RANDOMNESS, 1), "facts", "1", 9, MAKE)
    assert ring.named("facts", "1").status is Status.COMPROMISED
    assert ring.active("facts").name == "2"


def test_alarms_come_in_the_last_tenth_and_after() -> None:
    key = first_ring(RANDOMNESS, 0).active("pan")
    assert key.alarm(328 * DAY_US) == ""
    assert key.alarm(329 * DAY_US) == "due"
    assert key.alarm(365 * DAY_US) == "overdue"
    assert key.moved(Status.DEACTIVATED, 1).alarm(4_000 * DAY_US) == ""


def test_check_values_are_the_cmac_of_zeros_for_aes() -> None:
    # AES-256-CMAC of a zero block under the key of NIST SP 800-38B's examples, made with openssl.
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    assert check_value("pan", key) == "1a0b2df267"
    assert len({check_value(purpose, key) for purpose in ("pan", "index", "facts")}) == 3


def test_keys_print_nothing_that_they_hold() -> None:
    ring = first_ring(RANDOMNESS, 0)
    for key in ring.keys:
        assert repr(key) == f"<key {key.purpose} 1 active>"
        assert repr(key.material) not in repr(ring)


@pytest.mark.parametrize(
    ("month", "around"),
    [
        ("2026-01", ("2025-12", "2026-01", "2026-02")),
        ("2026-12", ("2026-11", "2026-12", "2027-01")),
    ],
)
def test_months_go_over_the_year(month: str, around: tuple[str, str, str]) -> None:
    assert months_around(month) == around
