"""Public keys of card facts reach the risk API, before they sign and until they are compromised."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from key_agent_kit import House

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde_client import facts
from paywarden.entrypoints.facts_keys import FactsKeyFile


async def key_id_of(vault: KeyAgent) -> str:
    signed = await vault.sign_facts([b"{}"])
    assert not isinstance(signed, Refused)
    return signed[0].key_id


async def test_the_api_knows_each_key_before_it_signs(tmp_path: Path) -> None:
    house = House(tmp_path)
    file = house.places.root / "facts.keys"
    known = FactsKeyFile(file)
    async with (
        house.running(),
        house.agent("vault") as vault,
        house.agent("operator") as operator,
    ):
        first = await key_id_of(vault)
        assert set(known()) == {first}
        assert await operator.rotate("facts") == 2
        second = await key_id_of(vault)
        assert set(known()) == {first, second}
        assert await operator.mark_compromised("facts", 1) is True
        assert set(known()) == {second}
        assert await operator.mark_compromised("facts", 2) is True  # the active one: replaced
        assert set(known()) == {await key_id_of(vault)}
        listed = await vault.facts_keys()
        assert not isinstance(listed, Refused)
        assert [key.state for key in listed] == ["active", "compromised", "compromised"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


async def test_signed_facts_are_believed_with_the_published_keys(tmp_path: Path) -> None:
    house = House(tmp_path)
    known = FactsKeyFile(house.places.root / "facts.keys")
    async with house.running(), house.agent("vault") as vault:
        signed = await vault.sign_facts([b'{"a":1}'])
        assert not isinstance(signed, Refused)
    public = Ed25519PublicKey.from_public_bytes(known()[signed[0].key_id])
    public.verify(signed[0].signature, facts.DOMAIN + b'{"a":1}')


async def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(tmp_path)
    (house.places.root / "facts.keys.new").mkdir()
    async with house.running(), house.agent("operator") as operator:
        assert await operator.rotate("facts") == 2
    assert "facts_keys_unpublished" in capsys.readouterr().out
