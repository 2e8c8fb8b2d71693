"""`paywarden access-review` against a running server: a person signs in, acts, and signs out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
import uvicorn
from test_four_eyes import enrol

# `test_four_eyes` found the way to these
from decision_room import Room  # isort: skip

from paywarden.cli import output
from paywarden.core.secret import Secret
from paywarden.entrypoints import api
from paywarden.entrypoints.main import main
from paywarden.identity.api_keys import new_key
from paywarden.identity.directory import Profile

PASSWORD = "correct horse battery staple 7"


class Terminal:
    """A server over a room, and somebody who types."""

    def __init__(self, room: Room, url: str, key_file: Path) -> None:
        self.room, self.url, self.key_file = room, url, key_file
        self.codes: dict[str, pyotp.TOTP] = {}

    async def person(self, login: str, *roles: str) -> None:
        """Enrol somebody with password and one-time codes."""
        people, live = self.room.installation.people, self.room.live
        profile = Profile(login, login.title(), f"{login}@example.org")
        _, token = await people.directory.invite(live, profile, "cli:people", None, roles)
        link = await people.sign_in.follow_link(live, token)
        await people.enrolment.set_password(link.session, Secret(PASSWORD + login))
        seed, _ = await people.enrolment.begin_totp(link.session)
        self.codes[login] = pyotp.TOTP(seed.expose())
        await people.enrolment.confirm_totp(link.session, Secret(self._code(login)))

    async def run(self, *words: str, by: str = "", code: int = output.DONE) -> Any:
        """The document of one command."""
        typed, given = "", ["--key-file", str(self.key_file)]
        if by:
            self.room.clock.advance(30)
            typed = f"{PASSWORD}{by}\n{self._code(by)}\n"
            given = ["--login", by, "--environment", "live"]
        out = io.StringIO()

        def act() -> int:
            with contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
                patch.setattr("sys.stdin", io.StringIO(typed))
                return main(["access-review", *words, *given, "--server", self.url, "--json"])

        assert await asyncio.to_thread(act) == code, out.getvalue()
        return json.loads(out.getvalue().splitlines()[-1])  # logs of the server come before

    def _code(self, login: str) -> str:
        return self.codes[login].generate_otp(self.room.clock.now_us() // 30_000_000)


@pytest.fixture
async def terminal(room: Room, tmp_path: Path) -> AsyncIterator[Terminal]:
    found = room.installation
    secret, record = new_key(room.live, "auditor", found.pepper, found.clock, found.randomness)
    found.api_keys.save(record)
    key_file = tmp_path / "auditor.key"
    key_file.write_text(secret.expose())
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(api.application(found), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[held]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield Terminal(room, f"http://127.0.0.1:{held.getsockname()[1]}", key_file)
        server.should_exit = True
        await running


async def test_a_campaign_at_the_terminal(terminal: Terminal, tmp_path: Path) -> None:
    for login, roles in (("sue", ("security_officer",)), ("rob", ("risk_manager",))):
        await terminal.person(login, *roles)
    await enrol(terminal.room, "mia", "rule_author")
    opened_one = await terminal.run("open", "--days", "30", "--covers", "people", by="sue")
    name = opened_one["id"]
    (listed,) = (await terminal.run("list"))["items"]
    assert (listed["id"], listed["counts"]["open"]) == (name, 3)
    items = (await terminal.run("show", name))["items"]
    roles = {one["found"]["role"]: str(one["number"]) for one in items}
    said = await terminal.run(
        "decide", name, "confirm", "--item", roles["risk_manager"], "--item",
        roles["rule_author"], "--reason", "as the job asks", by="sue",
    )  # fmt: skip
    assert [one["settled"] for one in said["items"]] == [True, True]
    refused = await terminal.run(
        "decide", name, "confirm", "--item", roles["security_officer"], "--reason", "mine",
        by="sue", code=output.UNAVAILABLE,
    )  # fmt: skip
    assert refused["error"]["code"] == "access_review_own"
    left = (await terminal.run("show", name, "--open"))["items"]
    assert [one["found"]["role"] for one in left] == ["security_officer"]
    await terminal.run(
        "decide", name, "confirm", "--item", roles["security_officer"], "--reason", "ok", by="rob"
    )
    closed = await terminal.run("close", name, "--statement", "as the jobs need", by="sue")
    out = tmp_path / "evidence.json"
    told = await terminal.run("evidence", name, "--out", str(out))
    assert told["sha256"] == closed["evidence_sha256"]
    assert hashlib.sha256(out.read_bytes()).hexdigest() == told["sha256"]
    sessions = terminal.room.installation.people.records
    for account in sessions.accounts(terminal.room.live):
        live = sessions.sessions_of(terminal.room.live, account.person)
        methods = [one for one in live if "totp" in one.methods and one.kind == "full"]
        assert methods == [], "a command leaves no session behind"


async def test_bad_words(terminal: Terminal) -> None:
    unknown = await terminal.run("show", "rev_" + "a" * 26, code=output.BAD_INPUT)
    assert unknown["error"]["code"] == "access_review_not_found"
    malformed = await terminal.run("show", "../approvals", code=output.BAD_INPUT)
    assert malformed["error"]["code"] == "review_id_invalid"
    await terminal.person("sue", "analyst")
    refused = await terminal.run("open", by="sue", code=output.UNAVAILABLE)
    assert refused["error"]["code"] == "not_permitted"
