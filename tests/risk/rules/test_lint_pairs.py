"""Rules against each other: what is told, and what only looks alike and is not told."""

from __future__ import annotations

import pytest

from paywarden.risk.rules.check import check_files

HEAD = """\
name: t
base_currency: EUR
thresholds: {points: {challenge: 1}}
segments: [{name: shop, when: 'payment.channel == "ecommerce"'}, {name: rest, when: "true"}]
lists: {trusted: payer}
scenarios: {s: Something, t: Other, m: {text: Law, engine: aml}}
"""
WINDOWS = """\
- {name: n, function: count, by: [card], window: 1h}
- {name: mean, function: avg, of: payment.amount_base_minor, by: [card], window: 30d}
- {name: before, function: count, by: [card], window: 30d}
"""
ABOUT_PAIRS = {
    "shadowed_rule",
    "duplicate_condition",
    "unreachable_band",
    "band_gap",
    "band_overlap",
    "block_neutralised",
    "allow_lowers_block",
}
AMOUNT = "payment.amount_base_minor"


def rule(name: str, when: str, then: str = "points: 10", more: str = "") -> str:
    scenario = "" if "scenario:" in more else "scenario: s, "
    return f"- {{id: {name}, {scenario}when: '{when}', then: {{{then}}}{more}}}\n"


def found(*rules: str) -> list[tuple[int, str]]:
    """(line, code) of doubts about rules against each other; each rule is one line."""
    files = {
        "policy.yaml": HEAD.encode(),
        "aggregates.yaml": WINDOWS.encode(),
        "rules/a.yaml": "".join(rules).encode(),
    }
    checked = check_files(files)
    assert not checked.findings.failed, [str(one) for one in checked.items]
    return [(one.line, one.code) for one in checked.items if one.code in ABOUT_PAIRS]


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("agg.n > 9", "agg.n > 5"),
        ("agg.n > 9 && payment.hour < 5", "payment.hour <= 4"),
        ("agg.n > 9 && agg.n < 4 * agg.before", "agg.n < 5 * agg.before"),
        (f"{AMOUNT} > 6.0 * agg.mean", f"{AMOUNT} > 3.0 * agg.mean"),
        (f"{AMOUNT} > 3.0 * agg.mean", f"{AMOUNT} >= 3.0 * agg.mean"),
        ("agg.n == 7", "agg.n in [5, 6, 7]"),
        ('ip.country == "XA"', 'ip.country in ["XA", "XB"]'),
        ('ip.country == "XA"', 'ip.country != "XB"'),
        ("agg.n > 9 && agg.before >= agg.n", "agg.before > 9"),
        ("agg.n > 9 || agg.before > 9", "agg.n > 5 || agg.before > 5"),
        ("(agg.n > 9 || ip.is_vpn) && agg.before > 3", "agg.n > 5 || ip.is_vpn || ip.version == 6"),
        ("payer.id in lists.trusted && agg.n > 2", "payer.id in lists.trusted"),
    ],
)
def test_a_rule_that_another_covers_is_told(narrow: str, wide: str) -> None:
    assert (1, "shadowed_rule") in found(rule("a", narrow), rule("b", wide, "points: 20"))
    assert (1, "shadowed_rule") not in found(rule("a", narrow, "points: 30"), rule("b", wide))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("agg.n > 5", "agg.n > 9"),
        ("agg.n > 9", "agg.before > 9"),
        (f"{AMOUNT} > 3.0 * agg.mean", f"{AMOUNT} > 6.0 * agg.mean"),
        ('ip.country != "XB"', 'ip.country in ["XA", "XB"]'),
        ("!(agg.n > 5)", "agg.n < 5"),
        ("agg.n > 9 || payment.hour == 4", "agg.n > 5"),
        ('ip.country == "XA"', "has(ip.address)"),
        ("payer.id in lists.trusted", "payee.id in lists.trusted"),
    ],
)
def test_rules_that_only_look_alike_are_not_told(narrow: str, wide: str) -> None:
    assert found(rule("a", narrow), rule("b", wide, "points: 20")) == []


@pytest.mark.parametrize(
    "more",
    [
        ", scenario: t",
        ", phase: [payout]",
        ", segments: [shop]",
    ],
)
def test_rules_that_apply_elsewhere_are_not_compared(more: str) -> None:
    assert found(rule("a", "agg.n > 9"), rule("b", "agg.n > 5", "points: 20", more)) == []


def test_an_effect_of_its_own_keeps_a_rule() -> None:
    wide = rule("b", "agg.n > 5", "points: 20")
    alert = "points: 10, actions: [{alert: {severity: low, text: x}}]"
    assert found(rule("a", "agg.n > 9", "outcome: review"), wide) == []
    assert found(rule("a", "agg.n > 9", alert), wide) == []
    early = rule("a", "agg.mean > 9.0", "points: 10", ", allow_partial: true")
    assert found(early, rule("b", "agg.mean > 5.0", "points: 20")) == []


def test_equal_rules_are_told_once() -> None:
    twins = rule("a", "agg.n > 5 && ip.is_vpn"), rule("b", "ip.is_vpn && !(agg.n <= 5)")
    assert found(*twins) == [(2, "duplicate_condition")]


def test_gaps_and_overlaps_of_bands() -> None:
    low, high = f"{AMOUNT} >= 1000 && {AMOUNT} < 5000", f"{AMOUNT} > 5000 && {AMOUNT} < 9000"
    assert found(rule("a", low), rule("b", high, "points: 20")) == [(2, "band_gap")]
    high = f"{AMOUNT} >= 5000 && {AMOUNT} < 9000"
    assert found(rule("a", low), rule("b", high, "points: 20")) == []
    high = f"{AMOUNT} >= 4999 && {AMOUNT} < 9000"
    assert found(rule("a", low), rule("b", high, "points: 20")) == [(2, "band_overlap")]
    other = rule("b", f"{AMOUNT} >= 4000 && {AMOUNT} < 9000 && ip.is_vpn", "points: 20")
    assert found(rule("a", low), other) == []
    steps = rule("a", f"{AMOUNT} >= 1000"), rule("b", f"{AMOUNT} >= 5000", "points: 20")
    assert found(*steps) == []


def test_blocks_under_allow_rules() -> None:
    block = rule("a", "agg.n > 5 && payer.id in lists.trusted", "outcome: block")
    allow = rule("b", "payer.id in lists.trusted", "outcome: allow")
    assert found(block, allow) == [(1, "block_neutralised")]
    assert found(block.replace("}}", "}, hard: true}"), allow) == []
    assert found(rule("a", "agg.n > 5", "outcome: block"), allow) == [(2, "allow_lowers_block")]
    law = rule("a", "payer.id in lists.trusted", "outcome: block", ", scenario: m")
    every = rule("b", "payer.id in lists.trusted", 'outcome: allow, allow_scenarios: ["*"]')
    assert found(law, every) == []
    apart = rule("b", "payer.id in lists.trusted && agg.n < 3", "outcome: allow")
    assert found(rule("a", "agg.n > 5", "outcome: block"), apart) == []
