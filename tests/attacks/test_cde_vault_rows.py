"""Somebody who can write the vault's database: swapped, changed, put back, taken out, restored."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from paywarden.cde.vault import wire
from paywarden.core.errors import Corrupt
from vault_kit import OPERATOR, House, spread_card

TABLES = ("records", "card_index", "spent", "tombstones")


@pytest.fixture
async def house(tmp_path: Path):
    house = House(tmp_path / "vault")
    await house.start()
    for n in range(6):
        await house.token(spread_card(n))
    single = await house.token(spread_card(50), form="ot")
    await house.take(single.token)
    yield house
    await house.stop()


def change(house: House, *statements: str) -> None:
    with sqlite3.connect(house.folder / "vault.db") as held:
        for statement in statements:
            held.execute(statement)
    held.close()


CHANGES = {
    "one record's ciphertext in another's place": (
        "UPDATE records SET sealed = (SELECT sealed FROM records ORDER BY token LIMIT 1)"
        " WHERE token = (SELECT max(token) FROM records)",
    ),
    "a token handed to another merchant": (
        "UPDATE records SET merchant = 'shop-evil' WHERE token = (SELECT max(token) FROM records)",
    ),
    "a row taken out": ("DELETE FROM records WHERE token = (SELECT max(token) FROM records)",),
    "a tombstone taken out": ("DELETE FROM tombstones",),
    "a spent mark taken out": ("DELETE FROM spent",),
    "a fingerprint exchanged": (
        "UPDATE card_index SET fingerprint = (SELECT min(fingerprint) FROM card_index)"
        " WHERE fingerprint = (SELECT max(fingerprint) FROM card_index)",
    ),
    "a row put in": (
        "INSERT INTO tombstones VALUES ('rec_x', 'acme/test', 'deleted', 1)",
    ),
    "an expiry moved": ("UPDATE records SET expiry = '2040-01'",),
    "a revision moved": ("UPDATE records SET revision = revision + 1",),
    "the head moved": ("UPDATE head SET revision = revision + 1",),
    "the head emptied": ("DELETE FROM head",),
    "every row emptied": tuple(f"DELETE FROM {table}" for table in (*TABLES, "head")),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
async def test_a_changed_row_keeps_the_vault_shut(house: House, what: str) -> None:
    await house.stop()
    change(house, *CHANGES[what])
    with pytest.raises(Corrupt) as refused:
        await house.start()
    assert refused.value.code == "vault_rolled_back"


async def test_an_untouched_file_opens(house: House) -> None:
    await house.stop()
    change(house, "UPDATE records SET expiry = expiry")
    await house.start()  # the control of the test above


async def test_an_older_file_is_refused(house: House, tmp_path: Path) -> None:
    await house.stop()
    shutil.copytree(house.folder, tmp_path / "backup")
    await house.start()
    gone = await house.token(spread_card(70), form="ot")
    await house.take(gone.token)
    await house.stop()
    shutil.rmtree(house.folder)
    shutil.copytree(tmp_path / "backup", house.folder)
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.start()


async def test_a_resurrected_single_use_token_is_refused(house: House) -> None:
    made = await house.token(spread_card(71), form="ot")
    with sqlite3.connect(house.folder / "vault.db") as held:
        row = held.execute("SELECT * FROM records WHERE token = ?", (made.token,)).fetchone()
    held.close()
    await house.take(made.token)
    await house.stop()
    with sqlite3.connect(house.folder / "vault.db") as held:
        held.execute(f"INSERT INTO records VALUES ({','.join('?' * len(row))})", row)
    held.close()
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.start()


async def test_an_audit_finds_it_while_the_vault_runs(house: House) -> None:
    assert house.vault is not None
    clean = await house.vault.handle(OPERATOR, wire.Audit())
    assert isinstance(clean, wire.Standing) and clean.spent == 1
    change(house, *CHANGES["a row taken out"])
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.vault.handle(OPERATOR, wire.Audit())
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.token(spread_card(72))  # no service until a person has looked


def _merchant(taken: wire.Taken) -> bytes:
    return taken.aad.replace(b"shop-1", b"shop-2")


WRONG_AAD: dict[str, Callable[[wire.Taken], bytes]] = {
    "another merchant": _merchant,
    "another environment": lambda taken: taken.aad.replace(b"test", b"live"),
    "another record": lambda taken: taken.aad.replace(
        taken.record_id.encode(), b"rec_" + b"0" * 22
    ),
    "another revision": lambda taken: taken.aad[:-1] + b"2",
    "nothing": lambda taken: b"",
}


@pytest.mark.parametrize("what", WRONG_AAD)
async def test_wrong_additional_data_opens_nothing(house: House, what: str) -> None:
    taken = await house.take((await house.token(spread_card(1))).token)
    assert isinstance(taken, wire.Taken)
    assert house.opened(taken) == spread_card(1)
    aad = WRONG_AAD[what](taken)
    assert aad != taken.aad
    forged = wire.Taken(
        taken.record_id, taken.period, taken.kek_version, taken.wrapped, taken.sealed, aad,
        taken.expiry, None, taken.fingerprint, False,
    )  # fmt: skip
    with pytest.raises(InvalidTag):
        house.opened(forged)


async def test_a_wrapped_key_fits_its_own_record_only(house: House) -> None:
    one = await house.take((await house.token(spread_card(1))).token)
    other = await house.take((await house.token(spread_card(2))).token)
    with pytest.raises(InvalidTag):
        house.agent.open("acme/test", one.period, one.record_id.encode(), other.wrapped, 1)


async def test_the_database_holds_no_number(house: House) -> None:
    await house.token(b"4111111111111111", cvv=b"9173")
    await house.stop()
    for path in house.folder.iterdir():
        octets = path.read_bytes()
        for n in (*range(6), 50):
            assert spread_card(n) not in octets
        assert b"4111111111111111" not in octets and b"9173" not in octets
    assert b"411111" in (house.folder / "vault.db").read_bytes()  # the search does find text
