"""Two policies beside each other: what is told, and what is not a difference."""

from __future__ import annotations

from paywarden.risk.rules.diffing import diff_policies
from paywarden.risk.rules.reader import read_policy_files

HEAD = """\
name: t
base_currency: EUR
thresholds: {points: {challenge: 50, review: 75, block: 100}}
segments:
  - {name: shop, when: 'payment.channel == "ecommerce"'}
  - {name: rest, when: "true"}
lists: {stolen: card}
reasons: {WHY: Because}
"""
WINDOWS = "- {name: n, function: count, by: [card], window: 10m}\n"
RULES = """\
- id: a
  scenario: s
  when: agg.n >= 5 && payment.amount_base_minor < 500
  then: {points: 10, reason: WHY}
- id: b
  scenario: s
  for_each: segments
  defaults: {most: 7}
  when: agg.n >= ${most}
  then: {points: 20}
"""
LIST = "value,reason,expires_at\none,,\ntwo,,\n"


def files(**texts: str) -> dict[str, bytes]:
    given = {"head": HEAD, "windows": WINDOWS, "rules": RULES, "entries": LIST, **texts}
    return {
        "policy.yaml": given["head"].encode(),
        "aggregates.yaml": given["windows"].encode(),
        "rules/a.yaml": given["rules"].encode(),
        "lists/stolen.csv": given["entries"].encode(),
    }


def changes(
    **texts: str,
) -> list[tuple[str, str, tuple[str, ...], tuple[tuple[str, str, str], ...]]]:
    old, new = files(), files(**texts)
    found = diff_policies(read_policy_files(old), read_policy_files(new), old, new)
    return [(one.part, one.what, one.names, one.detail) for one in found.changes]


def test_a_policy_does_not_differ_from_itself() -> None:
    assert changes() == []
    assert changes(rules="# a comment\n\n" + RULES) == []


def test_a_changed_threshold_is_told_with_old_and_new() -> None:
    assert changes(rules=RULES.replace(">= 5", ">= 7")) == [
        ("rule", "changed", ("a",), (("agg.n >=", "5", "7"),))
    ]
    assert changes(rules=RULES.replace("< 500", "< 600").replace("points: 10", "points: 15")) == [
        (
            "rule",
            "changed",
            ("a",),
            (("payment.amount_base_minor <", "500", "600"), ("then.points", "10", "15")),
        )
    ]


def test_another_condition_is_told_as_a_whole() -> None:
    found = changes(rules=RULES.replace("agg.n >= 5 &&", "agg.n > 5 &&"))
    assert found[0][3] == (
        (
            "when",
            "agg.n >= 5 && payment.amount_base_minor < 500",
            "agg.n > 5 && payment.amount_base_minor < 500",
        ),
    )


def test_stampings_of_a_template_are_told_together() -> None:
    assert changes(rules=RULES.replace("most: 7", "most: 9")) == [
        ("rule", "changed", ("b.shop", "b.rest"), (("agg.n >=", "7", "9"),))
    ]


def test_rules_come_and_go() -> None:
    more = RULES + "- {id: c, scenario: s, when: agg.n > 99, then: {points: 1}}\n"
    assert changes(rules=more) == [("rule", "added", ("c",), ())]
    fewer = RULES[: RULES.index("- id: b")]
    assert changes(rules=fewer) == [("rule", "removed", ("b.shop", "b.rest"), ())]


def test_outcomes_windows_and_thresholds_are_told_in_words() -> None:
    assert changes(rules=RULES.replace("points: 10,", "outcome: block,"))[0][3] == (
        ("then.points", "10", "0"),
        ("then.outcome", "none", "block"),
    )
    assert changes(windows=WINDOWS.replace("10m", "1h")) == [
        ("aggregate", "changed", ("n",), (("window", "10m", "1h"),))
    ]
    assert changes(head=HEAD.replace("review: 75", "review: 80")) == [
        ("policy", "changed", ("policy.yaml",), (("points.review", "75", "80"),))
    ]


def test_the_order_of_segments_matters() -> None:
    lines = HEAD.splitlines()
    lines[4], lines[5] = lines[5], lines[4]
    found = changes(head="\n".join(lines))
    assert (
        "segment",
        "changed",
        ("rest", "shop"),
        (("order", "shop, rest", "rest, shop"),),
    ) in found


def test_entries_of_lists_are_counted_and_not_shown() -> None:
    found = changes(entries=LIST.replace("two", "three") + "four,,\n")
    assert found == [
        (
            "list",
            "changed",
            ("lists/stolen.csv",),
            (("entries", "2", "3"), ("entries added", "", "2"), ("entries removed", "", "1")),
        )
    ]
    assert "three" not in str(found)
