"""A listed payee over a real socket: held, explained to the operator alone, judged, and replayed.

The server runs; lists are taken in beside it by the command, as an officer would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_support_api import Server, now_text, own_server, problem

HEAD = "id,name,type,birth_date,country,program\n"
ROWS = {
    "q1": "q1,Zoltan Quarzenberg,Person,1961-04-05,HU,TEST-1\n",
    "q2": "q2,Ignatius Plumwhistle,Person,1975-09-09,GB,TEST-2\n",
    "q3": "q3,Brackwater Orchid Holding Ltd,Company,,CY,TEST-1\n",
}
ENTRY = "own-sanctions-q1"
SECONDS = 120.0
TELLTALE = ("screening", "sanction", "quarzenberg", "listed", "aml", "pep", "travel")


@pytest.fixture(scope="module")
def listed() -> Iterator[Server]:
    """A server whose lists were taken in while it ran."""
    with own_server("granian", "screening") as server:
        assert lists(server)["state"] == "none"
        take_in(server, *ROWS)
        wait(lambda: lists(server)["state"] == "ready")
        yield server


def command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(server.home), *words]
    return subprocess.run(given, capture_output=True, text=True, timeout=SECONDS)


def take_in(server: Server, *ids: str) -> None:
    path = server.home / "sanctions.csv"
    path.write_text(HEAD + "".join(ROWS[one] for one in ids))
    task = ("screening", "lists", "take-in", str(path), "--source", "sanctions", "--person", "ann")
    done = command(server, *task, "--json")
    if done.returncode == 1:  # it shrank: another person looks
        snapshot = json.loads(done.stdout)["manifest"]["id"]
        approve = ("--snapshot", snapshot, "--person", "bob", "--reason", "checked")
        done = command(server, "screening", "lists", "approve", "--source", "sanctions", *approve)
    assert done.returncode == 0, done.stdout + done.stderr


def lists(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.client().get("/v1/screening/lists").json()
    return found


def wait(until: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.2)


def pay(server: Server, name: str, key: str = "operator", **changes: Any) -> dict[str, Any]:
    """Decide a transfer; again where the machine was too slow to screen it in time."""
    for _ in range(50):
        number = server.name("transfer")
        answer = server.decide(
            key, id=number, type="transfer", instrument=None, device=None,
            payee={"id": f"payee-{number}", "name": name}, **changes,
        )  # fmt: skip
        if "screening_skipped" not in answer["degraded"]:
            return answer
    raise AssertionError("never screened in time")


def test_a_listed_payee_is_held_and_a_merchant_sees_nothing(listed: Server) -> None:
    held = pay(listed, "Zoltan Quarzenberg", "merchant")
    free = pay(listed, "Ben Sample", "merchant")
    assert (held["outcome"], free["outcome"]) == ("review", "allow")
    assert [reason["code"] for reason in held["reasons"]] == ["POLICY"]
    assert held["points"] == 0 and set(held) == set(free)
    seen = listed.client("merchant").get(f"/v1/decisions/{held['id']}").json()
    page = listed.client("merchant").get("/v1/decisions?outcome=review").json()
    batch = listed.client("merchant").post(
        "/v1/decisions/batch",
        json={
            "payments": [
                listed.bare_payment(payee={"name": "Zoltan Quarzenberg"}, instrument=None),
                listed.bare_payment(payee={"name": "Ben Sample"}, instrument=None),
            ]
        },
    )
    outcomes = [item["decision"]["outcome"] for item in batch.json()["items"]]
    assert outcomes == ["review", "allow"]
    for told in (held, seen, page, batch.json()):
        text = json.dumps(told).lower()
        assert not [word for word in TELLTALE if word in text], text
    for path in ("/v1/screening/lists", "/v1/screening/verdicts"):
        assert listed.client("merchant").get(path).status_code == 403
    receipt = listed.client("merchant").get(f"/v1/decisions/{held['id']}/receipt")
    assert receipt.status_code in (200, 409)
    assert not [word for word in TELLTALE if word in receipt.text.lower()]


def test_the_operator_sees_list_entry_score_and_reasons(listed: Server) -> None:
    held = pay(listed, "Quarzenberg, Zoltan")
    shown = listed.client().get(f"/v1/decisions/{held['id']}").json()["record"]["screening"]
    (hit,) = [one for one in shown["hits"] if one["role"] == "payee"]
    assert (hit["entry"], hit["list"], hit["listed_name"]) == (
        ENTRY, "own-sanctions", "Zoltan Quarzenberg",
    )  # fmt: skip
    assert hit["score"] > 0.9 and hit["why"] and hit["features"]
    assert shown["rows"] == [{"id": "screening.payee", "outcome": "review"}]
    assert shown["lists"][0]["snapshot"] == lists(listed)["lists"][0]["snapshot"]


def test_a_verdict_sets_a_hit_aside_until_it_is_ended(listed: Server) -> None:
    payee = {"id": "payee-same", "name": "Zoltan Quarzenberg", "country": "AT"}
    held = pay_to(listed, payee)
    assert held["outcome"] == "review"
    body = {"decision": held["id"], "role": "payee", "entry": ENTRY, "verdict": "different"}
    refused = listed.client().post("/v1/screening/verdicts", json={**body, "reason": "older"})
    problem(refused, 422, "verdict_expiry")
    soon = now_text(86_400)
    given = listed.client().post(
        "/v1/screening/verdicts", json={**body, "reason": "another birth date", "expires_at": soon}
    )
    assert given.status_code == 200, given.text
    free = pay_to(listed, payee)
    assert free["outcome"] == "allow"
    shown = listed.client().get(f"/v1/decisions/{free['id']}").json()["record"]["screening"]
    assert shown["set_aside"] == 1 and shown["hits"][0]["judged"] == "different"
    assert pay(listed, "Zoltan Quarzenberg")["outcome"] == "review", "another party is another"
    name = given.json()["id"]
    assert listed.client().post(f"/v1/screening/verdicts/{name}/end").json()["holds"] is False
    problem(listed.client().post(f"/v1/screening/verdicts/{name}/end"), 409, "verdict_ended")
    assert pay_to(listed, payee)["outcome"] == "review"
    listed.client().post(
        "/v1/screening/verdicts", json={**body, "verdict": "same", "reason": "it is he"}
    )
    blocked = pay_to(listed, payee)
    assert (blocked["outcome"], blocked["reasons"][0]["code"]) == ("block", "POLICY")
    kept = listed.client().get("/v1/screening/verdicts").json()["items"]
    assert {one["verdict"] for one in kept} == {"different", "same"}


def pay_to(server: Server, payee: dict[str, str]) -> dict[str, Any]:
    for _ in range(50):
        answer = server.decide(
            id=server.name("to"), type="transfer", payee=payee, instrument=None, device=None
        )
        if "screening_skipped" not in answer["degraded"]:
            return answer
    raise AssertionError("never screened in time")


def test_lists_switch_while_it_runs_and_old_decisions_replay(listed: Server) -> None:
    before = pay(listed, "Ignatius Plumwhistle")
    version = lists(listed)["version"]
    broken = listed.home / "broken.csv"
    broken.write_bytes(b"\x1f\x8b\x08 not a list")
    task = ("screening", "lists", "take-in", str(broken), "--source", "sanctions")
    assert command(listed, *task, "--person", "ann").returncode == 3
    assert lists(listed)["version"] == version, "the last good lists stay"
    take_in(listed, "q1", "q3")
    wait(lambda: lists(listed)["version"] != version)
    assert pay(listed, "Ignatius Plumwhistle")["outcome"] == "allow"
    again = listed.client().post(f"/v1/decisions/{before['id']}/replay").json()
    assert again["identical"] is True and again["outcome"] == "review"
    take_in(listed, *ROWS)
    wait(lambda: lists(listed)["version"] == version)


def test_a_killed_process_of_lists_comes_back(listed: Server) -> None:
    for pid in children_of(listed):
        os.kill(pid, signal.SIGKILL)
    answer = listed.decide(id=listed.name("down"), payee={"name": "Somebody New Altogether"})
    assert answer["outcome"] in ("review", "allow")
    if "screening_skipped" in answer["degraded"]:
        assert answer["outcome"] == "review"
    wait(lambda: bool(children_of(listed)) and lists(listed)["state"] in ("ready", "old"))
    assert pay(listed, "Zoltan Quarzenberg")["outcome"] == "review"
    ready = httpx.get(listed.url + "/readyz").json()
    assert next(one for one in ready["dependencies"] if one["name"] == "screening")["ready"]
    assert listed.metric("paywarden_screening_up") == 1.0


def children_of(server: Server) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            here = str(server.home).encode() in words
            if here and b"paywarden.entrypoints.screening_child" in words:
                found.append(int(entry.name))
    return found


def test_the_whole_log_replays(listed: Server) -> None:
    done = command(listed, "replay", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
