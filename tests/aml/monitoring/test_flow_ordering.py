"""Late transfers in their place: the same order as if all had come in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.monitoring.following import Following
from paywarden.aml.monitoring.ordering import Ordering
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.risk.rules.typology_model import FlowFeature

from flow_material import watching  # isort: skip


def one(sequence: int, at_us: int, payer: str = "a", reference: str = "") -> Transfer:
    return Transfer(sequence, at_us, payer, "z", 100, reference=reference)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 100)), max_size=40))
def test_within_the_bound_the_order_is_that_of_time(steps: list[tuple[int, int]]) -> None:
    ordering, clock_us, made, left = Ordering(100), 1_000, [], []
    for sequence, (ahead, back) in enumerate(steps):
        clock_us += ahead
        transfer = one(sequence, clock_us - back)
        made.append(transfer)
        ordering.add(transfer)
        left += list(ordering.release(clock_us))
    left += list(ordering.drain())
    assert left == sorted(made, key=lambda each: each.order)
    assert ordering.late == 0


def test_beyond_the_bound_a_transfer_is_moved_up_and_counted() -> None:
    ordering = Ordering(100)
    ordering.add(one(1, 1_000))
    assert [t.sequence for t in ordering.release(1_100)] == [1]
    ordering.add(one(2, 500))
    assert [(t.sequence, t.at_us) for t in ordering.release(1_100)] == [(2, 1_000)]
    assert ordering.late == 1
    assert ordering.oldest_us is None


def test_a_reference_leaves_once_and_nothing_never() -> None:
    ordering = Ordering(100)
    for sequence, reference in enumerate(("p", "p", "", "")):
        ordering.add(one(sequence, 1_000 + sequence, reference=reference))
    ordering.add(Transfer(9, 1_000, "a", "a", 100))
    ordering.add(Transfer(10, 1_000, "a", "b", 0))
    ordering.add(Transfer(11, 1_000, "", "", 5))
    assert [t.sequence for t in ordering.drain()] == [0, 2, 3]


def test_back_dating_does_not_hide_a_fan() -> None:
    features = (FlowFeature("paid", "count", {"window": "1d", "direction": "in"}),)
    following = Following([watching(features, "false", "false", "flow.paid >= 3")], lateness_us=100)
    for sequence, at_us in ((1, 1_000), (2, 1_050), (3, 960)):
        following.add(one(sequence, at_us, str(sequence)))
    assert following.judge(1_149).alerts == ()
    (alert,) = following.judge(1_150).alerts
    assert (alert.entity.id, alert.sequence, alert.at_us) == ("z", 2, 1_050)
    assert following.position == (1_050, 2)
    assert alert.quiet_days == 3
