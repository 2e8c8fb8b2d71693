"""Signed approvals: each of the verifier's checks can fail, and the honest grant passes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
import pytest
import webauthn
from hypothesis import given
from hypothesis import strategies as st
from passkey_kit import ALGORITHMS, ORIGIN, PARTY, Authenticator, cbor_map

from paywarden.cde_client.challenge import Subject, challenge, hash_payload
from paywarden.cde_client.cose import read_key
from paywarden.cde_client.grants import Expected, Refused, Verified, verify
from paywarden.cde_client.messages import ApprovalGrant, Assertion, SignedApproval
from paywarden.cde_client.roster import Member, PinnedRoster, RoleHeld
from paywarden.core.scope import Environment, Scope

LIVE = Scope("acme", Environment.LIVE)
MAKER, ANN, BOB, EVE = ("psn_" + letter * 26 for letter in "mabe")
PAYLOAD = b'{"ruleset":"rs_1"}'
HASH = hash_payload("ruleset.publish", PAYLOAD)
SUBJECT = Subject(LIVE, "apr_" + "a" * 26, "ruleset.publish", HASH, 2_000, MAKER)
EXPECTED = Expected(LIVE, "ruleset.publish", HASH, 2, frozenset({"approver"}))
NOW = 1_000

KEYS = {
    ANN: Authenticator.new("ann"),
    BOB: Authenticator.new("bob", "EdDSA"),
    EVE: Authenticator.new("eve", "RS256"),
    MAKER: Authenticator.new("maker"),
}


def member(person: str, granted_by: str = "bootstrap", role: str = "approver") -> Member:
    key = KEYS[person]
    return Member(person, {key.credential_id: key.public_key}, (RoleHeld(role, granted_by, 0),))


def roster(**changed: Member) -> PinnedRoster:
    members = {person: member(person) for person in (MAKER, ANN, BOB)}
    return PinnedRoster(PARTY, members | {one.person: one for one in changed.values()})


def grant_of(*approvals: SignedApproval, subject: Subject = SUBJECT) -> ApprovalGrant:
    return ApprovalGrant(
        subject.approval_id, subject.scope.tenant, subject.scope.environment.value,
        subject.action, subject.payload_hash, subject.expires_at_us, subject.maker,
        list(approvals),
    )  # fmt: skip


def signed(*people: str, subject: Subject = SUBJECT) -> ApprovalGrant:
    return grant_of(*(KEYS[one].approve(subject, one) for one in people), subject=subject)


def code_of(
    grant: ApprovalGrant, known: PinnedRoster | None = None, now: int = NOW, **expected: Any
) -> str:
    wanted = dataclasses.replace(EXPECTED, **expected)
    found = verify(grant, known or roster(), now, wanted)
    return found.code if isinstance(found, Refused) else "verified"


def test_two_people_with_different_kinds_of_keys_are_enough() -> None:
    found = verify(signed(ANN, BOB), roster(), NOW, EXPECTED)
    assert isinstance(found, Verified)
    assert found.approvers == (ANN, BOB)
    assert len(found.once_key) == 32


def test_the_use_of_an_approval_has_one_name_whatever_grant_it_came_in() -> None:
    one, two = signed(ANN, BOB), signed(BOB, ANN)
    first, second = (verify(each, roster(), NOW, EXPECTED) for each in (one, two))
    assert isinstance(first, Verified) and isinstance(second, Verified)
    assert first.once_key == second.once_key
    other = dataclasses.replace(SUBJECT, approval_id="apr_" + "b" * 26)
    third = verify(signed(ANN, BOB, subject=other), roster(), NOW, EXPECTED)
    assert isinstance(third, Verified)
    assert third.once_key != first.once_key


def test_it_travels_as_json() -> None:
    sent = msgspec.json.encode(signed(ANN, BOB))
    assert code_of(msgspec.json.decode(sent, type=ApprovalGrant)) == "verified"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scope": Scope("acme", Environment.TEST)}, "grant_other_scope"),
        ({"scope": Scope("other", Environment.LIVE)}, "grant_other_scope"),
        ({"action": "ruleset.rollback"}, "grant_other_action"),
        ({"payload_hash": bytes(32)}, "grant_other_payload"),
        ({"approvals": 3}, "approvals_missing"),
        ({"approver_roles": frozenset({"key_custodian"})}, "approver_role"),
    ],
)
def test_what_is_expected_comes_from_the_verifier(change: dict[str, Any], code: str) -> None:
    assert code_of(signed(ANN, BOB), **change) == code


def test_a_grant_ends_at_its_expiry() -> None:
    assert code_of(signed(ANN, BOB), now=1_999) == "verified"
    assert code_of(signed(ANN, BOB), now=2_000) == "grant_expired"


@pytest.mark.parametrize(
    ("people", "code"),
    [
        ((), "approvals_missing"),
        ((ANN,), "approvals_missing"),
        ((ANN, ANN), "approver_repeated"),
        ((ANN, MAKER), "approver_is_maker"),
        ((ANN, EVE), "approver_unknown"),
    ],
)
def test_only_different_enrolled_people_other_than_the_maker_count(
    people: tuple[str, ...], code: str
) -> None:
    assert code_of(signed(*people)) == code


def test_a_second_passkey_of_one_person_is_no_second_person() -> None:
    second = Authenticator.new("ann's other")
    ann = member(ANN)
    both = dataclasses.replace(ann, keys={**ann.keys, second.credential_id: second.public_key})
    grant = grant_of(KEYS[ANN].approve(SUBJECT, ANN), second.approve(SUBJECT, ANN))
    assert code_of(grant, roster(ann=both)) == "approver_repeated"


def test_a_role_that_the_maker_granted_does_not_count() -> None:
    assert code_of(signed(ANN, BOB), roster(bob=member(BOB, MAKER))) == "approver_role"
    assert code_of(signed(ANN, BOB), roster(bob=member(BOB, EVE))) == "verified"


def test_a_maker_who_is_nobody_here_is_refused_and_a_key_needs_one_more() -> None:
    assert code_of(signed(ANN, BOB, subject=dataclasses.replace(SUBJECT, maker=EVE))) == (
        "maker_unknown"
    )
    by_key = dataclasses.replace(SUBJECT, maker="key_abcdefgh")
    assert code_of(signed(ANN, BOB, subject=by_key)) == "approvals_missing"
    three = signed(ANN, BOB, MAKER, subject=by_key)
    assert code_of(three) == "verified"
    assert code_of(signed(ANN, BOB, subject=by_key), approvals=1) == "verified"


@pytest.mark.parametrize(
    "bent",
    [
        {"approval_id": "apr_" + "b" * 26},
        {"action": "ruleset.rollback"},
        {"payload_hash": hash_payload("ruleset.publish", b"{}")},
        {"expires_at_us": 3_000},
        {"scope": Scope("acme", Environment.TEST)},
        {"maker": BOB},
    ],
)
def test_an_approval_of_something_else_does_not_fit(bent: dict[str, Any]) -> None:
    other = dataclasses.replace(SUBJECT, **bent)
    moved = grant_of(KEYS[ANN].approve(other, ANN), KEYS[BOB].approve(SUBJECT, BOB))
    assert code_of(moved) == "assertion_invalid"


def test_an_approval_cannot_be_passed_off_as_another_persons() -> None:
    stolen = SignedApproval(BOB, KEYS[ANN].approve(SUBJECT, ANN).assertion)
    assert code_of(grant_of(KEYS[ANN].approve(SUBJECT, ANN), stolen)) == "credential_unknown"
    forged = KEYS[EVE].approve(SUBJECT, BOB)
    named = msgspec.structs.replace(forged.assertion, credential_id=KEYS[BOB].credential_id)
    assert code_of(grant_of(KEYS[ANN].approve(SUBJECT, ANN), SignedApproval(BOB, named))) == (
        "assertion_invalid"
    )


@pytest.mark.parametrize(
    "bent",
    [
        {"flags": 0x04},
        {"flags": 0x01},
        {"flags": 0x45},
        {"flags": 0x85},
        {"extra": b"\xa0"},
        {"rp_id": "evil.example"},
        {"origin": "https://localhost"},
        {"origin": "https://evil.example"},
        {"type": "webauthn.create"},
        {"type": None},
        {"challenge": ""},
        {"challenge": 7},
        {"crossOrigin": True},
        {"crossOrigin": None},
        {"topOrigin": ORIGIN},
    ],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_field_of_an_assertion_is_looked_at(algorithm: str, bent: dict[str, Any]) -> None:
    key = AUTHENTICATORS[algorithm]
    ann = Member(ANN, {key.credential_id: key.public_key}, member(ANN).roles)
    straight = grant_of(key.approve(SUBJECT, ANN))
    assert code_of(straight, roster(ann=ann), approvals=1) == "verified"
    crooked = grant_of(key.approve(SUBJECT, ANN, **bent))
    assert code_of(crooked, roster(ann=ann), approvals=1) == "assertion_invalid"


AUTHENTICATORS = {name: Authenticator.new(f"each {name}", name) for name in ALGORITHMS}
HONEST = {name: key.approve(SUBJECT, ANN).assertion for name, key in AUTHENTICATORS.items()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(data=st.data())
def test_no_flipped_bit_passes(algorithm: str, data: st.DataObject) -> None:
    key = AUTHENTICATORS[algorithm]
    ann = Member(ANN, {key.credential_id: key.public_key}, member(ANN).roles)
    honest = HONEST[algorithm]
    part = data.draw(st.sampled_from(["authenticator_data", "client_data", "signature"]))
    octets = bytearray(getattr(honest, part))
    place = data.draw(st.integers(0, len(octets) * 8 - 1))
    octets[place // 8] ^= 1 << place % 8
    bent = msgspec.structs.replace(honest, **{part: bytes(octets)})
    assert code_of(grant_of(SignedApproval(ANN, bent)), roster(ann=ann), approvals=1) == (
        "assertion_invalid"
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_relying_party_library_agrees(algorithm: str) -> None:
    key = AUTHENTICATORS[algorithm]
    wanted = challenge(SUBJECT, ANN)
    made = key.assertion(wanted)
    found = webauthn.verify_authentication_response(
        credential=_as_browser_sends(made), expected_challenge=wanted, expected_rp_id=PARTY.rp_id,
        expected_origin=ORIGIN, credential_public_key=key.public_key,
        credential_current_sign_count=0, require_user_verification=True,
    )  # fmt: skip
    assert found.user_verified


def _as_browser_sends(made: Assertion) -> dict[str, Any]:
    from paywarden.cde_client.assertion import base64url

    response = {
        "authenticatorData": base64url(made.authenticator_data),
        "clientDataJSON": base64url(made.client_data),
        "signature": base64url(made.signature),
    }
    name = base64url(made.credential_id)
    return {"id": name, "rawId": name, "type": "public-key", "response": response}


def test_keys_are_written_as_another_encoder_writes_them() -> None:
    for key in AUTHENTICATORS.values():
        fields: dict[int, Any] = cbor2.loads(key.public_key)
        assert cbor2.dumps(fields) == cbor_map(fields) == key.public_key


def _es256_fields() -> dict[int, Any]:
    return dict(cbor2.loads(AUTHENTICATORS["ES256"].public_key))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x80",
        b"\xa0",
        bytes(2_000),
        AUTHENTICATORS["ES256"].public_key + b"\x00",
        AUTHENTICATORS["ES256"].public_key[:-1],
        cbor2.dumps({**_es256_fields(), 3: -8}),
        cbor2.dumps({**_es256_fields(), -1: 2}),
        cbor2.dumps({**_es256_fields(), -3: bytes(32)}),
        cbor2.dumps({**_es256_fields(), -2: "text"}),
        cbor2.dumps({**_es256_fields(), 4: [1]}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"}),
        cbor2.dumps({1: 1, 3: -8, -1: 6, -2: bytes(31)}),
        b"\xa2\x01\x02\x01\x02",
        b"\xa1\x18\x01\x02",
    ],
    ids=lambda octets: f"{len(octets)} octets",
)
def test_other_keys_are_refused(octets: bytes) -> None:
    with pytest.raises(ValueError):
        read_key(octets)


@given(st.binary(max_size=200))
def test_no_octets_upset_the_reader(octets: bytes) -> None:
    try:
        read_key(octets)
    except ValueError:
        pass


@given(st.data())
def test_no_assertion_upsets_the_verifier(data: st.DataObject) -> None:
    part: Callable[[], bytes] = lambda: data.draw(st.binary(max_size=80))  # noqa: E731
    junk = Assertion(KEYS[ANN].credential_id, part(), part(), part())
    assert code_of(grant_of(SignedApproval(ANN, junk)), approvals=1) == "assertion_invalid"


def test_a_key_in_the_roster_that_cannot_be_read_refuses() -> None:
    broken = dataclasses.replace(member(ANN), keys={KEYS[ANN].credential_id: b"\x00"})
    assert code_of(signed(ANN), roster(ann=broken), approvals=1) == "assertion_invalid"


def test_no_other_subject_has_the_same_challenge() -> None:
    shifted = dataclasses.replace(SUBJECT, action="ruleset.publishx", maker=MAKER[1:])
    assert challenge(SUBJECT, ANN) != challenge(shifted, ANN)
    assert challenge(SUBJECT, ANN) != challenge(SUBJECT, BOB)
    with pytest.raises(ValueError, match="32 octets"):
        challenge(dataclasses.replace(SUBJECT, payload_hash=b"short"), ANN)
