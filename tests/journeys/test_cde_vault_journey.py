"""A card's whole way through real processes: kept, described, opened once, rotated, gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.keys.wire import WrappedItem
from paywarden.cde.vault import wire
from paywarden.cde_client.facts import CardFacts, read_facts
from paywarden.core.errors import NotPermitted
from vault_kit import spread_card
from vault_processes import CardProcesses

SCOPE, MERCHANT = "acme/test", "shop-1"


@pytest.fixture
async def processes(tmp_path: Path):
    held = CardProcesses(tmp_path)
    held.start("key-agent")
    held.start("vault")
    yield held
    await held.close_clients()
    held.stop()


async def opened(processes: CardProcesses, taken: wire.Taken) -> bytes:
    """What the egress does with a taken record."""
    item = WrappedItem(taken.record_id.encode(), taken.wrapped, taken.kek_version)
    keys = await processes.agent("egress").open_data_keys(
        SCOPE, "pan", taken.period, [item], "forward"
    )
    assert isinstance(keys, list), keys
    return AESGCM(keys[0].expose()).decrypt(taken.sealed[:12], taken.sealed[12:], taken.aad)


async def test_a_card_goes_its_whole_way(processes: CardProcesses) -> None:
    edge, egress = processes.vault("edge"), processes.vault("egress")
    pan = spread_card(1)
    cards = [wire.CardGiven(pan, "2029-01", b"123"), wire.CardGiven(pan, "2029-01", b"456", "ot")]
    many, once = await edge.tokenise(SCOPE, MERCHANT, "key_1", cards)
    assert isinstance(many, wire.TokenMade) and isinstance(once, wire.TokenMade)
    assert many.fingerprint == once.fingerprint

    keys = {key.key_id: key.public for key in await processes.agent("edge").facts_keys()}
    facts = read_facts(many.facts, keys)
    assert isinstance(facts, CardFacts) and facts.token == many.token

    first = await egress.take_for_use(SCOPE, MERCHANT, once.token, want_cvv=True, use="forward")
    assert isinstance(first, wire.Taken) and first.cvv == b"456"
    assert await opened(processes, first) == pan
    again = await egress.take_for_use(SCOPE, MERCHANT, once.token, want_cvv=True, use="forward")
    assert again.code == "token_spent"

    operator = processes.vault("operator")
    assert isinstance(await processes.agent("operator").rotate("pan"), int)
    assert (await operator.rotate_step()).remaining == 0
    later = await egress.take_for_use(SCOPE, MERCHANT, many.token, want_cvv=False, use="forward")
    assert later.kek_version > first.kek_version
    assert await opened(processes, later) == pan

    assert isinstance(await edge.delete(SCOPE, MERCHANT, many.token), wire.Deleted)
    (gone,) = await edge.describe(SCOPE, MERCHANT, [many.token])
    assert gone.code == "token_unknown"
    assert (await operator.audit()).tombstones == 2
    refused = await edge.take_for_use(SCOPE, MERCHANT, many.token, want_cvv=False, use="forward")
    assert refused.code == "operation_not_permitted"


async def test_a_caller_without_its_proof_is_not_heard(processes: CardProcesses) -> None:
    (processes.places.run / "egress.caller").write_bytes(
        (processes.places.run / "edge.caller").read_bytes()
    )
    with pytest.raises(NotPermitted, match="caller_unproven"):
        await processes.vault("egress").status()


async def test_a_key_agent_that_comes_back_is_found_again(processes: CardProcesses) -> None:
    edge = processes.vault("edge")
    processes.kill("key-agent")
    refused = await edge.tokenise(
        SCOPE, MERCHANT, "key_1", [wire.CardGiven(spread_card(2), "2029-01")]
    )
    assert refused.code in ("cde_unreachable", "cde_timeout")
    processes.start("key-agent")
    (made,) = await edge.tokenise(
        SCOPE, MERCHANT, "key_1", [wire.CardGiven(spread_card(2), "2029-01")]
    )
    assert isinstance(made, wire.TokenMade)
