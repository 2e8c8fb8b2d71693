"""A destination that echoes the card, in every form that we know, gets nothing through."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cde_egress_place  # noqa: F401
import pytest
from egress_kit import CVV, NUMBER, Egress, Server, ok, order, serving
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.card import Cvv, Pan
from paywarden.cde.egress.answers import Passed
from paywarden.cde.egress.echoes import Echoes
from paywarden.cde.egress.opening import CardInUse

TEXT = NUMBER.decode()
REVERSED = TEXT[::-1]
FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in TEXT)
FORMS = {
    "plain": TEXT,
    "within": f"card {TEXT} refused",
    "integer": int(TEXT),
    "spaces": " ".join(TEXT[at : at + 4] for at in (0, 4, 8, 12)),
    "dashes": "-".join(TEXT[at : at + 4] for at in (0, 4, 8, 12)),
    "odd separators": "5.5_5/5 3:4;1|2 4444 1115",
    "letters between": "x".join(TEXT),
    "first nine": TEXT[:9],
    "base64": base64.b64encode(NUMBER).decode(),
    "base64 without padding": base64.b64encode(NUMBER).decode().rstrip("="),
    "base64 within": base64.b64encode(b"x" + NUMBER + b"yz").decode(),
    "base64 of base64": base64.b64encode(base64.b64encode(NUMBER)).decode(),
    "base64 utf-16": base64.b64encode(TEXT.encode("utf-16")).decode(),
    "base64 glued": "id" + base64.b64encode(NUMBER).decode(),
    "base32": base64.b32encode(NUMBER).decode(),
    "hexadecimal": NUMBER.hex(),
    "hexadecimal of base64": base64.b64encode(NUMBER).hex(),
    "hexadecimal with colons": NUMBER.hex(":"),
    "percent": "".join(f"%{one:02X}" for one in NUMBER),
    "percent twice": quote("".join(f"%{one:02X}" for one in NUMBER)),
    "entities": "".join(f"&#{one};" for one in NUMBER),
    "backslashes": "".join(f"\\u00{one:02x}" for one in NUMBER),
    "reversed": REVERSED,
    "reversed base64": base64.b64encode(REVERSED.encode()).decode(),
    "full width": FULL_WIDTH,
    "integer in hexadecimal": f"{int(TEXT):x}",
    "sha-256": hashlib.sha256(NUMBER).hexdigest().upper(),
    "sha-1 base64": base64.b64encode(hashlib.sha1(NUMBER).digest()).decode(),
    "code": CVV.decode(),
    "code named": f"cvv={CVV.decode()}",
    "code glued": f"cvv{CVV.decode()}",
    "code base64": base64.b64encode(CVV).decode(),
    "code spaced": "7 3 7",
    "code integer": int(CVV),
    "too tangled to say": " ".join(base64.b64encode(b"%06d" % one).decode() for one in range(400)),
    "too long to say": "x" * 5_000,
}


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[Egress]:
    async with Egress(tmp_path) as made:
        made.vault.keep()
        yield made


@pytest.fixture
async def server(egress: Egress) -> AsyncIterator[Server]:
    async with serving(egress.made) as served:
        egress.approve(egress.destination(served.port))
        yield served


@pytest.mark.parametrize("name", FORMS)
async def test_an_echo_is_removed_and_tells(egress: Egress, server: Server, name: str) -> None:
    body = json.dumps({"id": FORMS[name], "status": "paid"}).encode()
    server.answer = lambda _: ok(body)
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Passed)
    assert found.body == {"status": "paid"}
    assert [place for place, _ in found.echoes] == ["/id"]
    event = egress.logged()[-1]
    assert (event["kind"], event["severity"]) == ("echo_scrubbed", "critical")
    assert event["detail"]["destination"] == "psp"


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_number_cut_over_several_fields(
    egress: Egress, server: Server, backwards: bool
) -> None:
    parts = [TEXT[:8], TEXT[8:]]
    told = parts[::-1] if backwards else parts
    body = json.dumps({"id": told[0], "status": told[1], "card": {"last4": "1115"}}).encode()
    server.answer = lambda _: ok(body)
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Passed)
    assert {"/id", "/status"} <= {place for place, _ in found.echoes}


async def test_fields_that_nobody_listed_never_come_back(egress: Egress, server: Server) -> None:
    server.answer = lambda got: ok(b'{"request": ' + got.body + b', "id": "p"}', "200 OK",
                                   f"x-echo: {TEXT}")  # fmt: skip
    found = await egress.forwarding.forward(order())
    assert found == Passed(200, {"id": "p"})


async def test_bin_last_four_and_ordinary_values_come_back(egress: Egress, server: Server) -> None:
    told: dict[str, Any] = {
        "id": "3f2b9c1e-1a2b-4c3d-8e4f-5a6b7c8d9e0f", "status": "Approved, code 00 in 123 ms",
        "card": {"last4": "1115"}, "items": [{"id": "55553412"}, {"id": 1795566137}],
    }  # fmt: skip
    server.answer = lambda _: ok(json.dumps(told).encode())
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Passed)
    assert found.echoes == ()
    assert found.body == told | {"items": {"0": {"id": "55553412"}, "1": {"id": 1795566137}}}


def card() -> CardInUse:
    pan, cvv = Pan.of(b"5555341244441115"), Cvv.of(CVV)
    assert isinstance(pan, Pan)
    assert isinstance(cvv, Cvv)
    return CardInUse(pan, "2031-04", cvv, "fp_x")


ECHOES = Echoes(card())


@given(st.text(max_size=40), st.text(max_size=40), st.lists(st.sampled_from(" -._/,"), max_size=15))
def test_the_number_is_found_within_anything(before: str, after: str, between: list[str]) -> None:
    gaps = [*between, *[""] * 16]
    digits = "5555341244441115"
    text = "".join(digit + gap for digit, gap in zip(digits, gaps, strict=False))
    assert ECHOES.found_in(f"{before} {text} {after}") == "number"


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_text_breaks_the_search(text: str) -> None:
    assert ECHOES.found_in(text) in (None, "cvv", "tangled")
