"""Canaries: persons and keys go through every path, errors too, and are found in no sink after.

Sinks: every file of the home (log, records, write-ahead log, key database, segments), the server's
log, metrics, and every answer. Forms: plain, lower case, UTF-16, base 64, hex. Positive controls
show that the search finds what may be kept, and that each canary was really understood.
"""

from __future__ import annotations

import base64
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_support_api import PUBLIC_KEYS, Server, own_server

PERSON = {
    "payer/name": "Zephyrine Quillfeather",
    "payer/email": "zquill.canary@mailhaven.example",
    "payer/phone": "+4930555017723",
    "payer/birth_date": "1961-07-23",
    "payee/name": "Ottoline Brackenridge",
    "payee/account": "DE89370400440532013000",
    "payer/id": "canary-customer-4417",
    "payer/created_at": "2017-03-09T04:05:06.987654Z",
    "payee/id": "canary-payee-8117",
    "device/ip": "198.51.100.213",
    "device/id": "canary-handset-9d3",
    "device/user_agent": "CanaryBrowser/61.7 (OS 9)",
    "instrument/reference": "canary-card-token-55a",
    "instrument/expiry": "2093-11",
    "billing_address/line1": "17 Wyvernhold Crescent",
    "billing_address/city": "Quarrelsham",
    "billing_address/postal_code": "QX7 9ZV",
    "shipping_address/line1": "99 Grimthorpe Passage",
    "shipping_address/city": "Umberwick",
    "shipping_address/postal_code": "UW3 1KD",
}
SHOWN = ("payer/id", "payer/created_at", "payee/id", "device/id", "device/user_agent",
         "instrument/reference")  # fmt: skip
"""What the operator's record shows: names by which a case is followed. No file holds them."""
HELD = {
    "metadata": "free words canary 41",
    "par": "CANARYPAR0001",
    "mail domain": "mailhaven.example",
    "network": "198.51.100.",
}
"""More that must stand in no file: under any name, derived or free."""


def person(server: Server, **changes: Any) -> dict[str, Any]:
    """A payment of the canary person."""
    payment = server.bare_payment(**changes)
    payment |= {"payer": {}, "metadata": {"note": HELD["metadata"]}, "par": HELD["par"]}
    for path, value in PERSON.items():
        outer, name = path.split("/")
        payment.setdefault(outer, {})[name] = value
    for place in ("billing_address", "shipping_address"):
        payment[place]["country"] = "GB"
    return payment


def errors_with(server: Server) -> Iterator[httpx.Response]:
    """Requests that fail in every way that there is, with the person in each."""
    client = server.client()
    good = person(server)
    for name, value in (
        ("amount_minor", -1), ("currency", "XXX"), ("surprise", 1), ("type", PERSON["payer/name"]),
        ("occurred_at", PERSON["payer/email"]), (PERSON["payer/email"], 1), ("metadata", [1]),
        ("channel", PERSON["payer/phone"]), ("phase", PERSON["device/ip"]),
    ):  # fmt: skip
        yield client.post("/v1/decisions", json={"payment": {**good, name: value}})
    yield client.post("/v1/decisions", content=str(good).encode())
    yield client.post("/v1/decisions", content=repr(PERSON).encode() * 2_000)
    yield server.client("").post("/v1/decisions", json={"payment": good})
    yield server.client("expired").post("/v1/decisions", json={"payment": good})
    yield server.client("merchant").post("/v1/decisions", json={"payment": good})
    yield server.client("other_tenant").post("/v1/decisions", json={"payment": good})
    yield client.get("/v1/decisions", params={"after": PERSON["payer/email"]})
    yield client.get("/v1/decisions/" + PERSON["payer/email"])
    yield client.get("/" + PERSON["payer/email"])
    yield client.post(f"/v1/lists/{PERSON['payer/email']}/entries", json={"value": "x"})
    yield client.post(
        "/v1/lists/blocked_ips/entries", json={"value": PERSON["payer/name"], "reason": "x"}
    )


@pytest.fixture(scope="module")
def run() -> Iterator[tuple[Server, list[bytes], str]]:
    """(stopped server, every answer, a payment id that may be kept)."""
    with own_server("granian", "canaries") as server:
        client, answers = server.client(), []
        key = {"idempotency-key": PERSON["payer/email"]}
        body = {"payment": person(server, amount_minor=600_000)}
        for _ in range(2):
            answers.append(client.post("/v1/decisions", json=body, headers=key))
            assert answers[-1].status_code == 200, answers[-1].text
        decided = answers[-1].json()
        path = f"/v1/decisions/{decided['id']}"
        answers.append(client.post(path + "/continue", json={"result": "authenticated"}))
        answers.append(client.get(path))
        record = answers[-1].json()["record"]
        assert record["inputs"]["payer.email"] == "z**@mailhaven.example", "it was understood"
        assert record["enrichment"]["email.domain"] == "mailhaven.example"
        assert record["inputs"]["payment.metadata"] == "***"
        assert record["inputs"]["device.user_agent"] == PERSON["device/user_agent"]
        answers.append(client.post(path + "/replay"))
        assert answers[-1].json()["identical"] is True
        answers.append(client.get("/v1/decisions"))
        batch = {"payments": [person(server), person(server, currency="XXX")]}
        answers.append(client.post("/v1/decisions/batch", json=batch))
        parties = {name: batch["payments"][0][name] for name in ("payer", "payee", "device")}
        events = [server.event("login_failed", **parties), server.event("label", **parties)]
        answers.append(client.post("/v1/events", json={"events": events}))
        entry = {"value": PERSON["payer/email"], "reason": "canary", "kind": "email"}
        answers.append(client.post("/v1/lists/canary_mail/entries", json=entry))
        assert answers[-1].status_code == 200, answers[-1].text
        answers += errors_with(server)
        for page in ("/metrics", "/readyz", "/docs", "/openapi.json", "/v1/lists", "/v1/features"):
            answers.append(client.get(page))
        told = [one.content + repr(one.headers).encode() for one in answers]
        live = list(sinks(server))
        server.stop()
        server.log.with_name("live-canaries").write_bytes(b"\n".join(live))
        yield server, told, decided["payment_id"]


def sinks(server: Server) -> Iterator[bytes]:
    """Every file of the home but the two key files, and the log of the server."""
    for file in sorted(server.home.rglob("*")):
        if file.is_file() and file.parent.name != "keys":
            yield file.read_bytes()
    yield server.log.read_bytes()


def everything(server: Server) -> bytes:
    return b"\n".join(sinks(server)) + server.log.with_name("live-canaries").read_bytes()


SHORTEST = 7
"""Shorter forms (of an expiry in base 64) are found by chance."""


def forms(octets: bytes) -> list[bytes]:
    """What a careless writer would make of it. Base 64 in its three alignments."""
    found = [octets, octets.lower(), octets.hex().encode(), octets.hex().upper().encode()]
    try:
        found.append(octets.decode().encode("utf-16-le"))
    except UnicodeDecodeError:
        pass
    for shift in range(3):
        # Whole groups only: the first and last depend on what stands beside.
        text = base64.b64encode(b"\0" * shift + octets)
        found.append(text[4 if shift else 0 : len(text) - 4])
    return [form for form in found if len(form) >= SHORTEST]


def hits(octets: bytes, where: bytes) -> list[bytes]:
    return [form for form in forms(octets) if form in where]


def test_the_search_finds_what_is_kept(run: tuple[Server, list[bytes], str]) -> None:
    server, answers, payment_id = run
    assert hits(payment_id.encode(), everything(server))
    assert hits(payment_id.encode(), b"\n".join(answers))
    for form in forms(b"Zephyrine"):
        assert hits(b"Zephyrine", b"..." + form + b"...")


@pytest.mark.parametrize("path", sorted(PERSON))
def test_no_personal_field_is_found(run: tuple[Server, list[bytes], str], path: str) -> None:
    server, answers, _kept = run
    value = PERSON[path].encode()
    assert hits(value, everything(server)) == []
    if path not in SHOWN:
        assert hits(value, b"\n".join(answers)) == []


@pytest.mark.parametrize("what", sorted(HELD))
def test_nothing_else_that_identifies_is_held(
    run: tuple[Server, list[bytes], str], what: str
) -> None:
    assert hits(HELD[what].encode(), everything(run[0])) == []


def test_instants_of_a_person_are_not_held(run: tuple[Server, list[bytes], str]) -> None:
    created = datetime.fromisoformat(PERSON["payer/created_at"])
    elapsed = created - datetime(1970, 1, 1, tzinfo=UTC)
    stored = struct.pack(">Q", elapsed // timedelta(microseconds=1))
    assert stored not in everything(run[0])


def test_parts_of_names_and_addresses_are_not_found(
    run: tuple[Server, list[bytes], str],
) -> None:
    server, answers, _kept = run
    where = everything(server) + b"\n".join(answers)
    for part in ("Zephyrine", "Quillfeather", "Brackenridge", "zquill.canary", "Wyvernhold",
                 "Grimthorpe", "30555017723", "zquill"):  # fmt: skip
        assert hits(part.encode(), where) == []


def test_no_key_is_found(run: tuple[Server, list[bytes], str]) -> None:
    server, answers, _kept = run
    where = everything(server) + b"\n".join(answers)
    master = (server.home / "keys" / "master.key").read_bytes()
    assert len(master) >= 32
    held = [text for name, text in server.keys.items() if name not in PUBLIC_KEYS]
    secrets = [master, *(text.encode() for text in held), bytes.fromhex(server.keys["hmac_secret"])]
    secrets += [text[16:48].encode() for text in held]
    for secret in secrets:
        assert hits(secret, where) == []
