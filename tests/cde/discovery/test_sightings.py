"""From sighting to closure: two persons, a scan that confirms, and what is seen again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paywarden.entrypoints.main import main

NUMBER = "4539578763621486"


class Desk:
    """The commands over one home."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.folder = root / "files"
        self.folder.mkdir()

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        code = main(["--home", str(self.root / "home"), "cde", *words, "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def scan(self) -> dict[str, int]:
        counts: dict[str, int] = self.run("scan", str(self.folder), "--record")[1]["sightings"]
        return counts

    def only(self) -> dict[str, Any]:
        (one,) = self.run("sightings", "list")[1]["sightings"]
        return dict(one)

    def act(self, *words: str, by: str = "ana", reason: str = "a reason") -> tuple[int, Any]:
        name = self.only()["fingerprint"]
        return self.run("sightings", words[0], name, "--by", by, "--reason", reason, *words[1:])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    made = Desk(tmp_path, capsys)
    (made.folder / "a.txt").write_text(NUMBER)
    return made


def test_from_open_to_closed(desk: Desk) -> None:
    assert desk.scan() == {"new": 1, "seen_again": 0, "missed": 0}
    assert desk.scan() == {"new": 0, "seen_again": 1, "missed": 0}
    assert desk.only()["state"] == "open"
    assert desk.act("close")[1]["error"]["code"] == "sighting_state"
    assert desk.act("triage")[0] == 0
    assert desk.act("triage", "--finding", "removed")[0] == 0
    code, told = desk.act("close", by="ben")
    assert (code, told["error"]["code"]) == (4, "sighting_not_confirmed")
    desk.scan()
    assert desk.act("close", by="ben")[1]["error"]["code"] == "sighting_not_confirmed"
    (desk.folder / "a.txt").unlink()
    assert desk.scan() == {"new": 0, "seen_again": 0, "missed": 1}
    assert desk.act("close", by=" Ana ")[1]["error"]["code"] == "sighting_same_person"
    assert desk.act("close", by="ben")[0] == 0
    steps = [(step["state"], step["by"]) for step in desk.only()["steps"]]
    assert steps == [("open", "scan"), ("triaged", "ana"), ("removed", "ana"), ("closed", "ben")]


def test_seen_again_after_closing_is_open_again(desk: Desk) -> None:
    desk.scan()
    desk.act("triage", "--finding", "removed")
    (desk.folder / "a.txt").unlink()
    desk.scan()
    desk.act("close", by="ben")
    (desk.folder / "a.txt").write_text(NUMBER)
    desk.scan()
    assert desk.only()["state"] == "open"


def test_a_false_positive_stays_closed(desk: Desk) -> None:
    desk.scan()
    desk.act("triage", "--finding", "false_positive")
    assert desk.act("close", by="ben")[0] == 0
    desk.scan()
    assert desk.only()["state"] == "closed"


def test_what_could_not_be_read_is_not_missed(desk: Desk) -> None:
    desk.scan()
    (desk.folder / "a.txt").unlink()
    (desk.folder / "a.txt").symlink_to("elsewhere")
    assert desk.scan()["missed"] == 0


def test_no_number_is_kept(desk: Desk) -> None:
    desk.scan()
    kept = b"".join(file.read_bytes() for file in (desk.root / "home").rglob("*") if file.is_file())
    assert NUMBER.encode() not in kept and b"453957******1486" in kept
    for file in (desk.root / "home" / "cde").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_reasons_and_names_are_checked(desk: Desk) -> None:
    desk.scan()
    assert desk.act("triage", by=" ")[1]["error"]["code"] == "sighting_reason"
    code, told = desk.run("sightings", "close", "sgt_0", "--by", "a", "--reason", "b")
    assert (code, told["error"]["code"]) == (3, "sighting_unknown")
