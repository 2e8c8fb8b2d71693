"""A name that stands twice in one object is found wherever and however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.decision.messages import DecisionRequest
from paywarden.kit.http.decoding import BodyDecoder
from paywarden.kit.http.repeated_names import place_of_repeated_name

CALM = settings(deadline=None, derandomize=True, max_examples=300)
NAMES = st.text(st.sampled_from('ab"\\\\:{,é'), max_size=3)


class Pairs(list[Any]):
    """An object as its pairs, so that names may repeat."""


BODIES = st.recursive(
    NAMES | st.sampled_from([1, 1.5, None, True]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=3).map(Pairs)
    ),
    max_leaves=8,
)


def written(value: Any, ascii_only: bool) -> str:
    if isinstance(value, Pairs):
        inner = (
            f"{json.dumps(n, ensure_ascii=ascii_only)} : {written(v, ascii_only)}" for n, v in value
        )
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(one, ascii_only) for one in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def repeats(value: Any) -> bool:
    if isinstance(value, Pairs):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(repeats(held) for _, held in value)
    return isinstance(value, list) and any(map(repeats, value))


@CALM
@given(BODIES, st.booleans())
def test_the_answer_equals_its_definition(body: Any, ascii_only: bool) -> None:
    raw = written(body, ascii_only).encode()
    assert (place_of_repeated_name(raw) is not None) is repeats(body)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'{"a":1,"a":1}', ("a",)),
        (b'{"a":1,"\\u0061":2}', ("a",)),
        (b'{"a":[{}, {"b":{"c":1,"d":2,"c":3}}]}', ("a", 1, "b", "c")),
        (b'{"a":"x\\"y","b":{"q":1,"q":1}}', ("b", "q")),
        (b'{"a":"\\\\","b":{"q":1,"q":1}}', ("b", "q")),
    ],
)
def test_the_place_is_that_of_the_second(raw: bytes, place: tuple[str | int, ...]) -> None:
    assert place_of_repeated_name(raw) == place


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        (b'"amount_minor":9000,', "/payment/amount_minor"),
        (b'"payer":{"id":"a","id":"b"},', "/payment/payer/id"),
        (b'"metadata":{"4111 1111 1111 1111":1,"4111 1111 1111 1111":2},', "/payment/metadata"),
    ],
)
def test_a_body_with_a_name_twice_is_refused(more: bytes, pointer: str) -> None:
    body = (
        b'{"payment":{"id":"o1","type":"card_payment","occurred_at":"2026-11-22T01:02:03Z",'
        + more
        + b'"amount_minor":5,"currency":"EUR"}}'
    )
    with pytest.raises(InvalidRequest) as caught:
        BodyDecoder[DecisionRequest](DecisionRequest).decode(body)
    assert caught.value.code == "field_repeated"
    assert caught.value.pointer == pointer
