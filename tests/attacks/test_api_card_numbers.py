"""Card numbers in every field: refused everywhere, hashed in identifiers, found nowhere after.

Each number of this file is its own, made from a brand's prefix with a Luhn digit, so that a search
of every sink afterwards says which place leaked. Positive controls show that the search finds.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.scope import Environment, Scope
from paywarden.decision.intake import PaymentReader
from paywarden.decision.messages import Event
from paywarden.reference.card_numbers import luhn_check_digit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_support_api import Server, now_text, own_server, problem

_NUMBERS = count(1)


def pan(prefix: str = "4929", length: int = 16) -> str:
    """A fresh number that passes for a card."""
    body = prefix + str(next(_NUMBERS) * 7_919).zfill(length - 1 - len(prefix))
    return body + luhn_check_digit(body)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server("granian", "card-numbers") as running:
        yield running


REFUSED = [
    "wallet", "type", "phase", "channel", "currency", "occurred_at", "merchant/name",
    "merchant/mcc", "merchant/country", "merchant/created_at", "payer/name", "payer/email",
    "payer/country", "payer/birth_date", "payee/name", "payee/country", "instrument/kind",
    "instrument/facts", "instrument/bin", "instrument/last4", "instrument/expiry", "checks/avs",
    "checks/cvv", "checks/eci", "checks/three_ds", "device/ip", "device/user_agent",
    "device/language", "billing_address/country", "billing_address/postal_code",
    "billing_address/city", "billing_address/line1", "shipping_address/postal_code",
    "shipping_address/city", "shipping_address/line1", "metadata/note", "initiator", "entry_mode",
    "surprise", "payer/card_number", "instrument/number",
]  # fmt: skip
HASHED = [
    "id", "attempt", "par", "merchant/id", "payer/id", "payer/phone", "payee/id",
    "payee/account", "instrument/reference", "device/id",
]  # fmt: skip


def placed(server: Server, path: str, value: Any) -> dict[str, Any]:
    body = server.payment()
    holder = body["payment"]
    *outer, last = path.split("/")
    for name in outer:
        holder = holder.setdefault(name, {"id": "x"} if name == "merchant" else {})
    if outer == ["instrument"]:
        holder.setdefault("kind", "card")
    holder[last] = value
    return body


def spelled(number: str) -> list[Any]:
    """The same number as people and programs write it."""
    return [
        number,
        " ".join(number[n : n + 4] for n in range(0, 16, 4)),
        "-".join(number[n : n + 4] for n in range(0, 16, 4)),
        f"card {number} thanks",
        number.translate({48 + n: 0xFF10 + n for n in range(10)}),
        number.translate({48 + n: 0x0660 + n for n in range(10)}),
        "\u200b".join(number),
        int(number),
        float(int(number)),
    ]


class Found:
    """Every number that was sent, to be searched for at the end."""

    sent: list[str] = []
    hashed: list[str] = []


def fresh(sort: list[str], **form: Any) -> str:
    number = pan(**form)
    sort.append(number)
    return number


@pytest.mark.parametrize("path", REFUSED)
def test_every_field_refuses_a_card_number(server: Server, path: str) -> None:
    number = fresh(Found.sent)
    answer = server.client().post("/v1/decisions", json=placed(server, path, number))
    body = problem(answer, 422, "card_number_not_accepted")
    assert body["pointer"] == "/payment/" + path
    assert number not in answer.text


@pytest.mark.parametrize("form", range(9))
def test_every_spelling_is_refused(server: Server, form: int) -> None:
    value = spelled(fresh(Found.sent))[form]
    answer = server.client().post("/v1/decisions", json=placed(server, "metadata/x", value))
    body = problem(answer, 422, "card_number_not_accepted")
    assert body["pointer"] == "/payment/metadata/x"


@pytest.mark.parametrize(
    ("prefix", "length"),
    [("4", 13), ("4", 19), ("37", 15), ("5105", 16), ("2221", 16), ("6011", 16), ("6212", 19),
     ("3528", 16), ("36", 14)],
)  # fmt: skip
def test_every_brand_and_length_is_refused(server: Server, prefix: str, length: int) -> None:
    for value in (number := fresh(Found.sent, prefix=prefix, length=length), int(number)):
        answer = server.client().post("/v1/decisions", json=placed(server, "metadata/x", value))
        problem(answer, 422, "card_number_not_accepted")


def test_names_of_metadata_are_searched(server: Server) -> None:
    number = fresh(Found.sent)
    for name in (number, f"n {number}"):
        body = placed(server, "metadata/ok", 1)
        body["payment"]["metadata"][name] = 1
        answer = server.client().post("/v1/decisions", json=body)
        found = problem(answer, 422, "card_number_not_accepted")
        assert found["pointer"] == "/payment/metadata"
        assert number not in answer.text


def test_numbers_and_escapes_are_searched(server: Server) -> None:
    number = fresh(Found.sent)
    plain = json.dumps(server.payment())[:-2]
    escaped = "".join(f"\\u{ord(ch):04x}" for ch in number)
    exponent = f"{number[0]}.{number[1:]}e15"
    for text in (f'"{escaped}"', exponent, number, f"-{number}", f"{number}.0"):
        content = f'{plain}, "metadata": {{"x": {text}}}}}}}'
        answer = server.client().post("/v1/decisions", content=content)
        problem(answer, 422, "card_number_not_accepted")
    amount = server.payment(amount_minor=int(number))
    answer = server.client().post("/v1/decisions", json=amount)
    assert problem(answer, 422, "card_number_not_accepted")["pointer"] == "/payment/amount_minor"


def test_a_batch_refuses_only_what_holds_one(server: Server) -> None:
    bad = placed(server, "payer/name", fresh(Found.sent))["payment"]
    body = {"payments": [server.bare_payment(), bad, server.bare_payment()]}
    key = {"idempotency-key": server.name("batch")}
    for _ in range(2):
        answer = server.client().post("/v1/decisions/batch", json=body, headers=key)
        items = answer.json()["items"]
        assert [item.get("code") for item in items] == [None, "card_number_not_accepted", None]
        assert items[1]["pointer"] == "/payments/1/payer/name"
        assert "idempotent-replayed" not in answer.headers, "nothing of such a body is kept"


@pytest.mark.parametrize("place", ["code", "reason", "metadata/x", "payer/name", "merchant/name"])
def test_events_refuse_them_too(server: Server, place: str) -> None:
    decided = server.decide()
    event = server.event(
        "payment_result", payment_id=decided["payment_id"], status="declined",
        payer={"id": "x"}, merchant={"id": "m"}, metadata={},
    )  # fmt: skip
    *outer, last = place.split("/")
    (event[outer[0]] if outer else event)[last] = fresh(Found.sent)
    (told,) = server.send_events(event)
    assert (told["code"], told["pointer"]) == ("card_number_not_accepted", f"/events/0/{place}")


def test_every_other_operation_refuses_them(server: Server) -> None:
    client = server.client()
    challenged = server.decide(amount_minor=600_000)
    number = fresh(Found.sent)
    path = challenged["required_action"]["continue_path"]
    answers = [
        client.post(path, json={"result": "failed", "method": number}),
        client.post(f"/v1/decisions/{challenged['id']}/replay", json={"ruleset": [number]}),
        client.post("/v1/lists/stolen_cards/entries", json={"value": number, "reason": "x"}),
        client.post("/v1/lists/stolen_cards/entries", json={"value": "x", "reason": number}),
        client.post(
            f"/v1/lists/x{number}/entries", json={"value": "x", "reason": "x", "kind": "string"}
        ),
        client.post("/v1/rulesets", json={"files": {"policy.yaml": f"name: x\ntext: {number}\n"}}),
        client.post("/v1/rulesets", json={"files": {f"{number}.yaml": ""}}),
    ]
    for answer in answers:
        problem(answer, 422, "card_number_not_accepted")
        assert number not in answer.text


@pytest.mark.parametrize("path", HASHED)
def test_identifiers_are_accepted_and_counted_and_hashed(server: Server, path: str) -> None:
    name = "paywarden_card_like_identifiers_total"
    before, number = server.metric(name), fresh(Found.hashed)
    body = placed(server, path, number)
    answer = server.client().post("/v1/decisions", json=body)
    assert answer.status_code == 200, answer.text
    assert server.metric(name) == before + 1
    decided = answer.json()
    read = server.client().get(f"/v1/decisions/{decided['id']}").text
    assert number not in answer.text + read
    again = server.client().post("/v1/decisions", json=body)
    assert again.headers["decision-repeated"] == "true"


def test_hashed_identifiers_still_name_the_same_thing(server: Server) -> None:
    number = fresh(Found.hashed)
    decided = server.decide(id=number)
    assert decided["payment_id"].startswith("h_")
    page = server.client().get("/v1/decisions", params={"payment_id": number}).json()
    assert [one["id"] for one in page["items"]] == [decided["id"]]
    event_id = fresh(Found.hashed)
    event = {
        "id": event_id, "kind": "payment_result", "payment_id": number, "status": "declined",
        "occurred_at": now_text(),
    }  # fmt: skip
    key = {"idempotency-key": server.name("events")}
    body = {"events": [event]}
    first = server.client().post("/v1/events", json=body, headers=key)
    assert first.json()["results"][0]["status"] == "recorded"
    assert event_id not in first.text
    assert server.send_events(event)[0]["status"] == "repeated"


def test_cards_cannot_be_told_from_the_hash_of_another_home() -> None:
    one = PaymentReader(lambda text: "h_1", lambda code: True)
    event = Event(pan(), "login", _moment())
    assert one.event(Scope("t", Environment.TEST), event, "/events/0").card_like == 1


def _moment() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_no_number_is_found_anywhere_afterwards(server: Server) -> None:
    """Last of this file: stops the server, then searches every file of the home and its log."""
    sent = Found.sent + Found.hashed
    assert len(sent) > 40, "run the whole file"
    metrics = server.client("").get("/metrics").content
    refused = server.metric("paywarden_card_numbers_refused_total")
    assert refused >= len(REFUSED)
    kept = server.name("control")
    server.decide(id=kept)  # positive control: what may be kept is found by the same search
    live = dict(sinks(server))
    server.stop()
    found = {**live, **{f"{name} (stopped)": octets for name, octets in sinks(server)}}
    found["metrics"] = metrics
    assert any(kept.encode() in octets for octets in found.values())
    assert any(name.endswith("-wal") for name in live)
    for number in sent:
        for name, octets in found.items():
            for form in forms(number):
                assert form not in octets, (number, name)


def sinks(server: Server) -> Iterator[tuple[str, bytes]]:
    for file in sorted(server.home.rglob("*")):
        if file.is_file() and file.suffix != ".key":
            yield str(file.relative_to(server.home)), file.read_bytes()
    yield "log", server.log.read_bytes()


def forms(text: str) -> list[bytes]:
    octets = text.encode()
    packed = base64.b64encode(octets).rstrip(b"=")[:-1]
    return [octets, text.encode("utf-16-le"), packed, octets.hex().encode()]
