"""The picture and the lines, from a snapshot alone."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from rich.console import Console

from paywarden.cli.demo.lines import clock, euros, line, money, stops, summary
from paywarden.cli.demo.scoring import Attacks, Score
from paywarden.cli.demo.snapshot import Notable, Pacing, Snapshot
from paywarden.cli.demo.statistics import Percentiles
from paywarden.cli.demo.view import course, view

KINDS = ("account_takeover", "card_testing", "compromised_terminal", "stolen_card")
OUTCOMES = ("allow", "challenge", "review", "block")


def notable(number: int) -> Notable:
    return Notable(
        at_seconds=float(number), payment_id=f"demo1-x-a0-pay-{number}", type="card_payment",
        amount_minor=123_456, currency=("EUR", "JPY", "XXX")[number % 3], merchant="m-1",
        outcome=OUTCOMES[1 + number % 3], points=70, reasons=("CARD_TESTING", "NEW_DEVICE"),
        texts=("Too many declined payments", "A device not seen before"),
        truth=("card_testing", "genuine")[number % 2], times=1 + number,
    )  # fmt: skip


def snapshot(payments: int = 1_000) -> Snapshot:
    score = Score()
    for number in range(payments):
        kind = KINDS[number % 4]
        outcome = OUTCOMES[number % 3]
        score.decided(True, kind, f"a/{kind}", 5_000, outcome)
        score.decided(False, None, None, 9_000, "allow" if number % 9 else "review")
    return Snapshot(
        api="http://127.0.0.1:8080", seconds=83.2, decisions=2 * payments, per_second=96.4,
        course=tuple(range(60)), outcomes=dict(zip(OUTCOMES, (900, 60, 30, 10), strict=True)),
        latency=Percentiles(3.21, 9.87, 41.5, 242.3), events=3_210,
        reasons=(("CARD_TESTING", 216), ("NEW_DEVICE", 3)), rules=(("burst.ecommerce", 100),),
        scenarios=(("card_testing", 100),), explained=107, degraded=(("rate_missing", 5),),
        refused=(("event: payment_unknown", 1),),
        held_back=(("too_many_requests", 4),), standing=score.standing(),
        notable=tuple(notable(number) for number in range(25)),
        pacing=Pacing(6, 300.0, 293.4, 1.5),
    )  # fmt: skip


def empty() -> Snapshot:
    return Snapshot(
        api="http://127.0.0.1:8080", seconds=0.0, decisions=0, per_second=0.0, course=(),
        outcomes=dict.fromkeys(OUTCOMES, 0), latency=Percentiles(0.0, 0.0, 0.0, 0.0), events=0,
        reasons=(), rules=(), scenarios=(), explained=0, degraded=(), refused=(), held_back=(),
        standing=Score().standing(), notable=(), pacing=Pacing(6, 300.0, 0.0, 0.0),
    )  # fmt: skip


def drawn(shot: Snapshot, width: int, height: int, colour: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=colour,
        no_color=not colour, color_system="standard" if colour else None,
    )  # fmt: skip
    console.print(view(shot, console, "ends with any key"), height=height)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (120, 40), (100, 30)])
@pytest.mark.parametrize("shot", [snapshot(), empty()], ids=["full", "empty"])
def test_the_picture_fits_its_screen(width: int, height: int, shot: Snapshot) -> None:
    lines = drawn(shot, width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "paywarden demo" in lines[0]
    assert "ends with any key" in lines[0]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_everything_that_matters_is_on_the_screen(width: int, height: int) -> None:
    text = "\n".join(drawn(snapshot(), width, height))
    for word in ("96/s", "allow 900", "block 10", "p50", "3.21", "p99", "41.50",
                 "genuine hurt", "caught", "CARD_TESTING", *KINDS):  # fmt: skip
        assert word in text
    assert any(word in text for word in ("challenge x1", "challenge", "review x2"))


def test_without_colour_there_is_no_escape_and_with_it_the_same_words() -> None:
    plain = "\n".join(drawn(snapshot(), 120, 40))
    assert "\x1b" not in plain
    assert "\x1b[" in "\n".join(drawn(snapshot(), 120, 40, colour=True))


def test_a_tiny_window_does_not_break_it() -> None:
    lines = drawn(snapshot(), 20, 6)
    assert len(lines) == 6
    assert max(map(len, lines)) <= 20


def test_the_course_is_drawn_with_the_blocks_given() -> None:
    assert course(empty(), ".#") == ""
    picture = course(snapshot(), ".:#", width=6)
    assert len(picture) == 6
    assert picture[-1] == "#"


def test_lines_say_the_figures() -> None:
    text = line(snapshot())
    assert text.startswith("01:23  96/s  allow 900 challenge 60 review 30 block 10")
    assert "p50 3.2 p95 9.9 p99 41.5 ms" in text
    assert "fraud caught 666/1000" in text
    assert "genuine hurt 112/1000" in text


def test_the_summary_names_every_campaign_type_and_what_went_wrong() -> None:
    text = summary(snapshot())
    for kind in KINDS:
        assert f"  {kind}: " in text
    for word in ("fraud caught: 666 of 1000 payments (66.6 %)", "33,300 EUR of 50,000 EUR",
                 "genuine payments hurt: 112 of 1000", "rate_missing 5",
                 "event: payment_unknown 1", "busy server made wait: too_many_requests 4",
                 "given up: 1.5 s",
                 "293 of 300 times", "in 107 records looked up"):  # fmt: skip
        assert word in text


def test_the_summary_of_nothing_divides_by_nothing() -> None:
    text = summary(empty())
    assert text.startswith("0 decisions in 0.0 s (0.0/s)")
    assert "fraud caught: 0 of 0 payments (-)" in text


def test_the_document_is_json_and_holds_no_person_or_card() -> None:
    document = json.loads(msgspec.json.encode(snapshot().document()))
    assert document["decisions"] == 2_000
    assert set(document["latency_ms"]) == {"p50", "p95", "p99", "max"}
    assert document["labelled"]["caught"] == 666
    assert set(document["campaigns"]) == set(KINDS)
    assert set(document["latest"][0]) == {
        "at_seconds", "payment_id", "type", "amount_minor", "currency", "merchant", "outcome",
        "points", "reasons", "truth", "times",
    }  # fmt: skip


def test_money_follows_the_currency() -> None:
    assert money(123_456, "EUR") == "1,234.56 EUR"
    assert money(123_456, "JPY") == "123,456 JPY"
    assert euros(123_456) == "1,235 EUR"
    assert clock(3_725.0) == "62:05"
    assert stops(Attacks(campaigns=2)) == "0 of 2 campaigns"
