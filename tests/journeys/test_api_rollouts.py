"""Roll-outs, emergency rules and snoozes over a real socket."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_api_policy import files
from test_support_api import POLICY, Server, own_server, problem, start

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from model_kit import place_model
from paywarden.entrypoints.main import main

STOP = """\
- id: no-more-{name}
  title: Nobody pays at this merchant now
  scenario: amounts
  when: merchant.id == "{merchant}"
  then: {{outcome: block, reason: LARGE_AMOUNT}}
"""


def stored(server: Server, name: str, merchant: str) -> str:
    policy = POLICY["policy.yaml"].replace("name: journey", f"name: {name}")
    rules = POLICY["rules/all.yaml"] + STOP.format(name=name, merchant=merchant)
    made = server.client().post("/v1/rulesets", json=files(policy=policy, rules__all=rules))
    assert made.status_code == 201, made.text
    found: str = made.json()["hash"]
    return found


def until(server: Server, rollout: str, stage: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        found: dict[str, Any] = server.client().get(f"/v1/rollouts/{rollout}").json()
        if found["stage"] == stage:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_a_ruleset_is_tried_rolled_out_and_taken_back() -> None:
    with own_server("granian", "rollouts") as server:
        client = server.client()
        bad = {"id": "m_bad", "mcc": "5732", "country": "DE"}
        name = stored(server, "tried", "m_bad")
        shadow = client.post(f"/v1/rulesets/{name}/shadow", json={"reason": "try"})
        assert shadow.status_code == 200, shadow.text
        made = server.decide(merchant=bad)
        assert made["outcome"] == "allow"
        record = client.get(f"/v1/decisions/{made['id']}").json()["record"]
        assert record["other_ruleset"]["outcome"] == "block"
        now = client.get(f"/v1/rollouts/{shadow.json()['id']}").json()
        assert (now["stage"], now["payments"], now["changed"]) == ("shadow", 1, 1)
        assert now["changes"] == [{"live": "allow", "candidate": "block", "payments": 1}]

        plan = {"shadow_minutes": 0, "steps": [{"percent": 100, "minutes": 60}]}
        body = {"reason": "go", "plan": plan}
        submit = f"/v1/rulesets/{name}/submit"
        problem(client.post(submit, json=body), 409, "rollout_standing")
        ended = client.post(f"/v1/rollouts/{now['id']}/rollback", json={"reason": "seen"}).json()
        assert (ended["stage"], ended["ended"]) == ("rolled_back", "seen")

        going = client.post(submit, json=body)
        assert going.status_code == 200, going.text
        assert going.json()["stage"] == "staged"
        made = server.decide(merchant=bad)
        assert (made["outcome"], made["ruleset"]) == ("block", name)
        listed = client.get("/v1/rollouts").json()["items"]
        assert [one["stage"] for one in listed] == ["staged", "rolled_back"]
        client.post(f"/v1/rollouts/{going.json()['id']}/rollback", json={"reason": "no"})
        assert server.decide(merchant=bad)["outcome"] == "allow"

        quick = {**plan, "steps": [{"percent": 100, "minutes": 0}]}
        done = client.post(submit, json={"reason": "go", "plan": quick}).json()
        until(server, done["id"], "live")
        assert client.get(f"/v1/rulesets/{name}").json()["live"] is True
        server.stop()
        again = start("granian", server.home, server.keys, server.log.with_suffix(".2.log"))
        try:
            made = again.decide(merchant=bad, id="after")
            assert (made["outcome"], made["ruleset"]) == ("block", name)
        finally:
            again.stop()


def test_the_command_does_the_same(granian: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server = granian
    key = server.home / "keys" / "operator.key"
    where = ["--server", server.url, "--key-file", str(key), "--json"]

    def rollout(*words: str) -> dict[str, Any]:
        code = main(["--home", str(server.home), "rollout", *words, *where])
        out = capsys.readouterr().out
        assert code == 0, out
        found: dict[str, Any] = json.loads(out)
        return found

    name = stored(server, "commanded", "m_other")
    reason = ("--reason", "try")
    begun = rollout("shadow", name, *reason, "--minutes", "5")
    assert begun["stage"] == "shadow"
    assert rollout("show", begun["id"])["until"] is not None
    assert rollout("back", begun["id"], "--reason", "enough")["stage"] == "rolled_back"
    staged = rollout("submit", name, *reason, "--shadow-minutes", "0", "--step", "5:10",
                     "--step", "100:10", "--min-payments", "7")  # fmt: skip
    assert (staged["share_percent"], staged["plan"]["guardrails"]["min_payments"]) == (5.0, 7)
    assert rollout("list")["items"][0]["id"] == staged["id"]
    rollout("back", staged["id"], "--reason", "enough")


def test_an_emergency_rule_and_a_snooze(granian: Server) -> None:
    server = granian
    client = server.client()
    merchant = {"id": server.name("m"), "mcc": "5732", "country": "DE"}
    rules = STOP.format(name="emergency", merchant=merchant["id"])
    body = {"rules": rules, "reason": "attack", "minutes": 10, "block_cap": 0.5}
    begun = client.post("/v1/emergency-rules", json=body)
    assert begun.status_code == 200, begun.text
    try:
        assert server.decide(merchant=merchant)["outcome"] == "block"
    finally:
        path = f"/v1/rollouts/{begun.json()['id']}/rollback"
        client.post(path, json={"reason": "over"}).raise_for_status()
    assert server.decide(merchant=merchant)["outcome"] == "allow"
    wrong = client.post("/v1/emergency-rules", json={**body, "rules": "- id: x\n"})
    problem(wrong, 422, "policy_invalid")

    large = {"amount_minor": 100_000_000, "payer": {"id": server.name("payer")}}
    first = server.decide(**large)
    assert first["outcome"] != "allow"
    detail = client.get(f"/v1/decisions/{first['id']}").json()["record"]
    rule = detail["rules"][0]["id"]
    snooze = {"kind": "payer", "value": large["payer"]["id"], "reason": "known", "hours": 1}  # type: ignore[index]
    for one in detail["rules"]:
        path = f"/v1/rules/{one['id']}/snoozes"
        assert client.post(path, json=snooze).status_code == 200
    assert server.decide(**large)["outcome"] == "allow"
    assert server.decide(amount_minor=100_000_000)["outcome"] == first["outcome"]
    client.post(f"/v1/rules/{rule}/snoozes", json={**snooze, "hours": 0}).raise_for_status()
    assert server.decide(**large)["outcome"] == first["outcome"]
    unknown = client.post("/v1/rules/no-such-rule/snoozes", json=snooze)
    problem(unknown, 404, "rule_not_found")
    reserved = client.post(
        "/v1/lists/snooze_payer_x/entries",
        json={"value": "a", "reason": "b", "kind": "payer"},
    )
    problem(reserved, 403, "list_reserved")


def test_a_trained_model_is_listed_tried_and_serves() -> None:
    with own_server("granian", "models") as server:
        client = server.client()
        assert client.get("/v1/models").json()["items"] == []
        name = place_model(server.home, trust=False)
        listed = client.get("/v1/models").json()["items"]
        assert [(one["name"], one["refused"]) for one in listed] == [(name, "model_untrusted")]
        live = next(
            one["hash"] for one in client.get("/v1/rulesets").json()["items"] if one["live"]
        )
        plan = {"shadow_minutes": 0, "steps": [{"percent": 100, "minutes": 0}]}
        body = {"reason": "model", "plan": plan, "model": name}
        problem(client.post(f"/v1/rulesets/{live}/submit", json=body), 409, "model_untrusted")
        place_model(server.home)
        done = client.post(f"/v1/rulesets/{live}/submit", json=body)
        assert done.status_code == 200, done.text
        until(server, done.json()["id"], "live")
        card = client.get(f"/v1/models/{name}").json()
        assert (card["model"]["role"], card["card"]) == ("live", {"purpose": "tests"})
        made = server.decide(amount_minor=499_000)
        assert made["model"] == name
        assert made["reasons"]
        replay = client.post(f"/v1/decisions/{made['id']}/replay").json()
        assert replay["identical"] is True
