"""One suite for every event log: SQLite and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.chain import GENESIS, link
from paywarden.kit.journal.model import BODY_LIMIT_OCTETS, Entry
from paywarden.kit.journal.ports import Journal
from paywarden.kit.stores.memory_journal import MemoryJournal
from paywarden.kit.stores.memory_writer import MemoryWriter

OTHER = Scope("other", Environment.LIVE)


@pytest.fixture(params=["sqlite", "memory"])
def log(request: pytest.FixtureRequest, open_log: Callable[..., Any]) -> tuple[Any, Journal]:
    if request.param == "sqlite":
        writer, journal, _ = open_log()
        return writer, journal
    memory = MemoryJournal()
    return MemoryWriter([memory]), memory


def entry(seq: int, scope: Scope, at_us: int = 0, body: bytes = b"body") -> Entry:
    return Entry(seq, scope, "decision", at_us, body)


def put(log: tuple[Any, Journal], *entries: Entry) -> None:
    writer, journal = log
    unit = UnitOfWork()
    journal.append(unit, entries)
    writer.submit(unit).result(10)


def test_an_empty_log(log: tuple[Any, Journal]) -> None:
    _, journal = log
    assert (journal.head(), journal.staged_head, journal.verify()) == (0, 0, 0)
    assert list(journal.read(None, 1, 10)) == []


def test_entries_come_back_as_they_were(log: tuple[Any, Journal], scope: Scope) -> None:
    given = [entry(1, scope, 5, b""), entry(2, OTHER, -7, bytes(range(256))), entry(3, scope)]
    put(log, *given)
    assert list(log[1].read(None, 1, 10)) == given
    assert log[1].head() == log[1].verify() == 3


def test_a_mark_is_the_chain_up_to_there(log: tuple[Any, Journal], scope: Scope) -> None:
    given = [entry(1, scope, 5), entry(2, OTHER, -7, b""), entry(3, scope)]
    put(log, *given)
    digest = GENESIS
    for each in given:
        assert log[1].mark(each.seq - 1) == digest
        digest = link(digest, each.seq, each.scope.text, each.kind, each.at_us, each.body)
    assert log[1].mark(3) == log[1].mark(99) == digest


def test_reading_from_an_offset_with_a_limit(log: tuple[Any, Journal], scope: Scope) -> None:
    put(log, *(entry(seq, scope if seq % 3 else OTHER) for seq in range(1, 600)))
    seqs = [one.seq for one in log[1].read(None, 250, 260)]
    assert seqs == list(range(250, 510))
    assert [one.seq for one in log[1].read(OTHER, 4, 2)] == [6, 9]
    assert len(list(log[1].read(OTHER, 1, 1_000))) == 199
    assert list(log[1].read(None, 600, 10)) == list(log[1].read(None, 900, 10)) == []
    assert list(log[1].read(None, 1, 0)) == list(log[1].read(scope, 1, 0)) == []
    assert next(iter(log[1].read(None, -5, 1))).seq == 1


def test_one_scope_never_sees_another(log: tuple[Any, Journal], scope: Scope) -> None:
    put(log, entry(1, scope), entry(2, OTHER))
    live = Scope(scope.tenant, Environment.LIVE)
    assert [one.seq for one in log[1].read(scope, 1, 10)] == [1]
    assert list(log[1].read(live, 1, 10)) == []


@pytest.mark.parametrize(("seq", "code"), [(5, "journal_gap"), (2, "journal_duplicate")])
def test_gaps_and_repeats_are_refused_at_once(
    log: tuple[Any, Journal], scope: Scope, seq: int, code: str
) -> None:
    put(log, *(entry(one, scope) for one in (1, 2, 3)))
    with pytest.raises(Conflict) as caught:
        log[1].append(UnitOfWork(), [entry(seq, scope)])
    assert caught.value.code == code and "continues at 4" in caught.value.detail
    put(log, entry(4, scope))


def test_a_refused_append_adds_nothing(log: tuple[Any, Journal], scope: Scope) -> None:
    unit = UnitOfWork()
    with pytest.raises(Conflict):
        log[1].append(unit, [entry(1, scope), entry(3, scope)])
    assert unit.writes == [] and log[1].staged_head == 0


def test_a_unit_that_was_never_submitted_stops_the_log(
    log: tuple[Any, Journal], scope: Scope
) -> None:
    writer, journal = log
    journal.append(UnitOfWork(), [entry(1, scope)])
    late = UnitOfWork()
    journal.append(late, [entry(2, scope)])
    with pytest.raises((Conflict, Unavailable), match="continues at 1"):
        writer.submit(late).result(10)
    assert writer.state == "failed" and journal.head() == 0
    writer.recover()
    assert journal.staged_head == 0
    put(log, entry(1, scope))
    assert journal.verify() == 1


def test_the_clock_stepping_back_changes_no_order(log: tuple[Any, Journal], scope: Scope) -> None:
    times = [1_000, 2_000, 500, -3, 2_000]
    for seq, at_us in enumerate(times, 1):
        put(log, entry(seq, scope, at_us))
    assert [(one.seq, one.at_us) for one in log[1].read(None, 1, 10)] == [*enumerate(times, 1)]


def test_the_log_continues_after_a_restart(open_log: Callable[..., Any], scope: Scope) -> None:
    writer, journal, _ = open_log()
    put((writer, journal), entry(1, scope), entry(2, scope))
    writer.close()
    writer, journal, _ = open_log()
    assert journal.staged_head == 2
    put((writer, journal), entry(3, scope))
    assert journal.verify() == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": 0},
        {"seq": 2**63},
        {"kind": "Decision"},
        {"kind": ""},
        {"body": "text"},
        {"body": bytes(BODY_LIMIT_OCTETS + 1)},
    ],
)
def test_entries_check_themselves(scope: Scope, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"seq": 1, "scope": scope, "kind": "a.b", "at_us": 0, "body": b""}
    Entry(**right)
    with pytest.raises(ValueError, match=r"seq|kind|body"):
        Entry(**{**right, **wrong})


def test_the_chain_covers_every_field() -> None:
    base = (GENESIS, 1, "a/test", "kind", 5, b"body")
    changes = (b"1" * 16, 2, "a/tesu", "kine", 6, b"bodz")
    digests = {link(*base)}
    for place, value in enumerate(changes):
        digests.add(link(*base[:place], value, *base[place + 1 :]))  # type: ignore[arg-type]
    digests.add(link(GENESIS, 1, "a/testk", "ind", 5, b"body"))
    assert len(digests) == 8


def test_the_chain_is_what_the_format_says() -> None:
    """Computed once by hand with hashlib; a change of layout breaks every stored log."""
    assert (
        link(GENESIS, 1, "acme/test", "decision", 0, b"").hex()
        == "7ecf51ad2a3bad9f540dfabf4f3b5618"
    )
