"""`paywarden approvals` against a running server: list, show, cancel, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_support_api import Server

from paywarden.cli import output
from paywarden.entrypoints.main import main

PAYLOAD = {"url": "https://93.184.216.34/in", "events": ["decision.recorded"]}
BODY = {"action": "webhook.destination", "payload": PAYLOAD, "reason": "a new receiver"}


@pytest.fixture
def ask(granian: Server, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, code: int = output.DONE, json_wanted: bool = True) -> Any:
        server = ("--server", str(granian.client().base_url))
        more = ("--json",) if json_wanted else ()
        home = ("--home", str(granian.home))
        assert main([*home, "approvals", *words, *server, *more]) == code
        text = capsys.readouterr().out
        return json.loads(text) if json_wanted else text

    return run


def test_list_show_cancel(granian: Server, ask: Any) -> None:
    made = granian.client().post("/v1/approvals", json=BODY)
    assert made.status_code == 202, made.text
    name = made.json()["id"]
    (listed,) = ask("list")["items"]
    assert listed["id"] == name and listed["state"] == "open"
    assert name in ask("list", json_wanted=False)
    shown = ask("show", name)
    payload = json.loads(shown["payload"])  # in full: with what was left to its default
    assert payload.items() >= PAYLOAD.items() and shown["reason"] == BODY["reason"]
    assert shown["payload_sha256"] in ask("show", name, json_wanted=False)
    assert ask("cancel", name, "--reason", "no need")["state"] == "cancelled"
    assert ask("list")["items"] == []
    assert ask("list", json_wanted=False) == "nothing waits\n"
    (ended,) = ask("list", "--all")["items"]
    assert [step["act"] for step in ended["steps"]] == ["cancel"]
    refused = ask("cancel", name, "--reason", "again", code=output.UNAVAILABLE)
    assert refused["error"]["code"] == "approval_closed"


def test_what_is_not_there(ask: Any, tmp_path: Path) -> None:
    unknown = ask("show", "apr_" + "a" * 26, code=output.BAD_INPUT)
    assert unknown["error"]["code"] == "approval_not_found"
    malformed = ask("show", "../rulesets", code=output.BAD_INPUT)
    assert malformed["error"]["code"] == "approval_id_invalid"
    keyless = ask("list", "--key-file", str(tmp_path / "none"), code=output.UNAVAILABLE)
    assert keyless["error"]["code"] == "key_unreadable"
