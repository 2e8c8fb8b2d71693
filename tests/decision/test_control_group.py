"""Would-be blocks that pass at random: bounded, never where a person or the law decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from decision_room import DAY, POLICY, Room, opened

from paywarden.core.outcome import Outcome
from paywarden.decision.control_group import ControlLoss
from paywarden.decision.entries import PaymentEntry
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.policy_image import ruleset_hash
from paywarden.risk.rules.reader import read_policy_files

BLOCKING = POLICY["rules/all.yaml"].replace(
    b"payment.amount_minor >= 500000\n  then: {points: 45",
    b"payment.amount_minor >= 900\n  then: {outcome: block, points: 45",
)


def policy(percent: float = 20, highest: int = 5_000, loss: int = 10**9) -> dict[str, bytes]:
    group = (
        f"control_group: {{percent: {percent}, max_amount_base_minor: {highest},"
        f" daily_loss_base_minor: {loss}}}\n"
    )
    head = POLICY["policy.yaml"] + group.encode()
    return {**POLICY, "policy.yaml": head, "rules/all.yaml": BLOCKING}


async def drawn(room: Room, count: int, **fields: Any) -> list[Outcome]:
    found = []
    for number in range(count):
        made = await room.decide(instrument={"kind": "card", "reference": f"card-{number}"},
                                 payer={"id": f"payer-{number}"}, **fields)  # fmt: skip
        found.append(made.entry.result.answer)
    return found


def passed(found: list[Outcome]) -> int:
    return sum(one is Outcome.ALLOW for one in found)


async def test_the_share_passes_and_says_its_probability(room: Room) -> None:
    await room.publish(policy())
    kept = []
    for number in range(300):
        card = {"kind": "card", "reference": f"card-{number}"}
        made = await room.decide(payer={"id": f"payer-{number}"}, instrument=card)
        kept.append(made)
    let = [one for one in kept if one.entry.result.answer is Outcome.ALLOW]
    assert 35 < len(let) < 90
    assert {one.entry.result.control_ppm for one in let} == {200_000}
    assert all(one.entry.result.fired for one in let)  # the record says what fired
    assert all(one.entry.result.reasons == () for one in let)
    record = room.installation.views.record(let[0], None)
    assert record["control_group_probability"] == 0.2
    assert [one.differences for one in room.replay() if not one.identical] == []
    again = await room.installation.replays.replay(let[0], None)
    assert (again.identical, again.outcome) == (True, "allow")


async def test_never_above_the_amount(room: Room) -> None:
    await room.publish(policy(highest=999))
    assert passed(await drawn(room, 60)) == 0


async def test_never_past_the_days_loss_and_again_the_next_day(room: Room) -> None:
    await room.publish(policy(loss=3_500))
    assert passed(await drawn(room, 100)) == 3  # three of 1,000 each
    room.clock.advance(DAY / 1e6)
    assert passed(await drawn(room, 60)) == 3
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_never_under_a_hard_rule(room: Room) -> None:
    await room.publish(policy())
    for number in range(40):
        await room.installation.lists.edit(
            room.live, "stolen_cards", ListKind.CARD, EditAction.ADD,
            (NewEntry(f"card-{number}", "reported", None),), "tester",
        )  # fmt: skip
    assert passed(await drawn(room, 40)) == 0


async def test_never_after_authorisation(room: Room) -> None:
    files = policy()
    files["rules/all.yaml"] = files["rules/all.yaml"].replace(
        b"- id: large\n", b"- id: large\n  phase: [pre_auth, capture]\n"
    )
    await room.publish(files)
    assert passed(await drawn(room, 60, phase="capture")) == 0


async def test_the_days_loss_outlives_a_restart(home: Path) -> None:
    files = policy(loss=2_500)
    async with opened(home, files=files) as room:
        await room.publish(files)
        assert passed(await drawn(room, 60)) == 2
        now = room.clock.now_us()
    async with opened(home, files=files, now_us=now) as room:
        assert passed(await drawn(room, 60)) == 0
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_a_start_reads_the_last_day_of_the_control_group_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, read = policy(loss=2_500), list[int]()
    async with opened(home, files=files) as room:
        await room.publish(files)
        assert passed(await drawn(room, 60)) == 2
        room.clock.advance(DAY / 1e6)
        assert passed(await drawn(room, 30)) > 0
        spent, now = room.state().control_loss, room.clock.now_us()
    count_back = ControlLoss.count_back

    def noted(loss: ControlLoss, body: PaymentEntry) -> bool:
        read.append(body.observation.seq)
        return count_back(loss, body)

    monkeypatch.setattr(ControlLoss, "count_back", noted)
    async with opened(home, files=files, now_us=now) as room:
        assert room.state().control_loss == spent
    assert len(read) == spent.spent_minor // 1_000 + 1  # and the newest one of the day before


@pytest.mark.parametrize("percent", [0, 21, "much"])
def test_a_policy_with_a_wrong_share_is_refused(percent: Any) -> None:
    with pytest.raises(PolicyErrors):
        read_policy_files(policy(percent=percent))


async def test_policies_without_a_control_group_keep_their_names() -> None:
    assert ruleset_hash(read_policy_files(POLICY)) == KNOWN


KNOWN = "rs_d7ab749b3dc4692ec2a60ae050617d67e1abf3502aca47f37ccd6de1b18b0252"
