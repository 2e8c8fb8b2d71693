"""No order and size of edits brings one maker more than 50 unapproved entries within 24 hours."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.instants import DAY_US, MICROSECONDS
from paywarden.core.scope import Environment, Scope
from paywarden.decision import edit_allowance
from paywarden.decision.edit_allowance import UNAPPROVED_ENTRIES, EditAllowance
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind, NewEntry

SCOPE = Scope("acme", Environment.LIVE)
HOUR_US = 3_600 * MICROSECONDS
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["psn_a", "psn_b", "key_c"]),
        st.sampled_from([1, 1, 2, 10, 25, 49, 50, 51, 500]),
        st.sampled_from([0, 1, HOUR_US, 12 * HOUR_US, DAY_US - 1, DAY_US]),
        st.booleans(),
    ),
    max_size=60,
)


def edit(maker: str, count: int, at_us: int, *, approved: bool) -> ListEdit:
    entries = tuple(NewEntry(f"v{n}") for n in range(count))
    return ListEdit(SCOPE, "l", ListKind.STRING, EditAction.ADD, entries, "", maker, at_us,
                    approved=approved)  # fmt: skip


def folded(log: list[bytes]) -> EditAllowance:
    """What a start reads from the log."""
    made = EditAllowance()
    for body in log:
        one = msgspec.msgpack.decode(body, type=ListEdit)
        if not one.approved:
            made.note(one.by, one.at_us, len(one.entries))
    return made


@given(STEPS)
def test_the_sum_of_any_24_hours_holds(steps: list[tuple[str, int, int, bool]]) -> None:
    allowance, now = EditAllowance(), 0
    log: list[bytes] = []
    done: list[tuple[str, int, int]] = []
    for maker, count, pause_us, restart in steps:
        now += pause_us
        if restart:
            allowance = folded(log)
        small = sum(n for who, n, at in done if who == maker and at > now - DAY_US)
        assert allowance.left(maker, now) == max(0, UNAPPROVED_ENTRIES - small)
        approved = count > allowance.left(maker, now)
        log.append(msgspec.msgpack.encode(edit(maker, count, now, approved=approved)))
        if not approved:
            allowance.note(maker, now, count)
            done.append((maker, count, now))
    for who, _n, ends in done:
        within = sum(n for other, n, at in done if other == who and ends - DAY_US < at <= ends)
        assert within <= UNAPPROVED_ENTRIES


def test_edits_of_a_log_from_before_count_as_unapproved() -> None:
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(edit("psn_a", 3, 7, approved=True)))
    del whole["approved"]
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=ListEdit)
    assert (read.approved, len(read.entries), read.at_us) == (False, 3, 7)


def test_makers_of_long_ago_are_forgotten() -> None:
    allowance = EditAllowance()
    for number in range(edit_allowance.MAKERS_BEFORE_CLEANING):
        allowance.note(f"key_{number}", 0, 1)
    allowance.note("psn_a", DAY_US, 1)
    assert list(allowance._edits) == ["psn_a"]
