"""Card numbers in text: every brand is found in every dress, other numbers are not."""

from datetime import datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paywarden.reference.card_brands import BrandRange, card_brands
from paywarden.reference.card_numbers import (
    looks_like_card_number,
    luhn_check_digit,
    luhn_valid,
    value_looks_like_card_number,
)

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

# Numbers that schemes and processors publish for testing.
PUBLISHED = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "2720990000000007",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6759649826438453",
    "6304000000000000",
    "6205500000000000004",
    "2200000000000004",
    "6062826786276634",
]
DIGIT_SETS = [
    "0123456789",
    "０１２３４５６７８９",
    "٠١٢٣٤٥٦٧٨٩",
    "۰۱۲۳۴۵۶۷۸۹",
    "०१२३४५६७८९",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
]


@st.composite
def brand_numbers(draw: st.DrawFn) -> str:
    brand: BrandRange = draw(st.sampled_from(card_brands().ranges))
    length = draw(st.sampled_from(sorted(n for n in brand.lengths if n >= 13)))
    prefix = str(draw(st.integers(brand.low, brand.high)))
    rest = draw(st.text("0123456789", min_size=length - 9, max_size=length - 9))
    body = (prefix + rest)[: length - 1]
    return body + luhn_check_digit(body)


def dressed(draw: st.DrawFn, number: str) -> str:
    between = draw(st.sampled_from(["", " ", "-", "–", "\u00a0", "  ", " - ", "\u2011", "\t"]))
    size = draw(st.integers(1, 6))
    return between.join(number[n : n + size] for n in range(0, len(number), size))


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_test_numbers_are_found(number: str) -> None:
    assert luhn_valid(number)
    assert looks_like_card_number(number)
    assert looks_like_card_number(f"please charge {number}, thanks")
    assert looks_like_card_number(f"card={number};x")


@CALM
@given(st.data())
def test_every_brand_number_is_found_however_it_is_written(data: st.DataObject) -> None:
    number = data.draw(brand_numbers())
    written = dressed(data.draw, number)
    digits = data.draw(st.sampled_from(DIGIT_SETS))
    written = written.translate(str.maketrans("0123456789", digits))
    before = data.draw(st.sampled_from(["", "a", "order 12 ", "№ ", "x:", "(", "pan "]))
    after = data.draw(st.sampled_from(["", "b", " 12/28", ".", " exp", ")"]))
    assert looks_like_card_number(before + written + after)


@CALM
@given(brand_numbers(), st.integers(1, 9))
def test_a_wrong_check_digit_is_no_card(number: str, step: int) -> None:
    wrong = number[:-1] + str((int(number[-1]) + step) % 10)
    assert not looks_like_card_number(wrong)


@CALM
@given(brand_numbers(), st.text("0123456789", min_size=1, max_size=10))
def test_part_of_a_longer_run_is_no_card(number: str, more: str) -> None:
    run = more + number
    assume(len(run) > 19)
    assert not looks_like_card_number(run)
    assert not looks_like_card_number(number + "0" * (20 - len(number)))


@CALM
@given(st.text("0123456789", min_size=13, max_size=19))
def test_the_answer_equals_its_definition(digits: str) -> None:
    expected = luhn_valid(digits) and card_brands().accepts(digits)
    assert looks_like_card_number(digits) is expected


@CALM
@given(st.text("0123456789 -", max_size=60))
def test_windows_equal_the_slow_search(text: str) -> None:
    assert looks_like_card_number(text) is slow_search(text)


def slow_search(text: str) -> bool:
    groups: list[list[str]] = [[]]
    word, gap = "", 0
    for ch in text + "\n":
        if ch in "0123456789":
            if not word and gap > 3:
                groups.append([])
            word, gap = word + ch, 0
        else:
            if word:
                groups[-1].append(word)
            word, gap = "", gap + 1
    return any(
        13 <= len(run := "".join(group[i:j])) <= 19
        and luhn_valid(run)
        and card_brands().accepts(run)
        for group in groups
        for i in range(len(group))
        for j in range(i + 1, len(group) + 1)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111",
        "2026-11-22T01:02:03.123456Z",
        "1795309323500000",
        "+49 30 1234567",
        "DE89370400440532013000",
        "0000000000000000",
        "4111.1111/1111.1111",
        "41.111.111.111.111.111",
        "24.11.2026 24.11.2027",
        "4111=1111&1111=1111",
        "2400:3200:1234:1234:1234:1234:1234:1234",
        "1.3.6.1.4.1.311.21.20.4.1.2.3",
        "x" * 10_000,
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "4111111111111112",
        "5000000000",
    ],
)
def test_usual_fields_are_not_refused(text: str) -> None:
    assert not looks_like_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111\u200b1111\u200b1111\u200b1111",
        "4111\u00ad111111111111",
        "４１１１１１１１１１１１１１１１",
        "④①①①①①①①①①①①①①①①",
        "4111 1111 1111 1111 12/28 123",
        "1234 4111 1111 1111 1111",
        "4111.1111.1111.1111.5",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111 / 1111 / 1111 / 1111",
        "4111_1111_1111_1111",
        "4111\u00b71111\u00b71111\u00b71111",
        "4111\u20091111\u20091111\u20091111",
        "4111\u20131111\u20131111\u20131111",
        "４１１１．１１１１．１１１１．１１１１",
        "3782.822463.10005",
        "41.11.11.11.11.11.11.11",
        "on 24.11.2026: 4111.1111.1111.1111",
        *("4111 1111 1111 1111".replace(" ", mark) for mark in "#;=&@!?'^%$()<>`~|*+\\"),
    ],
)
def test_disguises_do_not_help(text: str) -> None:
    assert looks_like_card_number(text)


def test_numbers_of_json_count_too() -> None:
    assert value_looks_like_card_number(4111111111111111)
    assert value_looks_like_card_number(4111111111111111.0)
    assert not value_looks_like_card_number(4111111111111112)
    for other in (True, None, 12, float("nan"), float("inf"), 10**30, [], {}):
        assert not value_looks_like_card_number(other)


@CALM
@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    assert looks_like_card_number(text) in (True, False)


@CALM
@given(st.text("0123456789", min_size=1, max_size=30))
def test_check_digit_makes_the_number_valid(body: str) -> None:
    assert luhn_valid(body + luhn_check_digit(body))


@pytest.mark.parametrize(
    ("digits", "brand"),
    [
        ("411111", "visa"),
        ("510510", "mastercard"),
        ("222100", "mastercard"),
        ("272099", "mastercard"),
        ("222099", None),
        ("378282", "amex"),
        ("601111", "discover"),
        ("353011", "jcb"),
        ("305693", "diners"),
        ("620000", "unionpay"),
        ("675964", "maestro"),
        ("220012", "mir"),
        ("506699", "elo"),
        ("650031", "elo"),
        ("506100", "verve"),
        ("900000", None),
        ("65003199", "elo"),
    ],
)
def test_brand_by_longest_prefix(digits: str, brand: str | None) -> None:
    assert card_brands().brand_of(digits) == brand


@CALM
@given(
    st.lists(st.ip_addresses(v=4), min_size=1, max_size=6),
    st.sampled_from([" ", "/", ", ", ":", "|", " - "]),
)
def test_addresses_are_no_card(addresses: list[object], between: str) -> None:
    assert not looks_like_card_number(between.join(map(str, addresses[:1])))
    if between != " - " and between != " ":
        assert not looks_like_card_number(between.join(map(str, addresses)))


@CALM
@given(
    st.lists(st.datetimes(datetime(1900, 1, 1)), min_size=1, max_size=5),  # noqa: DTZ001
    st.sampled_from(["%d.%m.%Y", "%d/%m/%y", "%Y/%m/%d", "%d.%m.%Y %H:%M:%S", "%H.%M.%S"]),
    st.sampled_from([", ", " / ", "; ", " | "]),
)
def test_dates_and_times_are_no_card(moments: list[datetime], form: str, between: str) -> None:
    text = between.join(moment.strftime(form) for moment in moments)
    assert not looks_like_card_number(text)


@CALM
@given(st.from_regex(r"\+?[0-9]{2}([./][0-9]{2}){4,5}", fullmatch=True))
def test_telephone_numbers_are_no_card(text: str) -> None:
    assert not looks_like_card_number(text)


@CALM
@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,5}){3}", fullmatch=True))
def test_versions_are_no_card(text: str) -> None:
    assume(sum(map(str.isdigit, text)) < 13 or min(map(len, text.split("."))) < 3)
    assume(len({len(group) for group in text.split(".")}) > 1)
    assert not looks_like_card_number(text)
