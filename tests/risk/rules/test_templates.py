"""Templates: what is stamped, with which values, and that no text is pasted into a condition."""

import pytest

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.model import Rule
from paywarden.risk.rules.reader import read_policy_files
from paywarden.risk.rules.templates import fill_condition

HEAD = """
name: t
base_currency: EUR
segments:
  - {name: shop, when: "true", parameters: {declines: 4, words: [a, b]}}
  - {name: till, when: "true"}
merchant_groups:
  - {name: toys, when: "true", parameters: {limit: 10}}
  - {name: any, when: "true", parameters: {limit: 20, declines: 9}}
"""
TEMPLATE = """
- id: burst
  title: ${declines} refusals in ${segment}
  scenario: card_testing
  for_each: [segments, merchant_groups]
  defaults: {declines: 6, words: [z], points: 7}
  parameters:
    till: {points: 8}
    toys: {declines: 5}
    till/toys: {declines: 3}
  when: agg.n >= ${declines} && payment.amount_minor < ${limit} && payment.channel in ${words}
  then:
    points: ${points}
  examples:
    - given: {agg: {n: "${declines - 1}"}, payment: {amount_minor: "${limit + 2}"}}
      fires: false
"""


def stamped(rules: str) -> dict[str, Rule]:
    files = {"policy.yaml": HEAD.encode(), "rules/a.yaml": rules.encode()}
    return {rule.id: rule for rule in read_policy_files(files).rules}


def test_a_pair_is_stamped_for_each_value_with_the_nearest_parameters() -> None:
    rules = stamped(TEMPLATE)
    assert list(rules) == [
        "burst.shop.toys",
        "burst.shop.any",
        "burst.till.toys",
        "burst.till.any",
    ]
    conditions = {name: rule.when for name, rule in rules.items()}
    text = 'agg.n >= {} && payment.amount_minor < {} && payment.channel in ["{}"]'
    assert conditions["burst.shop.toys"] == text.format(5, 10, 'a", "b')
    assert conditions["burst.shop.any"] == text.format(9, 20, 'a", "b')
    assert conditions["burst.till.toys"] == text.format(3, 10, "z")
    assert conditions["burst.till.any"] == text.format(9, 20, "z")


def test_a_stamped_rule_keeps_origin_text_and_scope() -> None:
    rule = stamped(TEMPLATE)["burst.till.toys"]
    assert (rule.template, rule.segments, rule.merchant_groups) == ("burst", ("till",), ("toys",))
    assert (rule.title, rule.then.points) == ("3 refusals in till", 8)
    written = 'agg.n >= 3 && payment.amount_minor < 10 && payment.channel in ["z"]'
    assert rule.written == written, "as people are shown it"
    assert rule.source.line == 2
    assert rule.examples[0].given == {"agg": {"n": 2}, "payment": {"amount_minor": 12}}


def test_own_segments_narrow_what_is_gone_over() -> None:
    narrowed = TEMPLATE.replace("    till: {points: 8}\n", "").replace(
        "    till/toys: {declines: 3}\n", "  segments: [shop]\n"
    )
    assert list(stamped(narrowed)) == ["burst.shop.toys", "burst.shop.any"]


def test_an_id_may_name_its_values_itself() -> None:
    rules = """
- id: ${segment}.rule
  scenario: s
  for_each: segments
  when: "true"
  then: {points: 1}
"""
    assert list(stamped(rules)) == ["shop.rule", "till.rule"]


@pytest.mark.parametrize(
    "value", ['a" || true || "', "x'); drop", "${other}", "\\", "\n", "payment.channel"]
)
def test_values_are_literals_never_text(value: str) -> None:
    tree = fill_condition("payment.channel == ${v}", {"v": value})
    literal = tree.arguments[1]  # type: ignore[union-attr]
    assert literal.value == value  # type: ignore[union-attr]
    assert parse(unparse(tree)).arguments[1].value == value  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ('payment.channel == "${v}"', "bad_placeholder", 21),
        ("1 + ${missing}", "unknown_parameter", 5),
        ("1 + ${v + 1}", "bad_placeholder", 5),
        ("1 + ${", "bad_placeholder", 5),
        ("// ${v}\n 1", "bad_placeholder", 4),
    ],
)
def test_placeholders_in_the_wrong_place_are_refused(text: str, code: str, column: int) -> None:
    with pytest.raises(CompileError) as caught:
        fill_condition(text, {"v": 1})
    assert (caught.value.code, caught.value.column) == (code, column)


def test_a_plain_rule_may_hold_what_looks_like_a_placeholder() -> None:
    rule = "- {id: a, scenario: s, when: 'payment.channel == \"${x}\"', then: {points: 1}}\n"
    assert stamped(rule)["a"].when == 'payment.channel == "${x}"'


def test_negative_numbers_keep_their_meaning() -> None:
    tree = fill_condition("3 - ${v} * 2", {"v": -1})
    assert unparse(fill_condition(unparse(tree), {})) == unparse(tree) == "3 - -1 * 2"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("till: {points: 8}", "tell: {points: 8}"), "unknown_template_value"),
        (("points: ${points}", "points: ${point}"), "unknown_parameter"),
        (("for_each: [segments, merchant_groups]", "for_each: merchants"), "unknown_axis"),
        (("  for_each: [segments, merchant_groups]\n", ""), "bad_template"),
        (("defaults: {declines: 6", "defaults: {segment: 6"), "bad_name"),
        (("defaults: {declines: 6", "defaults: {declines: {a: 1}"), "bad_value"),
        (("${limit + 2}", "${words + 2}"), "bad_placeholder"),
    ],
)
def test_faulty_templates_are_refused(change: tuple[str, str], code: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        stamped(TEMPLATE.replace(*change))
    assert code in {finding.code for finding in caught.value.findings}


def test_a_fault_of_a_template_is_reported_once() -> None:
    with pytest.raises(PolicyErrors) as caught:
        stamped(TEMPLATE.replace("agg.n >=", "agg.n >=>"))
    assert len(caught.value.findings) == 1
