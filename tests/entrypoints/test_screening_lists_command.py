"""`paywarden screening lists` from an empty home to a roll-back, as an operator types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from paywarden.entrypoints.main import main

HEAD = '<CONSOLIDATED_LIST dateGenerated="2026-10-01T00:00:00Z"><INDIVIDUALS>'
ENTRY = (
    "<INDIVIDUAL><FIRST_NAME>Invented {0}</FIRST_NAME><UN_LIST_TYPE>X</UN_LIST_TYPE>"
    "<REFERENCE_NUMBER>ZZi.{0}</REFERENCE_NUMBER></INDIVIDUAL>"
)


def un_file(folder: Path, count: int) -> str:
    path = folder / f"un-{count}.xml"
    entries = "".join(ENTRY.format(number) for number in range(count))
    path.write_text(f"{HEAD}{entries}</INDIVIDUALS></CONSOLIDATED_LIST>")
    return str(path)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    home = tmp_path / "home"
    for folder in ("keys", "data"):
        (home / folder).mkdir(parents=True)
    (home / "paywarden.toml").write_text("")
    (home / "keys" / "master.key").write_bytes(b"0" * 32)

    def command(*words: str) -> tuple[int, dict[str, Any]]:
        code = main(["--home", str(home), "screening", "lists", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    command.home = home  # type: ignore[attr-defined]
    return command


def test_from_the_first_list_to_a_roll_back(run, tmp_path):
    code, told = run("check", un_file(tmp_path, 20))
    assert (code, told["entities"], told["faults"]) == (0, 20, [])
    code, told = run("take-in", un_file(tmp_path, 20), "--person", "anna")
    assert (code, told["outcome"], told["source"]) == (0, "current", "un")
    first = told["manifest"]["id"]
    code, told = run("take-in", un_file(tmp_path, 10), "--person", "anna")
    assert (code, told["outcome"], told["delta"]["removed"]) == (1, "waiting", 10)
    short = told["manifest"]["id"][:12]
    code, told = run("list")
    assert code == 1 and [one["word"] for one in told["alarms"]] == ["list_waits"]
    decided = ("--source", "un", "--snapshot", short, "--reason", "seen")
    code, told = run("approve", *decided, "--person", "anna")
    assert (code, told["error"]["code"]) == (4, "list_same_person")
    assert run("approve", *decided, "--person", "boris")[0] == 0
    code, told = run("changes")
    assert [(one["change"], len(one["event"]["delta"]["removed"])) for one in told["changes"]] == [
        ("un#1", 0),
        ("un#2", 10),
    ]
    assert run("acknowledge", "un#1")[0] == 0
    assert run("acknowledge", "un#1")[1]["error"]["code"] == "change_unknown"
    code, told = run("rollback", "--source", "un", "--person", "boris", "--reason", "wrong file")
    assert (code, told["current"]) == (0, first)
    assert run("verify") == (0, {"verified": {"un": 2}})
    assert run("list")[0] == 0


def test_refused_lists_and_lost_keys(run, tmp_path):
    path = Path(un_file(tmp_path, 20))
    assert run("take-in", str(path), "--person", "anna")[0] == 0
    path.write_bytes(path.read_bytes()[:200])
    code, told = run("take-in", str(path), "--person", "anna", "--source", "un")
    assert (code, told["faults"][0]["code"]) == (3, "list_truncated")
    (run.home / "keys" / "screening_lists.key").unlink()
    code, told = run("list")
    assert (code, told["error"]["code"]) == (4, "list_key_missing")


def test_damage_is_told(run, tmp_path):
    run("take-in", un_file(tmp_path, 20), "--person", "anna")
    (file,) = run.home.glob("data/screening_lists/un/snapshots/*/files/*")
    file.write_bytes(file.read_bytes() + b" ")
    code, told = run("verify")
    assert (code, told["error"]["code"]) == (1, "snapshot_damaged")


def test_two_sources_need_a_name(run, tmp_path):
    folder = tmp_path / "both"
    folder.mkdir()
    shutil.copy(un_file(tmp_path, 3), folder / "un.xml")
    (folder / "staff.csv").write_text("name\nAnn Invented\n")
    code, told = run("take-in", str(folder), "--person", "anna")
    assert (code, told["error"]["code"]) == (3, "list_source_unclear")
    assert run("take-in", str(folder), "--person", "anna", "--source", "mine")[0] == 0
