"""Signed requests: what is accepted, and each refusal with its own code."""

from __future__ import annotations

from typing import Any

import pytest
from signing_kit import NOW, PRINCIPAL, SCOPE, House, Sender

from paywarden.core.errors import (
    LimitExceeded,
    NotAuthenticated,
    PaywardenError,
    Unavailable,
)
from paywarden.core.message_signature import RequestParts
from paywarden.core.scope import Environment, Scope
from paywarden.identity.client_keys import Owner
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.nonces import LONGEST_US, Nonces

BODY = b'{"name": "a"}'
OF_THE_RFC = [one for one in Algorithm if one is not Algorithm.RSA2]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def sender(house: House) -> Sender:
    return house.client(Algorithm.HMAC)


def refused(house: House, request: Any, body: bytes = BODY, by: Principal = PRINCIPAL) -> str:
    with pytest.raises(PaywardenError) as caught:
        house.verify(request, body, by)
    return caught.value.code


@pytest.mark.parametrize("algorithm", OF_THE_RFC)
async def test_a_signed_request_is_proven(house: House, algorithm: Algorithm) -> None:
    sender = house.client(algorithm)
    proof = house.verify(sender.request(), BODY)
    assert proof.parts.path == "/things"
    await proof.durable()


async def test_without_a_body_and_with_an_idempotency_key(house: House, sender: Sender) -> None:
    get = sender.request(b"", method="GET", query="limit=1&after=%41")
    assert house.verify(get, b"").parts.query == "?limit=1&after=%41"
    post = sender.request(b"", idempotency="abc", nonce="n" * 22)
    assert house.verify(post, b"").parts.idempotency_key == "abc"


async def test_host_is_lower_cased_and_without_default_port(house: House, sender: Sender) -> None:
    assert house.verify(sender.request(host="RISK.example:80"), BODY)
    assert refused(house, sender.request(host="risk.example:81")) == "signature_wrong"


async def test_header_names_in_any_case(house: House, sender: Sender) -> None:
    request = sender.request()
    request["headers"] = [(name.title(), value) for name, value in request["headers"]]
    assert house.verify(request, BODY)


async def test_an_unsigned_request_passes_unless_the_key_must_sign(house: House) -> None:
    request = {"headers": [(b"host", b"risk.example")]}
    assert house.verify(request, BODY) is None
    house.store.set_must_sign(SCOPE, "key_x", True)
    house.restart()
    assert refused(house, request) == "signature_required"
    other = Principal("key_y", SCOPE, frozenset())
    assert house.verify(request, BODY, other) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": ""}, "signature_incomplete"),
        ({"signature_input": ""}, "signature_incomplete"),
        ({"signature_input": "nonsense"}, "signature_input_malformed"),
        ({"signature": "nonsense"}, "signature_malformed"),
        ({"signature": "sig2=:AAAA:"}, "signature_malformed"),
        ({"signature": "sig1=:AAB=:"}, "signature_malformed"),
        ({"signature": "sig1=:AAAA:, sig2=:AAAA:"}, "signature_several"),
        ({"signature_input": "sig1=();created=1, sig2=()"}, "signature_several"),
        ({"signature_input": "sig1=();created=1700000000"}, "signature_parameters_wrong"),
        ({"signature_input": "s" * 1_025}, "signature_header_too_long"),
        ({"content_digest": ""}, "signature_component_missing"),
        ({"content_type": ""}, "signature_component_missing"),
        ({"host": ""}, "signature_component_missing"),
        ({"host": "a b"}, "signature_component_missing"),
        ({"content_digest": "sha-1=:AAAA:"}, "content_digest_malformed"),
        ({"content_digest": "md5=:AAAA:"}, "content_digest_malformed"),
        ({"content_type": "text/plain"}, "signature_wrong"),
        ({"idempotency_key": "added"}, "signature_components_wrong"),
    ],
)
async def test_malformed_headers(
    house: House, sender: Sender, changes: dict[str, str], code: str
) -> None:
    assert refused(house, sender.request(**changes)) == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"@method" "@authority"', '"@authority" "@method"', "signature_components_wrong"),
        (' "content-digest"', "", "signature_components_wrong"),
        ('"@query"', '"@query" "@query"', "signature_components_wrong"),
        ('"@method"', '"@METHOD"', "signature_components_wrong"),
        ('tag="paywarden"', 'tag="other"', "signature_tag_wrong"),
        (';tag="paywarden"', "", "signature_parameters_wrong"),
        (";created=", ";created=0", "signature_parameters_wrong"),
        (";created=", ";created=-", "signature_parameters_wrong"),
        ('alg="hmac-sha256"', 'alg="none"', "signature_algorithm_wrong"),
        ('alg="hmac-sha256"', 'alg="ed25519"', "signature_algorithm_wrong"),
        (f"expires={NOW + 60}", f"expires={NOW + 301}", "signature_lifetime_wrong"),
        (f"expires={NOW + 60}", f"expires={NOW}", "signature_lifetime_wrong"),
        (f"expires={NOW + 60}", f"expires={NOW + 61}", "signature_wrong"),
        ('nonce="bm9', 'nonce="xm9', "signature_wrong"),
        ("sig1=(", "SIG1=(", "signature_input_malformed"),
        ("sig1=(", " sig1=(\n", "signature_input_malformed"),
    ],
)
async def test_other_signature_inputs(
    house: House, sender: Sender, old: str, new: str, code: str
) -> None:
    request = sender.request()
    headers = dict(request["headers"])
    given = headers[b"signature-input"].decode()
    assert old in given
    headers[b"signature-input"] = given.replace(old, new, 1).encode()
    request["headers"] = list(headers.items())
    assert refused(house, request) == code


@pytest.mark.parametrize(
    "name",
    ["signature", "signature-input", "content-digest", "content-type", "host", "idempotency-key"],
)
async def test_repeated_headers(house: House, sender: Sender, name: str) -> None:
    request = sender.request(idempotency="abc")
    value = dict(request["headers"])[name.encode()]
    request["headers"].append((name.title().encode(), value))
    assert refused(house, request) == "signature_header_repeated"


async def test_short_nonces(house: House, sender: Sender) -> None:
    assert refused(house, sender.request(nonce="n" * 21)) == "signature_nonce_short"


@pytest.mark.parametrize("part", ["method", "path", "query", "body", "raw_path"])
async def test_anything_changed_on_the_way(house: House, sender: Sender, part: str) -> None:
    request, body = sender.request(path="/a%2fb", query="a=1"), BODY
    if part == "body":
        body = BODY + b" "
    elif part == "query":
        request["query_string"] = b"a=2"
    elif part == "raw_path":
        request["raw_path"] = b"/a/b"
    else:
        request[part] = {"method": "PUT", "path": "/b"}[part]
        request.pop("raw_path")
    code = "content_digest_wrong" if part == "body" else "signature_wrong"
    assert refused(house, request, body) == code


async def test_body_swapped_with_its_digest(house: House, sender: Sender) -> None:
    other = dict(sender.request(b"{}")["headers"])[b"content-digest"].decode()
    assert refused(house, sender.request(content_digest=other), b"{}") == "signature_wrong"


async def test_body_added_or_removed(house: House, sender: Sender) -> None:
    assert refused(house, sender.request(), b"") == "signature_components_wrong"
    unsigned = sender.request(b"", content_digest="sha-256=:" + "A" * 43 + "=:")
    unsigned["headers"].append((b"content-type", b"text/plain"))
    assert refused(house, unsigned, BODY) == "signature_components_wrong"


async def test_the_time_window(house: House, sender: Sender) -> None:
    ahead = sender.request(created=NOW + 60, expires=NOW + 120, nonce="a" * 22)
    assert house.verify(ahead, BODY)
    early = sender.request(created=NOW + 61, expires=NOW + 121)
    assert refused(house, early) == "signature_from_the_future"
    late = sender.request(created=NOW - 300, expires=NOW - 60, nonce="b" * 22)
    assert house.verify(late, BODY)
    gone = sender.request(created=NOW - 300, expires=NOW - 61)
    assert refused(house, gone) == "signature_expired"


async def test_a_signature_counts_once(house: House, sender: Sender) -> None:
    house.verify(sender.request(), BODY)
    assert refused(house, sender.request()) == "signature_replayed"
    again = sender.request(created=NOW + 1, expires=NOW + 200)
    assert refused(house, again) == "signature_replayed"  # the nonce counts, not the signature
    other = house.client(Algorithm.HMAC, Owner("key_x"))
    assert house.verify(other.request(), BODY)  # a nonce is its key's own


async def test_a_replay_after_restart_and_until_the_end(house: House, sender: Sender) -> None:
    request = sender.request()
    house.verify(request, BODY)
    house.restart()
    assert refused(house, request) == "signature_replayed"
    house.clock.advance(119)
    assert refused(house, request) == "signature_replayed"
    house.clock.advance(2)
    assert refused(house, request) == "signature_expired"


async def test_a_clock_that_steps_back_reopens_nothing(house: House, sender: Sender) -> None:
    request = sender.request()
    house.verify(request, BODY)
    house.clock.advance(600)
    house.verify(sender.request(created=NOW + 600, expires=NOW + 660, nonce="c" * 22), BODY)
    house.clock.advance(-600)
    assert refused(house, request) == "signature_expired"


async def test_a_clock_that_steps_back_over_a_restart(house: House, sender: Sender) -> None:
    request = sender.request()
    house.verify(request, BODY)
    house.clock.advance(600)
    last = sender.request(created=NOW + 600, expires=NOW + 660, nonce="c" * 22)
    house.verify(last, BODY)
    for _ in range(2):  # once with all records, once after the sweep
        house.clock.advance(-600)
        house.restart()
        assert refused(house, request) in ("signature_replayed", "signature_expired")
        house.clock.advance(600)
        house.nonce_store.sweep(UnitOfWork(), (NOW + 600) * 1_000_000 - LONGEST_US)
    assert len(house.nonce_store.live(0, 0, 10)) == 1


async def test_a_wrong_signature_spends_no_nonce(house: House, sender: Sender) -> None:
    assert refused(house, sender.request(content_type="text/plain")) == "signature_wrong"
    assert house.verify(sender.request(), BODY)


async def test_a_failing_store_fails_closed(house: House, sender: Sender) -> None:
    house.failing = True
    with pytest.raises(Unavailable):
        house.verify(sender.request(), BODY)


async def test_nonces_are_bounded_in_all_and_per_key(house: House) -> None:
    nonces = Nonces(house.nonce_store, house.board, house.clock, total_limit=5, key_limit=3)
    with pytest.raises(Unavailable):
        nonces.take(SCOPE, "a", b"0", (NOW + 60) * 1_000_000)
    nonces.load()
    for number in range(3):
        nonces.take(SCOPE, "a", b"%d" % number, (NOW + 60) * 1_000_000)
    with pytest.raises(LimitExceeded):
        nonces.take(SCOPE, "a", b"4", (NOW + 60) * 1_000_000)
    for number in range(2):
        nonces.take(SCOPE, "b", b"%d" % number, (NOW + 60) * 1_000_000)
    with pytest.raises(LimitExceeded):
        nonces.take(SCOPE, "b", b"4", (NOW + 60) * 1_000_000)
    house.clock.advance(180)
    nonces.take(SCOPE, "a", b"4", (NOW + 400) * 1_000_000)


async def test_keys_of_other_tenants_do_not_exist(house: House) -> None:
    for scope in (Scope("other", Environment.TEST), Scope("acme", Environment.LIVE)):
        stranger = house.client(Algorithm.HMAC, scope=scope)
        assert refused(house, stranger.request()) == "signature_key_unknown"
    nobody = Sender("sig_" + "a" * 26, stranger.algorithm, stranger.key)
    assert refused(house, nobody.request()) == "signature_key_unknown"


async def test_a_key_is_bound_to_its_owner(house: House) -> None:
    of_key = house.client(Algorithm.HMAC, Owner(api_key_id="key_y"))
    of_merchant = house.client(Algorithm.HMAC, Owner(merchant="m_1"))
    assert refused(house, of_key.request()) == "signature_key_not_bound"
    assert refused(house, of_merchant.request()) == "signature_key_not_bound"
    assert house.verify(of_key.request(), BODY, Principal("key_y", SCOPE, frozenset()))
    merchant = Principal("key_z", SCOPE, frozenset(), "m_1")
    assert house.verify(of_merchant.request(), BODY, merchant)


async def test_revoked_and_expired_keys(house: House, sender: Sender) -> None:
    house.store.revoke(SCOPE, sender.key_id, NOW * 1_000_000)
    assert refused(house, sender.request()) == "signature_key_revoked"
    secret, record = house.desk.add_secret(SCOPE, Owner(), (NOW + 10) * 1_000_000)
    short = Sender(record.key_id, Algorithm.HMAC, type(sender.key)(secret))  # type: ignore[call-arg]
    assert house.verify(short.request(), BODY)
    house.clock.advance(10)
    assert refused(house, short.request(nonce="z" * 22)) == "signature_key_expired"


async def test_refusals_are_counted_by_code(house: House, sender: Sender) -> None:
    bad = sender.request(content_type="text/plain")
    for _ in range(3):
        refused(house, bad)
    line = b'paywarden_signature_refusals_total{code="signature_wrong"} 3.0'
    assert line in house.metrics.text()


async def test_texts_hold_nothing_but_what_was_sent(house: House, sender: Sender) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        house.verify(sender.request(content_type="secret/thing"), BODY)
    assert "secret" not in str(caught.value) and sender.key_id not in str(caught.value)


def test_components_follow_from_the_request() -> None:
    plain = RequestParts("GET", "a", "/", "?")
    assert plain.components == '"@method" "@authority" "@path" "@query"'
