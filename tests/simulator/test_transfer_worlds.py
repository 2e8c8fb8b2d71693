"""Worlds of transfers: the same seed the same octets, truth apart, shapes as they are named."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from paywarden.core.instants import DAY_US
from paywarden.simulator.transfers.model import FAMILIES, OUTSIDE, WorldSettings
from paywarden.simulator.transfers.shapes import SHAPES, Manner
from paywarden.simulator.transfers.world import make
from paywarden.simulator.transfers.writing import write

SMALL = WorldSettings(seed=3, accounts=300, days=60, alerts=1, innocents=3)
LINKED = Manner(0.0, 10.0 * DAY_US, 0.05, True, 500.0)


def test_one_seed_one_world(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    assert write(SMALL, one) == write(SMALL, other)
    for name in ("transfers.parquet", "accounts.csv", "truth/patterns.csv", "truth/transfers.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    third = make(WorldSettings(seed=4, accounts=300, days=60, alerts=1, innocents=3))
    assert not third.transfers.equals(make(SMALL).transfers)


def test_what_a_monitor_reads_holds_no_truth():
    world = make(SMALL)
    assert not {"pattern", "family", "guilty", "main"} & set(world.transfers.columns)
    assert set(world.patterns["family"].to_list()) == set(FAMILIES)
    known = set(world.accounts["account"].to_list())
    assert set(world.patterns["account"].to_list()) <= known
    ends = world.transfers.select("from_account", "to_account")
    assert set(ends["from_account"].to_list()) <= known | {""}
    assert (ends["from_account"] != ends["to_account"]).all()
    assert (world.transfers["amount_minor"] > 0).all()
    assert world.transfers["at_us"].is_sorted()
    assert world.transfers["sequence"].to_list() == list(range(1, len(world.transfers) + 1))


def test_parts_of_a_pattern_lie_between_its_members():
    world = make(SMALL)
    parts = world.parts.join(world.transfers, on="sequence")
    members = {
        number: set(rows["account"].to_list()) | {""}
        for (number,), rows in world.patterns.group_by("pattern")
    }
    assert len(parts) > 20
    for row in parts.iter_rows(named=True):
        assert {row["from_account"], row["to_account"]} <= members[row["pattern"]]


def test_another_number_of_look_alikes_leaves_the_schemes_as_they_were():
    few = make(WorldSettings(seed=3, accounts=300, days=60, alerts=1, innocents=1))
    many = make(SMALL)
    assert few.patterns.equals(many.patterns)
    amounts = [
        world.parts.join(world.transfers, on="sequence")["amount_minor"].sort().to_list()
        for world in (few, many)
    ]
    assert amounts[0] == amounts[1]


def test_days_as_a_grain():
    world = make(WorldSettings(seed=3, accounts=60, days=50, alerts=1, innocents=1,
                               grain_us=DAY_US))  # fmt: skip
    assert (world.transfers["at_us"] % DAY_US == 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes(family):
    shape, least, most = SHAPES[family]
    rng = np.random.Generator(np.random.PCG64(5))
    for count in range(least, most + 1):
        who = list(range(count))
        rows = shape(rng, who, LINKED)
        assert len(rows) >= 3
        assert all(source != target for _, source, target, _ in rows)
        assert all(one == OUTSIDE or one in who for row in rows for one in row[1:3])
        assert all(amount > 0 for *_, amount in rows)


def test_a_cycle_goes_round_and_loses_fees():
    rows = SHAPES["cycle"][0](np.random.Generator(np.random.PCG64(1)), [4, 7, 9, 2], LINKED)
    assert [(row[1], row[2]) for row in rows] == [(4, 7), (7, 9), (9, 2), (2, 4)]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert all(0.95 <= b[3] / a[3] < 1.0 for a, b in itertools.pairwise(rows))


def test_settings_without_room_are_refused():
    with pytest.raises(ValueError, match="at least 50 accounts"):
        make(WorldSettings(accounts=10))
