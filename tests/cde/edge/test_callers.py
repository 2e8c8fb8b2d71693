"""Keys at the card data environment's door: live ones only, one answer for every other."""

from __future__ import annotations

from pathlib import Path

import pytest

from paywarden.cde.callers import CallerAuthenticator, merchant_of
from paywarden.core.errors import InvalidRequest, NotAuthenticated, NotPermitted, PaywardenError
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.cde_callers import StoredCallers
from paywarden.entrypoints.home import Home
from paywarden.identity.api_keys import new_key
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import create_master_key, load_master_key
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal

SCOPE = Scope("acme", Environment.TEST)


def made_key(home: Home, role: str = "merchant", merchant: str | None = "shop-1") -> str:
    """A key in the home's own database, while nothing else runs."""
    home.make()
    if not home.master_key.exists():
        create_master_key(home.master_key, SystemRandomness())
        migrate(home.database, (KIT, SCHEMA))
    pepper = derive(load_master_key(home.master_key), Purpose.API_KEYS)
    reader, writer = Reader(home.database), Writer(home.database, (KIT, SCHEMA))
    writer.start()
    secret, record = new_key(SCOPE, role, pepper, SystemClock(), SystemRandomness(), merchant)
    SqliteKeys(reader, writer).save(record)
    writer.close()
    reader.close()
    return secret.expose()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_live_key_is_known_with_its_merchant(home: Home) -> None:
    text = made_key(home)
    callers = StoredCallers(home, SystemClock())
    caller = callers.of(text)
    callers.close()
    assert caller is not None
    assert (caller.scope, caller.merchant) == (SCOPE, "shop-1")
    assert {"cards:tokenise", "cards:describe", "cards:forward"} <= caller.permissions
    assert "cards:reveal" not in caller.permissions


def test_operators_alone_may_ask_to_reveal(home: Home) -> None:
    text = made_key(home, "operator", None)
    callers = StoredCallers(home, SystemClock())
    caller = callers.of(text)
    callers.close()
    assert caller is not None
    assert "cards:reveal" in caller.permissions
    assert caller.merchant is None


def test_every_other_key_is_the_same_answer(home: Home) -> None:
    text = made_key(home)
    callers = StoredCallers(home, SystemClock())
    door = CallerAuthenticator(callers)
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
    callers.close()


def test_nothing_here_writes(home: Home) -> None:
    made_key(home)
    callers = StoredCallers(home, SystemClock())
    keys = callers._keys._store
    record = keys.find("key_none")
    assert record is None
    unit = UnitOfWork()
    keys.stage(unit, new_key(SCOPE, "merchant", Secret(b"p" * 32), SystemClock(),
                             SystemRandomness())[1])  # fmt: skip
    with pytest.raises(PaywardenError):
        keys._writer.submit(unit).result()  # type: ignore[attr-defined]
    callers.close()


def test_a_bound_key_speaks_for_its_own_merchant() -> None:
    bound = Principal("key_a", SCOPE, frozenset(), "shop-1")
    whole = Principal("key_b", SCOPE, frozenset())
    assert merchant_of(bound, None) == merchant_of(bound, "shop-1") == "shop-1"
    assert merchant_of(whole, "shop-2") == "shop-2"
    with pytest.raises(NotPermitted, match="merchant_foreign"):
        merchant_of(bound, "shop-2")
    with pytest.raises(InvalidRequest, match="merchant_missing"):
        merchant_of(whole, None)
