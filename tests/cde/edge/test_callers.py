"""Keys at the card data environment's door: the house's roster, signed, fresh, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.callers import CallerAuthenticator, merchant_of
from paywarden.cde.callers_file import MAX_AGE_SECONDS, RosterCallers
from paywarden.cde.places import places_of
from paywarden.cde_client.callers import CallerRow, Roster, check_of, opened, public_key_of, signed
from paywarden.core.clock import FixedClock
from paywarden.core.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    PaywardenError,
    Unavailable,
)
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.cde_callers import Publisher, signing_seed
from paywarden.entrypoints.home import Home
from paywarden.identity.api_keys import ApiKeyAuthenticator, new_key
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import create_master_key, load_master_key
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal

SCOPE = Scope("acme", Environment.TEST)
SEED, OTHER_SEED = b"s" * 32, b"o" * 32


class House:
    """A home with a running writer of its keys, and what it hands over."""

    def __init__(self, root: Path) -> None:
        self.home, self.clock = Home(root), FixedClock(1_800_000_000 * MICROSECONDS)
        self.home.make()
        create_master_key(self.home.master_key, SystemRandomness())
        migrate(self.home.database, (KIT, SCHEMA))
        self.pepper = derive(load_master_key(self.home.master_key), Purpose.API_KEYS)
        self.reader = Reader(self.home.database)
        self.writer = Writer(self.home.database, (KIT, SCHEMA))
        self.writer.start()
        self.keys = SqliteKeys(self.reader, self.writer)
        self.places = places_of(root)
        self.places.make()
        self.publisher = Publisher(
            self.home, self.places, signing_seed(self.home), self.clock, pins=True
        )

    def make(self, role: str = "merchant", merchant: str | None = "shop-1") -> tuple[str, str]:
        """A key's text and id."""
        secret, record = new_key(SCOPE, role, self.pepper, self.clock, SystemRandomness(), merchant)
        self.keys.save(record)
        return secret.expose(), record.key_id

    def end_key(self, key_id: str, revoked: int | None, expires: int | None = None) -> None:
        unit = UnitOfWork()
        self.keys.stage_end(unit, SCOPE, key_id, revoked, expires)
        self.writer.submit(unit).result()

    def callers(self) -> RosterCallers:
        return RosterCallers(self.places.callers_roster, self.places.callers_pin, self.clock)

    def close(self) -> None:
        self.publisher.close()
        self.writer.close()
        self.reader.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "home")
    yield made
    made.close()


def row(text: str, key_id: str = "key_a", **changes: object) -> CallerRow:
    fields = {
        "check": check_of(text), "key_id": key_id, "scope": "acme/test", "merchant": "shop-1",
        "permissions": ["cards:tokenise"],
    }  # fmt: skip
    return CallerRow(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_live_key_is_known_with_its_merchant(house: House) -> None:
    text, key_id = house.make()
    assert house.publisher.publish() == 1
    caller = house.callers().of(text)
    assert caller is not None
    assert (caller.scope, caller.merchant, caller.key_id) == (SCOPE, "shop-1", key_id)
    assert caller.permissions == {"cards:tokenise", "cards:describe", "cards:forward"}


def test_operators_alone_may_ask_to_reveal(house: House) -> None:
    text, _ = house.make("operator", None)
    house.publisher.publish()
    caller = house.callers().of(text)
    assert caller is not None
    assert "cards:reveal" in caller.permissions
    assert caller.merchant is None


def test_the_roster_holds_no_key_and_nothing_that_the_house_keeps(house: House) -> None:
    text, _ = house.make()
    _, auditor = house.make("auditor", None)
    house.publisher.publish()
    octets = house.places.callers_roster.read_bytes()
    assert text.encode() not in octets
    assert text[16:48].encode() not in octets  # the secret part
    assert auditor.encode() not in octets  # may do nothing with cards
    assert house.pepper.expose() not in octets
    assert house.places.callers_roster.stat().st_mode & 0o777 == 0o640


def test_a_made_or_ended_key_is_handed_over_at_the_next_look(house: House) -> None:
    callers_text, first = house.make()
    assert house.publisher.look()
    assert not house.publisher.look()
    callers = house.callers()
    second, _ = house.make(merchant="shop-2")
    assert callers.of(second) is None
    house.clock.advance(1)
    assert house.publisher.look()
    assert callers.of(second) is not None
    house.end_key(first, house.clock.now_us())
    house.clock.advance(1)
    assert house.publisher.look()
    assert callers.of(callers_text) is None
    assert callers.of(second) is not None
    house.clock.advance(60)
    assert house.publisher.look()  # nothing changed, but the roster must not get old


def test_a_key_ends_at_its_time_without_a_new_roster(house: House) -> None:
    text, key_id = house.make()
    house.end_key(key_id, None, house.clock.now_us() + 10 * MICROSECONDS)
    house.publisher.publish()
    callers = house.callers()
    assert callers.of(text) is not None
    house.clock.advance(10)
    assert callers.of(text) is None


def test_a_key_older_than_its_check_is_handed_over_once_it_was_used(house: House) -> None:
    secret, record = new_key(
        SCOPE, "merchant", house.pepper, house.clock, SystemRandomness(), "shop-1"
    )
    house.keys.save(replace(record, outside_check=None))
    assert house.publisher.publish() == 0
    api = ApiKeyAuthenticator(house.keys, house.pepper, house.clock)
    api.authenticate(f"Bearer {secret.expose()}")
    house.writer.submit(UnitOfWork()).result()
    assert house.publisher.publish() == 1
    assert house.callers().of(secret.expose()) is not None


def test_every_other_key_is_the_same_answer(house: House) -> None:
    text, _ = house.make()
    house.publisher.publish()
    door = CallerAuthenticator(house.callers())
    other = text.replace("pw_test_", "pw_live_")
    told = set()
    for bearer in (text[:-1] + ("a" if text[-1] != "a" else "b"), "pw_test_x", other, "é" * 54):
        with pytest.raises(NotAuthenticated) as refused:
            door.authenticate({"authorization": f"Bearer {bearer}"})
        told.add((refused.value.code, refused.value.detail))
    assert len(told) == 1
    for header in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer " + "x" * 300}):
        with pytest.raises(NotAuthenticated, match="key_missing"):
            door.authenticate(header)


def test_an_old_or_absent_roster_fails_closed(house: House) -> None:
    text, _ = house.make()
    house.publisher.publish()
    callers = house.callers()
    assert callers.standing() == "fresh"
    house.clock.advance(MAX_AGE_SECONDS)
    assert callers.of(text) is not None
    house.clock.advance(0.001)
    with pytest.raises(Unavailable, match="callers_stale"):
        callers.of(text)
    house.publisher.publish()
    assert callers.of(text) is not None
    house.places.callers_roster.unlink()
    with pytest.raises(Unavailable, match="callers_missing"):
        house.callers().of(text)


def test_a_roster_from_the_future_is_none(house: House) -> None:
    text, _ = house.make()
    house.clock.advance(3_600)
    house.publisher.publish()
    house.clock.advance(-3_600)
    with pytest.raises(Unavailable, match="callers_stale"):
        house.callers().of(text)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda octets: octets[:-1],
        lambda octets: octets.replace(b"shop-1", b"shop-2"),
        lambda octets: octets.replace(b"cards:describe", b"cards:reveal\x00"),
        lambda octets: b"",
        lambda octets: octets.partition(b"\n")[2],
        lambda _: signed(Roster(2**60, [row("stolen")]), OTHER_SEED),
        lambda octets: b"\n".join([octets.partition(b"\n")[0], b"{}"]),
    ],
    ids=["cut", "merchant", "permission", "empty", "unsigned", "other-signer", "other-body"],
)
def test_a_roster_that_is_not_wholly_the_house_s_changes_nothing(house: House, spoil: Any) -> None:
    text, _ = house.make()
    house.publisher.publish()
    callers, path = house.callers(), house.places.callers_roster
    assert callers.of(text) is not None
    path.write_bytes(spoil(path.read_bytes()))
    held = callers.of(text)
    assert held is not None
    assert held.merchant == "shop-1"
    assert callers.of("stolen") is None
    house.clock.advance(MAX_AGE_SECONDS + 1)
    with pytest.raises(Unavailable, match="callers_stale"):
        callers.of(text)
    with pytest.raises(Unavailable, match="callers_missing"):  # and a fresh process takes nothing
        house.callers().of(text)


def test_a_revoked_key_does_not_come_back_with_an_older_roster(house: House) -> None:
    text, key_id = house.make()
    house.publisher.publish()
    before = house.places.callers_roster.read_bytes()
    callers = house.callers()
    house.clock.advance(1)
    house.end_key(key_id, house.clock.now_us())
    house.publisher.publish()
    assert callers.of(text) is None
    house.places.callers_roster.write_bytes(before)
    assert callers.of(text) is None


def test_the_pin_is_handed_over_like_a_key(house: House) -> None:
    house.publisher.publish()
    pin = house.places.callers_pin
    assert pin.read_bytes() == public_key_of(signing_seed(house.home).expose())
    pin.chmod(0o666)
    with pytest.raises(Unavailable, match="callers_unpinned"):
        house.callers()
    pin.unlink()
    with pytest.raises(Unavailable, match="callers_unpinned"):
        house.callers()
    pin.symlink_to(house.places.callers_roster)
    with pytest.raises(Unavailable, match="callers_unpinned"):
        house.callers()


def test_another_pin_is_never_replaced_and_production_pins_nothing(house: House) -> None:
    house.places.callers_pin.write_bytes(public_key_of(OTHER_SEED))
    with pytest.raises(Unavailable, match="callers_pinned_otherwise"):
        house.publisher.publish()
    house.places.callers_pin.unlink()
    seed = signing_seed(house.home)
    live = Publisher(house.home, house.places, seed, house.clock, pins=False)
    live.publish()
    live.close()
    assert not house.places.callers_pin.exists()


def test_nothing_here_writes_the_house(house: House) -> None:
    house.make()
    keys = house.publisher._keys
    unit = UnitOfWork()
    keys.stage(unit, new_key(SCOPE, "merchant", Secret(b"p" * 32), house.clock,
                             SystemRandomness())[1])  # fmt: skip
    with pytest.raises(PaywardenError):
        keys._writer.submit(unit).result()


@given(st.binary(max_size=400))
def test_what_nobody_signed_opens_for_nobody(octets: bytes) -> None:
    made = signed(Roster(1, [row("a")]), SEED)
    for text in (octets, made + octets if octets else b"", made.partition(b"\n")[0] + octets):
        with pytest.raises(ValueError):
            opened(text, public_key_of(SEED))


@given(st.lists(st.text(min_size=1, max_size=40), unique=True, max_size=6), st.integers(0, 2**60))
def test_a_signed_roster_opens_as_it_was(texts: list[str], at_us: int) -> None:
    made = Roster(at_us, [row(text, f"key_{n}") for n, text in enumerate(texts)])
    assert opened(signed(made, SEED), public_key_of(SEED)) == made


def test_a_key_of_a_merchant_that_is_none_is_not_believed(house: House) -> None:
    named, _ = house.make(merchant="*")
    house.publisher.publish()
    assert house.callers().of(named) is None


def test_a_bound_key_speaks_for_its_own_merchant() -> None:
    bound = Principal("key_a", SCOPE, frozenset(), "shop-1")
    whole = Principal("key_b", SCOPE, frozenset())
    assert merchant_of(bound, None) == merchant_of(bound, "shop-1") == "shop-1"
    assert merchant_of(whole, "shop-2") == "shop-2"
    with pytest.raises(NotPermitted, match="merchant_foreign"):
        merchant_of(bound, "shop-2")
    for named in (None, "*"):
        with pytest.raises(InvalidRequest, match="merchant_missing"):
            merchant_of(whole, named)
    assert merchant_of(whole, None, tenant_wide=True) == "*"
    with pytest.raises(InvalidRequest, match="merchant_superfluous"):
        merchant_of(whole, "shop-2", tenant_wide=True)
    with pytest.raises(NotPermitted, match="merchant_foreign"):
        merchant_of(bound, None, tenant_wide=True)
