"""Imported history: counted once, windows as if lived, refused in whole or by row, resumable."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import T0, copy_home, make_home, opened, snapshot
from import_kit import DAY, MINUTE, PAYMENTS, Past, payment, run, write
from test_linking import LINKED

from paywarden.core.errors import Conflict, InvalidRequest, Unavailable
from paywarden.core.outcome import Outcome
from paywarden.decision import entries
from paywarden.decision.companions import companion_fields_of
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.import_desk import Desk
from paywarden.entrypoints.init import initialise
from paywarden.entrypoints.settings import DEFAULT_TEXT
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.risk.features.plain import PlainWindows

NOW = T0
STEP = 30 * MINUTE


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("import"))


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return copy_home(template, tmp_path / "home")


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path / "past", NOW - 400 * STEP - MINUTE, 400, STEP)


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


async def test_windows_after_an_import_are_those_of_the_log_and_survive_restarts(
    home: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, NOW, *past.words) == 0
    told = answer(capsys)
    assert told["payments"] == 400 and told["payments"] + told["events"] == told["rows_this_run"]
    async with opened(home, now_us=NOW) as room:
        seen = room.observations()
        assert len(seen) == told["rows_this_run"]
        assert [one.seq for one in seen] == sorted(one.seq for one in seen)
        assert all(one.s_us == one.t_us for one in seen)
        state = room.state()
        assert state.windows is not None and state.runtime is not None
        plain = PlainWindows(state.runtime.plan, state.history_start_us)
        for one in seen:
            plain.add(one)
        for keys in {one.keys for one in seen}:
            for after in (0, MINUTE, DAY):
                at_us = NOW + after
                assert state.windows.read(keys, at_us) == plain.read(keys, at_us)
        before = snapshot(room)
        decided = await room.decide(instrument={"kind": "card", "reference": "card-1"})
        assert room.features(decided)["card_sum_1d"] > 1_000
        assert all(one.identical for one in room.replay())
    async with opened(home, now_us=NOW) as room:
        after_restart = snapshot(room)
        assert after_restart["clock"] >= before["clock"]
        assert all(one.identical for one in room.replay())


async def test_the_first_decision_sees_known_fraud_and_declines_of_the_past(
    home: Path, tmp_path: Path
) -> None:
    past = Past(tmp_path / "p", NOW - 12 * DAY, 12, DAY // 2, cards=1)
    assert run(home, NOW, *past.words) == 0
    lines = past.labels.read_text().splitlines()[1:]
    disputes = sum("13.1,CB" in line for line in lines)  # an issuer's notice is one of fraud
    labels = len(lines) - disputes
    async with opened(home, now_us=NOW) as room:
        decided = await room.decide(
            instrument={"kind": "card", "reference": "card-0"}, merchant={"id": "m_0"}
        )
        events = [room.ledger.read(room.live, one.seq) for one in room.observations()]
        kinds = [one.kind for one in events if isinstance(one, entries.EventEntry)]
        assert kinds.count("label") == labels and kinds.count("dispute") == disputes
        known = room.features(decided)["card_fraud_7d"]
        assert known == sum(
            one.kind == "label" and one.observation.s_us > NOW - 7 * DAY
            for one in events
            if isinstance(one, entries.EventEntry)
        )


async def test_links_know_what_was_imported(home: Path, past: Past) -> None:
    async with opened(home, now_us=NOW) as room:
        await room.publish(LINKED)
    assert run(home, NOW, *past.words) == 0
    async with opened(home, now_us=NOW, files=LINKED) as room:
        decided = await room.decide(
            instrument={"kind": "card", "reference": "card-1"}, payer={"id": "cus-5"}
        )
        known = companion_fields_of(room.fields(decided))
        # Customers 1 and 5 with their cards and e-mails, apart until now.
        assert (known["link.component_size"], known["link.cards"]) == (6, 2)
        assert known["link.bad_neighbours"] in (3, 6)
        assert all(one.identical for one in room.replay())


async def test_personal_data_is_sealed_as_live_and_nobody_is_told(home: Path, past: Past) -> None:
    run(home, NOW, *past.words)
    octets = Home(home).database.read_bytes()
    for clear in (b"u3@example.org", b"Ann Nr 3", b"card-3", b"cus-3"):
        assert clear not in octets
    async with opened(home, now_us=NOW) as room:
        reader = room.installation.reader
        assert not reader.rows("SELECT 1 FROM outbox WHERE topic = 'decision.recorded'")
        assert not reader.rows("SELECT 1 FROM decisions")
        first = room.observations()[0]
        entry = room.ledger.read(room.live, first.seq)
        assert isinstance(entry, entries.ImportedEntry)
        fields, _ = room.installation.sealer.open(room.live, first.seq, entry.clear, entry.sealed)
        assert fields["payer.email"].endswith("@example.org")
        assert fields["payment.metadata"].keys() == {"basket"}


async def test_an_imported_payment_is_known_and_takes_labels(home: Path, past: Past) -> None:
    run(home, NOW, *past.words)
    async with opened(home, now_us=NOW) as room:
        with pytest.raises(Conflict) as caught:
            await room.decide(id="o-1")
        assert caught.value.code == "payment_imported"
        assert not (await room.decide(id="o-1", attempt="2")).repeated
        assert (await room.label("o-1", "genuine", source="analyst")).status == "recorded"
        event = room.event("payment_result", payment_id="o-2", status="captured")
        assert (await room.send(event))[0].status == "recorded"
        assert all(one.identical for one in room.replay())


def test_the_same_files_again_count_nothing(
    home: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    run(home, NOW, *past.words)
    capsys.readouterr()
    head = head_of(home)
    assert run(home, NOW, *past.words) == 0
    assert answer(capsys)["repeated_files"] is True and head_of(home) == head


def test_overlapping_files_count_each_row_once_and_name_conflicts(
    home: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    run(home, NOW - DAY, *one_file(tmp_path, past, [payment(1, NOW - 2 * DAY, 1)]))
    capsys.readouterr()
    rows = [
        payment(1, NOW - 2 * DAY, 1),
        payment(2, NOW - DAY, 1),
        payment(2, NOW - DAY, 1),
        payment(3, NOW - DAY, 2),
    ]
    assert run(home, NOW, *one_file(tmp_path, past, rows)) == 0
    told = answer(capsys)
    assert (told["payments"], told["repeated"]) == (2, 1)
    rows = [payment(3, NOW - DAY, 2, amount="99.00"), payment(4, NOW - DAY, 2)]
    assert run(home, NOW, *one_file(tmp_path, past, rows)) == 1
    told = answer(capsys)
    assert (told["payments"], told["conflict"]) == (1, 1)
    assert told["left_out"] == [{"place": "some.csv:2", "code": "conflict"}]


def one_file(tmp_path: Path, past: Past, rows: list[list[str]]) -> list[str]:
    return [str(write(tmp_path / "some.csv", PAYMENTS, rows)), "--map", str(past.map)]


def test_events_of_unknown_payments_and_contradictions_are_named(
    home: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    words = one_file(tmp_path, past, [payment(1, NOW - 20 * DAY, 1)])
    rows = [
        ["nobody", "2026-11-10T00:00:00Z", "OK"],
        ["o-1", "2026-11-10T00:00:00Z", "NO"],
        ["o-1", "2026-11-01T00:00:00Z", "OK"],
    ]
    lost = write(tmp_path / "lost.csv", ("order", "at", "state"), rows)
    assert run(home, NOW, *words, "--results", str(lost)) == 1
    told = answer(capsys)
    assert (told["unknown_payment"], told["events"]) == (1, 2)
    assert told["left_out"] == [{"place": "lost.csv:2", "code": "unknown_payment"}]


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([payment(1, NOW - DAY, 1), payment(2, NOW + DAY, 1)], "import_future", "some.csv:3"),
        ([payment(1, NOW - DAY, 1), payment(2, NOW - DAY, 1, "-1")], "amount_out_of_range", "3"),
        ([payment(1, NOW - DAY, 1), payment(1, NOW - DAY, 2)], "duplicate_payment", "some.csv:3"),
    ],
)
def test_a_bad_row_refuses_the_whole_before_anything_is_written(
    home: Path, tmp_path: Path, past: Past, rows: list[list[str]], code: str, place: str
) -> None:
    head = head_of(home)
    with pytest.raises(InvalidRequest) as caught:
        run(home, NOW, *one_file(tmp_path, past, rows))
    assert caught.value.code == code and place in (caught.value.pointer or "")
    assert head_of(home) == head


def test_files_come_in_order_and_a_dry_run_writes_nothing(
    home: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = write(tmp_path / "b.csv", PAYMENTS, [payment(2, NOW - DAY, 1)])
    older = write(tmp_path / "a.csv", PAYMENTS, [payment(1, NOW - 2 * DAY, 1)])
    with pytest.raises(InvalidRequest) as caught:
        run(home, NOW, str(newer), str(older), "--map", str(past.map))
    assert caught.value.code == "files_out_of_order" and "a.csv:2" in (caught.value.pointer or "")
    head = head_of(home)
    assert run(home, NOW, str(older), str(newer), "--map", str(past.map), "--dry-run") == 0
    told = answer(capsys)
    assert told["dry_run"] and told["payments"] == 2 and head_of(home) == head
    assert run(home, NOW, str(older), str(newer), "--map", str(past.map)) == 0
    assert answer(capsys)["payments"] == 2


async def test_nothing_is_imported_behind_a_log_that_lives(home: Path, past: Past) -> None:
    async with opened(home, now_us=NOW) as room:
        await room.decide()
        with pytest.raises(Conflict) as running:
            run(home, NOW, *past.words)
        assert running.value.code == "writer_already_running"
    with pytest.raises(InvalidRequest) as caught:
        run(home, NOW + DAY, *past.words)
    assert caught.value.code == "import_behind_log" and "new home" in caught.value.detail


async def test_an_import_that_fails_half_way_is_resumed_without_loss_or_double(
    template: Path, home: Path, tmp_path: Path, past: Past, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    whole = copy_home(template, tmp_path / "whole")
    assert run(whole, NOW, *past.words) == 0
    monkeypatch.setattr("paywarden.decision.importing.BATCH", 50)
    submit, left = Writer.submit, iter(range(1_000))

    def breaks(self: Writer, unit: Any) -> Any:
        if next(left) in (3, 6, 12):
            raise Unavailable("storage_failed", "the disk is full")
        return submit(self, unit)

    monkeypatch.setattr(Writer, "submit", breaks)
    stops = 0
    while True:
        try:
            assert run(home, NOW, *past.words, *(["--resume"] if stops else [])) == 0
            break
        except Unavailable:
            stops += 1
            with pytest.raises(Conflict):
                run(home, NOW, *past.words)
    assert stops == 3
    monkeypatch.setattr(Writer, "submit", submit)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told[-1]["payments"], told[-1]["events"]) == (told[0]["payments"], told[0]["events"])
    async with opened(whole, now_us=NOW) as one, opened(home, now_us=NOW) as two:
        assert one.observations() == two.observations()
        first, second = snapshot(one), snapshot(two)
        assert first == second


async def test_half_an_import_decides_nothing_until_it_is_resumed_or_abandoned(
    home: Path, past: Past, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("paywarden.decision.importing.BATCH", 100)
    end = Desk._end
    monkeypatch.setattr(Desk, "_end", lambda *_given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(home, NOW, *past.words)
    monkeypatch.setattr(Desk, "_end", end)
    async with opened(home, now_us=NOW) as room:
        with pytest.raises(Unavailable) as caught:
            await room.decide()
        assert caught.value.code == "import_unfinished"
        assert (await room.decide(scope=room.test)).entry.result.answer is Outcome.ALLOW
    changed = Past(past.map.parent, NOW - 100 * STEP, 99, STEP)
    with pytest.raises(Conflict) as other:
        run(home, NOW, *changed.words, "--resume")
    assert other.value.code == "import_other_unfinished"
    assert run(home, NOW, "--abandon") == 0 and run(home, NOW, "--abandon") == 1
    async with opened(home, now_us=NOW) as room:
        await room.decide()
        state = room.state()
        assert state.history_start_us == NOW and state.windows is not None
        assert len(state.windows.partial(NOW)) == len(state.windows.plan.names)
        assert all(one.identical for one in room.replay())


async def test_history_reaches_back_as_far_as_what_was_imported(
    template: Path, tmp_path: Path, past: Past
) -> None:
    fresh = tmp_path / "late"
    settings = 'complete_from = "2026-11-22T00:00:00Z"'
    shutil.copytree(template.parent / "policy", tmp_path / "policy")
    home = Home(fresh)
    home.make()
    home.settings_file.write_text(DEFAULT_TEXT.replace("# complete_from", settings + "\n#", 1))
    await initialise(home, tmp_path / "policy")
    async with opened(fresh, now_us=NOW) as room:
        assert room.state().windows is not None
        assert room.state().windows.partial(NOW)  # type: ignore[union-attr]
    assert await _in_thread(run, fresh, NOW, *past.words) == 0
    async with opened(fresh, now_us=NOW) as room:
        state = room.state()
        assert state.history_start_us == NOW - 400 * STEP - MINUTE
        assert state.windows is not None and state.runtime is not None
        partial = {state.runtime.plan.names[i] for i in state.windows.partial(NOW)}
        assert partial == {"merchant_fraud_30d"}
        await room.decide()
        assert all(one.identical for one in room.replay())


async def _in_thread(function: Any, *given: Any) -> Any:
    return await asyncio.to_thread(function, *given)


def test_begin_and_end_stand_in_the_audit_log_with_the_files_digests(
    home: Path, past: Past
) -> None:
    run(home, NOW, *past.words)
    with room_reader(home) as audit:
        events = [event for event in audit if event.action.startswith("import:")]
    assert [event.action for event in events] == ["import:history:begin", "import:history:end"]
    digest = hashlib.sha256(past.payments.read_bytes()).hexdigest()
    assert events[0].detail["sha256_1"] == events[1].detail["sha256_1"] == digest
    assert events[1].detail["payments"] == 400 and events[1].actor.startswith("local:")


def test_kill_nine_and_resume(template: Path, tmp_path: Path) -> None:
    home, whole = (copy_home(template, tmp_path / name) for name in ("killed", "whole"))
    past = Past(tmp_path / "past", 1_700_000_000_000_000, 6_000, MINUTE)
    command = [sys.executable, "-m", "paywarden.entrypoints.main", "--home"]
    rest = ["import", *past.words, "--environment", "live", "--json"]
    process = subprocess.Popen([*command, str(home), *rest], stdout=subprocess.DEVNULL)
    before = head_of(whole)
    deadline = time.monotonic() + 60
    while head_of(home) < before + 2_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert before + 2_000 <= head_of(home) < before + past.rows
    done = [
        json.loads(subprocess.run(
            [*command, str(place), *rest, *more], capture_output=True, check=True
        ).stdout)
        for place, more in ((home, ["--resume"]), (whole, []))
    ]  # fmt: skip
    assert [one["payments"] for one in done] == [6_000, 6_000]
    assert done[0]["events"] == done[1]["events"] == past.rows - 6_000
    assert done[0]["rows_this_run"] < past.rows
    assert stored(home) == stored(whole)


def head_of(home: Path) -> int:
    reader = Reader(Home(home).database)
    try:
        return SqliteJournal(reader).head()
    finally:
        reader.close()


def stored(home: Path) -> list[Any]:
    reader = Reader(Home(home).database)
    try:
        return [
            (entry.seq, entry.kind, entries.decode(entry.kind, entry.body).observation)
            for entry in SqliteJournal(reader).read(None, 1, 10**9)
            if entry.kind in (entries.IMPORTED, entries.EVENT)
        ]
    finally:
        reader.close()


@contextmanager
def room_reader(home: Path) -> Any:
    reader = Reader(Home(home).database)
    try:
        yield [event for _, event in SqliteAuditLog(reader).read(None, 0, 1_000)]
    finally:
        reader.close()
