"""One suite for both stores: what is put is found, groups are whole, the root adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paywarden.cde.vault import wire
from paywarden.cde.vault.anchoring import measured
from paywarden.cde.vault.model import (
    Counts,
    Group,
    Head,
    IndexRow,
    Record,
    Sighting,
    Spent,
    Tombstone,
    WrappedKey,
)
from paywarden.cde.vault.ports import StableKey
from paywarden.cde.vault.set_hash import SetHash
from paywarden.cde.vault.stores.sqlite_vault import SqliteVault
from paywarden.core.errors import Conflict, Corrupt, Unavailable
from vault_kit import MERCHANT, OPERATOR, SCOPE, House, spread_card


@pytest.fixture(params=["sqlite", "postgresql"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "sqlite":
        return lambda: SqliteVault(tmp_path / "vault")
    pytest.importorskip("asyncpg")
    from paywarden.cde.vault.stores.postgres_vault import PostgresVault

    dsn = request.getfixturevalue("cluster").fresh()
    return lambda: PostgresVault(dsn)


@pytest.fixture
async def store(make_store):
    held = make_store()
    await held.open()
    yield held
    await held.close()


def record(n: int, **more: object) -> Record:
    return replace(
        Record(
            f"rec_{n:022d}", SCOPE, MERCHANT, f"tk_test_{n:022d}", "tk", "fp_" + "a" * 22,
            "41111111", "1111", "visa", "2028-05", None, None, "2026-11", bytes([n % 256]) * 44, 1,
            1_000 + n, None,
        ),
        **more,
    )  # fmt: skip


def key(n: int, version: int = 1) -> WrappedKey:
    return WrappedKey(f"rec_{n:022d}", SCOPE, "2026-11", version, bytes([n % 256]) * 60)


async def commit(store, group: Group) -> Head:
    before = await store.head() or Head(0, b"", SetHash().state)
    hashed = SetHash(before.state)
    hashed.remove(group.elements_out())
    hashed.add(group.elements_in())
    head = Head(before.revision + 1, hashed.root(before.revision + 1), hashed.state)
    await store.commit(group, head)
    return head


async def test_an_empty_store_has_no_head(store) -> None:
    assert await store.head() is None
    assert await store.counts() == Counts()
    assert (await measured(store)).revision == 0


async def test_rows_come_back_as_they_were_put(store) -> None:
    single = record(2, form="ot", token="ot_test_" + "2" * 22, expires_at_us=5_000, brand=None)
    one = record(1, funding="credit", country="DE")
    row = IndexRow(SCOPE, 1, b"\x00" * 32, one.fingerprint)
    head = await commit(store, Group(records=[one, single], index=[row]))
    assert await store.head() == head == await measured(store)
    assert await store.by_tokens([one.token, single.token, "tk_test_x"]) == {
        one.token: one, single.token: single,
    }  # fmt: skip
    assert await store.by_tokens([]) == {}
    assert await store.indexed([(SCOPE, 1, b"\x00" * 32), (SCOPE, 2, b"\x00" * 32)]) == [row]
    assert await store.indexed([("other/test", 1, b"\x00" * 32)]) == []
    assert await store.counts() == Counts(2, 1, 0, 0)
    assert await store.by_merchant() == [(SCOPE, MERCHANT, 2, 1_001)]


async def test_the_newest_stable_record_is_found(store) -> None:
    older, newer = record(1), record(2)
    await commit(store, Group(records=[older, newer, record(3, expiry="2030-01")]))
    wanted = StableKey(SCOPE, MERCHANT, older.fingerprint, "2028-05", "tk")
    other = replace(wanted, merchant="shop-2")
    assert await store.stable([wanted, other]) == {wanted: newer}


async def test_what_leaves_is_gone_and_marked(store) -> None:
    one, two = record(1), record(2, form="ot", expires_at_us=5)
    await commit(store, Group(records=[one, two]))
    mark = Spent(two.token, SCOPE, MERCHANT, two.record_id, 9)
    await commit(
        store,
        Group(
            removed=[two], spent=[mark], tombstones=[Tombstone(two.record_id, SCOPE, "spent", 9)]
        ),
    )
    assert await store.by_tokens([two.token]) == {}
    assert await store.spent(two.token) == mark and await store.spent(one.token) is None
    assert await store.counts() == Counts(1, 0, 1, 1)
    assert await store.spent_before(10, 5) == [mark] and await store.spent_before(9, 5) == []
    await commit(store, Group(unmarked=[mark]))
    assert (await measured(store)).revision == 3


async def test_a_group_is_whole_or_nothing(store) -> None:
    one = record(1)
    head = await commit(store, Group(records=[one]))
    with pytest.raises(Conflict):
        await commit(store, Group(records=[record(2), record(3, token=one.token)]))
    assert await store.head() == head == await measured(store)
    assert await store.counts() == Counts(1, 0, 0, 0)


async def test_ages_are_asked_for_in_portions(store) -> None:
    rows = [record(n, form="ot", expires_at_us=10 + n) for n in range(5)]
    await commit(store, Group(records=rows))
    assert await store.expired(12, 10) == rows[:3]
    assert await store.expired(99, 2) == rows[:2]
    assert await store.created_before(SCOPE, MERCHANT, 1_002, 9) == rows[:2]
    assert await store.created_before(SCOPE, "shop-2", 1_002, 9) == []


async def test_sightings_are_kept_for_their_hour(store) -> None:
    seen = [Sighting(SCOPE, "key_1", bytes([n]) * 32, "411111111111", 100 + n) for n in range(4)]
    await store.commit(Group(sightings=seen), None)
    assert await store.sightings(101) == seen[2:]
    await store.drop_sightings(102)
    assert await store.sightings(0) == seen[3:]


async def test_data_keys_live_apart(store) -> None:
    await commit(store, Group(records=[record(1), record(2)]))
    await store.put_keys([key(1), key(2), key(3, version=2)])
    assert await store.wrapped(key(1).record_id) == key(1)
    assert await store.key_versions() == {1: 2, 2: 1}
    assert await store.keys_under(2, (0, ""), 9) == [key(1), key(2)]
    assert await store.keys_under(2, (1, key(1).record_id), 9) == [key(2)]
    assert await store.keys_under(9, (1, key(2).record_id), 9) == [key(3, version=2)]
    assert await store.newest_keys(2) == [key(3, version=2), key(2)]
    new = replace(key(1), kek_version=3, wrapped=b"n" * 60)
    stale = replace(key(2), wrapped=b"?" * 60)
    assert await store.rewrap([(key(1), new), (stale, replace(stale, kek_version=3))]) == 1
    assert await store.wrapped(key(1).record_id) == new
    assert await store.wrapped(key(2).record_id) == key(2)
    assert await store.sweep_keys() == 1  # the third has no record
    await store.drop_keys([key(1).record_id])
    assert await store.key_versions() == {1: 1}


async def test_a_store_has_one_writer(store, make_store) -> None:
    with pytest.raises(Conflict, match="writer_already_running"):
        await make_store().open()


async def test_the_vault_works_on_it_and_finds_it_again(make_store, tmp_path: Path) -> None:
    house = House(tmp_path, store=make_store)
    await house.start()
    made = [await house.token(spread_card(n)) for n in range(3)]
    single = await house.token(spread_card(9), form="ot")
    assert house.opened(await house.take(single.token)) == spread_card(9)
    await house.restart()
    assert (await house.take(single.token)).code == "token_spent"
    for n, one in enumerate(made):
        assert house.opened(await house.take(one.token)) == spread_card(n)
        assert (await house.token(spread_card(n))).token == one.token
    standing = await house.vault.handle(OPERATOR, wire.Audit())
    assert (standing.records, standing.fingerprints, standing.spent) == (3, 4, 1)
    await house.stop()


async def test_postgresql_rows_changed_by_its_owner_are_seen(cluster, tmp_path: Path) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    from paywarden.cde.vault.stores.postgres_vault import PostgresVault

    dsn = cluster.fresh()
    house = House(tmp_path, store=lambda: PostgresVault(dsn))
    await house.start()
    await house.token(spread_card(1))
    owner = await asyncpg.connect(cluster.owner(dsn))
    await owner.execute("UPDATE vault.records SET merchant = 'shop-evil'")
    await owner.close()
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.vault.handle(OPERATOR, wire.Audit())
    await house.stop()
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        await house.start()


async def test_the_vaults_role_may_write_rows_and_no_more(cluster) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    held = await asyncpg.connect(cluster.fresh())
    for forbidden in (
        "CREATE TABLE vault.x (y int)", "DROP TABLE vault.records", "TRUNCATE vault.records",
        "UPDATE vault.records SET merchant = 'x'", "DELETE FROM vault.tombstones",
        "DELETE FROM vault.card_index", "CREATE SCHEMA x", "CREATE ROLE x",
        "COPY vault.records TO PROGRAM 'true'", "UPDATE vault.schema_version SET version = 9",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await held.execute(forbidden)
    await held.close()


async def test_an_absent_database_is_told_without_its_address() -> None:
    pytest.importorskip("asyncpg")
    from paywarden.cde.vault.stores.postgres_vault import PostgresVault

    store = PostgresVault("postgresql://someone:hush@127.0.0.1:1/x")
    with pytest.raises(Unavailable) as told:
        await store.open()
    assert "hush" not in str(told.value) and told.value.code == "storage_failed"
