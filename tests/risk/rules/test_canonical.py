"""The name of a policy: equal for equal meaning, different for anything that changes an answer."""

import pytest

from paywarden.risk.rules.canonical import canonical_condition, ruleset_hash
from paywarden.risk.rules.reader import read_policy_files

HEAD = """
name: t
base_currency: EUR
thresholds: {points: {challenge: 40, review: 60}}
segments: [{name: shop, when: 'payment.channel == "a"'}, {name: other, when: "true"}]
lists: {stolen: card, trusted: payer}
"""
WINDOWS = """
- {name: n, function: count, by: [card, ip], window: 60m}
- {name: m, function: count, by: [card], window: 1d,
   where: event.status == "declined" && event.code == "05"}
"""
RULES = """
- {id: a, scenario: s, when: agg.n > 3 && agg.m > 1, then: {points: 1}, segments: [shop, other]}
- {id: b, scenario: s, when: card.fingerprint in lists.stolen, then: {outcome: block}, hard: true}
"""


def name(head: str = HEAD, windows: str = WINDOWS, rules: str = RULES) -> str:
    files = {"policy.yaml": head, "aggregates.yaml": windows, "rules/a.yaml": rules}
    return ruleset_hash(read_policy_files({k: v.encode() for k, v in files.items()}))


def test_a_name_is_the_digest_of_the_form() -> None:
    assert name() == name()
    prefix, _, digest = name().partition("_")
    assert (prefix, len(digest)) == ("rs", 64)


def test_order_spelling_titles_and_examples_do_not_matter() -> None:
    lines = RULES.strip().splitlines()
    other = "# a comment\n" + "\n".join(reversed(lines))
    other = other.replace("agg.n > 3 && agg.m > 1", "(agg.m  > 1) && agg.n > 3")
    other = other.replace("[shop, other]", "[other, shop], title: x, examples: []")
    windows = "\n- ".join(["", *reversed(WINDOWS.strip().removeprefix("- ").split("\n- "))])
    windows = windows.replace("60m", "1h").replace("[card, ip]", "[ip, card]")
    windows = windows.replace(
        'event.status == "declined" && event.code == "05"',
        "'\"05\" == event.code && (event.status == ''declined'')'".replace("''", "''"),
    )
    head = HEAD.replace("stolen: card, trusted: payer", "trusted: payer, stolen: card")
    head = head.replace("challenge: 40", "challenge: 40.0")
    assert name(head, windows, other) == name()


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("head", "EUR", "USD"),
        ("head", "challenge: 40", "challenge: 41"),
        ("head", "stolen: card", "stolen: payer"),
        (
            "head",
            '{name: shop, when: \'payment.channel == "a"\'}, {name: other, when: "true"}',
            '{name: other, when: "true"}, {name: shop, when: \'payment.channel == "a"\'}',
        ),
        ("windows", "60m", "61m"),
        ("windows", '"05"', '"06"'),
        ("rules", "agg.n > 3", "agg.n > 4"),
        ("rules", "points: 1", "points: 2"),
        ("rules", "hard: true", "hard: false"),
        ("rules", "outcome: block", "outcome: review"),
        ("rules", "id: a", "id: c"),
        ("rules", "segments: [shop, other]", "segments: [shop]"),
        ("rules", "segments: [shop, other]", "phase: [capture], segments: [shop, other]"),
        ("rules", "{points: 1}", "{points: 1, reason: X}"),
        ("rules", "{points: 1}", "{points: 1, actions: [{alert: {text: x}}]}"),
        ("rules", "segments: [shop, other]", "segments: [shop, other], allow_partial: true"),
    ],
)
def test_whatever_changes_an_answer_changes_the_name(part: str, old: str, new: str) -> None:
    parts = {"head": HEAD, "windows": WINDOWS, "rules": RULES}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    assert name(**parts) != name()


def test_a_template_and_its_rules_written_out_are_one_policy() -> None:
    template = """
- {id: r, for_each: segments, scenario: s, defaults: {k: 2}, when: 'payment.hour > ${k}',
   then: {points: 1}}
"""
    written = """
- {id: r.shop, scenario: s, segments: [shop], when: payment.hour > 2, then: {points: 1}}
- {id: r.other, scenario: s, segments: [other], when: payment.hour > 2, then: {points: 1}}
"""
    assert name(rules=template) == name(rules=written)


def test_conditions_have_one_text() -> None:
    texts = ["a && b || c == 'x'", '(c == "x") || (b && a)', "'x' == c || a && b && a"]
    assert len(set(map(canonical_condition, texts))) == 1
    assert canonical_condition("a < b") != canonical_condition("b < a")
    assert canonical_condition("1 +") == "1 +"
