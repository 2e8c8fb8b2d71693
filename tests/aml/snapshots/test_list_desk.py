"""Lists taken in, refused, approved, taken back, verified; nothing lost and nothing half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from list_desk_kit import NOW_US, desk, key, people, un_list

from paywarden.aml.screening.snapshots.ages import alarms
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.core.clock import FixedClock
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotFound

DAY_SECONDS = 86_400


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lists"


def test_first_list_then_a_delta(root, lists):
    made = desk(root)
    first = made.take_in(un_list(lists, people(20)), "un", "anna")
    assert first.outcome == "current" and len(first.delta.added) == 20
    assert first.manifest.counts == {"Person": 20} and first.manifest.list_date == "2026-10-01"
    changed = people(21) | {3: "Renamed Quillberry"}
    del changed[7]
    second = made.take_in(un_list(lists, changed, "2026-10-02"), "un", "anna")
    assert second.outcome == "current"
    assert [one.id for one in second.delta.added] == ["un-ZZi.20"]
    assert [one.id for one in second.delta.changed] == ["un-ZZi.3"]
    assert second.delta.removed == ("un-ZZi.7",)
    assert len(made.in_force()) == 20
    changes = list(made.changes("un"))
    assert [(one.id, len(one.delta.added)) for one in changes] == [("un#1", 20), ("un#2", 1)]
    made.acknowledge(changes[0])
    made.acknowledge(changes[0])
    assert [one.id for one in desk(root).changes("un")] == ["un#2"]


def test_the_same_list_again_is_confirmed(root, lists):
    clock = FixedClock(NOW_US)
    made = desk(root, clock)
    path = un_list(lists, people(20))
    made.take_in(path, "un", "anna")
    clock.advance(10 * DAY_SECONDS)
    assert [one.word for one in alarms(made.states(), clock.now_us())] == ["list_stale"]
    assert made.take_in(path, "un", "anna").outcome == "unchanged"
    assert list(alarms(made.states(), clock.now_us())) == []
    assert len(list(made.changes("un"))) == 1


def test_a_broken_list_is_refused_and_the_good_one_stays(root, lists):
    made = desk(root)
    made.take_in(un_list(lists, people(20)), "un", "anna")
    path = un_list(lists, people(30))
    path.write_bytes(path.read_bytes()[:-30])
    taken = made.take_in(path, "un", "anna")
    assert taken.outcome == "refused" and taken.faults[0].code == "list_truncated"
    assert len(made.in_force()) == 20
    assert [one.word for one in alarms(made.states(), NOW_US)] == ["list_refused"]
    assert made.take_in(un_list(lists, people(30)), "un", "anna").outcome == "current"
    assert list(alarms(made.states(), NOW_US)) == []


@pytest.mark.parametrize(("left", "outcome"), [(19, "current"), (18, "waiting"), (5, "waiting")])
def test_a_tenth_gone_waits(root, lists, left, outcome):
    made = desk(root)
    made.take_in(un_list(lists, people(20)), "un", "anna")
    taken = made.take_in(un_list(lists, people(left)), "un", "anna")
    assert taken.outcome == outcome
    assert len(made.in_force()) == (left if outcome == "current" else 20)


def test_approval_needs_another_person_and_a_reason(root, lists):
    made = desk(root)
    made.take_in(un_list(lists, people(20)), "un", "anna")
    waiting = made.take_in(un_list(lists, people(5)), "un", "anna").manifest.id
    with pytest.raises(Conflict, match="list_same_person"):
        made.approve("un", waiting, "Anna", "seen")
    with pytest.raises(InvalidRequest, match="list_reason_missing"):
        made.approve("un", waiting, "boris", " ")
    with pytest.raises(Conflict, match="list_not_waiting"):
        made.approve("un", "0" * 64, "boris", "seen")
    state = made.approve("un", waiting, "boris", "the regime ended")
    assert state.current == waiting and state.acts[-1].person == "boris"
    assert len(made.in_force()) == 5
    assert list(made.changes("un"))[-1].delta.removed[0] == "un-ZZi.10"


def test_older_and_former_lists_wait(root, lists):
    made = desk(root)
    made.take_in(un_list(lists, people(20), "2026-10-01"), "un", "anna")
    made.take_in(un_list(lists, people(21), "2026-10-02"), "un", "anna")
    older = made.take_in(un_list(lists, people(22), "2026-09-01"), "un", "anna")
    assert older.outcome == "waiting" and "2026-09-01" in older.why[0]
    former = made.take_in(un_list(lists, people(20), "2026-10-01"), "un", "anna")
    assert former.outcome == "waiting" and "in force before" in former.why[0]


def test_a_list_that_may_be_cut_off_waits(root, lists):
    path = lists / "staff.csv"
    path.write_bytes(b"name\nAnn Quillberry")
    taken = desk(root).take_in(path, "own-staff", "anna")
    assert taken.outcome == "waiting" and "cut off" in taken.why[0]


def test_what_a_file_always_lacks_is_asked_once(root, lists):
    made, path = desk(root), lists / "staff.csv"
    path.write_bytes(b"id,name\n1,Ann Quillberry")
    waiting = made.take_in(path, "own-staff", "anna").manifest.id
    made.approve("own-staff", waiting, "boris", "it always ends like this")
    path.write_bytes(b"id,name\n1,Ann Quillberry\n2,Bo Quillberry")
    assert made.take_in(path, "own-staff", "anna").outcome == "current"


def test_own_lists_keep_their_ids_whatever_the_file_is_called(root, lists):
    made = desk(root)
    for day in ("monday", "tuesday"):
        path = lists / f"staff {day}.csv"
        path.write_bytes(f"id,name\n1,Ann Quillberry\n2,{day}\n".encode())
        taken = made.take_in(path, "own-staff", "anna")
    assert taken.outcome == "current"
    assert [one.primary_name for one in taken.delta.changed] == ["tuesday"]
    assert not taken.delta.added and not taken.delta.removed


def test_roll_back(root, lists):
    made = desk(root)
    with pytest.raises(Conflict, match="list_no_former"):
        made.roll_back("un", None, "boris", "bad")
    first = made.take_in(un_list(lists, people(20)), "un", "anna").manifest.id
    second = made.take_in(un_list(lists, people(25)), "un", "anna").manifest.id
    state = made.roll_back("un", None, "boris", "wrong names came in")
    assert (state.current, state.previous) == (first, (second,))
    assert len(made.in_force()) == 20
    assert made.roll_back("un", second, "boris", "they were right").current == second
    with pytest.raises(Conflict):
        made.roll_back("un", "f" * 64, "boris", "unknown")


def test_tampering_is_seen(root, lists):
    made = desk(root)
    made.take_in(un_list(lists, people(20)), "un", "anna")
    (file,) = root.glob("un/snapshots/*/files/*")
    good = file.read_bytes()
    file.write_bytes(good.replace(b"Quillberry 3<", b"Quillberry X<"))
    with pytest.raises(Corrupt, match="snapshot_damaged"):
        made.verify("un")
    with pytest.raises(Corrupt, match="snapshot_damaged"):
        made.in_force()
    file.write_bytes(good)
    assert [one.entities for one in made.verify("un")] == [20]
    (file.parent / "more.csv").write_text("name\nInserted\n")
    with pytest.raises(Corrupt, match="snapshot_damaged"):
        made.verify("un")
    (file.parent / "more.csv").unlink()
    with pytest.raises(Corrupt, match="list_record_damaged"):
        desk(root, seed=2).in_force()
    state = root / "un" / "state.note"
    state.write_bytes(state.read_bytes().replace(b'"anna"', b'"olga"'))
    with pytest.raises(Corrupt, match="list_record_damaged"):
        made.in_force()
    with pytest.raises(Corrupt):
        made.take_in(un_list(lists, people(20)), "un", "anna")


def test_a_state_of_another_source_is_refused(root, lists):
    made = desk(root)
    made.take_in(un_list(lists, people(20)), "un", "anna")
    (root / "eu").mkdir()
    (root / "eu" / "state.note").write_bytes((root / "un" / "state.note").read_bytes())
    with pytest.raises(Corrupt):
        list(made.states())


@pytest.mark.parametrize("source", ["", "../x", "UN", "a b", "a" * 65])
def test_names_of_sources(root, lists, source):
    with pytest.raises(InvalidRequest, match="list_source_name"):
        desk(root).take_in(un_list(lists, people(2)), source, "anna")


def test_bad_paths_and_ids(root, lists):
    made = desk(root)
    with pytest.raises(InvalidRequest, match="list_missing"):
        made.take_in(lists / "nowhere", "un", "anna")
    with pytest.raises(InvalidRequest, match="list_person_missing"):
        made.take_in(un_list(lists, people(2)), "un", " ")
    with pytest.raises(NotFound):
        SnapshotFolder(root, key()).manifest("un", "../../etc")


def test_one_writer_per_source(root, lists):
    folder = SnapshotFolder(root, key())
    with folder.locked("un"), pytest.raises(Conflict, match="list_busy"):
        desk(root).take_in(un_list(lists, people(2)), "un", "anna")
    assert desk(root).take_in(un_list(lists, people(2)), "un", "anna").outcome == "current"


def test_old_snapshots_are_dropped_but_not_what_is_owed(root, lists):
    made = desk(root)
    for count in range(20, 40):
        made.take_in(un_list(lists, people(count)), "un", "anna")
    assert len(list(root.glob("un/snapshots/*/manifest.note"))) == 20
    for change in list(made.changes("un")):
        made.acknowledge(change)
    made.take_in(un_list(lists, people(40)), "un", "anna")
    assert len(list(root.glob("un/snapshots/*/manifest.note"))) == 12 - 1
    assert len(made.verify("un")) == 11


STEPS = (
    "staged", "manifest written", "snapshot renamed", "state written aside", "state renamed",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("first", [True, False])
def test_killed_at_any_step_nothing_is_lost(root, lists, step, first):
    made = desk(root)
    if not first:
        made.take_in(un_list(lists, people(20)), "un", "anna")
    path = un_list(lists, people(22))
    script = Path(__file__).with_name("killed_switch.py")
    done = subprocess.run(
        [sys.executable, str(script), str(root), str(path), step],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    after = desk(root)
    before = 0 if first else 20
    there = 22 if step == "state renamed" else before
    assert len(after.in_force()) == there
    owed = [len(one.delta.added) for one in after.changes("un")]
    assert sum(owed) == there
    again = after.take_in(path, "un", "anna")
    assert again.outcome == ("unchanged" if there == 22 else "current")
    assert sum(len(one.delta.added) for one in after.changes("un")) == 22
    assert not list(root.rglob("*.part"))
    assert after.verify("un")
