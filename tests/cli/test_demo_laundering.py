"""The second engine in a run: its figures, apart from those of fraud, and what is shown of them."""

from __future__ import annotations

from typing import Any

from demo_fake import ALERT

from paywarden.cli.demo.laundering import Laundering, LaunderingWatch
from paywarden.cli.demo.lines import laundering
from paywarden.cli.demo.scoring import Rates
from paywarden.cli.demo.snapshot import Pacing
from paywarden.cli.demo.watch import Seen, Watch
from paywarden.cli.demo.worlds import OF_AML, WORLDS, attack_us, make
from paywarden.core.clock import FixedClock

NOW = 1_795_309_323_000_000


def seen(outcome: str, kind: str | None, *, guilty: bool = False, innocent: bool = False) -> Seen:
    payment = {
        "id": f"p-{outcome}-{kind}", "type": "transfer", "amount_minor": 500, "currency": "EUR",
    }  # fmt: skip
    answer: dict[str, Any] = {
        "id": "dec_1", "outcome": outcome, "points": 0, "reasons": [], "degraded": [],
    }  # fmt: skip
    campaign = f"q1/{kind}" if kind else None
    return Seen(payment, answer, False, kind, campaign, guilty, innocent)


def watch() -> Watch:
    return Watch(FixedClock(NOW), Rates({"EUR": (2, 1.0)}))


def test_laundering_is_neither_fraud_nor_genuine_and_look_alikes_are_genuine() -> None:
    run = watch()
    for outcome in ("allow", "review"):
        run.decided(seen(outcome, "mule_ring", guilty=True), 1.0)
        run.decided(seen(outcome, "look_alike_rent", innocent=True), 1.0)
        run.decided(seen(outcome, None), 1.0)
    shot = run.snapshot("http://x", Pacing(1, 1.0, 1.0, 0.0))
    labelled, aml = shot.standing.document(), shot.document()["aml"]
    assert (labelled["fraud"], labelled["genuine"], labelled["genuine_hurt"]) == (0, 4, 2)
    assert (aml["laundering"], aml["held"], aml["held_value_minor"]) == (2, 1, 500)
    assert (aml["look_alikes"], aml["look_alikes_hurt"]) == (2, 1)
    assert (aml["patterns"], aml["patterns_held"]) == (1, 1)
    assert [one.truth for one in shot.notable] == ["genuine", "mule_ring"]


def test_payments_to_listed_parties_are_counted_by_themselves() -> None:
    kept = LaunderingWatch()
    kept.decided("sanctions_evasion", "q1/a", 100, "review")
    kept.decided("sanctions_evasion", "q1/a", 100, "allow")
    kept.decided("fan_in", "q1/b", 100, "allow")
    found = kept.standing()
    assert (found.listed, found.listed_held, found.held) == (2, 1, 1)
    assert (found.patterns, found.patterns_held) == (2, 1)


def test_an_alert_counts_once_however_often_it_is_read() -> None:
    kept = LaunderingWatch()
    other = {"id": "al_2", "kind": "screening", "subject": "own#MU-001", "interdicted": False}
    for _ in range(3):
        kept.alerted([ALERT, other])
    found = kept.standing()
    assert (found.alerts, found.interdicted) == (2, 1)
    assert dict(found.by_kind) == {"typology": 1, "screening": 1}
    assert dict(found.by_subject) == {"mule-herd": 1, "screening": 1}, "no entry of a list is shown"


def test_the_lines_say_it_and_say_nothing_of_nothing() -> None:
    assert laundering(Laundering()) == []
    first, second = laundering(Laundering(payments=4, held=1, alerts=2, by_subject=(("x", 2),)))
    assert first.startswith("laundering: 1 of 4 payments held")
    assert second == "alerts: 2, 0 of them holding a payment: x 2"


def test_the_last_worlds_begin_before_mules_and_listed_parties() -> None:
    for beyond, kind in enumerate(OF_AML):
        number = WORLDS - len(OF_AML) + beyond
        world = make(7 + beyond, number, NOW, 112.0)
        begins = attack_us(world.history, number)
        numbers = [n for n, one in enumerate(world.history.strikes) if one.type == kind]
        rows = world.history.payments
        times = {int(rows["time"][rows["campaign"] == one].min()) for one in numbers}
        assert begins in times
    assert not any(one.engine == "aml" for one in make(7, 0, NOW, 112.0).history.strikes)
