"""Files of typologies: what is read, every fault with its place and remedy, examples as tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.monitoring.typology_reader import (
    read_typologies,
    shipped_files,
    shipped_typologies,
)
from paywarden.risk.rules.findings import PolicyErrors

GOOD = """\
id: fan-in
title: Many payers collect on one account
family: fan_in
sources: [FATF 2018]
explanation: >-
  Money comes from many
  and leaves at once.
runs: log
entity: account
features:
  senders: {function: distinct_counterparties, direction: in, window: 7d}
  kept: {function: share_kept, window: 7d}
terms:
  many: {when: flow.senders >= 8, weight: 50, says: "{flow.senders} senders"}
  little: {when: flow.kept < 0.1, weight: 30, says: "{flow.kept:percent} kept"}
score: {sum: [many, {max: [little, 10]}]}
alert: 55
examples:
  - given: {flow: {senders: 9, kept: 0.05}}
    score: 80
  - given: {flow: {senders: 9}}
    score: 60
"""
PAYMENT = """\
id: burst
title: Many new payees
family: new_payees
sources: [a]
explanation: b
runs: payment
entity: payer
terms:
  many:
    when: distinct(payer, payee.id, "1d") >= 5
    weight: 60
    says: '{distinct(payer, payee.id, "1d")} payees'
score: many
alert: 60
interdict: 60
examples:
  - given: {windows: {'distinct(payer, payee.id, "1d")': 6}}
    score: 60
"""


def faults(text: str, name: str = "one.yaml") -> list[tuple[str, int]]:
    reading = read_typologies({name: text.encode()})
    for finding in reading.findings.items:
        assert finding.file == name
        assert finding.remedy
    return [(finding.code, finding.line) for finding in reading.findings.items]


def test_a_file_comes_out_as_values() -> None:
    (made,) = read_typologies({"one.yaml": GOOD.encode()}).checked()
    assert (made.id, made.runs, made.entity, made.alert, made.quiet_days) == (
        "fan-in", "log", "account", 55.0, 30,
    )  # fmt: skip
    assert made.explanation == "Money comes from many and leaves at once."
    assert [feature.name for feature in made.features] == ["senders", "kept"]
    assert dict(made.features[0].settings) == {"direction": "in", "window": "7d"}
    assert made.terms[1].says == "{flow.kept:percent} kept"


def test_window_macros_become_windows_in_conditions_and_texts() -> None:
    (made,) = read_typologies({"one.yaml": PAYMENT.encode()}).checked()
    (term,) = made.terms
    assert term.when.startswith("agg.w_distinct_id_payer_1d_")
    assert term.says.startswith("{agg.w_distinct_id_payer_1d_")
    assert term.written == 'distinct(payer, payee.id, "1d") >= 5'
    assert made.interdict == 60.0


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("runs: log", "runs: sometimes", "unknown_runs", 8),
        ("entity: account", "entity: dog", "unknown_entity", 9),
        ("family: fan_in", "family: Fan In", "bad_name", 3),
        ("id: fan-in", "id: Fan_In", "bad_name", 1),
        ("sources: [FATF 2018]", "sources: []", "missing_key", 1),
        ("alert: 55", "alert: 500", "threshold_out_of_reach", 17),
        ("alert: 55", "alert: 10", "threshold_without_terms", 17),
        ("alert: 55", "alert: 55\ninterdict: 70", "key_without_use", 18),
        ("alert: 55", "alert: 55\ncolour: red", "unknown_key", 18),
        ("[many, {max", "[manny, {max", "unknown_term", 16),
        ("{max: [little, 10]}", "{median: [little, 10]}", "unknown_operator", 16),
        ("{max: [little, 10]}", "{max: [10, 10]}", "term_without_use", 16),
        ("{max: [little, 10]}", "{max: []}", "bad_value", 16),
        ("flow.senders >= 8", "flow.senders >=", "syntax", 14),
        ("flow.senders >= 8", "flow.sender >= 8", "unknown_name", 14),
        ("flow.senders >= 8", "transfer.amount_minor + 8", "wrong_result_type", 14),
        ('"{flow.senders} senders"', '"{flow.senders senders"', "bad_sentence", 14),
        ('"{flow.senders} senders"', '"{flow.sendrs} senders"', "unknown_name", 14),
        ("weight: 50", "weight: 5e9", "bad_value", 14),
        ("score: 80", "score: 79", "example_failed", 19),
        ("function: share_kept, ", "", "missing_key", 12),
    ],
)
def test_every_fault_has_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    lines = [at for found_code, at in found if found_code == code or code == "syntax"]
    assert line in lines, found


def test_all_faults_of_all_files_come_at_once() -> None:
    bad = GOOD.replace("alert: 55", "alert: 500").replace("entity: account", "entity: dog")
    reading = read_typologies({"a.yaml": bad.encode(), "b.yaml": b"[1, 2]", "c.yaml": b"\xff"})
    assert {(one.file, one.code) for one in reading.findings.items} >= {
        ("a.yaml", "threshold_out_of_reach"),
        ("a.yaml", "unknown_entity"),
        ("b.yaml", "bad_value"),
        ("c.yaml", "not_utf8"),
    }
    with pytest.raises(PolicyErrors):
        reading.checked()


def test_two_files_cannot_share_an_id() -> None:
    reading = read_typologies({"a.yaml": GOOD.encode(), "b.yaml": GOOD.encode()})
    assert [(one.file, one.code) for one in reading.findings.items] == [
        ("b.yaml", "duplicate_typology")
    ]


def test_a_text_never_shows_what_is_sealed() -> None:
    shown = PAYMENT.replace("says: '{", "says: '{payer.name} {")
    assert faults(shown) == [("sealed_field_shown", 12)]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    reading = read_typologies({"one.yaml": text.encode()})
    assert reading.findings.failed
    assert not reading.typologies


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    assert read_typologies({"one.yaml": octets}).findings.failed


def test_shipped_files_are_sound() -> None:
    typologies = shipped_typologies()
    assert {f"{one.id}.yaml" for one in typologies} == set(shipped_files())


def test_the_example_of_the_how_to_is_sound() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "write-a-typology.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    (made,) = read_typologies({"quick-cash-out.yaml": example.encode()}).checked()
    assert [name for name, _ in made.values] == ["paid_in", "out"]
    assert made.terms[0].when.count("agg.w_sum_amount_base_minor_payer_6h_") == 3


VALUES = PAYMENT.replace("terms:", "values:\n  {}\nterms:").replace(
    "    when: distinct(payer, payee.id, \"1d\") >= 5", "    when: payees >= 5"
).replace("'{distinct(payer, payee.id, \"1d\")} payees'", "'{payees} payees'")  # fmt: skip


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ("payment: 3", "bad_name"),
        ("Payees: 3", "bad_name"),
        ("payees: [1]", "bad_value"),
        ("payees: distinct(payer", "syntax_error"),
        ("others: 3", "unknown_name"),
        ("payees: distinct(payer, payee.id)", "bad_window"),
    ],
)
def test_faulty_values_are_found(values: str, code: str) -> None:
    found = faults(VALUES.replace("{}", values, 1))
    assert code in {one for one, _ in found}, found


def test_values_replace_names_before_anything_is_checked() -> None:
    named = VALUES.replace("{}", 'payees: distinct(payer, payee.id, "1d")', 1)
    (plain,) = read_typologies({"one.yaml": PAYMENT.encode()}).checked()
    (made,) = read_typologies({"one.yaml": named.encode()}).checked()
    assert (made.terms[0].when, made.terms[0].says) == (plain.terms[0].when, plain.terms[0].says)
    assert made.terms[0].written == "payees >= 5"


def test_values_that_double_and_double_are_refused() -> None:
    lines = "\n".join(f"  v{n}: v{n - 1} + v{n - 1}" for n in range(1, 40))
    found = faults(VALUES.replace("  {}", "  v0: 1\n" + lines + "\n  payees: v39", 1))
    assert "condition_too_long" in {one for one, _ in found}
