"""Client keys: both stores alike, two live keys, sealing, and nonces that survive a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotAuthenticated
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.client_key_registry import ClientKeyRegistry
from paywarden.identity.client_key_schema.tables import metadata
from paywarden.identity.client_keys import (
    ClientKeyDesk,
    ClientKeyStore,
    KeySealer,
    Owner,
)
from paywarden.identity.stores.client_keys import CLIENT_KEYS, SqliteClientKeys, SqliteNonces
from paywarden.identity.stores.memory_client_keys import MemoryClientKeys
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.nonces import SWEEP_EVERY, Nonces

SCOPE = Scope("acme", Environment.TEST)
OTHER = Scope("acme", Environment.LIVE)
NOW = 1_700_000_000_000_000
MASTER = Secret(b"\x01" * 32)
ED25519 = bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(
    "7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa"
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "keys.sqlite"
    migrate(path, [CLIENT_KEYS])
    return path


@pytest.fixture
def opened(database: Path) -> Iterator[tuple[Reader, Writer]]:
    reader, writer = Reader(database), Writer(database, [CLIENT_KEYS])
    writer.start()
    yield reader, writer
    writer.close()
    reader.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> ClientKeyStore:
    if request.param == "memory":
        return MemoryClientKeys()
    return SqliteClientKeys(*request.getfixturevalue("opened"))


def desk(store: ClientKeyStore, clock: FixedClock) -> ClientKeyDesk:
    return ClientKeyDesk(store, KeySealer(MASTER, SystemRandomness()), clock, SystemRandomness())


def test_saved_records_come_back_within_their_scope(store: ClientKeyStore) -> None:
    made = desk(store, FixedClock(NOW)).add_public(
        SCOPE, Owner("key_1"), Algorithm.ED25519, ED25519
    )
    assert store.find(SCOPE, made.key_id) == made
    assert store.find(OTHER, made.key_id) is None
    assert list(store.listed(SCOPE)) == [made] and not store.listed(OTHER)
    assert not store.revoke(OTHER, made.key_id, NOW)
    assert store.revoke(SCOPE, made.key_id, NOW + 1)
    assert not store.revoke(SCOPE, made.key_id, NOW + 2)
    found = store.find(SCOPE, made.key_id)
    assert found is not None and found.revoked_at_us == NOW + 1
    with pytest.raises(Conflict):
        store.save(made)


def test_two_live_keys_per_owner(store: ClientKeyStore) -> None:
    clock = FixedClock(NOW)
    keys = desk(store, clock)
    owner = Owner(merchant="m_1")
    _, first = keys.add_secret(SCOPE, owner)
    keys.add_secret(SCOPE, owner, NOW + 10_000_000)
    with pytest.raises(Conflict) as caught:
        keys.add_secret(SCOPE, owner)
    assert caught.value.code == "client_keys_two_live"
    keys.add_secret(SCOPE, Owner("key_2"))
    keys.add_secret(OTHER, owner)
    store.revoke(SCOPE, first.key_id, NOW)
    keys.add_secret(SCOPE, owner)
    clock.advance(11)
    keys.add_secret(SCOPE, owner)


def test_which_api_keys_must_sign(store: ClientKeyStore) -> None:
    assert not store.must_sign(SCOPE, "key_1")
    for _ in range(2):
        store.set_must_sign(SCOPE, "key_1", True)
    assert store.must_sign(SCOPE, "key_1") and not store.must_sign(OTHER, "key_1")
    store.set_must_sign(SCOPE, "key_1", False)
    assert not store.must_sign(SCOPE, "key_1")


def test_unfit_keys_are_refused(store: ClientKeyStore) -> None:
    keys = desk(store, FixedClock(NOW))
    for algorithm in (Algorithm.HMAC, Algorithm.RSA2, Algorithm.ECDSA_P256):
        with pytest.raises(InvalidRequest):
            keys.add_public(SCOPE, Owner(), algorithm, ED25519)
    with pytest.raises(InvalidRequest):
        keys.add_secret(SCOPE, Owner(), NOW)


def test_secrets_are_sealed_and_bound(opened: tuple[Reader, Writer], database: Path) -> None:
    store, clock = SqliteClientKeys(*opened), FixedClock(NOW)
    secret, record = desk(store, clock).add_secret(SCOPE, Owner())
    assert record.sealed is not None and secret.expose() not in record.sealed
    assert secret.expose() not in database.read_bytes()
    ready = ClientKeyRegistry(store, KeySealer(MASTER, SystemRandomness()), clock).find(
        SCOPE, record.key_id
    )
    assert ready is not None and ready.key.verify(ready.answers.key.sign(b"x"), b"x")
    sealer = KeySealer(MASTER, SystemRandomness())
    for scope, key_id in ((OTHER, record.key_id), (SCOPE, "sig_" + "a" * 26)):
        with pytest.raises(Corrupt):
            sealer.open(scope, key_id, record.sealed)
    with pytest.raises(Corrupt):
        KeySealer(Secret(b"\x02" * 32), SystemRandomness()).open(
            SCOPE, record.key_id, record.sealed
        )


def test_the_registry_sees_a_revocation_within_seconds(store: ClientKeyStore) -> None:
    clock = FixedClock(NOW)
    _, record = desk(store, clock).add_secret(SCOPE, Owner())
    registry = ClientKeyRegistry(store, KeySealer(MASTER, SystemRandomness()), clock)
    before = registry.find(SCOPE, record.key_id)
    assert before is not None and before.revoked_at_us is None
    store.revoke(SCOPE, record.key_id, NOW)
    clock.advance(5)
    after = registry.find(SCOPE, record.key_id)
    assert after is not None and after.revoked_at_us == NOW


async def test_accepted_signatures_survive_a_restart(database: Path) -> None:
    clock = FixedClock(NOW)
    for number in range(3):
        reader, writer = Reader(database), Writer(database, [CLIENT_KEYS])
        writer.start()
        nonces = Nonces(SqliteNonces(reader), writer.board, clock)
        nonces.load()
        for old in range(number):
            with pytest.raises(NotAuthenticated):
                nonces.take(SCOPE, "sig_a", b"%d" % old, NOW + 60_000_000)
        await nonces.take(SCOPE, "sig_a", b"%d" % number, NOW + 60_000_000).durable()
        await nonces.take(OTHER, "sig_a", b"%d" % number, NOW + 60_000_000).durable()
        writer.close()
        reader.close()


async def test_old_ones_are_swept(database: Path) -> None:
    clock = FixedClock(NOW)
    reader, writer = Reader(database), Writer(database, [CLIENT_KEYS])
    writer.start()
    nonces = Nonces(SqliteNonces(reader), writer.board, clock)
    nonces.load()
    for number in range(SWEEP_EVERY - 1):
        last = nonces.take(SCOPE, "a", b"%d" % number, NOW + 1_000_000)
    await last.durable()
    clock.advance(600)
    await nonces.take(SCOPE, "a", b"last", NOW + 700_000_000).durable()
    writer.close()
    reader.close()
    with sqlite3.connect(database) as base:
        assert base.execute("SELECT count(*) FROM accepted_signatures").fetchone() == (1,)
    base.close()


def test_the_migration_makes_the_tables_as_declared(database: Path) -> None:
    with sqlite3.connect(database) as base:
        for table in metadata.sorted_tables:
            rows = base.execute(f"PRAGMA table_info({table.name})").fetchall()
            assert [row[1] for row in rows] == [column.name for column in table.columns]
    base.close()
