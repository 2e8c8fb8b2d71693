"""API keys: form, checksum, and every way in which one is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.clock import FixedClock
from paywarden.core.errors import NotAuthenticated, NotPermitted
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity import api_keys
from paywarden.identity.api_keys import (
    KEY_ROLES,
    ApiKeyAuthenticator,
    KeyRecord,
    make_key,
    new_key,
    parse_key,
)
from paywarden.identity.permissions.access import permissions_of_key

SCOPE = Scope("acme", Environment.TEST)
PEPPER = Secret(b"p" * 32)


class Counter:
    """Randomness that counts."""

    def __init__(self) -> None:
        self.drawn = 0

    def octets(self, count: int) -> bytes:
        self.drawn += 1
        return bytes((self.drawn + n) % 256 for n in range(count))


class Memory:
    """Keys in a dictionary."""

    def __init__(self) -> None:
        self.held: dict[str, KeyRecord] = {}
        self.asked = 0
        self.used: list[tuple[str, int]] = []

    def find(self, key_id: str) -> KeyRecord | None:
        self.asked += 1
        return self.held.get(key_id)

    def save(self, record: KeyRecord) -> None:
        self.held[record.key_id] = record

    def count(self) -> int:
        return len(self.held)

    def note_use(self, key_id: str, at_us: int, outside_check: bytes) -> None:
        self.used.append((key_id, at_us))
        self.held[key_id] = dataclasses.replace(
            self.held[key_id], last_used_at_us=at_us, outside_check=outside_check
        )


class Room:
    """A store, a clock and the authenticator over them."""

    def __init__(self) -> None:
        self.store, self.clock, self.chance = Memory(), FixedClock(1_000_000), Counter()
        self.authenticator = ApiKeyAuthenticator(self.store, PEPPER, self.clock)

    def key(self, role: str = "operator", merchant: str | None = None, **changes: object) -> str:
        secret, record = new_key(SCOPE, role, PEPPER, self.clock, self.chance, merchant)
        self.store.save(dataclasses.replace(record, **changes))
        return secret.expose()

    def refused(self, header: str | None) -> str:
        with pytest.raises(NotAuthenticated) as caught:
            self.authenticator.authenticate(header)
        assert "API key" in caught.value.detail
        return caught.value.code


@pytest.fixture
def room() -> Room:
    return Room()


@given(st.binary(min_size=5, max_size=5), st.binary(min_size=20, max_size=20), st.booleans())
def test_keys_read_back(key_id: bytes, secret: bytes, live: bool) -> None:
    environment = Environment.LIVE if live else Environment.TEST
    text = make_key(environment, key_id, secret)
    parts = parse_key(text)
    assert parts.environment is environment
    assert parts.key_id == "key_" + text[8:16]
    assert len(text) == 54


@given(st.integers(8, 53), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_wrong_character_is_noticed_without_asking_the_store(place: int, letter: str) -> None:
    text = make_key(Environment.TEST, b"\x01" * 5, b"\x02" * 20)
    wrong = text[:place] + letter + text[place + 1 :]
    if wrong == text:
        return
    room = Room()
    assert room.refused(f"Bearer {wrong}") == "key_malformed"
    assert room.store.asked == 0


def test_a_good_key_gives_its_scope_role_and_merchant(room: Room) -> None:
    text = room.key("merchant", "m_42")
    for scheme in ("Bearer", "bearer", "BEARER"):
        principal = room.authenticator.authenticate(f"{scheme} {text}")
        assert (principal.scope, principal.merchant) == (SCOPE, "m_42")
        assert principal.permissions == permissions_of_key("merchant", Environment.TEST)
        assert principal.key_id == parse_key(text).key_id


def test_roles_hold_what_the_contract_says() -> None:
    merchant, operator, auditor = (permissions_of_key(one, Environment.TEST) for one in KEY_ROLES)
    assert auditor == {"access_reviews:read", "audit:read"}
    assert {"decisions:create", "events:create", "webhooks:write"} < merchant
    assert {"instrument:assert", "decisions:explain", "rulesets:publish"} < operator - merchant
    assert merchant < operator
    with pytest.raises(ValueError, match="role must be one of"):
        new_key(SCOPE, "root", PEPPER, FixedClock(), Counter())


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "key_missing"),
        ("", "key_missing"),
        ("Basic dXNlcg==", "key_missing"),
        ("Bearer", "key_malformed"),
        ("Bearer ", "key_malformed"),
        ("Bearer pw_test_", "key_malformed"),
        ("Bearer pw_test_" + "é" * 46, "key_malformed"),
        ("Bearer sk_live_" + "a" * 46, "key_malformed"),
        ("Bearer " + "a" * 100_000, "key_malformed"),
    ],
)
def test_what_is_no_key_is_refused(room: Room, header: str | None, code: str) -> None:
    assert room.refused(header) == code


def test_unknown_keys_and_other_secrets_are_refused_alike(room: Room) -> None:
    text = room.key()
    other = make_key(Environment.TEST, b"\x77" * 5, b"\x02" * 20)
    own_id = parse_key(text).key_id
    guess = make_key(Environment.TEST, _id_octets(text), b"\x03" * 20)
    assert parse_key(guess).key_id == own_id
    with pytest.raises(NotAuthenticated) as unknown:
        room.authenticator.authenticate(f"Bearer {other}")
    with pytest.raises(NotAuthenticated) as wrong:
        room.authenticator.authenticate(f"Bearer {guess}")
    assert str(unknown.value) == str(wrong.value), "which of the two it was stays unsaid"


def _id_octets(text: str) -> bytes:
    import base64

    return base64.b32decode(text[8:16].upper())


def test_comparison_is_constant_time_also_for_unknown_ids(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    real: Callable[[bytes, bytes], bool] = api_keys.hmac.compare_digest

    def watch(a: bytes, b: bytes) -> bool:
        if isinstance(a, bytes):
            compared.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(api_keys.hmac, "compare_digest", watch)
    room.authenticator.authenticate(f"Bearer {room.key()}")
    room.refused(f"Bearer {make_key(Environment.TEST, bytes(5), bytes(20))}")
    assert compared == [(32, 32), (32, 32)], "known or not, one comparison of equal length"


def test_the_store_never_holds_the_key(room: Room) -> None:
    text = room.key()
    record = room.store.held[parse_key(text).key_id]
    assert text not in repr(record)
    assert text.encode() not in record.digest
    other = ApiKeyAuthenticator(room.store, Secret(b"q" * 32), room.clock)
    with pytest.raises(NotAuthenticated):
        other.authenticate(f"Bearer {text}")


def test_revoked_and_expired_keys_are_refused(room: Room) -> None:
    assert room.refused(f"Bearer {room.key(revoked_at_us=1)}") == "key_revoked"
    assert room.refused(f"Bearer {room.key(expires_at_us=1_000_000)}") == "key_expired"
    lasting = room.key(expires_at_us=1_000_001)
    assert room.authenticator.authenticate(f"Bearer {lasting}").scope == SCOPE


def test_proven_keys_are_asked_about_again_after_five_seconds(room: Room) -> None:
    text = room.key()
    key_id = parse_key(text).key_id
    room.authenticator.authenticate(f"Bearer {text}")
    room.authenticator.authenticate(f"Bearer {text}")
    assert room.store.asked == 1
    room.store.held[key_id] = dataclasses.replace(room.store.held[key_id], revoked_at_us=1)
    room.clock.advance(5.1)
    assert room.refused(f"Bearer {text}") == "key_revoked"


def test_a_key_of_one_environment_never_opens_the_other(room: Room) -> None:
    live = Scope("acme", Environment.LIVE)
    text = room.key(scope=live)
    assert room.refused(f"Bearer {text}") == "key_unknown"
    flipped = text.replace("pw_test_", "pw_live_")
    assert room.refused(f"Bearer {flipped}") == "key_malformed"


def test_permissions_are_exactly_those_given(room: Room) -> None:
    principal = room.authenticator.authenticate(f"Bearer {room.key('merchant')}")
    principal.require("decisions:create")
    with pytest.raises(NotPermitted, match="lacks the permission rulesets:publish"):
        principal.require("rulesets:publish")


def test_last_use_is_noted_at_most_once_a_minute(room: Room) -> None:
    text = room.key()
    for _ in range(30):
        room.clock.advance(6)
        room.authenticator.authenticate(f"Bearer {text}")
    assert [at_us // 1_000_000 for _, at_us in room.store.used] == [7, 67, 127]
