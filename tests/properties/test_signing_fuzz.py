"""The header readers under arbitrary octets: a refusal with a code or a value, nothing else."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from signing_kit import BODY_OF, House

from paywarden.core.errors import NotAuthenticated, NotPermitted, PaywardenError, Unparsable
from paywarden.kit.http.signing import parsing
from paywarden.kit.http.signing.keys import Algorithm

PIECES = st.lists(
    st.sampled_from(
        [
            "sig1=", "sig1=:", "AAAA", ":", "(", ")", '"@method"', " ", ";created=", "1700000000",
            ';keyid="', '"', ';alg="hmac-sha256"', ";expires=1700000060", ";nonce=", "n" * 22,
            ';tag="paywarden"', ",", "=", "\\", "\t", "é", "sha-256=:", "sha-512=:",
        ]
    ),
    max_size=24,
).map("".join)  # fmt: skip
TEXTS = st.one_of(PIECES, st.text(st.characters(max_codepoint=255), max_size=200))


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_readers_refuse_with_a_code(text: str) -> None:
    for read in (
        parsing.read_input,
        lambda value: parsing.read_signature(value, "sig1"),
        lambda value: parsing.check_digest(value, b""),
    ):
        try:
            read(text)
        except (Unparsable, NotAuthenticated) as refusal:
            assert re.fullmatch(r"[a-z_]+", refusal.code)


HOUSE = House()
SENDER = HOUSE.client(Algorithm.HMAC)
GOOD = SENDER.request(idempotency="abc")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(range(len(GOOD["headers"]))),
    st.one_of(TEXTS.map(lambda text: text.encode("latin-1")), st.binary(max_size=60)),
    st.booleans(),
)
def test_a_request_with_one_header_replaced_or_added_is_refused(
    place: int, value: bytes, added: bool
) -> None:
    headers = list(GOOD["headers"])
    if headers[place][1] == value and not added:
        return
    fresh = (headers[place][0], value)
    headers = [*headers, fresh] if added else [*headers[:place], fresh, *headers[place + 1 :]]
    try:
        asyncio.run(_verify({**GOOD, "headers": headers}))
    except (Unparsable, NotAuthenticated, NotPermitted) as refusal:
        assert isinstance(refusal, PaywardenError)
    else:
        # Only what the RFC calls the same value passes: spaces around, and the case of the host.
        name, told = fresh
        meant = dict(GOOD["headers"])[name]
        assert told.strip(b" \t").lower().removesuffix(b":80") == meant.lower()


async def _verify(request: dict[str, Any]) -> None:
    HOUSE.restart()
    HOUSE.nonce_store._rows.clear()
    HOUSE.nonces.load()
    HOUSE.verify(request, BODY_OF)
