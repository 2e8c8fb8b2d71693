"""Identifiers: prefixes, 128 random bits, and no confusion between kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.identifiers import (
    ApiKeyId,
    ApprovalId,
    ClientKeyId,
    DecisionId,
    Identifier,
    IncidentId,
    PersonId,
    RequestId,
)

KINDS = [DecisionId, RequestId, IncidentId, ApiKeyId, PersonId, ApprovalId, ClientKeyId]
BODY = "a" * 26


class Fixed:
    """Randomness that hands out given bytes."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def octets(self, count: int) -> bytes:
        assert count == len(self._octets)
        return self._octets


@given(st.sampled_from(KINDS), st.binary(min_size=16, max_size=16))
def test_new_ones_parse_again(kind: type[Identifier], octets: bytes) -> None:
    made = kind.new(Fixed(octets))
    assert type(made) is kind
    assert made.text.startswith(kind.prefix)
    assert kind.parse(str(made)) == made


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_no_random_bit_is_lost(one: bytes, two: bytes) -> None:
    same = DecisionId.new(Fixed(one)) == DecisionId.new(Fixed(two))
    assert same == (one == two)


def test_prefixes_are_distinct_and_readable() -> None:
    assert [kind.prefix for kind in KINDS] == [
        "dec_", "req_", "inc_", "key_", "psn_", "apr_", "sig_",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_is_refused(kind: type[Identifier]) -> None:
    for other in KINDS:
        if other is not kind:
            with pytest.raises(ValueError, match=kind.prefix):
                kind.parse(other.prefix + BODY)
            assert kind.parse(kind.prefix + BODY) != other.parse(other.prefix + BODY)


@pytest.mark.parametrize(
    "text",
    ["", "dec_", BODY, "dec_" + "a" * 25, "dec_" + "a" * 27, "DEC_" + BODY]
    + ["dec_" + bad + "a" * 25 for bad in "A018=/ \né"],
)
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="dec_"):
        DecisionId.parse(text)
