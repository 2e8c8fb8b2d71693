"""kill -9 at any moment: what was answered is there, what was spent stays spent, work goes on."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.core.errors import PaywardenError
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


async def keep(processes: CardProcesses, first: int, count: int, form: str = "tk") -> list[str]:
    cards = [
        wire.CardGiven(spread_card(n), "2029-01", None, form) for n in range(first, first + count)
    ]
    answers = await processes.vault("edge").tokenise(SCOPE, MERCHANT, "key_1", cards)
    return [one.token for one in answers]


async def test_a_rotation_killed_in_the_middle_goes_on(processes: CardProcesses) -> None:
    tokens = [token for n in range(0, 600, 100) for token in await keep(processes, n, 100)]
    assert isinstance(await processes.agent("operator").rotate("pan"), int)
    steps = asyncio.create_task(_rotate(processes))
    operator = processes.vault("operator")
    while (await operator.rotate_status()).rewrapped == 0:
        await asyncio.sleep(0)
    processes.kill("vault")
    await asyncio.gather(steps, return_exceptions=True)
    processes.start("vault")
    operator = processes.vault("operator")
    standing = await operator.audit()
    assert isinstance(standing, wire.Standing) and standing.records == 600
    while (state := await operator.rotate_step(50)).remaining:
        pass
    assert list(state.by_version.values()) == [600]
    described = await processes.vault("edge").describe(SCOPE, MERCHANT, tokens[:256])
    assert all(isinstance(one, wire.TokenMade) for one in described)


async def _rotate(processes: CardProcesses) -> None:
    operator = processes.vault("operator")
    while (await operator.rotate_step(20)).remaining:
        pass


async def test_what_was_answered_before_a_kill_is_there_after(processes: CardProcesses) -> None:
    answered: list[str] = []
    spent: set[str] = set()
    edge, egress = processes.vault("edge"), processes.vault("egress")

    async def keeping(lane: int) -> None:
        for n in range(lane, 4_000, 8):
            card = wire.CardGiven(spread_card(n), "2029-01", None, "ot" if lane % 2 else "tk")
            answer = await edge.tokenise(SCOPE, MERCHANT, "key_1", [card])
            if isinstance(answer, Refused):
                return
            answered.append(answer[0].token)
            if lane % 4 == 1:
                taken = await egress.take_for_use(
                    SCOPE, MERCHANT, answer[0].token, want_cvv=False, use="forward"
                )
                if isinstance(taken, wire.Taken):
                    spent.add(answer[0].token)

    for _ in range(2):
        lanes = [asyncio.create_task(keeping(lane)) for lane in range(8)]
        goal = len(answered) + 60
        while len(answered) < goal or not spent:
            await asyncio.sleep(0.001)
        processes.kill("vault")
        faults = await asyncio.gather(*lanes, return_exceptions=True)
        assert all(fault is None or isinstance(fault, PaywardenError) for fault in faults)
        processes.start("vault")  # refuses to start if the root does not add up
    tokens = list(dict.fromkeys(answered))  # the second round meets multi-use tokens again
    codes: dict[str, str] = {}
    for start in range(0, len(tokens), 200):
        part = tokens[start : start + 200]
        for token, one in zip(part, await edge.describe(SCOPE, MERCHANT, part), strict=True):
            codes[token] = getattr(one, "code", "made")
    assert {codes[token] for token in spent} == {"token_spent"}
    # A take may be durable although its answer was lost: spent, never usable twice.
    rest = {code for token, code in codes.items() if token not in spent}
    assert rest <= {"made", "token_spent"}
    assert isinstance(await processes.vault("operator").audit(), wire.Standing)


async def test_a_restored_file_is_refused_by_the_real_agent(processes: CardProcesses) -> None:
    await keep(processes, 0, 3)
    await processes.close_clients()
    processes.stop()
    shutil.copytree(processes.places.vault, processes.home / "backup")
    processes.start("key-agent")
    processes.start("vault")
    (token,) = await keep(processes, 10, 1, "ot")
    taken = await processes.vault("egress").take_for_use(
        SCOPE, MERCHANT, token, want_cvv=False, use="forward"
    )
    assert isinstance(taken, wire.Taken)
    await processes.close_clients()
    processes.stop()
    shutil.rmtree(processes.places.vault)
    shutil.copytree(processes.home / "backup", processes.places.vault)
    processes.start("key-agent")
    with pytest.raises(AssertionError, match="did not start"):
        processes.start("vault")
    processes.running.pop("vault")
