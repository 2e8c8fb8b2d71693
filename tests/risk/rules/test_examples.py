"""Examples: run through the reference interpreter, with what is missing left missing."""

import pytest

from paywarden.risk.rules.check import check_files

HEAD = b"""
name: t
base_currency: EUR
segments: [{name: shop, when: "true"}, {name: till, when: "true"}]
lists: {stolen: card}
"""
WINDOWS = b"""
- {name: n, function: count, by: [card], window: 1h}
- {name: a, function: avg, of: payment.amount_minor, by: [card], window: 1h}
"""


def codes(when: str, example: str, extra: str = "") -> list[str]:
    rules = f"""
- id: r
  scenario: s
  when: {when}
  then: {{points: 1}}
  {extra}
  examples:
    - {example}
"""
    files = {"policy.yaml": HEAD, "aggregates.yaml": WINDOWS, "rules/a.yaml": rules.encode()}
    found = check_files(files).items
    return [f.code for f in found if f.severity == "error"]


@pytest.mark.parametrize(
    ("when", "given", "fires"),
    [
        ("agg.n >= 5", "{agg: {n: 5}}", True),
        ("agg.n >= 5", "{agg: {n: 4}}", False),
        ("agg.n >= 5", "{}", False),
        ("agg.n >= 5", "{agg: {n: null}}", False),
        ("has(payer.id)", "{payer: {id: null}}", False),
        ("agg.n >= 5 || payment.amount_minor > 1", "{payment: {amount_minor: 2}}", True),
        ("payment.amount_minor > 2.5 * agg.a", "{payment: {amount_minor: 9}, agg: {a: 3}}", True),
        ("card.fingerprint in lists.stolen", "{card: {fingerprint: x}}", False),
        ("'!(card.fingerprint in lists.stolen)'", "{card: {fingerprint: x}}", True),
        (
            "card.fingerprint in lists.stolen",
            "{card: {fingerprint: x}, lists: {stolen: [x]}}",
            True,
        ),
        ("payment.metadata.basket > 2", "{payment: {metadata: {basket: 3}}}", True),
        ("payment.metadata.basket > 2", "{payment: {metadata: {}}}", False),
        (
            "payment.occurred_at > timestamp('2026-01-01T00:00:00Z')",
            "{payment: {occurred_at: 2026-02-01T00:00:00Z}}",
            True,
        ),
        (
            'count(card, "5m") > 3 && agg.n > 1',
            "{windows: {'count(card, \"5m\")': 4}, agg: {n: 2}}",
            True,
        ),
        ("payment.amount_minor / payment.hour > 0", "{payment: {amount_minor: 1}}", False),
    ],
)
def test_an_example_is_a_test(when: str, given: str, fires: bool) -> None:
    right, wrong = str(fires).lower(), str(not fires).lower()
    assert codes(when, f"{{given: {given}, fires: {right}}}") == []
    assert codes(when, f"{{given: {given}, fires: {wrong}}}") == ["example_failed"]


def test_a_given_segment_or_phase_has_to_fit_the_rule() -> None:
    extra = "segments: [shop]"
    assert codes("'true'", "{given: {segment: till}, fires: false}", extra) == []
    assert codes("'true'", "{given: {segment: shop}, fires: true}", extra) == []
    assert codes("'true'", "{given: {payment: {phase: refund}}, fires: false}", extra) == []


@pytest.mark.parametrize(
    ("example", "code"),
    [
        ("{given: {agg: {m: 1}}, fires: true}", "unknown_name"),
        ("{given: {agg: {n: many}}, fires: true}", "example_error"),
        ("{given: {agg: {n: 1.5}}, fires: true}", "example_error"),
        ("{given: {payment: {occurred_at: soon}}, fires: false}", "bad_value"),
        ("{given: {agg: {n: 9}}}", "missing_key"),
        ("{given: {agg: {n: 9}}, fires: 1}", "bad_value"),
        ("{given: [1], fires: true}", "bad_value"),
        ("{given: {windows: {agg.n: 3}, agg: {n: 9}}, fires: true}", "bad_window"),
        ("{given: {windows: {'count(kard)': 3}, agg: {n: 9}}, fires: true}", "bad_window"),
        ("{given: {agg: {n: 9}}, fire: true}", "unknown_key"),
    ],
)
def test_an_example_that_makes_no_sense_is_an_error(example: str, code: str) -> None:
    assert code in codes("agg.n >= 5", example)


def test_an_error_that_is_no_missing_value_is_an_error_of_the_example() -> None:
    given = "{given: {payment: {amount_minor: 1, hour: 0}}, fires: false}"
    assert codes("payment.amount_minor / payment.hour > 0", given) == ["example_error"]
