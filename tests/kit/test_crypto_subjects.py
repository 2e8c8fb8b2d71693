"""Subject keys: one suite over the SQLite and the memory store, then what only files can show."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.core.errors import Conflict, Corrupt, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.ports import Erased, WrappedKey, WrappedKeys
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.kit.stores.sqlite_subject_keys import SUBJECT_KEYS, SqliteWrappedKeys

MASTER = Secret(bytes(range(32)))
NAME = b"Ann Example, 1990-02-01"


class CountedRandomness:
    """Reproducible octets that never repeat."""

    def __init__(self) -> None:
        self.count = 0

    def octets(self, count: int) -> bytes:
        self.count += 1
        return hashlib.shake_128(self.count.to_bytes(8, "big")).digest(count)


@pytest.fixture(scope="session")
def key_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "subject_keys.sqlite"
    migrate(path, [SUBJECT_KEYS], page_octets=4096)
    return path


@pytest.fixture
def key_file(key_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "subject_keys.sqlite"
    path.write_bytes(key_template.read_bytes())
    return path


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, key_file: Path) -> Iterator[WrappedKeys]:
    if request.param == "memory":
        yield MemoryWrappedKeys()
        return
    opened = SqliteWrappedKeys(key_file)
    opened.reopen()
    yield opened
    opened.close()


def ring_over(store: WrappedKeys, **limits: int) -> SubjectKeyRing:
    return SubjectKeyRing(MASTER, store, CountedRandomness(), **limits)


def erase(ring: SubjectKeyRing, scope: Scope, subject: str) -> bool:
    """End the subject's present key."""
    key_id = ring.key_of(scope, subject)
    return key_id is not None and ring.erase(scope, subject, key_id, 77)


def test_what_is_sealed_opens(store: WrappedKeys, scope: Scope) -> None:
    ring = ring_over(store)
    for plaintext in (b"", NAME, bytes(10_000)):
        sealed = ring.seal(scope, "cus_1", plaintext, b"payer.name")
        assert ring.open(scope, "cus_1", sealed, b"payer.name") == plaintext
        assert len(sealed) == len(plaintext) + 37 and NAME not in sealed
    twice = {ring.seal(scope, "cus_1", NAME, b"") for _ in range(10)}
    assert len(twice) == 10


def test_keys_survive_the_process_once_stored(store: WrappedKeys, scope: Scope) -> None:
    ring = ring_over(store)
    sealed = ring.seal(scope, "cus_1", NAME, b"c")
    with pytest.raises(Corrupt, match="subject_key_missing"):
        ring_over(store).open(scope, "cus_1", sealed, b"c")
    ring.before()
    assert ring_over(store).open(scope, "cus_1", sealed, b"c") == NAME


def test_a_moved_or_altered_datum_does_not_open(store: WrappedKeys, scope: Scope) -> None:
    ring = ring_over(store)
    sealed = ring.seal(scope, "cus_1", NAME, b"payer.name")
    live, other = Scope(scope.tenant, Environment.LIVE), Scope("other", scope.environment)
    for place in ((live, "cus_1"), (other, "cus_1"), (scope, "cus_2")):
        ring.seal(*place, NAME, b"payer.name")
        with pytest.raises(Corrupt):
            ring.open(*place, sealed, b"payer.name")
    with pytest.raises(Corrupt, match="sealed_damaged"):
        ring.open(scope, "cus_1", sealed, b"payer.email")
    for position in range(len(sealed)):
        bad = bytearray(sealed)
        bad[position] ^= 1
        with pytest.raises(Corrupt) as caught:
            ring.open(scope, "cus_1", bytes(bad), b"payer.name")
        assert "Ann" not in str(caught.value)
    for short in (b"", sealed[:20], sealed[:-1]):
        with pytest.raises(Corrupt):
            ring.open(scope, "cus_1", short, b"payer.name")


@pytest.mark.parametrize("stored_first", [True, False])
def test_erasing_is_final_and_a_new_sighting_starts_afresh(
    store: WrappedKeys, scope: Scope, stored_first: bool
) -> None:
    ring = ring_over(store)
    old = ring.seal(scope, "cus_1", NAME, b"c")
    kept = ring.seal(scope, "cus_2", NAME, b"c")
    if stored_first:
        ring.before()
    assert erase(ring, scope, "cus_1") is True
    assert erase(ring, scope, "cus_1") is False
    assert ring.open(scope, "cus_1", old, b"c") == Erased(77)
    new = ring.seal(scope, "cus_1", b"back again", b"c")
    ring.before()
    for later in (ring, ring_over(store)):
        assert later.open(scope, "cus_1", old, b"c") == Erased(77)
        assert later.open(scope, "cus_1", new, b"c") == b"back again"
        assert later.open(scope, "cus_2", kept, b"c") == NAME


def test_erasing_in_one_tenant_leaves_the_other(store: WrappedKeys, scope: Scope) -> None:
    ring, other = ring_over(store), Scope("other", Environment.TEST)
    sealed = ring.seal(other, "cus_1", NAME, b"c")
    ring.seal(scope, "cus_1", NAME, b"c")
    assert erase(ring, scope, "cus_1")
    assert ring.open(other, "cus_1", sealed, b"c") == NAME


def test_the_cache_is_bounded_and_never_drops_a_key_not_yet_stored(
    store: WrappedKeys, scope: Scope
) -> None:
    ring = ring_over(store, cache_limit=3)
    sealed = {f"s{n}": ring.seal(scope, f"s{n}", b"%d" % n, b"") for n in range(10)}
    assert len(ring._cache) == 10
    ring.before()
    for subject, datum in sealed.items():
        assert ring.open(scope, subject, datum, b"") == subject[1:].encode()
        assert len(ring._cache) <= 3


def test_a_store_refuses_two_keys_for_one_subject(store: WrappedKeys) -> None:
    keys = [WrappedKey("acme/test", b"s", bytes([n]) * 8, b"w") for n in range(2)]
    store.add(keys[:1])
    with pytest.raises(Conflict, match="subject_key_exists"):
        store.add([WrappedKey("acme/test", b"t", b"k" * 8, b"w"), keys[1]])
    assert store.find("acme/test", b"s") == keys[0]
    assert store.find("acme/test", b"t") is None


def test_more_keys_than_one_statement_holds_are_stored_or_none(store: WrappedKeys) -> None:
    keys = [
        WrappedKey("acme/test", bytes([n]) * 32, bytes([n]) * 8, bytes([n]) * 60) for n in range(40)
    ]
    store.add(keys)
    assert [store.find(key.scope, key.subject) for key in keys] == keys
    fresh = [WrappedKey("acme/live", key.subject, key.key_id, key.wrapped) for key in keys]
    with pytest.raises(Conflict, match="subject_key_exists"):
        store.add([*fresh, keys[0]])
    assert all(store.find(key.scope, key.subject) is None for key in fresh)


def test_another_master_key_opens_nothing(store: WrappedKeys, scope: Scope) -> None:
    ring = ring_over(store)
    sealed = ring.seal(scope, "cus_1", NAME, b"c")
    ring.before()
    names = ring._names
    thief = SubjectKeyRing(Secret(b"x" * 32), store, SystemRandomness())
    thief._names = names
    with pytest.raises(Corrupt, match="subject_key_damaged"):
        thief.open(scope, "cus_1", sealed, b"c")


def test_one_key_per_subject_under_many_threads(store: WrappedKeys, scope: Scope) -> None:
    ring, sealed = ring_over(store), []

    def work() -> None:
        for number in range(30):
            sealed.append((number, ring.seal(scope, f"s{number}", NAME, b"c")))
            ring.before()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = ring_over(store)
    assert len(sealed) == 120
    assert all(fresh.open(scope, f"s{number}", datum, b"c") == NAME for number, datum in sealed)


def test_keys_are_durable_before_the_entry_that_needs_them(
    key_file: Path, database: Path, scope: Scope
) -> None:
    """The key store refuses: then the entry must not be committed either."""
    keys, reader = SqliteWrappedKeys(key_file), Reader(database)
    ring, journal = ring_over(keys), SqliteJournal(reader)
    writer = Writer(database, [KIT], [ring, journal])
    writer.start()

    def put(seq: int, subject: str) -> bytes:
        unit, sealed = UnitOfWork(), ring.seal(scope, subject, NAME, b"c")
        journal.append(unit, [Entry(seq, scope, "decision", 0, sealed)])
        writer.submit(unit).result(10)
        return sealed

    put(1, "cus_1")
    assert keys.find(scope.text, ring._subject_digest(scope, "cus_1")) is not None
    assert keys._held is not None
    keys._held.execute("PRAGMA query_only=ON")
    with pytest.raises(Unavailable, match="storage_failed"):
        put(2, "cus_2")
    assert writer.state == "failed" and journal.head() == 1
    writer.recover()
    put(2, "cus_2")
    assert keys.find(scope.text, ring._subject_digest(scope, "cus_2")) is not None
    writer.close()
    keys.close()
    reader.close()


def test_an_erased_key_leaves_no_copy_in_the_files(key_file: Path, scope: Scope) -> None:
    keys = SqliteWrappedKeys(key_file)
    keys.reopen()
    ring = ring_over(keys)
    for number in range(50):
        ring.seal(scope, f"s{number}", NAME, b"c")
    ring.before()
    digest = ring._subject_digest(scope, "s7")
    stored = keys.find(scope.text, digest)
    assert stored is not None

    def copies(octets: bytes) -> int:
        files = sorted(key_file.parent.glob(key_file.name + "*"))
        return sum(one.read_bytes().count(octets) for one in files)

    assert copies(stored.wrapped) >= 1
    assert erase(ring, scope, "s7")
    assert copies(stored.wrapped) == copies(digest) == 0
    keys.compact()
    assert ring_over(keys).open(scope, "s8", ring.seal(scope, "s8", NAME, b"c"), b"c") == NAME
    keys.close()


def test_the_key_file_has_one_owner(key_file: Path) -> None:
    first, second = SqliteWrappedKeys(key_file), SqliteWrappedKeys(key_file)
    with pytest.raises(Unavailable, match="subject_keys_closed"):
        first.add([])
    first.reopen()
    first.reopen()
    with pytest.raises(Conflict, match="writer_already_running"):
        second.reopen()
    first.close()
    second.reopen()
    second.close()
