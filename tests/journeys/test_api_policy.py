"""Policy over HTTP: lists count at once; rulesets are checked, stored, published, replayed."""

from __future__ import annotations

from typing import Any

import pytest
from test_support_api import POLICY, Server, now_text, own_server, problem

BAD_NAME = POLICY["rules/all.yaml"].replace("card_declines_10m >= 5", "card_declines_10m >= 5)")


def files(**changes: str) -> dict[str, dict[str, str]]:
    """Body of a ruleset: the journey policy with changed files."""
    return {
        "files": {
            **POLICY,
            **{name.replace("__", "/") + ".yaml": text for name, text in changes.items()},
        }
    }


def stricter(name: str, limit: int) -> dict[str, dict[str, str]]:
    """The journey policy under another name, with one more window and a rule over it."""
    policy = POLICY["policy.yaml"].replace("name: journey", f"name: {name}")
    window = """\
- name: card_sum_30d
  function: sum
  of: payment.amount_base_minor
  by: [card]
  window: 30d
"""
    rule = f"""\
- id: spent-too-much
  title: One card has spent too much in a month
  scenario: amounts
  when: agg.card_sum_30d > {limit}
  then: {{outcome: block, reason: LARGE_AMOUNT}}
"""
    return files(
        policy=policy, aggregates=POLICY["aggregates.yaml"] + window,
        rules__all=POLICY["rules/all.yaml"] + rule,
    )  # fmt: skip


def card(server: Server) -> dict[str, Any]:
    return {"kind": "card", "reference": server.name("card"), "bin": "411111"}


def test_a_list_edit_counts_from_the_next_payment(server: Server) -> None:
    client, instrument = server.client(), card(server)
    entry = {"value": instrument["reference"], "reason": "reported"}
    path = "/v1/lists/stolen_cards/entries"
    assert server.decide(instrument=instrument)["outcome"] == "allow"
    added = client.post(path, json=entry)
    assert added.status_code == 200, added.text
    assert server.decide(instrument=instrument)["outcome"] == "block"
    removed = client.post(path, json={**entry, "action": "remove"}).json()
    assert removed["entries"] == added.json()["entries"] - 1
    assert removed["log_sequence"] > added.json()["log_sequence"]
    assert server.decide(instrument=instrument)["outcome"] == "allow"


def test_the_policys_own_list_file_is_in_force(server: Server) -> None:
    listed = {"kind": "card", "reference": "card-on-file-list"}
    assert server.decide(instrument=listed)["outcome"] == "block"


def test_lists_of_networks_and_domains_read_every_spelling(server: Server) -> None:
    client = server.client()
    for name, value in (("blocked_ips", "198.51.100.0/24"), ("blocked_domains", "Bad.Example.")):
        client.post(
            f"/v1/lists/{name}/entries", json={"value": value, "reason": "x"}
        ).raise_for_status()
    assert server.decide(device={"ip": "198.51.100.77"})["outcome"] == "block"
    assert server.decide(device={"ip": "::ffff:198.51.100.77"})["outcome"] == "block"
    assert server.decide(device={"ip": "198.51.101.77"})["outcome"] == "allow"
    assert server.decide(payer={"email": "ann@BAD.example"})["outcome"] == "review"


def test_expired_entries_do_not_count(server: Server) -> None:
    client, instrument = server.client(), card(server)
    path = "/v1/lists/stolen_cards/entries"
    entry = {"value": instrument["reference"], "reason": "x", "expires_at": now_text(3_600)}
    assert client.post(path, json=entry).status_code == 200
    assert server.decide(instrument=instrument)["outcome"] == "block"
    late = {**entry, "expires_at": now_text(-3_600)}
    assert client.post(path, json=late).status_code == 200, "an end in the past ends it now"
    assert server.decide(instrument=instrument)["outcome"] == "allow"


def test_bad_list_edits_are_refused_with_their_place(server: Server) -> None:
    client = server.client()
    entry = {"value": "not an address", "reason": "x"}
    body = problem(client.post("/v1/lists/blocked_ips/entries", json=entry), 422, "list_bad_value")
    assert body["pointer"] == "/value"
    problem(client.post("/v1/lists/no_such_list/entries", json=entry), 404, "list_unknown")
    wrong = {"value": "x", "reason": "x", "kind": "string"}
    problem(client.post("/v1/lists/Bad-Name/entries", json=wrong), 422, "list_bad_name")
    made = client.post("/v1/lists/made_here/entries", json=wrong)
    assert made.status_code == 200, made.text
    listed = {one["name"]: one for one in client.get("/v1/lists").json()["items"]}
    assert listed["made_here"]["kind"] == "string"
    assert listed["made_here"]["entries"] == 1


def test_a_ruleset_is_stored_once_and_named_by_its_content(server: Server) -> None:
    client = server.client()
    body = stricter(server.name("stored"), 1_000_000)
    first = client.post("/v1/rulesets", json=body)
    assert first.status_code == 201, first.text
    again = client.post("/v1/rulesets", json=body)
    assert again.status_code == 200
    assert again.json() == first.json()
    made = first.json()
    assert (made["rules"], made["live"]) == (11, False)
    read = client.get(f"/v1/rulesets/{made['hash']}").json()
    assert read["files"] == body["files"]
    found = [one["hash"] for one in client.get("/v1/rulesets?limit=200").json()["items"]]
    assert made["hash"] in found
    assert found == sorted(found)
    problem(client.get("/v1/rulesets/rs_" + "0" * 64), 404, "ruleset_not_found")


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"rules__all": BAD_NAME}, ("rules/all.yaml", 4)),
        ({"aggregates": "- {name: w, function: cuont, by: [card], window: 1h}\n"},
         ("aggregates.yaml", 1)),
        ({"policy": "name: [\n"}, ("policy.yaml", None)),
    ],
)  # fmt: skip
def test_faults_of_a_policy_name_file_line_and_column(
    server: Server, changed: dict[str, str], place: tuple[str, int | None]
) -> None:
    answer = server.client().post("/v1/rulesets", json=files(**changed))
    body = problem(answer, 422, "policy_invalid")
    for fault in body["errors"]:
        assert fault["line"] >= 1 and fault["column"] >= 1
        assert fault["message"] and fault["remedy"] and fault["code"]
    assert place[0] in {fault["file"] for fault in body["errors"]}
    if place[1] is not None:
        assert place in {(fault["file"], fault["line"]) for fault in body["errors"]}
    first = body["errors"][0]
    assert body["pointer"] == f"{first['file']}:{first['line']}:{first['column']}"


def test_publishing_switches_at_once_and_new_windows_have_history(server: Server) -> None:
    client, instrument = server.client(), card(server)
    before = [server.decide(instrument=instrument, amount_minor=40_000) for _ in range(3)]
    assert {one["outcome"] for one in before} == {"allow"}
    live = before[0]["ruleset"]
    draft = client.post("/v1/rulesets", json=stricter(server.name("live"), 150_000)).json()["hash"]

    replayed = client.post(f"/v1/decisions/{before[2]['id']}/replay", json={"ruleset": draft})
    assert replayed.json()["outcome"] == "allow", "three times 400 is not over the limit"

    published = client.post(f"/v1/rulesets/{draft}/publish")
    assert published.status_code == 200, published.text
    assert published.json() == {
        "hash": draft, "live": True, "log_sequence": published.json()["log_sequence"],
    }  # fmt: skip
    try:
        after = server.decide(instrument=instrument, amount_minor=40_000)
        assert (after["ruleset"], after["outcome"]) == (draft, "block")
        record = client.get(f"/v1/decisions/{after['id']}").json()["record"]
        assert record["features"]["card_sum_30d"] == 160_000, "filled from the log"
        assert record["log_sequence"] > published.json()["log_sequence"]
        features = {one["path"] for one in client.get("/v1/features").json()["items"]}
        assert "agg.card_sum_30d" in features
        for decided, ruleset in ((after, draft), (before[0], live)):
            answer = client.post(f"/v1/decisions/{decided['id']}/replay").json()
            assert (answer["identical"], answer["ruleset"]) == (True, ruleset), answer
        draft_of_old = client.post(
            f"/v1/decisions/{after['id']}/replay", json={"ruleset": live}
        ).json()
        assert draft_of_old["identical"] is False
        assert draft_of_old["difference"]["outcome"] == {"recorded": "block", "now": "allow"} or (
            set(draft_of_old["difference"]["outcome"].values()) == {"block", "allow"}
        )
    finally:
        client.post(f"/v1/rulesets/{live}/publish").raise_for_status()
    assert server.decide(instrument=instrument)["ruleset"] == live


def test_the_feature_catalogue_describes_every_name(server: Server) -> None:
    page = server.client().get("/v1/features").json()
    found = {one["path"]: one for one in page["items"]}
    assert found["payment.amount_base_minor"]["type"] == "int"
    assert found["payer.email"]["personal"] is True
    assert found["agg.card_declines_10m"]["type"] == "int"
    assert all(one["text"] for one in page["items"])
    assert page["has_more"] is False


def test_what_was_published_and_listed_survives_a_restart() -> None:
    from test_support_api import start  # the same home again

    with own_server("granian", "restart") as first:
        client, instrument = first.client(), card(first)
        entry = {"value": instrument["reference"], "reason": "x"}
        client.post("/v1/lists/stolen_cards/entries", json=entry).raise_for_status()
        name = client.post("/v1/rulesets", json=stricter("again", 150_000)).json()["hash"]
        client.post(f"/v1/rulesets/{name}/publish").raise_for_status()
        other = card(first)
        decided = [first.decide(instrument=other, amount_minor=60_000) for _ in range(2)]
        first.stop()
        second = start("granian", first.home, first.keys, first.log.with_suffix(".2.log"))
        try:
            assert second.decide(instrument=instrument, id="after")["outcome"] == "block"
            third = second.decide(instrument=other, amount_minor=60_000, id="third")
            assert (third["outcome"], third["ruleset"]) == ("block", name)
            read = second.client().get(f"/v1/decisions/{decided[0]['id']}").json()
            told = {key: value for key, value in decided[0].items() if key != "receipt"}
            assert {key: read[key] for key in told} == told
            replay = second.client().post(f"/v1/decisions/{decided[1]['id']}/replay").json()
            assert replay["identical"] is True
        finally:
            second.stop()
