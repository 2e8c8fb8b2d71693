"""The two files: same bytes, documented fields, no truth in what the platform sees."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.simulator import bodies, bulk
from paywarden.simulator.bulk import write

REFERENCE_CARD = re.compile(r"card-[a-z2-7]{12}\Z")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, pl.DataFrame, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("demo")
    summary = write("demo", 11, 4, folder)
    return (
        summary,
        pl.read_parquet(folder / bulk.EVENTS_FILE),
        pl.read_parquet(folder / bulk.TRUTH_FILE),
    )


def _digests(folder: Path, hash_seed: str) -> list[str]:
    code = f"from paywarden.simulator.bulk import write; write('demo', 5, 1, {str(folder)!r})"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return [
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (bulk.EVENTS_FILE, bulk.TRUTH_FILE)
    ]


def test_same_seed_gives_same_bytes_in_another_process(tmp_path: Path) -> None:
    first = _digests(tmp_path / "a", "1")
    assert first == _digests(tmp_path / "b", "4242")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    frames = []
    for seed in (5, 6):
        write("demo", seed, 1, tmp_path)
        frames.append(pl.read_parquet(tmp_path / bulk.EVENTS_FILE))
    assert not set(frames[0]["id"]) & set(frames[1]["id"])


def test_events_are_in_time_order_and_ids_unique(demo) -> None:
    _, events, _ = demo
    assert events["occurred_at"].is_sorted()
    payments = events.filter(pl.col("kind") == "payment")
    assert payments.select("id", "attempt").is_duplicated().sum() == 0
    others = events.filter(pl.col("kind") != "payment")
    assert others["id"].is_duplicated().sum() == 0
    known = payments.select(payment_id="id", attempt="attempt")
    speaking = others.filter(pl.col("payment_id").is_not_null())
    assert len(speaking) > 0
    assert len(speaking.join(known, on=["payment_id", "attempt"], how="anti")) == 0


def test_every_payment_has_exactly_one_result_after_it(demo) -> None:
    _, events, _ = demo
    results = events.filter(
        (pl.col("kind") == "payment_result")
        & pl.col("status").is_in(["authorised", "declined", "refunded"])
    ).select("payment_id", "attempt", result_at="occurred_at", answered="status", said="code")
    payments = events.filter(pl.col("kind") == "payment").select(
        "occurred_at", payment_id="id", attempt="attempt"
    )
    both = payments.join(results, on=["payment_id", "attempt"], how="left")
    assert len(both) == len(payments)
    assert both["answered"].null_count() == 0
    assert ((both["result_at"] - both["occurred_at"]).dt.total_microseconds() > 0).all()
    assert ((both["said"] == "00") == (both["answered"] != "declined")).all()
    refunds = set(events.filter(pl.col("type") == "refund")["id"])
    assert refunds == set(both.filter(pl.col("answered") == "refunded")["payment_id"])


def test_truth_covers_every_payment_and_is_nowhere_else(demo) -> None:
    summary, events, truth = demo
    payments = events.filter(pl.col("kind") == "payment")
    judged = truth.filter(pl.col("kind") == "payment")
    assert len(judged) == len(payments)
    assert judged.select("id", "attempt").equals(payments.select("id", "attempt"))
    assert judged["fraud"].sum() == summary["fraud_payments"] > 0
    assert (truth.filter("fraud")["campaign_type"].null_count()) == 0
    forbidden = re.compile("fraud|campaign|truth|exposed|attack")
    assert not [name for name in events.columns if forbidden.search(name)]
    text = events.filter(pl.col("kind") != "label").select(pl.col(pl.String)).unpivot()["value"]
    assert not text.str.contains(r"camp-|fraud|stolen_card|card_testing|takeover").any()


def test_payment_rows_carry_no_later_knowledge(demo) -> None:
    _, events, _ = demo
    payments = events.filter(pl.col("kind") == "payment")
    for name in ("status", "code", "verdict", "source", "reason", "result", "payment_id"):
        assert payments[name].null_count() == len(payments), name


def test_names_do_not_tell_who_made_them(demo) -> None:
    _, events, truth = demo
    payments = events.filter(pl.col("kind") == "payment").join(
        truth.select("kind", "id", "attempt", "fraud"), on=["kind", "id", "attempt"]
    )
    by_letter = payments.group_by(pl.col("id").str.slice(4, 1)).agg(pl.col("fraud").mean())
    assert len(by_letter) == 32
    # every first letter holds fraud and none holds much more than its share
    overall = payments["fraud"].mean()
    assert by_letter["fraud"].min() > overall / 4
    assert by_letter["fraud"].max() < overall * 3


def test_fraud_fills_the_same_fields_as_genuine_payments(demo) -> None:
    _, events, truth = demo
    payments = events.filter(pl.col("kind") == "payment").join(
        truth.select("kind", "id", "attempt", "fraud"), on=["kind", "id", "attempt"]
    )
    shape = pl.concat_str([pl.col(c).is_null().cast(pl.Int8) for c in events.columns])
    patterns = payments.with_columns(shape=shape).group_by("shape").agg(
        honest=(~pl.col("fraud")).sum(), fraud=pl.col("fraud").sum()
    )  # fmt: skip
    assert patterns.filter((pl.col("fraud") > 0) & (pl.col("honest") == 0)).is_empty()


def test_cards_are_opaque_and_nothing_looks_like_a_card_number(demo) -> None:
    card_numbers = pytest.importorskip("paywarden.reference.card_numbers")
    _, events, _ = demo
    for name in events.select(pl.col(pl.String)).columns:
        for value in events[name].drop_nulls().unique().to_list():
            assert not card_numbers.looks_like_card_number(value), name
    references = events["instrument.reference"].drop_nulls().unique()
    assert all(REFERENCE_CARD.match(reference) for reference in references)


def test_every_body_is_what_the_api_documents(demo) -> None:
    msgspec = pytest.importorskip("msgspec")
    messages = pytest.importorskip("paywarden.decision.messages")
    _, events, _ = demo
    instant = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
    for row in events.sample(4_000, seed=1).to_dicts():
        target, body = bodies.from_row(row)
        kind = messages.DecisionRequest if target == "payment" else messages.Event
        msgspec.convert(body, kind)
        inner = body["payment"] if target == "payment" else body
        assert len(inner["id"]) <= 64
        assert instant.match(inner["occurred_at"])
        if target == "payment":
            assert inner["amount_minor"] > 0
            assert re.fullmatch("[A-Z]{3}", inner["currency"])


def test_codes_are_iso_and_accounts_have_valid_check_digits(demo) -> None:
    _, events, _ = demo
    for name in [c for c in events.columns if c.endswith("country")]:
        assert events[name].drop_nulls().str.contains("^[A-Z]{2}$").all(), name
    assert events["merchant.mcc"].drop_nulls().str.contains("^[0-9]{4}$").all()
    accounts = events["payee.account"].drop_nulls().unique().to_list()
    assert accounts
    for account in accounts:
        digits = "".join(str(int(c, 36)) for c in account[4:] + account[:4])
        assert int(digits) % 97 == 1


def test_holding_out_a_campaign_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    write("demo", 3, 1, tmp_path / "all")
    write("demo", 3, 1, tmp_path / "less", without=["card_testing"])
    everything = pl.read_parquet(tmp_path / "all" / bulk.EVENTS_FILE)
    less = pl.read_parquet(tmp_path / "less" / bulk.EVENTS_FILE)
    truth = pl.read_parquet(tmp_path / "all" / bulk.TRUTH_FILE)
    tests = truth.filter((pl.col("campaign_type") == "card_testing") & pl.col("fraud"))
    assert len(tests) > 0
    kept = everything.filter(~pl.coalesce("payment_id", "id").is_in(tests["id"].implode()))
    assert kept.equals(less)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("demo", -1, 1), "simulation_seed_invalid"),
        (("demo", 1, 0), "simulation_days_invalid"),
        (("demo", 1, 367), "simulation_days_invalid"),
        (("large", 1, 1), "simulation_preset_unknown"),
    ],
)
def test_bad_arguments_are_refused_with_a_code(tmp_path: Path, arguments, code) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(*arguments, tmp_path)
    assert caught.value.code == code


def test_unknown_campaign_and_odd_start_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="campaign_unknown"):
        write("demo", 1, 1, tmp_path, without=["nothing"])
    with pytest.raises(InvalidRequest, match="simulation_start_invalid"):
        write("demo", 1, 1, tmp_path, start_us=5)
