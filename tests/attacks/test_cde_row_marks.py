"""Somebody writes the vault's database while it runs: found when the row is next looked up."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from paywarden.cde.vault import wire
from paywarden.cde.vault.checked_rows import TRIES, CheckedRows
from paywarden.cde.vault.model import Group, Spent, Tombstone
from paywarden.cde.vault.row_marks import RowMarks
from paywarden.core.errors import Corrupt, Unavailable
from vault_kit import EDGE, MERCHANT, OPERATOR, SCOPE, House, spread_card

KEY = bytes(range(32))


@pytest.fixture
async def house(tmp_path: Path):
    house = House(tmp_path / "vault")
    await house.start()
    yield house
    await house.stop()


def change(house: House, statement: str, *values: object) -> None:
    with sqlite3.connect(house.folder / "vault.db") as held:
        assert held.execute(statement, values).rowcount == 1
    held.close()


def row_of(house: House, token: str) -> tuple[object, ...]:
    with sqlite3.connect(house.folder / "vault.db") as held:
        row = held.execute("SELECT * FROM records WHERE token = ?", (token,)).fetchone()
    held.close()
    return tuple(row)


def put_back(house: House, row: tuple[object, ...]) -> None:
    change(house, f"INSERT INTO records VALUES ({','.join('?' * len(row))})", *row)


CHANGES = {
    "a later expiry": "UPDATE records SET expiry = '2040-01' WHERE token = ?",
    "another merchant": "UPDATE records SET merchant = 'shop-2' WHERE token = ?",
    "another fingerprint": "UPDATE records SET fingerprint = 'fp_x' WHERE token = ?",
    "another revision": "UPDATE records SET revision = revision + 1 WHERE token = ?",
    "taken out": "DELETE FROM records WHERE token = ?",
    "renamed": "UPDATE records SET token = 'tk_test_0' WHERE token = ?",
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_changed_row_is_found_at_its_next_look_up(
    house: House, what: str, restarted: bool
) -> None:
    made = [await house.token(spread_card(n)) for n in range(4)]
    if restarted:  # what was learned by reading, not by writing
        await house.restart()
    change(house, CHANGES[what], made[2].token)
    assert (await house.describe(made[1].token))[0].token == made[1].token  # the control
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.describe(made[2].token)
    for refused in (house.describe(made[1].token), house.token(spread_card(9))):
        with pytest.raises(Corrupt, match="vault_rolled_back"):
            await refused  # no service until a person has looked


@pytest.mark.parametrize("what", CHANGES)
async def test_it_is_not_handed_out_for_use(house: House, what: str) -> None:
    made = await house.token(spread_card(1))
    change(house, CHANGES[what], made.token)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.take(made.token)


async def test_a_card_in_another_ones_place_is_not_handed_out(house: House) -> None:
    cheap, dear = await house.token(spread_card(1)), await house.token(spread_card(2))
    gone = row_of(house, dear.token)
    change(house, "DELETE FROM records WHERE token = ?", dear.token)
    change(
        house, "UPDATE records SET record_id = ?, sealed = ?, token = ? WHERE token = ?",
        gone[0], gone[13], dear.token, cheap.token,
    )  # fmt: skip
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.take(dear.token)


async def test_a_deleted_token_put_back_is_found(house: House) -> None:
    made = await house.token(spread_card(1))
    row = row_of(house, made.token)
    await house.vault.handle(EDGE, wire.Delete(SCOPE, MERCHANT, made.token))
    assert (await house.describe(made.token))[0].code == "token_unknown"
    put_back(house, row)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.describe(made.token)


async def test_a_spent_token_put_back_is_found_by_whoever_uses_it(house: House) -> None:
    made = await house.token(spread_card(1), form="ot")
    row = row_of(house, made.token)
    await house.take(made.token)
    change(house, "DELETE FROM spent WHERE token = ?", made.token)
    put_back(house, row)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.take(made.token)


async def test_a_spent_mark_taken_out_is_found(house: House) -> None:
    made = await house.token(spread_card(1), form="ot")
    await house.take(made.token)
    assert (await house.take(made.token)).code == "token_spent"
    change(house, "DELETE FROM spent WHERE token = ?", made.token)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.take(made.token)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE card_index SET fingerprint = 'fp_x'", "DELETE FROM card_index"],
)
async def test_an_index_row_is_checked_when_its_card_comes_again(
    house: House, statement: str
) -> None:
    await house.token(spread_card(1))
    change(house, statement)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.token(spread_card(1))


async def test_a_purge_does_not_carry_a_changed_row_into_the_root(house: House) -> None:
    made = await house.token(spread_card(1), form="ot")
    change(house, "UPDATE records SET expires_at_us = 1 WHERE token = ?", made.token)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.vault.handle(OPERATOR, wire.Purge())
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.token(spread_card(2))


@pytest.mark.parametrize("point", ["anchor:vault/intent", "anchor:vault/root"])
async def test_a_group_that_failed_half_way_accuses_nobody(house: House, point: str) -> None:
    kept = await house.token(spread_card(1))
    house.agent.fail_next = point
    with pytest.raises(Unavailable):
        await house.token(spread_card(2))
    assert (await house.describe(kept.token))[0].token == kept.token
    again = await house.token(spread_card(2))  # before or after: either is settled first
    assert again.existing == (point == "anchor:vault/root")
    assert (await house.describe(again.token))[0].token == again.token
    await house.vault.handle(OPERATOR, wire.Audit())


async def test_readers_beside_writers_accuse_nobody(house: House) -> None:
    made = [await house.token(spread_card(n)) for n in range(12)]

    async def reading() -> None:
        for _ in range(40):
            found = await house.describe(*(one.token for one in made))
            assert len(found) == len(made)
            await asyncio.sleep(0)

    async def writing(n: int) -> None:
        single = await house.token(spread_card(100 + n), form="ot")
        await house.take(single.token)
        await house.vault.handle(EDGE, wire.Delete(SCOPE, MERCHANT, made[n].token))

    await asyncio.gather(reading(), reading(), *(writing(n) for n in range(6)))
    await house.vault.handle(OPERATOR, wire.Audit())


class Moving:
    """A store whose rows move at each reading, by the vault's own hand."""

    def __init__(self, marks: RowMarks, settles_after: int) -> None:
        self.marks, self.left, self.read = marks, settles_after, 0

    async def spent(self, token: str) -> Spent | None:
        self.read += 1
        if self.left:
            self.left -= 1
            self.marks.begin(Group(), 1)
            return Spent(token, SCOPE, MERCHANT, "rec", 1)
        return None


async def test_a_reading_that_met_a_commit_is_read_again() -> None:
    marks = RowMarks(KEY)
    store = Moving(marks, 3)
    assert await CheckedRows(store, marks).spent("ot_x") is None
    assert store.read == 4
    endless = Moving(marks, TRIES + 1)
    with pytest.raises(Unavailable, match="vault_busy"):
        await CheckedRows(endless, marks).spent("ot_x")


_spent = st.builds(Spent, *(st.text(max_size=4) for _ in range(4)), st.integers(0, 9))


@having(st.lists(_spent, max_size=6, unique_by=lambda one: one.token), _spent, st.booleans())
def test_only_what_was_learned_fits(rows: list[Spent], other: Spent, happened: bool) -> None:
    marks, held = RowMarks(KEY), {}
    marks.learn([*rows, Tombstone("rec", SCOPE, "deleted", 1)], held)
    marks.replace(held)
    assert len(marks) == len(rows)
    by_token = {one.token: one for one in rows}
    assert marks.all_fit(rows, [one.place for one in rows])
    assert marks.all_fit([other]) == (by_token.get(other.token) == other)
    assert marks.absent(other.place) == (other.token not in by_token)
    if other.token in by_token:
        return
    marks.begin(Group(spent=[other]), 7)
    assert marks.all_fit([other]) and marks.absent(other.place)  # either, while it is under way
    marks.settle(7 if happened else 6)
    assert marks.all_fit([other]) == happened and marks.absent(other.place) != happened
