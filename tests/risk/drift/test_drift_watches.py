"""Watches: missing fields, bounded memory, fresh values, outcomes, slices, samples, alarms."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping
from importlib import resources
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.outcome import Outcome
from paywarden.risk.drift.alarms import QUIET_US, STANDING, UNTOLD, AlarmBook, Change, Key
from paywarden.risk.drift.fields import PATHS, SHAPES, FieldWatch
from paywarden.risk.drift.novelty import CATEGORIES, FRESH, KNOWN, LEARN_MINUTES, NoveltyWatch
from paywarden.risk.drift.outcomes import OutcomeWatch
from paywarden.risk.drift.places import CANDIDATES, Places
from paywarden.risk.drift.sample import LEAST, ROWS, SLOTS, Sample, judge_psi, verdicts
from paywarden.risk.drift.slices import BANDS, SliceWatch, births, script_of
from paywarden.risk.drift.slots import Slots
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.scoring.drift import SCORE, reference_of

MINUTE_US = 60_000_000
DAY0 = 29_000_000 - 29_000_000 % 1_440  # a midnight, in minutes since 1970

FULL: Mapping[str, Any] = {
    "payment.amount_minor": 100, "payment.amount_base_minor": 100, "device.id": "d",
    "device.ip": "192.0.2.1", "ip.country": "DE", "payer.id": "p",
}  # fmt: skip


def without(*paths: str) -> dict[str, Any]:
    return {path: value for path, value in FULL.items() if path not in paths}


def standing(book: AlarmBook) -> set[tuple[str, str]]:
    return {(key.what, key.where) for key in book.standing}


def fields_of(watch: FieldWatch, book: AlarmBook, minute: int) -> None:
    watch.turn(minute, minute * MINUTE_US, book)


def test_one_broken_merchant_is_one_alarm_and_ends_when_it_is_mended() -> None:
    watch, book = FieldWatch(), AlarmBook()
    first: int | None = None
    for minute in range(DAY0, DAY0 + 130):
        broken = DAY0 + 60 <= minute < DAY0 + 80
        for merchant in ("m_1", "m_2", "m_3", None):
            for _ in range(5):
                gone = ("device.id",) if broken and merchant == "m_2" else ()
                watch.seen(merchant, without(*gone))
        fields_of(watch, book, minute + 1)
        if book.standing and first is None:
            first = minute - (DAY0 + 60)
        assert standing(book) <= {("device.id", "m_2")}
    assert first is not None
    assert first < 15
    assert not book.standing
    assert [one.raised for one in book.untold] == [True, False]
    told = book.untold[0]
    assert told.change.before < 0.01
    assert told.change.now > 0.1


def test_a_failing_table_is_seen_in_what_is_derived_and_not_in_its_source() -> None:
    watch, book = FieldWatch(), AlarmBook()
    for minute in range(DAY0, DAY0 + 60):
        for number in range(20):
            gone = ("ip.country",) if minute >= DAY0 + 50 else ()
            # half of the payments have no address at all, which is no news
            watch.seen(None, without(*gone) if number % 2 else without("device.ip", "ip.country"))
        fields_of(watch, book, minute + 1)
    assert standing(book) == {("ip.country", "")}


def test_night_and_day_are_no_alarm() -> None:
    """Fewer payments at night, and more of them without a device."""
    watch, book = FieldWatch(), AlarmBook()
    for minute in range(DAY0, DAY0 + 2 * 1_440):
        hour = minute // 60 % 24
        night = hour < 6
        for number in range(2 if night else 8):
            # the share without a device swings over the day
            swing = 0.5 - 0.5 * np.cos(2 * np.pi * (minute % 1_440) / 1_440)
            lacks = (number * 37 + minute * 13) % 100 < 15 * (1 - swing)
            watch.seen("m_1", without("device.id") if lacks else FULL)
        fields_of(watch, book, minute + 1)
        assert not book.standing, (minute - DAY0, book.standing)


def test_a_habit_of_the_hour_is_known_on_later_days() -> None:
    watch, book = FieldWatch(), AlarmBook()
    begun: list[int] = []
    for minute in range(DAY0, DAY0 + 4 * 1_440, 5):
        batch = minute // 60 % 24 == 2
        before = len(book.standing)
        for _ in range(20):
            watch.seen("m_1", without("device.id") if batch else FULL)
        fields_of(watch, book, minute + 1)
        if len(book.standing) > before:
            begun.append((minute - DAY0) // 1_440)
    assert begun == [0]  # news on the first day only


def test_fields_have_columns_and_shapes_do_not_grow() -> None:
    assert set(PATHS) <= set(FIELDS)
    assert {"device.id", "payer.name", "card.bin", "payment.currency"} <= set(PATHS)
    watch = FieldWatch(4)
    for number in range(2 * SHAPES):
        watch.seen(None, {PATHS[at]: 1 for at in range(len(PATHS)) if number >> at & 1})
    assert len(watch._shapes) <= SHAPES
    assert watch.slots.now[0, 0] == 2 * SHAPES
    assert watch.slots.now[0, 1] == SHAPES


def test_a_million_merchants_take_the_memory_of_the_first() -> None:
    slots = Slots(101, 1)
    places: Places[str] = Places(slots)
    for number in range(1_000_000):
        slots.now[places.row(f"m_{number}"), 0] += 1
        if number % 100_000 == 0:
            slots.roll(number // 100_000)
            places.turn()
    assert len(places) == 100
    assert len(places._candidates) <= CANDIDATES
    assert places.find("m_5") is not None  # nobody who came once pushed out who was there


@given(st.lists(st.lists(st.integers(0, 30), max_size=60), max_size=8))
def test_names_and_rows_stay_one_to_one(minutes: list[list[int]]) -> None:
    slots = Slots(6, 1)
    places: Places[int] = Places(slots)
    for minute, names in enumerate(minutes):
        for name in names:
            row = places.row(name)
            slots.now[0, 0] += 1
            slots.now[row, 0] += row > 0
        slots.roll(minute)
        places.turn()
        held = {row: places.name(row) for row in range(1, slots.used)}
        assert len(set(held.values())) == len(held) == len(places) <= 5
        assert all(name is not None and places.find(name) == row for row, name in held.items())
        assert slots.recent[1:, 0].sum() <= slots.recent[0, 0]


def test_a_busy_newcomer_takes_the_row_of_the_least() -> None:
    slots = Slots(3, 1)
    places: Places[str] = Places(slots)
    for minute in range(3):
        for name, count in (("big", 50), ("small", 2), ("new", 20 * minute)):
            for _ in range(count):
                slots.now[places.row(name), 0] += 1
        slots.roll(minute)
        places.turn()
    row = places.find("new")
    assert row is not None
    assert places.name(row) == "new"
    assert places.find("small") is None
    assert places.find("big") is not None
    assert slots.recent[row, 0] == 40  # what it sent before it had a row is not its own


def test_a_new_spelling_is_seen_and_then_known() -> None:
    watch, book = NoveltyWatch(), AlarmBook()
    path = "payment.channel"
    assert path in CATEGORIES
    payments = [0.0] * 5
    begun = None
    for minute in range(DAY0, DAY0 + 400):
        new = minute >= DAY0 + 200
        watch.turn(minute, minute * MINUTE_US, book, payments)
        for _ in range(10):
            watch.seen({path: "ECOM" if new else "ecommerce"})
        payments = [150.0, (minute - DAY0) * 10.0, 0.0, 0.0, 0.0]
        if book.standing and begun is None:
            begun = minute - DAY0 - 200
            assert standing(book) == {(path, "")}
            assert watch.fresh(path) == ["ECOM"]
    assert begun is not None
    assert begun <= 15
    assert not book.standing


def test_categories_are_bounded_and_hold_nothing_personal() -> None:
    assert not any(FIELDS[path].sealed for path in CATEGORIES)
    watch, book = NoveltyWatch(), AlarmBook()
    payments = (1_000.0, 10_000.0, 0.0, 0.0, 0.0)
    for minute in (0, 1, LEARN_MINUTES + 1, 3 * LEARN_MINUTES, 5 * LEARN_MINUTES):
        watch.turn(minute, minute * MINUTE_US, book, payments)
        for number in range(3_000):
            watch.seen({"device.language": f"{minute}-{number}"})
    column = CATEGORIES.index("device.language")
    assert len(watch._known[column]) <= KNOWN + 1
    assert len(watch._fresh[column]) <= FRESH
    watch.turn(5 * LEARN_MINUTES + 1, 0, book, payments)
    assert not book.standing  # so many values are no category


def test_outcomes_of_a_segment_rise_and_fall() -> None:
    watch, book = OutcomeWatch(), AlarmBook()
    seen: list[set[tuple[str, str]]] = []
    for minute in range(200):
        for number in range(20):
            share = {0: 2, 1: 8, 2: 0}[0 if minute < 100 else 1 if minute < 130 else 2]
            blocked = number < share
            watch.seen("money_out", Outcome.BLOCK if blocked else Outcome.ALLOW)
            watch.seen("other", Outcome.ALLOW)
        watch.turn(minute + 1, minute * MINUTE_US, book)
        seen.append(standing(book))
    assert seen[99] == set()
    assert ("block", "money_out") in seen[115]
    assert ("block", "money_out") in seen[150]  # silence is an alarm too
    assert not any(where == "other" for found in seen for _what, where in found)
    assert {name for name, _now, _before in watch.shown()} == {"", "money_out", "other"}


@pytest.mark.parametrize(
    ("name", "script"),
    [("Ann", "latin"), ("Żaneta", "latin"), ("Иван", "cyrillic"), ("王伟", "han"),
     ("محمد", "arabic"), ("שרה", "other"), ("42", "other"), ("", "other")],
)  # fmt: skip
def test_script_of_a_name(name: str, script: str) -> None:
    assert script_of(name) == script


def test_age_bands_change_on_the_birthday() -> None:
    day = births(DAY0)
    year, rest = int(day[-1][:4]), day[-1][4:10]

    def band(birth: str) -> str:
        return BANDS[bisect_right(day, birth)]

    assert band(f"{year}{rest}") == "18-24"
    assert band(f"{year}-12-31") == "under 18"
    assert band(f"{year - 7}{rest}") == "25-34"
    assert band("1920-01-01") == "65+"


def test_a_slice_that_is_blocked_more_often_is_an_alarm_and_no_name_is_kept() -> None:
    watch, book = SliceWatch(), AlarmBook()
    watch.turn(DAY0, 0, book)
    for number in range(4_000):
        cyrillic = number % 4 == 0
        often = number % 10 < 4 if cyrillic else number % 10 < 2
        fields = {
            "payer.name": "Иван Секретный" if cyrillic else "Ann Secret",
            "payer.country": "DE" if number % 2 else "FR",
            "payer.birth_date": "1980-05-05",
        }
        watch.seen(fields, Outcome.BLOCK if often else Outcome.ALLOW)
    watch.turn(DAY0 + 1, MINUTE_US, book)
    assert ("block", "script:cyrillic") in standing(book)
    assert not any(where.startswith("age") for _what, where in standing(book))
    held = repr(vars(watch.places)) + repr(watch.shown())
    assert "Secret" not in held
    assert "Секрет" not in held
    assert "1980" not in held
    found = {(one.name, one.measure): one for one in watch.shown()}
    assert found["cyrillic", "block"].payments == 1_000
    assert found["35-49", "block"].ratio is None


def test_few_payments_of_a_slice_say_nothing() -> None:
    watch, book = SliceWatch(), AlarmBook()
    for number in range(2_000):
        rare = number % 5 == 0
        watch.seen({"payer.country": "NO" if rare else "DE"},
                   Outcome.BLOCK if rare else Outcome.ALLOW)  # fmt: skip
    watch.turn(1, MINUTE_US, book)
    assert not book.standing  # 400 of NO


def model_of(rows: Any, name: str = "md_1") -> Any:
    both = np.column_stack([rows, rows[:, 0] / 10]).astype(np.float32)
    reference = reference_of(both, ["a", "b", SCORE])
    return SimpleNamespace(name=name, inputs=("a", "b"), reference=reference)


def test_a_shifted_input_raises_its_index_and_a_steady_one_does_not() -> None:
    chance = np.random.default_rng(1)
    trained = chance.normal(5, 1, (20_000, 2))
    model, book = model_of(trained), AlarmBook()
    sample = Sample(model, random.Random(1), 0)
    for minute in range(200):
        sample.turn(minute)
        shift = 1.5 if minute >= 100 else 0.0
        for row in chance.normal(5, 1, (30, 2)):
            row[1] += shift
            sample.add(row.tolist(), float(row[0]) / 10)
        if minute == 99:
            steady = verdicts(model, sample.rows(6), sample.rows(SLOTS))
            assert all(one.psi < 0.1 for one in steady.hour)
    found = verdicts(model, sample.rows(6), sample.rows(SLOTS))
    by_name = {one.name: one for one in found.hour}
    assert found.hour[0].name == "b"
    assert by_name["b"].verdict == "act"
    assert by_name["b"].ks > 0.3
    assert by_name["a"].psi < 0.1
    assert by_name[SCORE].psi < 0.1
    judge_psi([found], {"md_1": LEAST}, 1, book)
    assert standing(book) == {("b", "md_1")}
    judge_psi([found], {"md_1": LEAST - 1}, 2, book)
    assert not book.standing


def test_a_sample_is_bounded_even_and_weighs_by_traffic() -> None:
    sample = Sample(model_of(np.ones((200, 2))), random.Random(2), 0)
    for number in range(20_000):
        sample.add((float(number), 0.0), 0.5)
    rows = sample.rows(SLOTS)
    assert rows.shape == (ROWS, 3)
    assert 6_000 < rows[:, 0].mean() < 14_000
    sample.turn(10)
    for _ in range(2_000):
        sample.add((-1.0, 0.0), 0.5)
    mixed = sample.rows(SLOTS)
    assert (mixed[:, 0] == -1.0).sum() == 7  # a tenth of the traffic
    sample.turn(10 + 10 * SLOTS * 3)
    assert len(sample.rows(SLOTS)) == 0


def test_an_alarm_is_told_once_an_hour_and_floods_are_bounded() -> None:
    book, key = AlarmBook(), Key("missing", "device.id", "m")
    for minute in range(0, 120, 2):
        book.forget_old(minute * MINUTE_US)
        book.take("missing", {key: Change(0.0, 1.0)}, (), minute * MINUTE_US)
        book.take("missing", {}, (), (minute + 1) * MINUTE_US)
    assert sum(one.raised for one in book.untold) == 2
    assert sum(not one.raised for one in book.untold) == 2
    assert book.untold[2].since_us - book.untold[0].since_us == QUIET_US
    flood = {Key("psi", str(number), ""): Change(0, 1) for number in range(3 * STANDING)}
    book.take("psi", flood, (), 10**15)
    assert len(book.standing) == STANDING
    assert len(book.untold) <= UNTOLD
    first = book.untold[0]
    book.told(first)
    assert first not in book.untold


def test_no_shipped_input_reads_what_fairness_groups_by() -> None:
    text = (resources.files("paywarden.risk.scoring") / "default_inputs.yaml").read_text()
    assert "payer.name" not in text
    assert "payer.birth_date" not in text
    assert text.count("payer.country") == text.count("ip.country != payer.country")
