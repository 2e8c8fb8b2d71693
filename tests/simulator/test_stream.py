"""The live world: order, reactions of people and attackers, pace."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import polars as pl
import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.instants import DAY_US, parse_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.simulator import bodies, bulk, reaction
from paywarden.simulator.campaigns.model import Operator
from paywarden.simulator.pacing import Pace
from paywarden.simulator.presets import DEFAULT_START_US
from paywarden.simulator.stream import World, paced
from paywarden.simulator.words import Result, Source, Verdict


def _run(decide, seed: int = 7) -> tuple[World, list[tuple[int, str, dict]]]:
    world, sent = World("demo", seed, 1), []
    for at_us, target, body in world.timed():
        sent.append((at_us, target, body))
        if target == "payment":
            payment = body["payment"]
            truth = world.truth(payment["id"], payment["attempt"])
            outcome = decide(truth)
            if outcome is not None:
                world.react(payment["id"], outcome, payment["attempt"])
    return world, sent


def test_unanswered_stream_is_the_bulk_file(tmp_path) -> None:
    bulk.write("demo", 7, 1, tmp_path)
    rows = pl.read_parquet(tmp_path / bulk.EVENTS_FILE).to_dicts()
    _, sent = _run(lambda truth: None)
    key = lambda body: str(body)  # noqa: E731
    streamed = sorted([body for _, _, body in sent], key=key)
    assert streamed == sorted([bodies.from_row(row)[1] for row in rows], key=key)


def test_stream_never_goes_back_and_says_its_instant() -> None:
    _, sent = _run(lambda truth: "allow" if not truth.fraud else "block")
    last = 0
    for at_us, target, body in sent:
        inner = body["payment"] if target == "payment" else body
        assert parse_rfc3339(inner["occurred_at"]) == at_us >= last
        last = at_us


def test_the_same_decisions_give_the_same_stream() -> None:
    decide = lambda truth: "challenge" if truth.fraud else "allow"  # noqa: E731
    assert _run(decide)[1] == _run(decide)[1]


def test_blocked_payments_have_neither_result_nor_chargeback() -> None:
    _, sent = _run(lambda truth: "block")
    kinds = Counter(body.get("kind") for _, target, body in sent if target == "events")
    assert kinds["payment_result"] == 0
    labels = [body for _, _, body in sent if body.get("kind") == "label"]
    assert labels
    assert {(body["verdict"], body["source"]) for body in labels} == {("genuine", "customer")}


def test_blocked_attackers_give_up() -> None:
    _, free = _run(lambda truth: "allow")
    _, fought = _run(lambda truth: "block" if truth.fraud else "allow")

    def payments(sent) -> int:
        return sum(target == "payment" for _, target, _ in sent)

    allowed_world, stopped_world = World("demo", 7, 1), payments(fought)
    total = int((allowed_world.history.payments["fraud"] == 1).sum())
    assert payments(free) == len(allowed_world.history.payments)
    assert stopped_world < payments(free)
    assert payments(free) - stopped_world <= total


def test_evasive_attackers_change_machine_and_slow_down() -> None:
    for seed in range(7, 30):
        world = World("demo", seed, 2)
        evasive = [
            n
            for n, strike in enumerate(world.history.strikes)
            if strike.type == "card_testing" and strike.operator.evasive
        ]
        if evasive:
            break
    chosen = world.history.strikes[evasive[0]]
    machines, times = [], []
    for at_us, target, body in world.timed():
        if target != "payment":
            continue
        payment = body["payment"]
        if world.truth(payment["id"]).campaign_id == chosen.id:
            machines.append(payment["device"]["id"])
            times.append(at_us)
            world.react(payment["id"], "block")
    # he gives up, or has become so slow that the span ends first
    assert 10 <= len(times) <= chosen.operator.patience
    assert len(set(machines)) >= len(machines) - 1  # a new one after every stop
    rows = world.history.payments
    planned = np.sort(rows["time"][rows["campaign"] == evasive[0]])[: len(times)]
    assert times[-1] - times[0] > 1.5 * (planned[-1] - planned[0])


def test_challenged_people_pass_and_proceed_later() -> None:
    _, sent = _run(lambda truth: None if truth.fraud else "challenge")
    results = {}
    for at_us, _, body in sent:
        if body.get("kind") == "challenge_result":
            results[body["payment_id"], body["attempt"]] = (at_us, body["result"])
    share = np.mean([result == "authenticated" for _, result in results.values()])
    assert len(results) > 2_000
    assert 0.88 < share < 0.92
    answered = 0
    for at_us, _, body in sent:
        key = (body.get("payment_id"), body.get("attempt"))
        if body.get("kind") == "payment_result" and key in results:
            answered += 1
            assert results[key][1] == "authenticated"
            assert at_us > results[key][0]
    assert answered > 1_500


def test_fraudsters_mostly_fail_challenges() -> None:
    rng = np.random.default_rng(1)
    operator = Operator("x", "y", "z", False, 5, 1.0, 0.08)
    replies = [reaction.reply(rng, Outcome.CHALLENGE, True, operator) for _ in range(2_000)]
    assert 0.05 < np.mean([r.proceeds for r in replies]) < 0.11
    assert {r.result for r in replies} == {Result.FAILED, Result.AUTHENTICATED}


def test_review_is_judged_by_an_analyst_who_errs_seldom() -> None:
    rng = np.random.default_rng(2)
    for fraud, verdict in ((True, Verdict.FRAUD), (False, Verdict.GENUINE)):
        replies = [reaction.reply(rng, Outcome.REVIEW, fraud, None) for _ in range(2_000)]
        right = [reply.label == (verdict, Source.ANALYST) for reply in replies]
        assert 0.93 < np.mean(right) < 0.97
        assert all(r.proceeds == (r.label[0] is Verdict.GENUINE) for r in replies)


def test_reacting_twice_or_to_nothing_is_refused() -> None:
    world = World("demo", 7, 1)
    payment = next(body["payment"] for target, body in world.events() if target == "payment")
    with pytest.raises(ValueError, match="outcome must be one of"):
        world.react(payment["id"], "perhaps")
    world.react(payment["id"], "allow")
    with pytest.raises(NotFound):
        world.react(payment["id"], "allow")
    with pytest.raises(NotFound):
        world.truth("pay-nothing")


def test_a_late_start_speaks_of_no_unknown_payment() -> None:
    world = World("demo", 7, 1, since_us=DEFAULT_START_US + DAY_US // 2)
    known = set()
    for at_us, target, body in world.timed():
        assert at_us >= DEFAULT_START_US + DAY_US // 2
        if target == "payment":
            known.add((body["payment"]["id"], body["payment"]["attempt"]))
        elif "payment_id" in body:
            assert (body["payment_id"], body["attempt"]) in known
    assert known


def test_pace_is_absolute_and_scales_time() -> None:
    clock = FixedClock()
    pace = Pace(clock, 60)
    assert pace.wait_seconds(1_000_000) == 0
    assert pace.wait_seconds(61_000_000) == 1.0
    clock.advance(0.25)
    assert pace.wait_seconds(61_000_000) == 0.75
    clock.advance(5)
    assert pace.wait_seconds(61_000_000) == 0  # late: catches up
    for speed in (0.5, 1_001, float("nan")):
        with pytest.raises(InvalidRequest, match="simulation_speed_invalid"):
            Pace(clock, speed)


def test_paced_world_waits_as_long_as_events_are_apart() -> None:
    clock, total = FixedClock(), 0.0
    first = last = None
    for item in islice(paced(World("demo", 7, 1), clock, 100), 500):
        clock.advance(item.wait_seconds)
        total += item.wait_seconds
        inner = item.body.get("payment", item.body)
        last = parse_rfc3339(inner["occurred_at"])
        first = last if first is None else first
    assert total == pytest.approx((last - first) / 1e6 / 100, rel=1e-6)
