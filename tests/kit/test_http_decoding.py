"""Decoding: 400 for broken bytes, 422 with a pointer to the fault that repeats no value."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest, Unparsable
from paywarden.decision.messages import DecisionRequest, EventsRequest
from paywarden.kit.http.decoding import MAX_POINTER, BodyDecoder, shown_pointer

PLAIN: dict[str, Any] = {
    "payment": {
        "id": "o1",
        "type": "card_payment",
        "occurred_at": "2026-11-22T01:02:03Z",
        "amount_minor": 5,
        "currency": "EUR",
        "merchant": {"id": "m", "mcc": "5732", "created_at": "2020-01-01T00:00:00Z"},
        "payer": {"id": "p", "name": "n", "birth_date": "1990-02-01"},
        "instrument": {"kind": "card", "bin": "411111"},
        "device": {"ip": "203.0.113.9"},
        "billing_address": {"country": "DE"},
        "metadata": {"a": 1},
    }
}
DECODER: BodyDecoder[DecisionRequest] = BodyDecoder(DecisionRequest)
PLACES = [
    ("payment", name) for name in PLAIN["payment"] if not isinstance(PLAIN["payment"][name], dict)
] + [
    ("payment", name, inner)
    for name, held in PLAIN["payment"].items()
    if isinstance(held, dict) and name != "metadata"
    for inner in held
]


def refusal(body: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        DECODER.decode(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(PLAIN)
    holder = body
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value
    return body


def test_the_plain_body_is_fine() -> None:
    assert DECODER.decode(json.dumps(PLAIN).encode()).payment.id == "o1"


@given(st.sampled_from(PLACES), st.sampled_from([[], {}, 1.5, True, [1], {"x": 1}]))
def test_the_pointer_leads_to_the_value_of_the_wrong_type(
    place: tuple[str, ...], value: Any
) -> None:
    found = refusal(changed(place, value))
    assert (found.code, found.pointer) == ("field_invalid", "/" + "/".join(place))


@pytest.mark.parametrize(
    "place",
    [("payment", "id"), ("payment", "type"), ("payment", "occurred_at"),
     ("payment", "merchant", "id"), ("payment", "instrument", "kind")],
)  # fmt: skip
def test_the_pointer_names_the_missing_field(place: tuple[str, ...]) -> None:
    body = copy.deepcopy(PLAIN)
    holder = body
    for name in place[:-1]:
        holder = holder[name]
    del holder[place[-1]]
    found = refusal(body)
    assert (found.code, found.pointer) == ("field_missing", "/" + "/".join(place))


@given(st.from_regex(r"[a-z_][a-z_]{0,19}", fullmatch=True), st.sampled_from(["", "payer"]))
def test_the_pointer_names_the_unknown_field(name: str, where: str) -> None:
    holder = PLAIN["payment"] if not where else PLAIN["payment"][where]
    kind: Any = msgspec.structs.fields(type(getattr(_payment(), where)) if where else _kind())
    assume(name not in {field.name for field in kind} and name not in holder)
    place = ("payment", *([where] if where else []), name)
    found = refusal(changed(place, 1))
    assert (found.code, found.pointer) == ("unknown_field", "/" + "/".join(place))


def _payment() -> Any:
    return DECODER.decode(json.dumps(PLAIN).encode()).payment


def _kind() -> Any:
    return type(_payment())


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_no_name_of_a_person_or_number_is_repeated(name: str) -> None:
    body = changed(("payment", "payer", name), 1)
    try:
        DECODER.decode(json.dumps(body).encode())
    except InvalidRequest as found:
        pointer = found.pointer or ""
        assert len(pointer) <= MAX_POINTER + 60
        repeated = pointer.removeprefix("/payment/payer").removeprefix("/")
        assert repeated in ("", name.replace("~", "~0").replace("/", "~1"))
        if any(ch in name for ch in " @+") or sum(ch.isdigit() for ch in name) > 8:
            assert repeated == "" or name in ("id",)
        assert found.detail.isascii()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    try:
        DECODER.decode(body)
    except InvalidRequest as found:
        assert found.detail


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"payment": {"metadata": {"a": NaN}}}', b"\xff",
     b'{"payment": {"id": "\\ud800"}}', b'{"payment": {"metadata": ' + b"[" * 200_000],
)  # fmt: skip
def test_broken_bytes_are_unparsable(body: bytes) -> None:
    found = refusal(body)
    assert isinstance(found, Unparsable) or found.code == "field_invalid"


def test_the_message_repeats_no_value() -> None:
    for place, value in ((("payment", "type"), "4111111111111111"),
                         (("payment", "phase"), "ann@example.org"),
                         (("payment", "instrument", "bin"), "4111111111111111")):  # fmt: skip
        assert str(value) not in str(refusal(changed(place, value)))


def test_places_in_free_objects_stop_at_the_object() -> None:
    assert refusal(changed(("payment", "metadata"), {"a.b": []})).pointer == "/payment/metadata"
    assert refusal(changed(("payment", "metadata"), {"": 1})).pointer == "/payment/metadata"


def test_places_in_lists_are_numbered() -> None:
    decoder: BodyDecoder[EventsRequest] = BodyDecoder(EventsRequest)
    event = {"id": "e", "kind": "login", "occurred_at": "2026-11-22T01:02:03Z"}
    with pytest.raises(InvalidRequest) as caught:
        decoder.decode(json.dumps({"events": [event, {**event, "payer": {"id": 5}}]}).encode())
    assert caught.value.pointer == "/events/1/payer/id"


def test_an_unknown_name_may_imitate_a_place() -> None:
    found = refusal(changed(("payment", "x` - at `$.evil"), 1))
    assert found.pointer == "/payment"


def test_pointers_are_escaped_and_bounded() -> None:
    assert shown_pointer(("a", 3, "b_c")) == "/a/3/b_c"
    assert shown_pointer(("a", "b@c", "d")) == "/a"
    assert shown_pointer(("a" * 41,)) == ""
    assert len(shown_pointer(tuple(["abcdefghij"] * 100))) <= MAX_POINTER + 20
