"""Exports: what two people signed, to the key that they signed, in full parts, and logged first."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cde_egress_place  # noqa: F401
import pytest
from egress_kit import (
    ANN,
    BOB,
    EVE,
    EXPIRY,
    HOUR_US,
    MAKER,
    MERCHANT,
    NOW_US,
    NUMBER,
    TEST,
    Egress,
    grant_for,
    roster,
)

from paywarden.cde.egress.exporting import Exporting, Part
from paywarden.cde.egress.forwarding import Watch
from paywarden.cde.egress.opening import Opening
from paywarden.cde.transfer.sealed_file import opened, public_of
from paywarden.cde_client.card_acts import (
    EXPORT_ACTION,
    PART_TOKENS,
    Export,
    part_digest,
    parts_digest,
    payload,
)
from paywarden.core.errors import Corrupt, PaywardenError
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness

KEY = Secret(b"r" * 32)
RECIPIENT = base64.b64encode(public_of(KEY)).decode()


def token(n: int) -> str:
    return f"tk_test_{n:022d}"


def exporting(egress: Egress) -> Exporting:
    opening = Opening(egress.vault, egress.vault.agent)
    watch = Watch(egress.canaries, egress.events)
    return Exporting(opening, roster(), watch, egress.events, egress.clock, SystemRandomness())


def part(count: int, number: int = 0, people: Sequence[str] = (ANN, BOB), **more: Any) -> Part:
    """A part of an export of `count` tokens, with the grant that fits."""
    tokens = [token(n) for n in range(count)]
    parts = [tokens[n : n + PART_TOKENS] for n in range(0, count, PART_TOKENS)]
    digests = [part_digest(one) for one in parts]
    wanted = Export(
        count, MERCHANT, parts_digest(digests), "migration", RECIPIENT, TEST.text, "T-9"
    )
    until = more.pop("until", NOW_US + HOUR_US)
    grant = grant_for(EXPORT_ACTION, payload(wanted), *people, expires_at_us=until)
    made = Part(TEST, "key_desk", "req_1", wanted, digests, number, parts[number], grant)
    return dataclasses.replace(made, **more)


def read(octets: bytes) -> list[dict[str, Any]]:
    whole = b"".join(opened(io.BytesIO(octets), KEY))
    return [json.loads(line) for line in whole.splitlines()]


async def code(egress: Egress, one: Part) -> str:
    with pytest.raises(PaywardenError) as caught:
        await exporting(egress).part(one)
    return f"{caught.value.code} {caught.value.detail}"


async def test_parts_go_to_the_signed_key_and_nobody_else_reads_them(tmp_path: Path) -> None:
    count = PART_TOKENS + 3
    async with Egress(tmp_path) as egress:
        for n in range(count):
            if n != 2:
                egress.vault.keep(token(n))
        use = exporting(egress)
        first, second = await use.part(part(count)), await use.part(part(count, 1))
        assert (first.cards, first.missing) == (PART_TOKENS - 1, [2])
        assert second.cards == 3
        found = read(first.sealed) + read(second.sealed)
        assert [one["token"] for one in found] == [token(n) for n in range(count) if n != 2]
        assert found[0] == {"token": token(0), "number": NUMBER.decode(), "expiry": EXPIRY}
        assert NUMBER not in first.sealed + second.sealed
        with pytest.raises(Corrupt):
            list(opened(io.BytesIO(first.sealed), Secret(b"x" * 32)))
        kinds = [(one["kind"], one["detail"]["part"]) for one in egress.logged()]
        assert kinds == [("cards_exported", 0), ("cards_exported", 1)]
        assert NUMBER not in (tmp_path / "events.jsonl").read_bytes()
        assert {reason for reason, _ in egress.vault.agent.asked} == {"export"}
        again = await use.part(part(count, 1))  # an answer that was lost: the same cards
        assert read(again.sealed) == read(second.sealed)


BENT_KEY = base64.b64encode(public_of(Secret(b"e" * 32))).decode()


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"recipient": BENT_KEY}, "grant_other_payload"),
        ({"merchant": "shop-2"}, "grant_other_payload"),
        ({"count": 4}, "grant_other_payload"),
        ({"ticket": "T-1"}, "grant_other_payload"),
        ({"purpose": "fun"}, "grant_other_payload"),
    ],
)
async def test_a_grant_is_for_one_export(tmp_path: Path, bent: dict[str, Any], why: str) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep(token(0))
        one = part(3)
        wanted = type(one.wanted)(**{**_fields(one.wanted), **bent})
        assert why in await code(egress, dataclasses.replace(one, wanted=wanted))
        assert egress.vault.taken == []
        assert egress.logged()[-1]["kind"] == "export_refused"


def _fields(one: Export) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


@pytest.mark.parametrize(
    ("people", "why"),
    [((), "approvals_missing"), ((ANN,), "approvals_missing"), ((ANN, ANN), "approver_repeated"),
     ((ANN, MAKER), "approver_is_maker"), ((ANN, EVE), "approver_unknown")],
)  # fmt: skip
async def test_fewer_or_other_people_do_not_export(
    tmp_path: Path, people: tuple[str, ...], why: str
) -> None:
    async with Egress(tmp_path) as egress:
        assert why in await code(egress, part(3, people=people))


async def test_other_tokens_than_the_signed_ones_do_not_leave(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        for n in range(10):
            egress.vault.keep(token(n))
        one = part(3)
        for tokens in ([token(0), token(1), token(9)], one.tokens[:2], [*one.tokens, token(9)],
                       list(reversed(one.tokens))):  # fmt: skip
            bent = dataclasses.replace(one, tokens=tokens)
            assert "export_part_other" in await code(egress, bent)
        assert "export_part_other" in await code(egress, dataclasses.replace(one, number=1))
        assert "grant_expired" in await code(egress, part(3, until=NOW_US))
        assert "grant_too_long" in await code(egress, part(3, until=NOW_US + 30 * HOUR_US))
        live = Scope("acme", Environment.LIVE)
        assert "grant_other_scope" in await code(egress, dataclasses.replace(one, scope=live))
        assert egress.vault.taken == []


async def test_the_number_that_people_signed_is_the_number_of_cards(tmp_path: Path) -> None:
    """A maker who has one card signed, and lists a part of many."""
    async with Egress(tmp_path) as egress:
        tokens = [token(n) for n in range(5)]
        digests = [part_digest(tokens)]
        wanted = Export(1, MERCHANT, parts_digest(digests), "m", RECIPIENT, TEST.text, "T-9")
        grant = grant_for(EXPORT_ACTION, payload(wanted), ANN, BOB)
        one = Part(TEST, "key_desk", "req_1", wanted, digests, 0, tokens, grant)
        assert "export_part_other" in await code(egress, one)
        assert egress.vault.taken == []


async def test_budget_and_log_hold_an_export_back(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        for n in range(3):
            egress.vault.keep(token(n))
        egress.vault.agent.left = 2
        assert "decrypt_budget_exceeded" in await code(egress, part(3))
        egress.vault.agent.left = 100
        egress.events._failed = True
        assert "events_unwritable" in await code(egress, part(3))
