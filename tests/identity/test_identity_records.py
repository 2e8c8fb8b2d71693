"""One suite for both stores: SQLite, and its twin in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from people_room import LIVE, PARTS, SCOPE
from sqlalchemy import create_engine

from paywarden.core.errors import Conflict
from paywarden.core.identifiers import PersonId, SessionId
from paywarden.identity import changes as c
from paywarden.identity import tables
from paywarden.identity.model import (
    Account,
    AccountState,
    Link,
    Passkey,
    PasswordRecord,
    RoleGrant,
    Session,
    SessionKind,
    TotpSeed,
)
from paywarden.identity.stores.memory_records import MemoryRecords
from paywarden.identity.stores.sqlite_records import SqliteRecords
from paywarden.identity.stores.sqlite_writes import WRITES
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.memory_writer import MemoryWriter

ANN, BOB = PersonId("psn_" + "a" * 26), PersonId("psn_" + "b" * 26)


class Store:
    """Records with their writer."""

    def __init__(self, records: Any, writer: Any) -> None:
        self.records = records
        self.writer = writer

    def write(self, *changes: c.Change) -> None:
        unit = UnitOfWork()
        for change in changes:
            self.records.stage(unit, change)
        self.writer.submit(unit).result(10)


@pytest.fixture(params=["sqlite", "memory"])
def store(
    request: pytest.FixtureRequest, identity_template: Path, tmp_path: Path
) -> Iterator[Store]:
    if request.param == "memory":
        records = MemoryRecords()
        yield Store(records, MemoryWriter([records]))
        return
    path = Path(shutil.copy(identity_template, tmp_path / "p.sqlite"))
    reader, writer = Reader(path), Writer(path, PARTS)
    writer.start()
    yield Store(SqliteRecords(reader), writer)
    writer.close()
    reader.close()


def account(person: PersonId = ANN, mark: bytes = b"a", **more: Any) -> Account:
    made = Account(
        SCOPE, person, AccountState.INVITED, b"l" + mark, b"s" + mark, b"e" + mark, b"box", 5
    )
    return replace(made, **more)


def session(name: str = "a", person: PersonId = ANN, at: int = 10, **more: Any) -> Session:
    made = Session(
        SessionId("ses_" + name * 26), name.encode(), SCOPE, person, SessionKind.FULL,
        ("password", "totp"), at, at, at, 1_000,
    )  # fmt: skip
    return replace(made, **more)


def passkey(name: bytes = b"k1", person: PersonId = ANN, **more: Any) -> Passkey:
    return replace(Passkey(name, person, "key", b"cose", 3, 7, None, "usb"), **more)


def test_accounts(store: Store) -> None:
    ann, bob = account(), account(BOB, b"b")
    store.write(c.AccountAdded(bob), c.AccountAdded(ann))
    assert store.records.account(SCOPE, ANN) == ann
    assert store.records.account_by_login(SCOPE, b"lb") == bob
    assert list(store.records.accounts(SCOPE)) == [ann, bob]
    assert store.records.account(LIVE, ANN) is None
    assert store.records.account_by_login(LIVE, b"la") is None
    assert list(store.records.accounts(LIVE)) == []


@pytest.mark.parametrize(
    "twin",
    [
        account(ANN, b"x"),
        account(BOB, b"b", login_digest=b"la"),
        account(BOB, b"b", skeleton_digest=b"sa"),
        account(BOB, b"b", email_digest=b"ea"),
    ],
)
def test_a_twin_is_refused_with_its_whole_unit(store: Store, twin: Account) -> None:
    store.write(c.AccountAdded(account()))
    with pytest.raises(Conflict):
        store.write(c.StateSet(SCOPE, ANN, AccountState.ACTIVE), c.AccountAdded(twin))
    assert store.records.account(SCOPE, ANN) == account()
    store.write(c.AccountAdded(replace(twin, scope=LIVE)))  # the other environment is apart


def test_states_and_failures(store: Store) -> None:
    store.write(c.AccountAdded(account()), c.StateSet(SCOPE, ANN, AccountState.ACTIVE))
    store.write(c.FailuresSet(SCOPE, ANN, 10, 99))
    store.write(c.FailuresSet(SCOPE, BOB, 10, 99), c.StateSet(LIVE, ANN, AccountState.DISABLED))
    held = store.records.account(SCOPE, ANN)
    assert (held.state, held.failures, held.locked_until_us) == (AccountState.ACTIVE, 10, 99)
    assert held.state_at(98) is AccountState.LOCKED
    assert held.state_at(99) is AccountState.ACTIVE
    store.write(c.SignedIn(SCOPE, ANN, 50))
    held = store.records.account(SCOPE, ANN)
    assert (held.failures, held.locked_until_us, held.last_sign_in_us) == (0, 0, 50)


def test_grants(store: Store) -> None:
    first = RoleGrant(ANN, "analyst", None, 1)
    again = RoleGrant(ANN, "analyst", BOB, 2, 9)
    other = RoleGrant(BOB, "approver", ANN, 3)
    store.write(*(c.RoleGranted(SCOPE, one) for one in (first, other, again)))
    assert list(store.records.grants(SCOPE)) == [again, other]
    assert list(store.records.grants_of(SCOPE, ANN)) == [again]
    assert list(store.records.grants_of(LIVE, ANN)) == []
    store.write(c.RoleWithdrawn(SCOPE, ANN, "analyst"), c.RoleWithdrawn(LIVE, BOB, "approver"))
    assert list(store.records.grants(SCOPE)) == [other]


def test_passwords_and_seeds(store: Store) -> None:
    record = PasswordRecord(ANN, "$argon2id$x", 4, ("b", "c"))
    store.write(c.PasswordSet(SCOPE, PasswordRecord(ANN, "old", 3)), c.PasswordSet(SCOPE, record))
    assert store.records.password(SCOPE, ANN) == record
    assert store.records.password(LIVE, ANN) is None
    seed = TotpSeed(ANN, b"sealed", 5, False)
    store.write(c.TotpSet(SCOPE, seed))
    assert store.records.totp(SCOPE, ANN) == seed
    confirmed = replace(seed, confirmed=True, last_step=7)
    store.write(c.TotpSet(SCOPE, confirmed), c.TotpUsed(SCOPE, ANN, 6))
    assert store.records.totp(SCOPE, ANN) == confirmed, "steps only grow"
    store.write(c.TotpUsed(SCOPE, ANN, 8), c.TotpUsed(SCOPE, BOB, 8))
    assert store.records.totp(SCOPE, ANN).last_step == 8


def test_passkeys(store: Store) -> None:
    one, two = passkey(), passkey(b"k2", created_at_us=8)
    bobs = passkey(b"k3", BOB)
    store.write(*(c.PasskeyAdded(SCOPE, key) for key in (two, bobs, one)))
    assert list(store.records.passkeys_of(SCOPE, ANN)) == [one, two]
    assert list(store.records.passkeys(SCOPE)) == [one, two, bobs]
    with pytest.raises(Conflict):
        store.write(c.PasskeyAdded(SCOPE, passkey(b"k1", BOB)))
    store.write(c.PasskeyUsed(SCOPE, b"k1", 9, 20), c.PasskeyUsed(SCOPE, b"k1", 5, 15))
    held = store.records.passkey(SCOPE, b"k1")
    assert (held.sign_count, held.last_used_us) == (9, 20)
    store.write(c.PasskeyRemoved(SCOPE, BOB, b"k1"), c.PasskeyRemoved(SCOPE, ANN, b"k2"))
    assert list(store.records.passkeys_of(SCOPE, ANN)) == [held]
    assert store.records.passkey(LIVE, b"k1") is None


def test_codes_and_links(store: Store) -> None:
    store.write(c.RecoveryCodesSet(SCOPE, ANN, (b"2", b"1")))
    assert list(store.records.recovery_codes(SCOPE, ANN)) == [b"1", b"2"]
    store.write(c.RecoveryCodeUsed(SCOPE, ANN, b"1"), c.RecoveryCodeUsed(SCOPE, BOB, b"2"))
    assert list(store.records.recovery_codes(SCOPE, ANN)) == [b"2"]
    store.write(c.RecoveryCodesSet(SCOPE, ANN, (b"3",)))
    assert list(store.records.recovery_codes(SCOPE, ANN)) == [b"3"]
    old, new = Link(b"d1", SCOPE, ANN, "cli:people", 1, 9), Link(b"d2", SCOPE, ANN, "x:y", 2, 9)
    bobs = Link(b"d3", SCOPE, BOB, "x:y", 2, 9)
    store.write(c.LinkMade(old), c.LinkMade(bobs), c.LinkMade(new))
    assert store.records.link(SCOPE, b"d1") is None
    assert store.records.link(SCOPE, b"d2") == new
    assert store.records.link(SCOPE, b"d3") == bobs
    assert store.records.link(LIVE, b"d2") is None


def test_one_time_things_are_spent_once(store: Store) -> None:
    once = c.Spent(SCOPE, "totp", b"x", 100)
    store.write(once)
    assert store.records.spent(SCOPE, "totp", b"x")
    with pytest.raises(Conflict):
        store.write(c.SessionOpened(session()), once)
    assert store.records.session_by_token(b"a") is None
    store.write(c.Spent(LIVE, "totp", b"x", 100), c.Spent(SCOPE, "link", b"x", 100))
    store.write(c.Swept(100))
    assert not store.records.spent(SCOPE, "totp", b"x")


def test_sessions(store: Store) -> None:
    one, two, bobs = session("a"), session("b", at=20), session("c", BOB)
    store.write(*(c.SessionOpened(each) for each in (one, two, bobs)))
    assert store.records.session_by_token(b"a") == one
    assert store.records.session(SCOPE, one.session) == one
    assert store.records.session(LIVE, one.session) is None
    assert list(store.records.sessions_of(SCOPE, ANN)) == [two, one]
    store.write(c.SessionSeen(SCOPE, one.session, 40), c.SessionSeen(SCOPE, one.session, 30))
    assert store.records.session_by_token(b"a").last_seen_us == 40
    store.write(c.SessionRevoked(SCOPE, BOB, one.session, 50))
    assert store.records.session_by_token(b"a").revoked_at_us is None
    store.write(c.SessionRevoked(SCOPE, ANN, one.session, 50))
    assert store.records.session_by_token(b"a").revoked_at_us == 50
    store.write(c.SessionsRevoked(SCOPE, ANN, 60, two.session))
    assert list(store.records.sessions_of(SCOPE, ANN)) == [two]
    store.write(c.SessionsRevoked(SCOPE, ANN, 60))
    assert list(store.records.sessions_of(SCOPE, ANN)) == []
    assert store.records.session_by_token(b"a").revoked_at_us == 50
    store.write(c.Swept(1_000))
    assert store.records.session_by_token(b"c") is None


def test_every_change_has_a_way_into_each_store() -> None:
    kinds = set(c.Change.__args__)
    assert set(WRITES) == kinds
    assert set(MemoryRecords()._ways) == kinds


def test_migrations_build_exactly_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "tables.sqlite"
    migrate(path, PARTS)
    from paywarden.kit.db import tables as kit_tables

    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as held:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in own}
        own = set(tables.metadata.tables)
        assert not own & set(kit_tables.metadata.tables)
        context = MigrationContext.configure(held, opts=options)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_an_older_database_is_brought_up(tmp_path: Path) -> None:
    from paywarden.identity.stores.sqlite import SCHEMA

    path = tmp_path / "old.sqlite"
    migrate(path, [KIT, SCHEMA])
    assert SCHEMA.head not in SCHEMA.known
    assert not migrate(path, [KIT, SCHEMA]), "a second run changes nothing"
