"""A ceremony over a real socket with the real commands, and kill -9 in the middle of one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from paywarden.cde.places import places_of
from paywarden.cde.proofs import make_proofs
from paywarden.kit.clock import SystemRandomness

PEOPLE = ("ana", "ben", "cem")


class Place:
    """A home, its people's key files, and a desk in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.host = home, None
        self.keys = home.parent / "people"
        self.keys.mkdir()
        self.home.mkdir(mode=0o700)
        public = {one: self.said("identity", "--out", str(self.keys / one))["public_key"]
                  for one in (*PEOPLE, "olga", "root")}  # fmt: skip
        words = ["roster", "--signing-key", str(self.keys / "root"), "--granted-by", "board"]
        for one in PEOPLE:
            words += ["--custodian", f"{one}={public[one]}"]
        self.said(*words, "--officer", f"olga={public['olga']}")

    def command(self, *words: str) -> list[str]:
        start = [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(self.home)]
        return [*start, "cde", "ceremony", *words]

    def said(self, *words: str, code: int = 0, **more: Any) -> dict[str, Any]:
        done = subprocess.run(
            [*self.command(*words), "--json"], capture_output=True, timeout=60, **more
        )
        assert done.returncode == code, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def open(self) -> None:
        self.host = subprocess.Popen(self.command("host"), stderr=subprocess.PIPE, text=True)
        assert self.host.stderr is not None
        self.told = []
        for line in self.host.stderr:
            self.told.append(line)
            if "the desk is open" in line:
                return
        raise AssertionError("".join(self.told))

    def agent(self, root: str) -> None:
        folder = self.home / "cde" / "keys"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = f'[agent]\nmode = "development"\nroot = "{root}"\nlock_memory = false\n'
        (folder / "keys.toml").write_text(text)
        places = places_of(self.home)
        places.make()
        make_proofs(places.run, SystemRandomness())
        start = self.command()[:-1]
        self.host = subprocess.Popen([*start, "key-agent"], stderr=subprocess.PIPE, text=True)

    def until(self, *words: str, root: str) -> None:
        for _ in range(300):
            asked = [*self.command()[:-1], *words, "--json"]
            if subprocess.run(asked, capture_output=True, timeout=60).returncode == 0:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"{words} never answered")
        assert root in subprocess.run(asked, capture_output=True, timeout=60).stdout.decode()

    def end(self, number: int = signal.SIGTERM) -> None:
        assert self.host is not None
        self.host.send_signal(number)
        self.host.wait(30)
        assert self.host.stderr is not None
        self.host.stderr.close()
        self.host = None

    def run(self, *words: str) -> Any:
        asked = [*self.command()[:-1], *words, "--json"]
        done = subprocess.run(asked, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def answers(self) -> bool:
        asked = [*self.command()[:-1], "keys", "ping"]
        return subprocess.run(asked, capture_output=True, timeout=60).returncode == 0

    def step(self, what: str, person: str, *words: str, **more: Any) -> dict[str, Any]:
        key = str(self.keys / person)
        return self.said(what, *words, "--person", person, "--key", key, **more)

    def start(self) -> dict[str, Any]:
        people = [word for one in PEOPLE for word in ("--custodian", one)]
        return self.step("start", "olga", "initialise", "--needed", "2", *people)

    def take(self, person: str) -> bytes:
        source, sink = os.pipe()
        self.step("enter", person, "--out-fd", str(sink), pass_fds=(sink,))
        os.close(sink)
        with os.fdopen(source, "rb") as file:
            return file.read()

    def enter(self, person: str, part: bytes, code: int = 0) -> dict[str, Any]:
        source, sink = os.pipe()
        os.write(sink, part)
        os.close(sink)
        try:
            words = ("--part-fd", str(source))
            return self.step("enter", person, *words, code=code, pass_fds=(source,))
        finally:
            os.close(source)


@pytest.fixture
def place(tmp_path: Path) -> Any:
    place = Place(tmp_path / "home")
    yield place
    if place.host is not None:
        place.end(signal.SIGKILL)


def test_from_nothing_to_an_open_root_and_open_again(place: Place) -> None:
    place.open()
    assert place.said("status")["root"] == "none"
    assert place.start()["stage"] == "handing"
    parts = {person: place.take(person) for person in PEOPLE}
    for person in PEOPLE:
        place.enter(person, parts[person])
    assert place.step("activate", "olga")["root"] == "open"
    place.end()
    place.open()
    assert place.said("status")["root"] == "locked"
    wrong = place.enter("ana", parts["ben"], code=3)
    assert wrong["error"]["code"] == "part_wrong"
    assert place.enter("ana", parts["ana"])["missing"] == 1
    assert place.enter("cem", parts["cem"])["root"] == "open"
    told = [line["what"] for line in place.said("transcript")["lines"]]
    assert told == ["unlock_awaited", "part_wrong", "part_entered", "part_entered", "unlocked"]


def test_the_key_agent_waits_for_its_custodians_and_serves(place: Place) -> None:
    """First ceremony at the waiting agent, kill -9, quorum, the same keys; then a rotation."""
    place.agent("shares")
    place.until("ceremony", "status", root='"none"')
    place.start()
    parts = {person: place.take(person) for person in PEOPLE}
    for person in PEOPLE:
        place.enter(person, parts[person])
    place.step("activate", "olga")
    place.until("keys", "ping", root="shares")
    states = place.run("keys", "states")
    place.end(signal.SIGKILL)
    place.agent("shares")
    place.until("ceremony", "status", root="locked")
    assert not place.answers()
    place.enter("cem", parts["cem"])
    place.enter("ben", parts["ben"])
    place.until("keys", "ping", root="shares")
    assert place.run("keys", "states") == states
    people = [word for one in PEOPLE for word in ("--custodian", one)]
    place.step("start", "olga", "rotate", "--needed", "3", *people)
    for person in ("ana", "cem"):
        place.enter(person, parts[person])
    fresh = {person: place.take(person) for person in PEOPLE}
    for person in PEOPLE:
        place.enter(person, fresh[person])
    place.step("activate", "olga")
    place.run("keys", "rotate", "--purpose", "facts")  # writes the key file under the new root
    states = place.run("keys", "states")
    place.end()
    place.agent("shares")
    place.until("ceremony", "status", root="locked")
    for person in PEOPLE:
        place.enter(person, fresh[person])
    place.until("keys", "ping", root="shares")
    assert place.run("keys", "states") == states


def test_the_key_agent_on_a_hardware_module(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pkcs11", reason="no python-pkcs11")
    program = shutil.which("softhsm2-util")
    module = Path("/usr/lib/softhsm/libsofthsm2.so")
    if program is None or not module.exists():
        pytest.skip("no SoftHSM2 (Debian: softhsm2)")
    (place.keys / "tokens").mkdir()
    settings = place.keys / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {place.keys / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    words = ["--init-token", "--free", "--label", "cards", "--so-pin", "12345678", "--pin", "8765"]
    subprocess.run([program, *words], check=True, capture_output=True)
    folder = place.home / "cde" / "keys"
    place.agent("pkcs11")
    assert place.host is not None and place.host.wait(60) != 0  # no settings yet
    (folder / "root.toml").write_text(
        f'[pkcs11]\nmodule = "{module}"\ntoken = "cards"\nlabel = "root"\n'
    )
    (folder / "root.pin").write_text("8765\n")
    (folder / "root.pin").chmod(0o600)
    place.end()
    assert place.said("first-keys")["root"] == "cards/root"
    assert place.said("first-keys", code=4)["error"]["code"] == "key_file_exists"
    place.agent("pkcs11")
    place.until("keys", "ping", root="pkcs11")


def test_killed_in_mid_ceremony_nothing_is_half_done(place: Place) -> None:
    place.open()
    ceremony = place.start()["ceremony"]
    old = {person: place.take(person) for person in PEOPLE}
    place.enter("ana", old["ana"])
    place.end(signal.SIGKILL)
    assert not (place.home / "cde" / "keys" / "root.json").exists()
    place.open()
    assert any(ceremony in line for line in place.told)
    now = place.said("status")
    assert (now["root"], now["ceremony"]) == ("none", "")
    assert place.said("transcript", ceremony)["lines"][-1]["what"] == "interrupted"
    place.start()
    parts = {person: place.take(person) for person in PEOPLE}
    assert place.enter("ana", old["ana"], code=3)["error"]["code"] == "part_wrong"
    for person in PEOPLE:
        place.enter(person, parts[person])
    place.step("activate", "olga")


def test_killed_at_any_instant_of_activation(place: Place) -> None:
    """Whatever the instant, the record is whole or absent, and the transcript says which."""
    for turn in range(3):
        place.open()
        place.start()
        parts = {person: place.take(person) for person in PEOPLE}
        for person in PEOPLE:
            place.enter(person, parts[person])
        words = ("activate", "--person", "olga", "--key", str(place.keys / "olga"))
        client = subprocess.Popen(place.command(*words), stderr=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)  # fmt: skip
        record = place.home / "cde" / "keys" / "root.json"
        transcripts = place.home / "cde" / "keys" / "ceremonies"
        newest = max(transcripts.glob("*.jsonl"), key=lambda one: one.stat().st_mtime_ns)
        while client.poll() is None and b"activating" not in newest.read_bytes():
            time.sleep(0.0005)
        place.end(signal.SIGKILL)
        client.wait(30)
        present = record.exists()
        place.open()
        last = place.said("transcript", newest.stem)["lines"][-1]["what"]
        assert last == ("activated" if present else "interrupted"), turn
        assert place.said("status")["root"] == ("locked" if present else "none")
        if present:
            place.enter("ben", parts["ben"])
            assert place.enter("cem", parts["cem"])["root"] == "open"
            record.unlink()
        place.end()


def test_a_part_is_never_an_argument_and_never_in_a_document(place: Place) -> None:
    place.open()
    place.start()
    done = place.step("enter", "ana", code=3, stdin=subprocess.DEVNULL)
    assert done["error"]["code"] == "outlet_missing"
    part = place.take("ana").decode()
    done = subprocess.run(place.command("enter", part), capture_output=True, timeout=60)
    assert done.returncode == 2
    everything = json.dumps([place.said("status"), place.said("transcript")])
    assert not any(group in everything for group in part.split())
