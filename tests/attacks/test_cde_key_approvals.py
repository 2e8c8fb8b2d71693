"""Operators' acts in production: only what enough custodians signed, for this act, once."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cde"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "identity"))

from key_agent_kit import NOW_US, RANDOMNESS, House
from passkey_kit import PARTY, Authenticator

from paywarden.cde.frame_format import Refused
from paywarden.cde.frames import Peer
from paywarden.cde.hardening import Hardened
from paywarden.cde.keys import wire
from paywarden.cde.keys.approved import payload_of
from paywarden.cde.keys.roster_file import read_roster
from paywarden.cde.keys.settings import AgentSection, CallersSection, KeySettings
from paywarden.cde.keys.software_root import SoftwareRoot
from paywarden.cde.keys.start import OpenAgent, open_agent
from paywarden.cde_client.challenge import Subject, hash_payload
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import Member, PinnedRoster, RoleHeld
from paywarden.core.errors import InvalidRequest, PaywardenError, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret

MAKER, ANN, BOB, EVE = ("psn_" + letter * 26 for letter in "mabe")
KEYS = {one: Authenticator.new(one[4:8]) for one in (MAKER, ANN, BOB, EVE)}
LIVE = Scope("default", Environment.LIVE)
OPERATOR = Peer(1, 1, "operator")
HOUR_US = 3_600_000_000


def member(person: str, role: str) -> Member:
    key = KEYS[person]
    held = (RoleHeld(role, "bootstrap", 0),)
    return Member(person, {key.credential_id: key.public_key}, held)


ROSTER = PinnedRoster(
    PARTY,
    {
        one: member(one, role)
        for one, role in (
            (MAKER, "key_custodian"),
            (ANN, "key_custodian"),
            (BOB, "key_custodian"),
            (EVE, "approver"),
        )
    },
)


def grant(
    action: str, subject: str, *people: str, approval: str = "a", until_us: int = NOW_US + HOUR_US
) -> ApprovalGrant:
    hashed = hash_payload(action, payload_of(subject))
    about = Subject(LIVE, "apr_" + approval * 26, action, hashed, until_us, MAKER)
    return ApprovalGrant(
        about.approval_id,
        LIVE.tenant,
        "live",
        action,
        hashed,
        until_us,
        MAKER,
        [KEYS[one].approve(about, one) for one in people],
    )


def production() -> KeySettings:
    users = [one.pw_name for one in pwd.getpwall() if one.pw_uid != os.geteuid()]
    if len(users) < 4:
        pytest.skip("fewer than four other users in /etc/passwd")
    callers = CallersSection(*users[:4])
    return KeySettings(agent=AgentSection(mode="production", root="shares"), callers=callers)


class Ward:
    """A house in production, opened as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.house, self.settings = House(folder), production()
        self.root = SoftwareRoot(Secret(b"r" * 32), "test-root", "file", RANDOMNESS)
        self.root.kind = "shares"

    def open(self, roster: PinnedRoster | None = ROSTER) -> OpenAgent:
        return open_agent(
            self.house.places,
            self.settings,
            self.root,
            self.house.clock,
            RANDOMNESS,
            Hardened(memory_locked=False),
            os.geteuid(),
            roster,
        )


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path)


async def asked(opened: OpenAgent, act: wire.Request) -> object:
    try:
        answer = await opened.agent.answer(OPERATOR, act)
    except PaywardenError as error:
        return error.code
    return answer.code if isinstance(answer, Refused) else answer


async def test_two_custodians_turn_a_key_once(ward: Ward) -> None:
    opened = ward.open()
    good = grant("cde.keys.rotate", "pan", ANN, BOB)
    assert await asked(opened, wire.Rotate("pan", good)) == 2
    assert await asked(opened, wire.Rotate("pan", good)) == "grant_used"
    await opened.close()
    opened = ward.open()  # a restart forgets nothing
    assert await asked(opened, wire.Rotate("pan", good)) == "grant_used"
    other = grant("cde.keys.rotate", "pan", ANN, BOB, approval="b")
    assert await asked(opened, wire.Rotate("pan", other)) == 3
    await opened.close()


async def test_what_nobody_or_the_wrong_ones_signed_changes_nothing(ward: Ward) -> None:
    opened = ward.open()
    act, subject = "cde.keys.rotate", "pan"
    tried = {
        "grant_required": None,
        "approvals_missing": grant(act, subject, ANN),
        "approver_repeated": grant(act, subject, ANN, ANN),
        "approver_role": grant(act, subject, ANN, EVE),
        "approver_is_maker": grant(act, subject, ANN, MAKER),
        "grant_other_action": grant("cde.keys.destroy", subject, ANN, BOB),
        "grant_other_payload": grant(act, "index", ANN, BOB),
        "grant_expired": grant(act, subject, ANN, BOB, until_us=NOW_US),
    }
    for code, given in tried.items():
        assert await asked(opened, wire.Rotate("pan", given)) == code
    swapped = grant(act, subject, ANN, BOB)
    swapped = msgspec.structs.replace(swapped, maker=EVE)
    assert await asked(opened, wire.Rotate("pan", swapped)) == "assertion_invalid"
    assert opened.keeper.ring.active("pan").name == "1"
    await opened.close()


async def test_each_act_names_what_it_ends(ward: Ward) -> None:
    opened = ward.open()
    turn = grant("cde.keys.rotate", "pan", ANN, BOB)
    assert await asked(opened, wire.Rotate("pan", turn)) == 2
    end = grant("cde.keys.destroy_version", "pan/1", ANN, BOB, approval="b")
    # An illegal act is refused before the approval is used up, and the approval fits no other.
    assert await asked(opened, wire.DestroyVersion("pan", 2, end)) == "key_transition_illegal"
    assert await asked(opened, wire.MarkCompromised("pan", 1, end)) == "grant_other_action"
    assert await asked(opened, wire.DestroyVersion("pan", 1, end)) is True
    await opened.close()


def test_production_does_not_start_without_a_roster(ward: Ward) -> None:
    with pytest.raises(Unavailable) as missing:
        ward.open(roster=None)
    assert missing.value.code == "roster_missing"


BAD = ["", "[]", "{}", '{"rp_id":"x","origins":["https://x"],"members":[]}', "\xff", "[" * 9_000]


@pytest.mark.parametrize("text", BAD)
def test_a_roster_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(PaywardenError) as refused:
        read_roster(path)
    assert refused.value.code == "roster_invalid"
    path.unlink()
    with pytest.raises(Unavailable):
        read_roster(path)


def test_a_roster_with_one_person_twice_is_refused(tmp_path: Path) -> None:
    one = {"person": ANN, "keys": {}, "roles": []}
    document = {"rp_id": "x", "origins": ["https://x"], "members": [one, one]}
    path = tmp_path / "roster.json"
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(InvalidRequest):
        read_roster(path)
