"""An event log that was tampered with is told of by the exporter, and named by the verifier.

A thief of the disk can write to both logs. Whoever changes an entry breaks the chain; whoever makes
the chain anew is found by the leaves; whoever hides the exporter's findings is found by the script.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import Room, make_home, opened

from paywarden.cli import output
from paywarden.decision import entries
from paywarden.decision.entries import PaymentEntry
from paywarden.entrypoints.main import main
from paywarden.evidence import verify
from paywarden.kit.journal.chain import GENESIS, link


@pytest.fixture
def own_home(tmp_path: Path) -> Path:
    return Path(make_home(tmp_path))


async def decided(home: Path) -> list[int]:
    """Some decisions under a signed checkpoint; the places of their entries."""
    async with opened(home) as room:
        places = [(await room.decide(amount_minor=700_000)).seq for _ in range(4)]
        sign(room)
    return places


def sign(room: Room) -> None:
    log = room.installation.evidence.log
    while log.integrate(1_000):
        pass
    log.checkpoint()


def changed(home: Path, change: Callable[[list[list[Any]]], None], *, rechain: bool) -> None:
    """Rewrite the rows of the event log, as somebody with the disk can."""
    with sqlite3.connect(home / "data" / "paywarden.sqlite") as disk:
        for name, table in disk.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            if table == "journal":
                disk.execute(f"DROP TRIGGER {name}")
        columns = "seq, scope, kind, at_us, body, digest"
        rows = [list(row) for row in disk.execute(f"SELECT {columns} FROM journal ORDER BY seq")]
        change(rows)
        if rechain:
            digest = GENESIS
            for row in rows:
                digest = row[5] = link(digest, *row[:5])
        disk.execute("DELETE FROM journal")
        disk.executemany(f"INSERT INTO journal ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)


def lowering(seq: int) -> Callable[[list[list[Any]]], None]:
    """Fewer points in a recorded decision, as a forger would write it."""

    def change(rows: list[list[Any]]) -> None:
        row = rows[seq - 1]
        entry = entries.decode(row[2], row[4])
        assert isinstance(entry, PaymentEntry)
        result = msgspec.structs.replace(entry.result, points=entry.result.points - 5)
        forged = msgspec.structs.replace(entry, result=result)
        row[4] = entries.encode(forged)

    return change


def export(home: Path, folder: Path, capsys: Any, *words: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    code = main(["--home", str(home), "audit", "export", str(folder), "--json", *words])
    told = capsys.readouterr()
    return code, json.loads(told.out.splitlines()[-1]), told.err


def verdict(folder: Path, capsys: Any) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = verify.main([str(folder), "--json", "--processes", "0"])
    return code, json.loads(capsys.readouterr().out)


async def test_an_honest_log_is_exported_without_findings(
    own_home: Path, tmp_path: Path, capsys: Any
) -> None:
    places = await decided(own_home)
    code, document, _ = export(own_home, tmp_path / "out", capsys, "--decisions")
    assert (code, document["journal_findings"], document["decisions"]) == (output.DONE, 0, 4)
    report = json.loads((tmp_path / "out" / "journal.json").read_text())
    assert (report["entries"], report["decisions"], report["findings"]) == (places[-1], 4, [])
    code, found = verdict(tmp_path / "out", capsys)
    assert code == verify.UNPROVEN, found  # no keys are pinned here
    assert found["journal_entries"] == places[-1]


@pytest.mark.parametrize(
    ("rechain", "codes"),
    [
        (False, ["journal_chain_broken", "journal_entry_damaged"]),
        (True, ["journal_entry_differs"]),
    ],
)
async def test_a_changed_entry_is_named(
    own_home: Path, tmp_path: Path, capsys: Any, rechain: bool, codes: list[str]
) -> None:
    places = await decided(own_home)
    changed(own_home, lowering(places[1]), rechain=rechain)
    code, document, told = export(own_home, tmp_path / "out", capsys)
    assert code == output.NOT_SO and document["journal_findings"] == len(codes)
    report = json.loads((tmp_path / "out" / "journal.json").read_text())
    assert [one["code"] for one in report["findings"]] == codes
    assert all(one in told for one in codes)
    assert report["findings"][-1]["seq"] == places[1]
    code, found = verdict(tmp_path / "out", capsys)
    assert code == verify.BAD and found["verdict"] == codes[0]
    if rechain:
        assert found["first_bad_record"] == report["findings"][0]["record"]


async def test_a_removed_end_is_named(own_home: Path, tmp_path: Path, capsys: Any) -> None:
    places = await decided(own_home)

    def cut(rows: list[list[Any]]) -> None:
        del rows[places[2] - 1 :]

    changed(own_home, cut, rechain=True)
    code, document, _ = export(own_home, tmp_path / "out", capsys)
    assert code == output.NOT_SO and document["journal_findings"] == 2
    code, found = verdict(tmp_path / "out", capsys)
    assert (code, found["verdict"]) == (verify.BAD, "journal_entry_missing")


async def test_an_exporter_that_hides_findings_is_found(
    own_home: Path, tmp_path: Path, capsys: Any
) -> None:
    places = await decided(own_home)
    changed(own_home, lowering(places[1]), rechain=True)
    export(own_home, tmp_path / "out", capsys, "--decisions")
    path = tmp_path / "out" / "journal.json"
    report = json.loads(path.read_text())
    record = report["findings"][0]["record"]
    path.write_text(json.dumps({**report, "findings": [], "findings_total": 0}))
    code, found = verdict(tmp_path / "out", capsys)
    assert (code, found["verdict"]) == (verify.BAD, "decision_differs")
    assert found["first_bad_record"] == record
