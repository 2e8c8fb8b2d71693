"""A back-test over HTTP: asked for, waited for, read; and what is refused."""

from __future__ import annotations

import time
from typing import Any

from test_api_policy import files, stricter
from test_support_api import Server, problem


def waited(server: Server, path: str) -> dict[str, Any]:
    """The job once it has ended; the server's own deadline bounds the wait."""
    for _ in range(1_200):
        job: dict[str, Any] = server.client().get(path).json()
        if job["status"] in ("done", "failed"):
            return job
        time.sleep(0.1)
    raise AssertionError(f"the back-test did not end: {job}")


def test_a_draft_is_tried_on_recorded_decisions(granian: Server) -> None:
    client = granian.client()
    for _ in range(3):
        granian.decide(amount_minor=70_000)
    draft = client.post("/v1/rulesets", json=stricter("tried", 50_000)).json()["hash"]
    started = client.post(f"/v1/rulesets/{draft}/backtest", json={"samples": 5, "seed": 3})
    assert started.status_code == 202, started.text
    job = started.json()
    assert job["status"] in ("waiting", "running") and job["result"] is None
    path = f"/v1/rulesets/{draft}/backtests/{job['id']}"
    ended = waited(granian, path)
    assert ended["status"] == "done", ended
    result = ended["result"]
    assert result["ruleset"] == draft and result["against"] != draft
    assert result["payments"] >= 3
    changed = sum(one["payments"] for one in result["changes"])
    assert changed >= 0 and result["total"]["payments"] == result["payments"]
    live = result["against"]
    again = client.post(f"/v1/rulesets/{live}/backtest", json={"against": None}).json()
    parity = waited(granian, f"/v1/rulesets/{live}/backtests/{again['id']}")["result"]["parity"]
    assert parity["decisions"] >= 3 and parity["differing"] == []
    other = client.get(f"/v1/rulesets/{live}/backtests/{job['id']}")
    problem(other, 404, "backtest_not_found")


def test_what_is_refused(granian: Server) -> None:
    client = granian.client()
    unknown = client.post(f"/v1/rulesets/rs_{'0' * 64}/backtest")
    problem(unknown, 404, "ruleset_not_found")
    known = client.post("/v1/rulesets", json=files()).json()["hash"]
    wrong = client.post(f"/v1/rulesets/{known}/backtest", json={"samples": 1_000})
    assert wrong.status_code == 422, wrong.text
    merchant = granian.client("merchant").post(f"/v1/rulesets/{known}/backtest")
    problem(merchant, 403, "not_permitted")
