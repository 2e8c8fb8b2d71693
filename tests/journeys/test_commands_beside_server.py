"""`paywarden keys` and `people` beside the running server of their home, which they ask."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from test_support_api import Server, own_server

from paywarden.kit.audit import AuditEvent, SqliteAuditLog
from paywarden.kit.db.reader import Reader


@pytest.fixture(scope="module")
def beside() -> Iterator[Server]:
    with own_server("granian", "beside") as server:
        yield server


def run(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")}
    return subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(server.home), *words,
         "--json"], env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def done(server: Server, *words: str) -> Any:
    ended = run(server, *words)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def refused(server: Server, *words: str) -> tuple[int, str]:
    ended = run(server, *words)
    return ended.returncode, json.loads(ended.stdout)["error"]["code"]


def status(server: Server, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.get(f"{server.url}/v1/decisions", headers=headers).status_code


def test_a_key_lives_its_life_while_the_server_decides(beside: Server) -> None:
    made = done(beside, "keys", "--role", "merchant", "--merchant", "m_42", "--name", "till")
    assert status(beside, made["api_key"]) == 200
    listed = {one["key_id"]: one for one in done(beside, "keys", "list")["items"]}
    assert listed[made["key_id"]]["name"] == "till" and listed[made["key_id"]]["live"]
    after = done(beside, "keys", "rotate", "--key", made["key_id"], "--overlap-hours", "1")
    assert [status(beside, one["api_key"]) for one in (made, after)] == [200, 200]
    done(beside, "keys", "revoke", "--key", made["key_id"])
    assert [status(beside, one["api_key"]) for one in (made, after)] == [401, 200]
    assert beside.decide()["outcome"] == "allow"
    acts = [one for one in _audited(beside) if one.action.startswith("identity:api_key:")]
    assert [one.action.rpartition(":")[2] for one in acts] == ["make", "rotate", "revoke"]
    assert {one.actor for one in acts} == {"cli:keys"}


def _audited(server: Server) -> list[AuditEvent]:
    with closing(Reader(server.home / "data" / "paywarden.sqlite")) as reader:
        return [event for _number, event in SqliteAuditLog(reader).read(None, 0, 1_000)]


def test_people_are_invited_listed_and_disabled(beside: Server) -> None:
    who = ("--login", "ann", "--name", "Ann Example", "--email", "ann@example.org")
    made = done(beside, "people", "invite", "--first", *who, "--role", "approver")
    assert "#test:pwe_" in made["link"]
    (shown,) = done(beside, "people", "list")["items"]
    assert (shown["login"], shown["state"]) == ("ann", "invited")
    assert refused(beside, "people", "invite", "--first", *who) == (4, "person_exists")
    again = done(beside, "people", "link", "--person", made["person"])
    assert again["link"] != made["link"]
    assert done(beside, "people", "disable", "--person", made["person"])["state"] == "disabled"
    assert done(beside, "people", "revoke-sessions", "--person", made["person"])


def test_refusals_keep_their_codes(beside: Server) -> None:
    assert refused(beside, "keys", "revoke") == (3, "key_not_named")
    assert refused(beside, "keys", "revoke", "--key", "key_zzzzzzzz") == (3, "api_key_unknown")
    assert refused(beside, "people", "link", "--person", "ann") == (3, "person_invalid")
    assert refused(beside, "keys", "--name", "x" * 300) == (3, "keys_arguments_invalid")


def test_the_ear_is_its_users_alone_and_goes_with_the_server(beside: Server) -> None:
    ear = beside.home / "data" / "local.sock"
    mode = ear.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(ear.parent.stat().st_mode) == 0o700
    log = beside.log.read_text()
    assert "pw_test_" not in log and "pwe_" not in log and "ann@example.org" not in log
    with own_server("granian", "gone") as other:
        ear = other.home / "data" / "local.sock"
        assert ear.exists()
        other.stop()
        assert not ear.exists()
        made = done(other, "keys", "--name", "alone")  # the home for itself again
        assert made["role"] == "merchant"


def test_where_no_ear_is_the_command_says_what_holds_the_home(beside: Server) -> None:
    ear = beside.home / "data" / "local.sock"
    away = ear.with_name("away.sock")
    ear.rename(away)
    try:
        assert refused(beside, "keys", "list") == (4, "writer_already_running")
    finally:
        away.rename(ear)
    assert done(beside, "keys", "list")["items"]
