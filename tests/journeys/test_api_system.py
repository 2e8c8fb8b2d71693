"""Health, metrics and the server's own pages, and magic values of the test environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_support_api import Server, problem

ROOT = Path(__file__).resolve().parents[2]


def test_health_needs_no_key(server: Server) -> None:
    client = server.client("")
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    found = {one["name"]: one for one in ready.json()["dependencies"]}
    assert {"writer", "state", "tables", "policy:test", "policy:live"} <= set(found)
    assert all(one["ready"] for one in found.values())


def test_metrics_pass_promtool(server: Server) -> None:
    server.decide()
    text = server.client("").get("/metrics").text
    for bound in ("0.001", "0.002", "0.005", "0.01", "0.02", "0.04", "0.08", "0.16"):
        assert f'paywarden_decision_seconds_bucket{{le="{bound}"}}' in text
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    checked = subprocess.run(
        [program, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_metrics_count_what_happened(server: Server) -> None:
    blocked = 'paywarden_decisions_total{environment="test",outcome="allow"}'
    before = server.metric(blocked), server.metric("paywarden_decision_seconds_count")
    server.decide()
    assert server.metric(blocked) == before[0] + 1
    assert server.metric("paywarden_decision_seconds_count") == before[1] + 1


def test_the_served_document_is_the_golden(server: Server) -> None:
    served = server.client("").get("/openapi.json").json()
    golden = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())
    assert served == golden


def test_docs_ask_nothing_of_the_outside(server: Server) -> None:
    answer = server.client("").get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|https?://|src=", answer.text)
    for path in json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())["paths"]:
        assert path in answer.text


def test_the_type_of_a_problem_leads_to_its_text(server: Server) -> None:
    body = problem(server.client("").get("/v1/features"), 401, "key_missing")
    page, _, anchor = body["type"].partition("#")
    assert f'id="{anchor}"' in server.client("").get(page).text


def test_unknown_paths_and_methods_are_problems(server: Server) -> None:
    client = server.client()
    problem(client.get("/v1/nothing"), 404, "no_such_path")
    problem(client.get("/v1/decisions/"), 404, "no_such_path")
    answer = client.delete("/v1/decisions")
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_every_answer_has_an_id_of_its_own(server: Server) -> None:
    client = server.client()
    ids = [client.get(path).headers["request-id"] for path in ("/livez", "/livez", "/nothing")]
    assert len(set(ids)) == 3
    assert all(one.startswith("req_") for one in ids)


def magic_rows() -> list[tuple[str, str, str]]:
    """(what, value, outcome) of the page of magic values."""
    page = (ROOT / "docs" / "reference" / "magic-values.md").read_text()
    rows = re.findall(
        r"^\| (card reference|e-mail|name|amount) \| `([^`]+)` \| (\w+) \|", page, re.M
    )
    assert len(rows) == 16
    return rows


def magic_changes(what: str, value: str) -> dict[str, object]:
    if what == "card reference":
        return {"instrument": {"kind": "card", "reference": value}}
    if what == "amount":
        return {"amount_minor": int(value)}
    return {"payer": {"email" if what == "e-mail" else "name": value}}


@pytest.mark.parametrize(("what", "value", "outcome"), magic_rows())
def test_the_page_of_magic_values_is_true(
    granian: Server, what: str, value: str, outcome: str
) -> None:
    decided = granian.decide(**magic_changes(what, value))
    assert decided["outcome"] == outcome
    assert decided["reasons"][0]["code"] == "TEST_VALUE"
    live = granian.decide("live", **magic_changes(what, value))
    assert "TEST_VALUE" not in [reason["code"] for reason in live["reasons"]]


def test_a_magic_challenge_goes_on(granian: Server) -> None:
    first = granian.decide(instrument={"kind": "card", "reference": "test_challenge"})
    path = first["required_action"]["continue_path"]
    done = granian.client().post(path, json={"result": "authenticated"}).json()
    assert done["outcome"] == "allow"


def test_the_strictest_magic_value_counts(granian: Server) -> None:
    decided = granian.decide(
        amount_minor=990_000, instrument={"kind": "card", "reference": "test_block"}
    )
    assert decided["outcome"] == "block"
