"""Lowering a customer's level and changing the model, in live: one asks, another signs.

Over the operations of the whole application, as `test_four_eyes`, whose people these are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from test_four_eyes import Person, enrol

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "aml" / "customer_risk"))

from customer_kit import PERSON, merged

from decision_room import Room  # isort: skip

from paywarden.aml.customer_risk.model_desk import shipped_text

RISKY = merged(
    PERSON,
    {"person": {"occupation": "crypto_trader", "industry": "crypto"}, "products": ["crypto"],
     "channel": "video", "verification": {"source_of_funds": "unknown"}},
)  # fmt: skip
PATH = "/v1/aml/customers/cus_1"
LOWER = {"level": "low", "days": 30, "reason": "known for years, papers on file"}


async def level(person: Person) -> str:
    found: str = (await person.http.get(PATH)).json()["summary"]["level"]
    return found


async def test_lowering_and_models_take_a_second_person(room: Room) -> None:
    lea, leo, ann, bob = [
        await enrol(room, name, role)
        for name, role in (("lea", "aml_officer"), ("leo", "aml_officer"),
                           ("ann", "approver"), ("bob", "security_admin"))
    ]  # fmt: skip
    assert room.installation.people.roster.established(room.live)
    made = await lea.http.put(PATH, json=RISKY)
    assert made.status_code == 200, made.text
    assert made.json()["summary"]["level"] == "medium"
    for nobody in (ann, bob):
        assert (await nobody.http.get(PATH)).json()["code"] == "not_permitted"

    # One asks; nothing moves; who asked cannot sign; another officer does, and it is done once.
    asked = await lea.post(PATH + "/override", LOWER)
    assert asked.status_code == 202, asked.text
    path, shown = asked.headers["location"], asked.json()
    assert shown["action"] == "customer_risk.lower"
    assert json.loads(shown["payload"])["customer"] == "cus_1"
    assert (await lea.post(path + "/execute")).json()["code"] == "approvals_missing"
    assert (await lea.http.get(path + "/challenge")).status_code == 403
    assert await level(lea) == "medium"
    assert (await leo.approve(path)).status_code == 200
    assert (await lea.post(path + "/execute")).status_code == 200
    assert await level(leo) == "low"
    assert (await lea.post(path + "/execute")).status_code == 409
    override = (await lea.http.get(PATH)).json()["override"]
    assert (override["by"], override["approved_by"]) == (f"person:{lea.person}", [leo.person])
    read = room.fields(await room.decide(payer={"id": "cus_1"}))
    assert read["risk.customer_level"] == "low"

    # Raising is at once; what was approved before the facts got worse is refused when executed.
    again = await lea.post(PATH + "/override", {**LOWER, "reason": "once more"})
    raised = await leo.post(PATH + "/override", {"level": "high", "days": 5, "reason": "police"})
    assert (raised.status_code, raised.json()["summary"]["level"]) == (200, "high")
    late = await lea.post(PATH + "/override", {**LOWER, "reason": "after the raise"})
    assert late.status_code == 202
    assert (await leo.approve(late.headers["location"])).status_code == 200
    worse = merged(RISKY, {"screening": {"pep": "foreign"}})
    assert (await lea.http.put(PATH, json=worse)).json()["summary"]["level"] == "high"
    refused = await lea.post(late.headers["location"] + "/execute")
    assert (refused.status_code, refused.json()["code"]) == (409, "override_below_floor")
    assert again.status_code in (200, 202)

    # A model: kept by one, in force by two.
    text = shipped_text().replace("high: 50}", "high: 52}")
    kept = (await lea.post("/v1/aml/risk-models", {"text": text})).json()["model"]
    waits = await lea.post(f"/v1/aml/risk-models/{kept}/publish", {"reason": "agreed"})
    assert waits.status_code == 202, waits.text
    assert (await ann.approve(waits.headers["location"])).status_code == 200
    done = await lea.post(waits.headers["location"] + "/execute")
    assert done.status_code == 200, done.text
    assert [one["model"] for one in (await lea.http.get("/v1/aml/risk-models")).json()["items"]
            if one["in_force"]] == [kept]  # fmt: skip

    # Five minutes after the proof of presence, judging asks for it anew.
    room.clock.advance(301)
    stale = await lea.post(PATH + "/review", {"note": "looked"})
    assert (stale.status_code, stale.json()["code"]) == (403, "step_up_needed")
    for person in (lea, leo, ann, bob):
        await person.http.aclose()
