"""An API that claims "approved": destinations and reveals believe signatures alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cde_egress_place  # noqa: F401
import msgspec
import pytest
from egress_kit import (
    ANN,
    BOB,
    EVE,
    HOUR_US,
    MAKER,
    MERCHANT,
    NOW_US,
    NUMBER,
    TEST,
    TOKEN,
    Egress,
    grant_for,
    roster,
)

from paywarden.cde.egress.book import DestinationBook
from paywarden.cde.egress.destinations import ACTION, checked, payload_of
from paywarden.cde.egress.revealing import ACTION as REVEAL
from paywarden.cde.egress.revealing import Wish
from paywarden.cde.egress.revealing import payload_of as reveal_payload
from paywarden.cde.egress.stores.memory_ledger import MemoryLedger
from paywarden.cde.egress.stores.sqlite_ledger import SqliteLedger
from paywarden.cde_client.card_acts import Destination
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.core.errors import InvalidRequest, NotFound, PaywardenError
from paywarden.core.scope import Environment, Scope

EMPTY = ApprovalGrant("apr_x", "acme", "test", REVEAL, bytes(32), NOW_US + HOUR_US, MAKER, [])


def wish(*people: str, number: str = "r", expires_at_us: int = NOW_US + HOUR_US,
         scope: Scope = TEST, **changed: Any) -> Wish:  # fmt: skip
    """A wish with a grant for exactly it; `changed` bends it afterwards."""
    bare = msgspec.structs.replace(EMPTY, expires_at_us=expires_at_us)
    made = Wish(scope, MERCHANT, "key_op", "req_1", TOKEN, "chargeback 12", "T-1", bare)
    grant = grant_for(REVEAL, reveal_payload(made), *people, scope=scope, number=number,
                      expires_at_us=expires_at_us)  # fmt: skip
    return dataclasses.replace(made, grant=grant, **changed)


async def code(egress: Egress, one: Wish) -> str:
    with pytest.raises(PaywardenError) as caught:
        await egress.revealing.reveal(one)
    assert NUMBER.decode() not in str(caught.value)
    return f"{caught.value.code} {caught.value.detail}"


async def test_two_signatures_reveal_once_and_the_log_knows_first(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep()
        found = await egress.revealing.reveal(wish(ANN, BOB))
        assert (found.number, found.approvers) == (NUMBER.decode(), (ANN, BOB))
        assert repr(found) == "<revealed card>"
        (event,) = egress.logged()
        assert event["kind"] == "card_revealed"
        assert event["detail"]["ticket"] == "T-1"
        assert egress.vault.agent.asked == [("reveal", "T-1")]
        assert (await code(egress, wish(ANN, BOB))).startswith("grant_used")
        assert egress.vault.taken == [("reveal", False)]


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"token": "tk_test_other"}, "grant_other_payload"),
        ({"merchant": "shop-2"}, "grant_other_payload"),
        ({"purpose": "curiosity"}, "grant_other_payload"),
        ({"ticket": "T-2"}, "grant_other_payload"),
        ({"scope": Scope("acme", Environment.LIVE)}, "grant_other_scope"),
        ({"scope": Scope("other", Environment.TEST)}, "grant_other_scope"),
    ],
)
async def test_a_grant_is_for_one_card_purpose_and_ticket(
    tmp_path: Path, bent: dict[str, Any], why: str
) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep()
        one = dataclasses.replace(wish(ANN, BOB), **bent)
        assert why in await code(egress, one)
        assert egress.vault.taken == []
        assert egress.logged()[-1]["kind"] == "reveal_refused"


@pytest.mark.parametrize(
    ("people", "why"),
    [
        ((), "approvals_missing"), ((ANN,), "approvals_missing"), ((ANN, ANN), "approver_repeated"),
        ((ANN, MAKER), "approver_is_maker"), ((ANN, EVE), "approver_unknown"),
    ],
)  # fmt: skip
async def test_fewer_or_other_people_do_not_count(
    tmp_path: Path, people: tuple[str, ...], why: str
) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep()
        assert why in await code(egress, wish(*people))


async def test_grants_end_and_are_short(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep()
        assert "grant_expired" in await code(egress, wish(ANN, BOB, expires_at_us=NOW_US))
        week = NOW_US + 7 * 24 * HOUR_US
        assert "grant_too_long" in await code(egress, wish(ANN, BOB, expires_at_us=week))
        longer = wish(ANN, BOB)
        bent = msgspec.structs.replace(longer.grant, expires_at_us=NOW_US + 2 * HOUR_US)
        assert "grant" in await code(egress, dataclasses.replace(longer, grant=bent))
        assert egress.vault.taken == []


async def test_the_days_budget_holds(tmp_path: Path) -> None:
    async with Egress(tmp_path, per_day=2) as egress:
        egress.vault.keep()
        for number in "xy":
            await egress.revealing.reveal(wish(ANN, BOB, number=number))
        assert "reveal_budget_exceeded" in await code(egress, wish(ANN, BOB, number="z"))
        assert len(egress.vault.taken) == 2


async def test_nothing_is_revealed_when_the_event_cannot_be_written(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        egress.vault.keep()
        egress.events._failed = True
        assert "events_unwritable" in await code(egress, wish(ANN, BOB))


async def test_a_used_grant_stays_used_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "egress.db"
    for turn in range(2):
        ledger = SqliteLedger(path)
        async with Egress(tmp_path, ledger=ledger) as egress:
            egress.vault.keep()
            if turn:
                assert (await code(egress, wish(ANN, BOB))).startswith("grant_used")
            else:
                await egress.revealing.reveal(wish(ANN, BOB))
        ledger.close()


def change(egress: Egress, destination: Destination, grant: ApprovalGrant) -> str:
    try:
        egress.book.change(TEST, destination, grant)
    except PaywardenError as error:
        return f"{error.code} {error.detail}"
    return "changed"


async def test_a_destination_takes_two_signatures_of_exactly_it(tmp_path: Path) -> None:
    async with Egress(tmp_path) as egress:
        one = egress.destination(443)
        grant = grant_for(ACTION, payload_of(one), ANN, BOB)
        for bent in (
            {"base_url": "https://evil.example"}, {"fields": {"/x": "number"}},
            {"pins": ["A" * 43 + "=", "B" * 43 + "="]}, {"headers": ["x-a"]},
            {"answer_fields": ["/request"]}, {"opened_networks": ["10.0.0.0/8"]},
        ):  # fmt: skip
            other = msgspec.structs.replace(one, **bent)
            assert "grant_other_payload" in change(egress, other, grant)
        alone = grant_for(ACTION, payload_of(one), ANN)
        assert "approvals_missing" in change(egress, one, alone)
        assert "grant_other_action" in change(
            egress, one, grant_for(REVEAL, payload_of(one), ANN, BOB)
        )
        assert change(egress, one, grant) == "changed"
        assert change(egress, one, grant).startswith("destination_outdated")
        newer = msgspec.structs.replace(one, revision=2)
        again = grant_for(ACTION, payload_of(newer), ANN, BOB)  # the same approval id, signed anew
        assert change(egress, newer, again).startswith("grant_used")


def test_a_stored_row_that_says_approved_is_not_believed(tmp_path: Path) -> None:
    """Who can write the database of egress still cannot add a destination."""
    kit = Egress(tmp_path)
    one = kit.destination(443)
    forged = msgspec.json.decode(msgspec.json.encode(grant_for(ACTION, payload_of(one), ANN)))
    for text in (
        msgspec.json.encode(forged),
        msgspec.json.encode(forged | {"approved": True}),
        msgspec.json.encode(grant_for(ACTION, payload_of(one), ANN, EVE)),
        b"approved",
    ):
        ledger = MemoryLedger()
        assert ledger.accept(b"k", payload_of(one), text, NOW_US)
        with pytest.raises(NotFound):
            DestinationBook(ledger, roster(), kit.clock).of(TEST, "psp")
    good = MemoryLedger()
    assert good.accept(b"k", payload_of(one), msgspec.json.encode(
        grant_for(ACTION, payload_of(one), ANN, BOB)), NOW_US)  # fmt: skip
    assert DestinationBook(good, roster(), kit.clock).of(TEST, "psp") == one
    gone = dataclasses.replace(roster(), members={MAKER: roster().members[MAKER]})
    with pytest.raises(NotFound):
        DestinationBook(good, gone, kit.clock).of(TEST, "psp")
    kit.events.close()


def test_unapproved_destinations_reach_this_machine_in_test_only(tmp_path: Path) -> None:
    kit = Egress(tmp_path)
    local = kit.destination(443, base_url="https://127.0.0.1:8443")
    DestinationBook(MemoryLedger(), roster(), kit.clock, [local]).of(TEST, "psp")
    for bent in (
        {"base_url": "https://psp.example"}, {"opened_networks": []}, {"scope": "acme/live"},
        {"opened_networks": ["127.0.0.0/8", "10.0.0.0/8"]}, {"opened_networks": ["0.0.0.0/0"]},
    ):  # fmt: skip
        with pytest.raises(InvalidRequest, match="destination_unapproved"):
            other = msgspec.structs.replace(local, **bent)
            DestinationBook(MemoryLedger(), roster(), kit.clock, [other])
    kit.events.close()


@pytest.mark.parametrize(
    "bent",
    [
        {"base_url": "http://psp.test"}, {"base_url": "https://u:p@psp.test"},
        {"base_url": "https://psp.test/"}, {"base_url": "https://PSP.test"},
        {"base_url": "https://psp.test:0"}, {"base_url": "https://psp.test:99999"},
        {"base_url": "https://[::1]"}, {"pins": ["A" * 44, "B" * 44]},
        {"pins": ["A" * 43 + "=", "A" * 43 + "="]}, {"path_prefixes": ["/a/../b"]},
        {"path_prefixes": ["/%2e"]}, {"headers": ["host"]}, {"headers": ["transfer-encoding"]},
        {"answer_fields": ["id"]}, {"fields": {"/a~2": "number"}}, {"opened_networks": ["x"]},
        {"scope": "acme"},
    ],
)  # fmt: skip
def test_destinations_that_cannot_be_meant(tmp_path: Path, bent: dict[str, Any]) -> None:
    kit = Egress(tmp_path)
    with pytest.raises(InvalidRequest, match="destination_invalid"):
        checked(msgspec.structs.replace(kit.destination(443), **bent))
    kit.events.close()
