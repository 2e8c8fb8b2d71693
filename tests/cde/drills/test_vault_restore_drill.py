"""The vault restored on a clean host: newest backup serves, an older one is refused.

A real key agent over its socket with its journal, a real vault on SQLite. The backup of the vault
is taken while it runs, as an operator's would be; keys and journal are copied apart.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from key_agent_kit import SCOPE
from key_agent_kit import House as AgentHouse

from paywarden.cde.keys.wire import WrappedItem
from paywarden.cde.places import Places
from paywarden.cde.vault import wire
from paywarden.cde.vault.purging import Retention
from paywarden.cde.vault.service import VaultLimits, VaultService
from paywarden.cde.vault.stores.sqlite_vault import SqliteVault
from paywarden.core.errors import Corrupt
from paywarden.kit.clock import SystemRandomness
from vault_kit import EDGE, EGRESS, MERCHANT, OPERATOR, WIDE, given, spread_card

FILES = ("vault.db", "vault-keys.db")
LIMITS = VaultLimits(WIDE, Retention())


@asynccontextmanager
async def serving(agents: AgentHouse) -> AsyncIterator[VaultService]:
    """Agent and vault of one home."""
    async with agents.running(), agents.agent("vault") as agent:
        store = SqliteVault(agents.places.vault)
        vault = VaultService(store, agent, agents.clock, SystemRandomness(), LIMITS)
        await vault.start(background=False)
        try:
            yield vault
        finally:
            await vault.close()


async def made(vault: VaultService, first: int, count: int) -> dict[str, bytes]:
    """Tokens of fresh cards, and the cards."""
    pans = [spread_card(n) for n in range(first, first + count)]
    asked = wire.Tokenise(SCOPE, MERCHANT, "key_1", [given(pan) for pan in pans])
    answer = await vault.handle(EDGE, asked)
    return {one.token: pan for one, pan in zip(answer.answers, pans, strict=True)}


async def opened(agents: AgentHouse, vault: VaultService, token: str) -> bytes:
    """A card as egress gets it: the data key from the agent, then the record."""
    taken = await vault.handle(EGRESS, wire.TakeForUse(SCOPE, MERCHANT, token, False, "forward"))
    item = WrappedItem(taken.record_id.encode(), taken.wrapped, taken.kek_version)
    async with agents.agent("egress") as egress:
        keys = await egress.open_data_keys(SCOPE, "pan", taken.period, [item], "forward")
    key = keys[0].expose()
    return AESGCM(key).decrypt(taken.sealed[:12], taken.sealed[12:], taken.aad)


def backed_up(source: Path, target: Path) -> None:
    """An online backup of both databases."""
    target.mkdir()
    for name in FILES:
        with (
            closing(sqlite3.connect(source / name)) as held,
            closing(sqlite3.connect(target / name)) as copy,
        ):
            held.backup(copy)


def clean_host(agents: AgentHouse, backup: Path, home: Path) -> AgentHouse:
    """The same keys and journal in a new home, beside a backup of the vault."""
    fresh = AgentHouse.__new__(AgentHouse)
    fresh.places, fresh.settings = Places(home / "cde"), agents.settings
    fresh.clock, fresh.root = agents.clock, agents.root
    fresh.places.root.mkdir(parents=True)
    shutil.copytree(agents.places.keys, fresh.places.keys)
    shutil.copytree(backup, fresh.places.vault)
    fresh.places.run.mkdir(mode=0o700)
    for proof in agents.places.run.iterdir():  # sockets stay where they are
        if proof.is_file():
            shutil.copy(proof, fresh.places.run)
    return fresh


async def test_the_newest_backup_serves_on_a_clean_host(tmp_path: Path) -> None:
    agents = AgentHouse(tmp_path / "old")
    async with serving(agents) as vault:
        cards = await made(vault, 0, 12)
        before = await vault.handle(OPERATOR, wire.Status())
        backed_up(agents.places.vault, tmp_path / "backup")
    fresh = clean_host(agents, tmp_path / "backup", tmp_path / "new")
    shutil.rmtree(tmp_path / "old")
    async with serving(fresh) as vault:
        assert await vault.handle(OPERATOR, wire.Audit()) == before
        for token, pan in cards.items():
            assert await opened(fresh, vault, token) == pan
        assert len(await made(vault, 50, 3)) == 3  # it goes on from there


async def test_an_older_backup_is_refused_beside_the_newest_journal(tmp_path: Path) -> None:
    agents = AgentHouse(tmp_path / "old")
    async with serving(agents) as vault:
        await made(vault, 0, 2)
        backed_up(agents.places.vault, tmp_path / "backup")
        await made(vault, 2, 1)
    fresh = clean_host(agents, tmp_path / "backup", tmp_path / "new")
    with pytest.raises(Corrupt, match="vault_rolled_back"):
        async with serving(fresh):
            pass
