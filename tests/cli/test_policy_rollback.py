"""`paywarden policy rollback`: what it asks a server for and says of the answer; names in paths."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from paywarden.cli import output, server
from paywarden.entrypoints.main import main

RULESET, MODEL = "rs_" + "1" * 64, "md_" + "2" * 32
PATH = f"/v1/rulesets/{RULESET}/rollback"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        seen.append((request.url.path, body))
        if "model" in body:
            return httpx.Response(202, json={"id": "apr_1"})
        return httpx.Response(200, json={"hash": RULESET, "live": True, "log_sequence": 7})

    made = httpx.Client(base_url="http://x", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(server, "connected", lambda _arguments: made)
    return seen


def test_the_model_that_serves_stays_unless_one_is_named(
    asked: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "rollback", RULESET, "--json"]) == output.DONE
    told = json.loads(capsys.readouterr().out)
    assert told == {"hash": RULESET, "live": True, "log_sequence": 7}
    assert asked == [(PATH, {})]


@pytest.mark.parametrize("model", [MODEL, ""])
def test_a_pair_waits_for_approval(
    asked: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    assert main(["policy", "rollback", RULESET, "--model", model]) == output.DONE
    assert capsys.readouterr().out == "rolling back waits for approval apr_1\n"
    assert asked == [(PATH, {"model": model})]


@pytest.mark.parametrize("words", [
    ("policy", "rollback", "../rs_1"),
    ("policy", "rollback", "rs_1/../../keys"),
    ("rollout", "show", "ro_1?x=1"),
    ("rollout", "back", "ro_1/../x", "--reason", "r"),
    ("rollout", "submit", "rs_1#", "--reason", "r"),
    ("rollout", "shadow", "", "--reason", "r"),
    ("approvals", "show", "apr_1/grant"),
])  # fmt: skip
def test_a_malformed_name_asks_for_nothing(
    asked: list[tuple[str, Any]], words: tuple[str, ...]
) -> None:
    assert main(words) == output.BAD_INPUT
    assert asked == []
