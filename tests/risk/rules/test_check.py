"""Checking a policy: types, doubts, and the form of the answer."""

from pathlib import Path

import pytest

from paywarden.core.errors import NotFound
from paywarden.risk.rules.check import check_files, check_folder

HEAD = """
name: t
base_currency: EUR
thresholds: {points: {challenge: 1}}
segments: [{name: shop, when: 'payment.channel == "ecommerce"'}]
lists: {stolen: card}
scenarios: {s: Something}
reasons: {WHY: Because}
"""
WINDOWS = "- {name: n, function: count, by: [card], window: 1h}\n"
RULE = """
- id: r
  scenario: s
  when: agg.n > 3 && card.fingerprint in lists.stolen
  then: {points: 1, reason: WHY}
  examples: [{given: {agg: {n: 1}}, fires: false}]
"""


def codes(rule: str = RULE, head: str = HEAD, **others: bytes) -> list[str]:
    files = {
        "policy.yaml": head.encode(),
        "aggregates.yaml": WINDOWS.encode(),
        "rules/a.yaml": rule.encode(),
        **{name.replace("__", "/") + ".csv": content for name, content in others.items()},
    }
    return [finding.code for finding in check_files(files).items]


def when(text: str) -> str:
    return RULE.replace("agg.n > 3 &&", f"agg.n > 3 && ({text}) &&")


def test_a_sound_policy_has_no_findings() -> None:
    assert codes() == []
    assert codes(lists__stolen=b"# kind: card\nvalue,reason,expires_at\nx,,\n") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("payment.chanel == 'x'", "unknown_name"),
        ("payment.channel == 3", "no_such_overload"),
        ("agg.m > 1", "unknown_name"),
        ("lists.stolen == 1", "list_outside_in"),
        ("card.fingerprint in lists.stole", "unknown_name"),
        ("payment.hour", "no_such_overload"),
        ("coun(card)", "unknown_function"),
        ("payment.channel.matches('(')", "bad_pattern"),
        ("event.kind == 'payment'", "unknown_name"),
    ],
)
def test_conditions_are_typed(text: str, code: str) -> None:
    assert code in codes(when(text))


def test_conditions_of_segments_see_no_windows() -> None:
    head = HEAD.replace("payment.channel ==", "agg.n > 1 && payment.channel ==")
    assert codes(head=head) == ["unknown_name"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (RULE.replace("agg.n > 3 && ", ""), "unused_aggregate"),
        (RULE.replace("card.fingerprint in lists.stolen", "true"), "unused_list"),
        (RULE.replace(", reason: WHY", ""), "unused_reason"),
        (RULE.replace("reason: WHY", "reason: WHAT"), "reason_without_text"),
        (
            RULE.replace("  examples: [{given: {agg: {n: 1}}, fires: false}]\n", ""),
            "rule_without_example",
        ),
        (when("1 + 1 == 3"), "condition_never_true"),
        (when("1 / 0 == 1"), "condition_never_true"),
        (when("agg.n < 2"), "condition_never_true"),
        (when("agg.n <= 3"), "condition_never_true"),
        (when("2 > agg.n"), "condition_never_true"),
        (when("payment.channel == 'a' && payment.channel == 'b'"), "condition_never_true"),
        (when("[1, 2].exists(x, x > 2)"), "condition_never_true"),
        (when("payment.hour > 23"), "condition_never_true"),
        (when("agg.n < payment.hour && payment.hour < 4"), "condition_never_true"),
        (when("!has(card.fingerprint)"), "condition_never_true"),
        (when("agg.n == 4 || 1 > 2"), "term_never_true"),
        (when("agg.n > 2"), "term_redundant"),
        (when("true"), "term_redundant"),
        (
            RULE.replace("points: 1", "outcome: challenge").replace(
                "  scenario: s", "  scenario: s\n  phase: [refund]"
            ),
            "challenge_not_possible",
        ),
    ],
)
def test_doubts_are_warnings(rule: str, code: str) -> None:
    assert code in codes(rule)


@pytest.mark.parametrize(
    "text",
    ["agg.n < 5", "agg.n != 5", "payment.hour < 2", "payment.hour == 4 || payment.hour == 9"],
)
def test_what_can_hold_is_not_doubted(text: str) -> None:
    assert codes(when(text)) == []


def test_a_condition_that_always_holds_is_doubted() -> None:
    rule = "- {id: r, scenario: s, when: '1 < 2', then: {points: 1}}\n"
    assert "condition_always_true" in codes(rule)


def test_an_empty_list_is_doubted_and_one_that_an_action_fills_is_used() -> None:
    empty = b"# kind: card\nvalue,reason,expires_at\n"
    assert codes(lists__stolen=empty) == ["empty_list"]
    rule = RULE.replace("card.fingerprint in lists.stolen", "payment.hour > 2").replace(
        "reason: WHY",
        "reason: WHY, actions: [{add_to_list:"
        " {list: stolen, value: card.fingerprint, expires_in: 1d}}]",
    )
    assert codes(rule) == []


def test_the_answer_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "policy.yaml").write_text(HEAD)
    (tmp_path / "rules" / "a.yaml").write_text(RULE)
    answer = check_folder(tmp_path).as_dict()
    assert [error["code"] for error in answer["errors"]] == ["unknown_name"]
    assert answer["errors"][0] == {
        "file": "rules/a.yaml",
        "line": 4,
        "column": 9,
        "code": "unknown_name",
        "message": "the rule `r`: `agg.n` is not declared",
        "remedy": answer["errors"][0]["remedy"],
        "severity": "error",
    }
    with pytest.raises(NotFound):
        check_folder(tmp_path / "absent")
