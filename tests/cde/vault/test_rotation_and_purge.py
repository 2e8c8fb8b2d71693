"""Background work: rewrapping that goes on where it was, purging with its proof."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paywarden.cde.vault import wire
from paywarden.cde.vault.purging import Retention
from paywarden.cde.vault.service import VaultLimits
from paywarden.core.errors import Unavailable
from vault_kit import MERCHANT, NOW_US, OPERATOR, SCOPE, WIDE, House, given, spread_card

DAY_SECONDS = 86_400


@pytest.fixture
async def house(tmp_path: Path):
    limits = VaultLimits(WIDE, Retention({f"{SCOPE}:shop-2": 30}, days=400))
    house = House(tmp_path, limits)
    await house.start()
    yield house
    await house.stop()


async def step(house: House, count: int = 1_000) -> wire.Rotation:
    return await house.vault.handle(OPERATOR, wire.RotateStep(count))


async def test_a_rotation_moves_keys_and_no_record(house: House) -> None:
    pans = [spread_card(n) for n in range(40)]
    made = [await house.token(pan) for pan in pans]
    (foreign,) = await house.tokenise(given(spread_card(99)), scope="other/test")
    before = await house.vault.handle(OPERATOR, wire.Status())
    house.agent.version = 2
    fresh = await house.token(spread_card(50))
    status = await house.vault.handle(OPERATOR, wire.RotateStatus())
    assert (status.rewrapped, status.remaining, status.by_version) == (1, 41, {"1": 41, "2": 1})
    assert (await step(house, 10)).remaining == 31
    for n, one in enumerate(made):  # half done: every card opens all the same
        assert house.opened(await house.take(one.token)) == pans[n]
    assert (await step(house)).by_version == {"2": 42}
    assert (await step(house)).remaining == 0
    for n, one in enumerate(made):
        assert house.opened(await house.take(one.token)) == pans[n]
    assert house.opened(await house.take(fresh.token)) == spread_card(50)
    taken = await house.take(foreign.token, scope="other/test")
    assert house.opened(taken, "other/test") == spread_card(99)
    after = await house.vault.handle(OPERATOR, wire.Audit())
    assert after.revision == before.revision + 1  # the one card made meanwhile


async def test_a_rotation_goes_on_after_a_restart_and_an_absent_agent(house: House) -> None:
    for n in range(30):
        await house.token(spread_card(n))
    house.agent.version = 2
    await step(house, 7)
    house.agent.gone = True
    with pytest.raises(Unavailable):
        await step(house)
    house.agent.gone = False
    await house.restart()
    status = await house.vault.handle(OPERATOR, wire.RotateStatus())
    assert (status.rewrapped, status.remaining) == (7, 23)
    assert (await step(house)).remaining == 0


async def test_a_shredded_period_does_not_hold_up_the_others(house: House) -> None:
    for n in range(5):
        await house.token(spread_card(n))
    house.clock.advance(31 * DAY_SECONDS)
    for n in range(5, 12):
        await house.token(spread_card(n))
    house.agent.version = 2
    house.agent.destroyed = {"2026-11"}
    for _ in range(2):
        state = await step(house)
        assert (state.rewrapped, state.remaining, state.refused) == (7, 0, 5)
    assert state.by_version == {"1": 5, "2": 7}


async def test_writes_and_rotation_do_not_lose_each_other(house: House) -> None:
    for n in range(60):
        await house.token(spread_card(n))
    house.agent.version = 2

    async def writing() -> None:
        for n in range(60, 90):
            await house.token(spread_card(n))
            token = (await house.token(spread_card(n - 60))).token
            await house.vault.handle(OPERATOR, wire.Status())
            await house.vault.groups.do(_deleting(house, token))

    await asyncio.gather(writing(), step(house, 20), step(house, 20), step(house))
    status = await house.vault.handle(OPERATOR, wire.RotateStatus())
    assert status.remaining == 0 and status.rewrapped == 60
    for n in range(30, 90):
        made = await house.token(spread_card(n))
        assert made.existing
        assert house.opened(await house.take(made.token)) == spread_card(n)


def _deleting(house: House, token: str):
    from paywarden.cde.vault.using import DeleteAct

    vault = house.vault
    return DeleteAct(vault._lookups, vault._codes, wire.Delete(SCOPE, MERCHANT, token))


async def test_a_purge_removes_what_is_over_its_time_and_proves_it(house: House) -> None:
    kept = await house.token(spread_card(1))
    (short,) = await house.tokenise(given(spread_card(1)), merchant="shop-2")
    unused = await house.token(spread_card(2), form="ot")
    used = await house.token(spread_card(3), form="ot")
    await house.take(used.token)
    house.clock.advance(31 * DAY_SECONDS)
    proof = await house.vault.handle(OPERATOR, wire.Purge())
    assert isinstance(proof, wire.PurgeProof)
    assert (proof.removed_expired_tokens, proof.removed_past_retention) == (1, 1)
    assert (proof.removed_spent_marks, proof.remaining_records) == (1, 1)
    assert proof.merchants == {f"{SCOPE}:{MERCHANT}": 1}
    assert proof.oldest_created_at_us == NOW_US
    assert (await house.describe(kept.token))[0].token == kept.token
    for token, merchant in ((short.token, "shop-2"), (unused.token, MERCHANT)):
        assert (await house.describe(token, merchant=merchant))[0].code == "token_unknown"
    standing = await house.vault.handle(OPERATOR, wire.Audit())
    assert (standing.root, standing.records) == (proof.root, 1)
    again = await house.vault.handle(OPERATOR, wire.Purge())
    assert (again.removed_expired_tokens, again.removed_past_retention) == (0, 0)
    assert again.revision == proof.revision


async def test_purged_cards_leave_no_data_key(house: House) -> None:
    for n in range(5):
        await house.tokenise(given(spread_card(n)), merchant="shop-2")
    assert (await house.vault._store.key_versions()) == {1: 5}
    house.clock.advance(31 * DAY_SECONDS)
    await house.vault.handle(OPERATOR, wire.Purge())
    assert (await house.vault._store.key_versions()) == {}
