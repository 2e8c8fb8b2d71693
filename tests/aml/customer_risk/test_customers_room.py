"""Customers in a running house: assessed, read by payments, overridden, reviewed, erased."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from customer_kit import CIRCLE, COMPANY, PERSON, form
from customer_policy import FILES

from decision_room import DAY, HOUR, Room, opened  # isort: skip

from paywarden.aml.alerts.model import Alert, Entity
from paywarden.aml.alerts.ports import AlertFilter
from paywarden.aml.customer_risk.acts import Lowered
from paywarden.aml.customer_risk.customers import Customers
from paywarden.aml.customer_risk.model import Level
from paywarden.aml.customer_risk.model_desk import shipped_text
from paywarden.aml.customer_risk.payloads import LowerRisk, lower_payload, model_payload
from paywarden.aml.customer_risk.ports import Wanted
from paywarden.aml.customer_risk.rounds import Rounds
from paywarden.aml.customer_risk.standing import Done
from paywarden.aml.customer_risk.writing import Known
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.identity.approvals.catalogue import (
    CUSTOMER_RISK_LOWER,
    RISK_MODEL_PUBLISH,
    SUBJECT_ERASE,
)
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.service import Done as Carried
from paywarden.privacy.erasure.model import ErasurePayload

MAKER = Maker("key_officer", frozenset({"aml_officer", "operator", "privacy_officer"}))


class KeptAlerts:
    """Alerts in memory, once by id."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Scope, str], Alert] = {}

    def raise_all(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        before = len(self.kept)
        for one in alerts:
            self.kept.setdefault((scope, one.id), one)
        return len(self.kept) - before

    def subjects(self) -> list[str]:
        return sorted(one.subject for one in self.kept.values())


def customers(room: Room) -> Customers:
    found: Customers = room.installation.customer_risk.customers
    return found


def rounds(room: Room) -> Rounds:
    found: Rounds = room.installation.customer_risk.rounds
    return found


def alerts_of(room: Room) -> KeptAlerts:
    made = KeptAlerts()
    rounds(room)._alerts = made
    return made


async def put(room: Room, name: str, base: dict[str, Any] = PERSON, **changes: Any) -> Known:
    return await customers(room).put(room.live, name, form(base, **changes), "key:tester")


async def perform(room: Room, action: str, payload: bytes) -> Any:
    done = await room.installation.approvals.perform(room.live, action, payload, MAKER, "why")
    assert isinstance(done, Carried)
    return done.result


def level(known: Known) -> str:
    return Level(known.row.level).word


def history(room: Room, name: str) -> list[str]:
    ref = customers(room).find(room.live, name).row.ref
    found = customers(room).history(room.live, ref, 2**31, 50)
    return [row.cause for row, _ in found]


def entries_of(room: Room) -> list[Any]:
    journal = room.installation.journal
    return [
        (one.seq, entries.decode(one.kind, one.body))
        for one in journal.read(room.live, 1, 10_000)
        if one.kind == entries.CUSTOMER_RISK
    ]


async def test_a_customer_is_assessed_logged_and_read_by_payments(room: Room) -> None:
    before = room.fields(await room.decide())
    assert not [path for path in before if path.startswith("risk.")]
    known = await put(room, "payer-1")
    assert (level(known), known.row.score) == ("low", 0)
    ((seq, entry),) = entries_of(room)
    assert seq == known.row.seq
    assert entry.rated == ((known.row.ref, "low", 0),)
    decided = await room.decide()
    fields = room.fields(decided)
    assert fields["risk.customer_level"] == "low"
    assert fields["risk.customer_score"] == 0
    assert fields["risk.customer_threshold_percent"] == 120


async def test_a_level_makes_rules_fire_and_replay_has_the_level_of_that_day(room: Room) -> None:
    await put(room, "payer-1", screening={"pep": "foreign"})
    high = await room.decide(amount_minor=100_000)
    assert "risky-customer" in room.rules(high)
    small = await room.decide(amount_minor=30_000)
    assert "scaled-threshold" in room.rules(small)
    await put(room, "payer-1")
    low = await room.decide(amount_minor=100_000)
    assert "risky-customer" not in room.rules(low)
    assert "scaled-threshold" not in room.rules(await room.decide(amount_minor=59_999))
    assert "scaled-threshold" in room.rules(await room.decide(amount_minor=60_000))
    replayed = room.replay()
    assert len(replayed) == 5
    assert all(one.identical for one in replayed)


async def test_nothing_personal_lies_in_the_database(room: Room, customers_home: Path) -> None:
    company = {**COMPANY, "company": {**COMPANY["company"], "address": "Quagmire Street 77"}}
    await put(room, "cus_Zebulon", company)
    await put(room, "cus_Zebulon", company, customer_since="2023-01-01")
    await customers(room).review(room.live, "cus_Zebulon", "spoke to Quintilia", "person:p")
    await room.ledger.settle()
    stored = b"".join(one.read_bytes() for one in customers_home.rglob("*") if one.is_file())
    for text in ("Zebulon", "Muster GmbH", "Otto Owner", "Quagmire", "HRB 12345", "Quintilia"):
        assert text.encode() not in stored, text
    assert b"aml_customers" in stored


async def test_a_restart_reads_the_levels_again(customers_home: Path) -> None:
    async with opened(customers_home, files=FILES) as room:
        await put(room, "payer-1", screening={"pep": "foreign"})
        first = room.fields(await room.decide())
    async with opened(customers_home, files=FILES, seed=2) as room:
        again = room.fields(await room.decide())
        assert first["risk.customer_level"] == again["risk.customer_level"] == "high"
        assert level(customers(room).find(room.live, "payer-1")) == "high"
        assert all(one.identical for one in room.replay())


async def test_a_failed_commit_leaves_neither_level_nor_file(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(room, "payer-1")

    async def broken(_unit: Any) -> None:
        raise Unavailable("storage_failed", "the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(room.installation.writer, "commit", broken)
        with pytest.raises(Unavailable):
            await put(room, "payer-1", screening={"pep": "foreign"})
    for _ in range(200):
        if room.installation.ready:
            break
        await asyncio.sleep(0.05)
    assert level(customers(room).find(room.live, "payer-1")) == "low"
    assert room.fields(await room.decide())["risk.customer_level"] == "low"
    again = await put(room, "payer-1", screening={"pep": "foreign"})
    assert (level(again), again.row.number) == ("high", 2)


async def test_the_rows_say_what_the_log_says(room: Room) -> None:
    for number in range(4):
        await put(room, f"cus-{number}")
    await put(room, "cus-2", screening={"pep": "foreign"})
    await customers(room).raise_level(room.live, "cus-3", Level.MEDIUM, 9, "why", "person:p")
    folded = {}
    for _seq, entry in entries_of(room):
        folded.update({ref: (word, score) for ref, word, score in entry.rated})
    rows = customers(room).store.rated(room.live)
    assert {one.ref: (one.level, one.score) for one in rows} == folded
    known = room.state().customers.known
    assert {f"{ref:016x}": tuple(one) for ref, one in known.items()} == folded


async def test_payee_and_merchant_are_customers_too(room: Room) -> None:
    await put(room, "m_1", COMPANY)
    await put(room, "acc-9", company={"ownership": CIRCLE}, person=None, base=COMPANY)
    fields = room.fields(await room.decide(payee={"id": "acc-9"}))
    assert fields["risk.merchant_level"] == "low"
    assert fields["risk.payee_level"] == "high"
    assert "risk.customer_level" not in fields


async def test_what_is_unknown_is_named_and_counted(room: Room) -> None:
    known = await put(room, "bare", {"person": {"name": "Nobody Known", "country": "DE"}})
    assert level(known) == "medium"
    (_, step), *_ = customers(room).history(room.live, known.row.ref, 2**31, 1)
    assert step is not None
    assert "screening.sanctions" in step.assessment.missing
    assert sum(line.points for line in step.assessment.lines) == known.row.score > 0


async def test_history_has_a_step_for_each_change_and_none_for_nothing(room: Room) -> None:
    await put(room, "cus")
    await put(room, "cus", verification={"source_of_funds": "unknown"})
    await customers(room).screened(
        room.live, "cus", msgspec.convert({"pep": "domestic"}, type=_screened()), "key:s"
    )
    assert history(room, "cus") == ["screening", "facts", "facts"]
    assert await customers(room).touch(room.live, "cus")
    room.clock.advance(25 * 3_600)
    await rounds(room).look(room.live)
    assert history(room, "cus") == ["screening", "facts", "facts"]
    assert len(entries_of(room)) == 3
    assert not await customers(room).touch(room.live, "nobody")


def _screened() -> Any:
    from paywarden.aml.customer_risk.forms import Screened

    return Screened


async def test_time_alone_can_raise_a_score(room: Room) -> None:
    known = await put(room, "cus")
    room.clock.advance(40 * 86_400)  # the last screening gets old
    assert await rounds(room).look(room.live) == 1
    later = customers(room).find(room.live, "cus")
    assert later.row.score > known.row.score
    assert history(room, "cus")[0] == "time"


async def test_raising_is_at_once_lowering_takes_another_person(room: Room) -> None:
    await put(room, "cus")
    raised = await customers(room).raise_level(
        room.live, "cus", Level.HIGH, 10, "a note of the police", "person:ann"
    )
    assert level(raised) == "high"
    assert Level(raised.row.model_level) is Level.LOW
    with pytest.raises(Conflict, match="ask to lower"):
        await customers(room).end_override(room.live, "cus", "no more", "person:ann")
    room.clock.advance(10 * 86_400)
    await rounds(room).look(room.live)
    back = customers(room).find(room.live, "cus")
    assert (level(back), back.row.override_until_us) == ("low", None)
    assert history(room, "cus")[0] == "override_ended"
    assert room.fields(await room.decide(payer={"id": "cus"}))["risk.customer_level"] == "low"


async def test_a_raise_is_not_undone_by_a_raise_to_less(room: Room) -> None:
    await put(room, "cus")
    act = customers(room).raise_level
    await act(room.live, "cus", Level.HIGH, 10, "a note of the police", "person:ann")
    for level_given in (Level.LOW, Level.MEDIUM):
        assert customers(room).lowers(room.live, "cus", level_given)
        with pytest.raises(Conflict, match="takes an approval"):
            await act(room.live, "cus", level_given, 10, "never mind", "person:ann")
    again = await act(room.live, "cus", Level.HIGH, 20, "still", "person:ann")
    assert level(again) == "high"
    await perform(room, CUSTOMER_RISK_LOWER, lower_payload(LowerRisk("cus", "low", 5, "settled")))
    assert level(customers(room).find(room.live, "cus")) == "low"


async def test_a_lowering_override_ends_when_the_model_finds_more(room: Room) -> None:
    await put(
        room,
        "cus",
        person={"occupation": "crypto_trader", "industry": "crypto"},
        products=["crypto"],
        channel="video",
        verification={"source_of_funds": "unknown"},
    )
    assert level(customers(room).find(room.live, "cus")) == "medium"
    wanted = LowerRisk("cus", "low", 30, "known for years, all papers on file")
    done = await perform(room, CUSTOMER_RISK_LOWER, lower_payload(wanted))
    assert isinstance(done, Lowered)
    known = customers(room).find(room.live, "cus")
    assert level(known) == "low"
    assert known.file is not None
    assert known.file.override is not None
    worse = await put(
        room,
        "cus",
        screening={"pep": "foreign"},
        person={"occupation": "crypto_trader", "industry": "crypto"},
    )
    assert level(worse) == "high"
    assert worse.file is not None
    assert worse.file.override is None


async def test_no_override_goes_below_what_the_law_leaves_no_choice_in(room: Room) -> None:
    await put(room, "pep", screening={"pep": "foreign"})
    with pytest.raises(Conflict, match="pep"):
        await perform(room, CUSTOMER_RISK_LOWER, lower_payload(LowerRisk("pep", "medium", 9, "x")))
    await put(room, "listed", screening={"sanctions": "confirmed"})
    with pytest.raises(Conflict, match="sanctions-confirmed"):
        await perform(room, CUSTOMER_RISK_LOWER, lower_payload(LowerRisk("listed", "high", 9, "x")))
    assert level(customers(room).find(room.live, "listed")) == "prohibited"


async def test_alerts_are_owed_with_the_change_and_raised_once(room: Room) -> None:
    await put(room, "cus")
    await put(room, "cus", screening={"pep": "foreign"})
    row = customers(room).find(room.live, "cus").row
    assert row.owed == "level_high"
    alerts = alerts_of(room)
    assert await rounds(room).pay(room.live) == 1
    assert await rounds(room).pay(room.live) == 0
    (alert,) = alerts.kept.values()
    hashed = room.installation.alert_entity(room.live, "customer", "cus")
    assert (alert.kind, alert.entity) == ("customer_risk", Entity("customer", hashed))
    assert not any("foreign" in reason.says for reason in alert.reasons)
    assert (alert.subject, alert.sequence) == ("level_high", row.seq)
    assert any(reason.name == "pep" for reason in alert.reasons)
    # The process may end between raising and noting it: the same alert again is the same.
    again = rounds(room).owed(room.live, row)
    assert alerts.raise_all(room.live, again) == 0


def typology_alert(room: Room, kind: Any, name: str, number: int, score: float = 60) -> Alert:
    entity = Entity(kind, room.installation.alert_entity(room.live, kind, name))
    now = room.clock.now_us()
    return Alert("typology", entity, f"pattern-{number}", score, 50, now, number, ())


async def test_alerts_of_monitoring_raise_the_score_at_the_next_look(room: Room) -> None:
    desk = room.installation.aml.alert_desk
    await put(room, "cus")
    await put(room, "m_1", COMPANY)
    before = await put(room, "other")
    await rounds(room).look(room.live)
    await desk.raised(room.live, [typology_alert(room, "payer", "cus", 1),
                                  typology_alert(room, "merchant", "m_1", 2, 95)])  # fmt: skip
    assert await rounds(room).look(room.live) == 2
    assert history(room, "cus")[0] == history(room, "m_1")[0] == "behaviour"
    cus, firm = (customers(room).find(room.live, name) for name in ("cus", "m_1"))
    assert cus.row.score == before.row.score + 4  # one alert
    assert firm.row.score >= 10  # of a score of 95
    assert await rounds(room).look(room.live) == 0
    assert customers(room).find(room.live, "other").row.number == 1
    room.clock.advance(91 * 86_400)
    await rounds(room).look(room.live)
    assert "alerted" not in customers(room).judged(room.live, "cus").factors


async def test_its_own_alerts_feed_nothing_and_lie_in_the_store(room: Room) -> None:
    await put(room, "cus", screening={"pep": "foreign"})
    await rounds(room).look(room.live)
    kept = room.installation.aml.alerts.page(room.live, AlertFilter(kind="customer_risk"), "", 9)
    assert [one.alert.subject for one in kept] == ["level_high"]
    assert await rounds(room).look(room.live) == 0
    assert "alerted" not in customers(room).judged(room.live, "cus").factors


async def test_reviews_come_due_are_told_once_and_are_done(room: Room) -> None:
    alerts = alerts_of(room)
    known = await put(room, "cus", screening={"pep": "foreign"})
    await rounds(room).pay(room.live)
    assert known.row.review_due_us == room.clock.now_us() + 180 * DAY
    room.clock.advance(181 * 86_400)
    for _ in range(3):
        await rounds(room).look(room.live)
        room.clock.advance(90_000)
    assert alerts.subjects() == ["level_high", "review_overdue"]
    wanted = Wanted(overdue=True, now_us=room.clock.now_us())
    assert [row.ref for row in customers(room).store.page(room.live, wanted, "", 9)] == [
        known.row.ref
    ]
    assert customers(room).store.counts(room.live, room.clock.now_us()).overdue == 1
    done = await customers(room).review(room.live, "cus", "all looked at", "person:ann")
    assert done.row.review_due_us == room.clock.now_us() + 180 * DAY
    assert customers(room).store.counts(room.live, room.clock.now_us()).overdue == 0


async def test_a_rise_brings_the_review_nearer(room: Room) -> None:
    low = await put(room, "cus")
    assert low.row.review_due_us == room.clock.now_us() + 1_095 * DAY
    room.clock.advance(86_400)
    high = await put(room, "cus", screening={"pep": "foreign"})
    assert high.row.review_due_us == room.clock.now_us() + 30 * DAY


async def test_diligence_is_open_until_somebody_says_what_was_found(room: Room) -> None:
    high = await put(room, "cus", screening={"pep": "foreign"})
    open_items = high.row.undone
    assert open_items >= 6
    counts = customers(room).store.counts(room.live, room.clock.now_us())
    assert counts.undone_high == 1
    items = [one.id for one in customers(room).models.in_force(room.live).diligence
             if Level.HIGH in one.levels]  # fmt: skip
    for number, item in enumerate(items, 1):
        done = Done("done", "person:ann", room.clock.now_us(), "in the file")
        found = await customers(room).diligence(room.live, "cus", item, done, "person:ann")
        assert found.row.undone == open_items - number
    assert customers(room).store.counts(room.live, room.clock.now_us()).undone_high == 0
    with pytest.raises(NotFound):
        await customers(room).diligence(room.live, "cus", "no-such-item", None, "person:ann")


async def test_another_model_assesses_everybody_anew(room: Room) -> None:
    for number in range(3):
        await put(room, f"cus-{number}")
    text = shipped_text().replace("thresholds: {medium: 25, high: 50}",
                                  "thresholds: {medium: 25, high: 51}")  # fmt: skip
    model = await customers(room).models.keep(room.live, text, "person:ann")
    seq = await perform(room, RISK_MODEL_PUBLISH, model_payload(model.id))
    assert entries_of(room)[-1] == (seq, entries.CustomerRiskEntry((), model.id, "model"))
    assert await rounds(room).look(room.live) == 3
    assert await rounds(room).look(room.live) == 0
    rows = customers(room).store.page(room.live, Wanted(), "", 9)
    assert {row.model for row in rows} == {model.id}
    assert history(room, "cus-1") == ["model", "facts"]


async def test_an_erased_person_leaves_level_and_figures_and_nothing_else(room: Room) -> None:
    await put(room, "cus_ann", screening={"pep": "foreign"})
    ref = customers(room).find(room.live, "cus_ann").row.ref
    subjects = room.installation.subject_names(room.live, {"payer_id": "cus_ann"})
    await perform(room, SUBJECT_ERASE, ErasurePayload(subjects).payload())
    known = customers(room).find(room.live, "cus_ann")
    assert known.file is None
    assert level(known) == "high"
    ((_, step),) = customers(room).history(room.live, ref, 2**31, 9)
    assert step is None
    room.clock.advance(90_000)
    assert await rounds(room).look(room.live) == 1
    assert await rounds(room).look(room.live) == 0
    assert room.fields(await room.decide(payer={"id": "cus_ann"}))["risk.customer_level"] == "high"
    fresh = await put(room, "cus_ann")
    assert fresh.file is not None
    assert level(fresh) == "low"


async def test_a_batch_is_taken_whole_or_not_at_all(room: Room) -> None:
    good, bad = form(), form(person={"country": "ZZ"})
    with pytest.raises(InvalidRequest) as refusal:
        await customers(room).put_many(room.live, [("a", good), ("b", bad)], "key:k")
    assert refusal.value.pointer == "/customers/1/person/country"
    with pytest.raises(NotFound):
        customers(room).find(room.live, "a")
    found = await customers(room).put_many(room.live, [("a", good), ("b", good)], "key:k")
    assert len({known.row.seq for known in found}) == 1
    with pytest.raises(InvalidRequest):
        await customers(room).put_many(room.live, [("a", good), ("a", good)], "key:k")


async def test_a_payout_is_held_by_what_the_merchant_could_owe(room: Room) -> None:
    await put(room, "m_1", COMPANY)
    for _ in range(3):
        paid = await room.decide(amount_minor=40_000_000)
        event = room.event("payment_result", payment_id=paid.entry.payment_id, status="captured")
        assert (await room.send(event))[0].status == "recorded"
        room.clock.advance(60)
    payout = {"type": "payout", "amount_minor": 500}
    held = await room.decide(**payout)
    fields = room.fields(held)
    # electronics: delivery within 14 days, nothing came back
    assert fields["risk.merchant_exposure_minor"] == 120_000_000
    assert fields["risk.merchant_exposure_limit_minor"] == 100_000_000
    assert (fields["risk.merchant_hold"], fields["risk.merchant_reserve_percent"]) == (True, 0)
    assert "exposed-merchant" in room.rules(held)
    await room.label(paid.entry.payment_id, "fraud")
    exposures = room.installation.customer_risk.exposures
    told = exposures.view(room.live, "m_1", "5732")
    assert told.chargeback_percent == 33.33
    assert told.reserve_percent == 80
    room.clock.advance(16 * 24 * HOUR // 1_000_000)
    later = room.fields(await room.decide(**payout))
    assert later["risk.merchant_hold"] is False
    assert all(one.identical for one in room.replay())


async def test_exposure_without_windows_is_not_known(customers_home: Path) -> None:
    async with opened(customers_home, files=FILES) as room:
        from decision_room import POLICY

        await room.publish(POLICY)
        fields = room.fields(await room.decide(type="payout"))
        assert "risk.merchant_exposure_minor" not in fields
        told = room.installation.customer_risk.exposures.view(room.live, "m_1", None)
        assert told.known is False
        assert "merchant_captured_90d" in told.missing_windows
