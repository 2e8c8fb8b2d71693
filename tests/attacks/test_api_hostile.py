"""Hostile input over real sockets: every answer is a refusal that names its place, never a 500."""

from __future__ import annotations

import gzip
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_support_api import Server, fleet, problem

KINDS = ("granian", "uvicorn")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server in turn; whatever was sent, it lives, and no fault of ours was logged."""
    running = fleet().server(request.param)
    before = running.log.read_text(errors="replace").count("request_fault")
    yield running
    assert running.decide()["outcome"] == "allow"
    log = running.log.read_text(errors="replace")
    assert log.count("request_fault") == before, log[-3_000:]


def send(server: Server, content: bytes, **headers: str) -> Any:
    return server.client().post("/v1/decisions", content=content, headers=headers)


def with_payment(server: Server, text: str) -> bytes:
    """A plain payment whose object ends with `text`."""
    plain = json.dumps(server.bare_payment())
    return f'{{"payment": {plain[:-1]}, {text}}}}}'.encode()


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("id", "", "field_invalid"),
        ("id", "x" * 129, "field_invalid"),
        ("id", None, "field_invalid"),
        ("id", 5, "field_invalid"),
        ("id", ["x"], "field_invalid"),
        ("id", {"x": 1}, "field_invalid"),
        ("attempt", 1, "field_invalid"),
        ("type", "bribe", "field_invalid"),
        ("type", True, "field_invalid"),
        ("phase", "", "field_invalid"),
        ("channel", 7, "field_invalid"),
        ("occurred_at", "yesterday", "field_invalid"),
        ("occurred_at", "2026-11-22T01:02:03", "field_invalid"),
        ("occurred_at", "2026-02-30T01:02:03Z", "field_invalid"),
        ("occurred_at", 1_795_309_323, "field_invalid"),
        ("occurred_at", "0001-01-01T00:00:00+14:00", "field_invalid"),
        ("occurred_at", "9999-12-31T23:59:59-14:00", "field_invalid"),
        ("amount_minor", -1, "field_invalid"),
        ("amount_minor", 2**53, "field_invalid"),
        ("amount_minor", 10**40, "field_invalid"),
        ("amount_minor", 1.5, "field_invalid"),
        ("amount_minor", 1e3, "field_invalid"),
        ("amount_minor", "100", "field_invalid"),
        ("amount_minor", True, "field_invalid"),
        ("currency", "eur", "currency_unknown"),
        ("currency", "EURO", "field_invalid"),
        ("currency", "EUR\n", "field_invalid"),
        ("currency", "XXX", "currency_unknown"),
        ("currency", "DEM", "currency_unknown"),
        ("currency", "XAU", "currency_unknown"),
        ("merchant/id", "", "field_invalid"),
        ("merchant/mcc", "57320", "field_invalid"),
        ("merchant/mcc", "573٢", "field_invalid"),
        ("merchant/country", "DE\n", "field_invalid"),
        ("payer/birth_date", "1990-02-31", "field_invalid"),
        ("payer/created_at", "0001-01-01T00:00:00+14:00", "field_invalid"),
        ("payer/email", "x" * 257, "field_invalid"),
        ("instrument/kind", "cash", "field_invalid"),
        ("instrument/bin", "41111", "field_invalid"),
        ("instrument/bin", "411111\n", "field_invalid"),
        ("instrument/last4", "1111\n", "field_invalid"),
        ("instrument/expiry", "2028-13", "field_invalid"),
        ("instrument", {"kind": "card", "facts": "x"}, "card_facts_incomplete"),
        ("device/ip", "x" * 65, "field_invalid"),
        ("device/language", "de\n", "field_invalid"),
        ("device/language", "de de", "field_invalid"),
        ("metadata", [], "field_invalid"),
        ("metadata", {"a": {"b": 1}}, "field_invalid"),
        ("metadata", {"a": [1]}, "field_invalid"),
        ("metadata", {"": 1}, "field_invalid"),
        ("metadata", {"k" * 65: 1}, "field_invalid"),
        ("metadata", {"a": "x" * 257}, "field_invalid"),
        ("metadata", {f"k{n}": n for n in range(51)}, "field_invalid"),
        ("metadata", {f"k{n}": n for n in range(10_000)}, "field_invalid"),
        ("surprise", 1, "unknown_field"),
        ("payer/surprise", 1, "unknown_field"),
    ],
)
def test_wrong_values_are_refused_at_their_place(
    server: Server, path: str, value: Any, code: str
) -> None:
    body = server.payment()
    holder, names = body["payment"], path.split("/")
    for name in names[:-1]:
        holder = holder.setdefault(name, {})
    holder[names[-1]] = value
    found = problem(server.client().post("/v1/decisions", json=body), 422, code)
    assert found["pointer"] == "/payment/" + path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe{}",
        b'{"payment": {"id": "\xff"}',
        b'{"payment": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b"\x00",
        gzip.compress(b"{}", mtime=0),
    ],
)
def test_broken_bytes_are_400(server: Server, content: bytes) -> None:
    answer = send(server, content)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "text",
    [
        '"amount_minor": NaN',
        '"amount_minor": Infinity',
        '"metadata": {"x": NaN}',
        '"metadata": {"x": -Infinity}',
        '"metadata": {"x": 1e400}',
        '"metadata": {"x": "\\ud800"}',
        '"metadata": {"\\udfff": 1}',
        '"metadata": {"x": "a\tb"}',
        '"metadata": ' + "[" * 50_000,
        '"amount_minor": 0x10',
        '"amount_minor": 00012',
    ],
)
def test_what_json_does_not_know_is_refused(server: Server, text: str) -> None:
    assert send(server, with_payment(server, text)).status_code in (400, 422)


def test_a_name_that_stands_twice_is_refused(server: Server) -> None:
    for first, code in (("5", "field_repeated"), ("-5", "field_invalid")):
        text = f'"amount_minor": {first}, "amount_minor": 600000'
        problem(send(server, with_payment(server, text)), 422, code)


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "\x1f", "\u202eabc", "🂡", "a" * 128, "%00", "'--"]
)
def test_strange_identifiers_are_kept_as_they_are(server: Server, text: str) -> None:
    text = f"{text}{server.name('s')}"[-128:]
    decided = server.decide(id=text, payer={"id": text, "name": text})
    assert decided["payment_id"] == text
    read = server.client().get(f"/v1/decisions/{decided['id']}").json()
    assert read["payment_id"] == text
    page = server.client().get("/v1/decisions", params={"payment_id": text}).json()
    assert [one["id"] for one in page["items"]] == [decided["id"]]


def test_extreme_but_legal_values_are_decided(server: Server) -> None:
    decided = server.decide(
        amount_minor=2**53 - 1,
        currency="KWD",
        occurred_at="0001-01-01T00:00:00Z",
        payer={"email": "@" * 200, "phone": "none", "created_at": "9999-12-31T23:59:59Z"},
        payee={"account": " ", "created_at": "0001-01-01T00:00:00Z"},
        device={"ip": "999.1.1.1", "user_agent": "x" * 1_024},
        metadata={f"k{n}": n * 1.5 for n in range(50)},
    )
    assert "device_ip_unreadable" in decided["degraded"]
    assert server.client().get(f"/v1/decisions/{decided['id']}").status_code == 200
    replay = server.client().post(f"/v1/decisions/{decided['id']}/replay")
    assert replay.json()["identical"] is True


def test_unknown_names_are_not_repeated_when_they_may_be_personal(server: Server) -> None:
    for name in ("ann@example.org", "Ann Example", "+4930123456789", "x" * 60, "k4929123456789"):
        body = server.payment()
        body["payment"]["payer"][name] = 1
        answer = server.client().post("/v1/decisions", json=body)
        found = problem(answer, 422, "unknown_field")
        assert found["pointer"] == "/payment/payer"
        assert name not in answer.text


def head_count(server: Server) -> float:
    return server.metric("paywarden_journal_head")


def test_large_bodies_are_413_and_leave_nothing(server: Server) -> None:
    before = head_count(server)
    large = json.dumps(server.payment(metadata={"x": "y" * 300_000})).encode()
    problem(send(server, large), 413, "body_too_large")
    spaces = json.dumps(server.payment()).encode() + b" " * 300_000
    problem(send(server, spaces), 413, "body_too_large")

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(spaces), 10_000):
            yield spaces[start : start + 10_000]

    problem(server.client().post("/v1/decisions", content=chunks()), 413, "body_too_large")
    assert head_count(server) == before


def test_chunked_bodies_within_the_limit_are_read(server: Server) -> None:
    content = json.dumps(server.payment()).encode()
    answer = server.client().post("/v1/decisions", content=iter([content[:50], content[50:]]))
    assert answer.status_code == 200


def test_encoded_bodies_are_refused_with_the_remedy(server: Server) -> None:
    packed = gzip.compress(json.dumps(server.payment()).encode())
    answer = send(server, packed, **{"content-encoding": "gzip"})
    body = problem(answer, 400, "body_encoded")
    assert "Content-Encoding" in body["detail"]


def raw(server: Server, sent: bytes, wait: float = 20.0) -> bytes:
    """What the server says to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(sent)
        got = b""
        try:
            while b"\r\n\r\n" not in got:
                part = connection.recv(65_536)
                if not part:
                    break
                got += part
        except (TimeoutError, ConnectionResetError):
            pass
        return got


def request(server: Server, *headers: str, body: bytes = b"") -> bytes:
    lines = [
        "POST /v1/decisions HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {server.keys['operator']}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: -5",),
        ("Content-Length: 5x",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 99999999999999999999",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gibberish",),
        (),
    ],
)
def test_odd_lengths_are_no_way_in(server: Server, headers: tuple[str, ...]) -> None:
    before = head_count(server)
    got = raw(server, request(server, *headers, body=b"{}\r\n"), wait=3)
    assert b" 200 " not in got.split(b"\r\n")[0]
    assert b" 500 " not in got.split(b"\r\n")[0]
    assert head_count(server) == before


def test_an_unfinished_body_holds_nobody_up(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(request(server, "Content-Length: 1000", body=b'{"pay'))
        assert server.decide()["outcome"] == "allow"


def test_a_large_body_declared_only_is_refused_at_once(server: Server) -> None:
    got = raw(server, request(server, "Content-Length: 3000000"))
    assert b" 413 " in got.split(b"\r\n")[0]


def test_many_headers_and_long_ones_are_survived(server: Server) -> None:
    many = [f"X-H{n}: v" for n in range(10_000)]
    got = raw(server, request(server, *many, "Content-Length: 2", body=b"{}"), wait=5)
    assert b" 200 " not in got.split(b"\r\n")[0]
    raw(server, request(server, "X-Long: " + "a" * 1_000_000, "Content-Length: 2"), wait=5)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "BREW"])
def test_other_methods_do_nothing(server: Server, method: str) -> None:
    before = head_count(server)
    for path in ("/v1/decisions", "/livez", "/v1/lists/stolen_cards/entries"):
        answer = server.client().request(method, path)
        assert answer.status_code in (400, 404, 405, 501), answer.status_code
        assert server.keys["operator"] not in answer.text
    assert head_count(server) == before


def test_head_is_get_without_a_body(server: Server) -> None:
    for path in ("/livez", "/v1/features"):
        answer = server.client().head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0
    assert server.client().head("/v1/events").status_code == 405


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "%ff", "dec_" + "a" * 26, "dec_",
     "x" * 5_000, "dec_%0a", "1 OR 1=1", "%c0%ae%c0%ae", "{id}", "null"],
)  # fmt: skip
def test_strange_paths_lead_nowhere(server: Server, name: str) -> None:
    target = f"/v1/decisions/{name} HTTP/1.1".replace(" OR ", "%20OR%20")
    sent = f"GET {target}\r\nHost: x\r\nAuthorization: Bearer {server.keys['operator']}\r\n\r\n"
    status = raw(server, sent.encode()).split(b"\r\n")[0]
    assert b" 404 " in status or b" 400 " in status, status
    for path in (f"/v1/rulesets/{name}", f"/v1/lists/{name}/entries"):
        assert server.client().get(path).status_code in (400, 404, 405)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "key_missing"),
        ("", "key_missing"),
        ("Basic abc", "key_missing"),
        ("Bearer", "key_malformed"),
        ("Bearer x", "key_malformed"),
        ("Bearer pw_test_" + "a" * 46, "key_malformed"),
        ("Bearer pw_prod_" + "a" * 46, "key_malformed"),
        ("Bearer " + "é" * 54, "key_malformed"),
        ("Bearer " + "x" * 5_000, "key_malformed"),
    ],
)
def test_keys_that_are_none_are_401_with_a_remedy(
    server: Server, header: str | None, code: str
) -> None:
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    answer = server.client("").post("/v1/decisions", content=b"{", headers=headers)
    body = problem(answer, 401, code)
    assert "API key" in body["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    if header and len(header) > 12:
        assert header not in answer.text


def test_expired_revoked_and_foreign_keys_are_refused(server: Server) -> None:
    for name, code in (("expired", "key_expired"), ("revoked", "key_revoked")):
        problem(server.client(name).get("/v1/features"), 401, code)
    flipped = server.keys["operator"].replace("pw_test_", "pw_live_")
    answer = server.client("").get("/v1/features", headers={"authorization": f"Bearer {flipped}"})
    problem(answer, 401, "key_malformed")
    problem(
        server.client("other_tenant").post("/v1/decisions", json=server.payment()),
        503,
        "scope_not_ready",
    )
