"""Every doubt that lint can have about a policy: its code, what it means, what to do.

Guards: one table, from which the reader knows the codes that may be allowed, lint takes its
remedies, and `docs/reference/lint.md` is written; a test runs each example and finds its code.
Each example is the text of a rule file (or, with `file`, of another file) that is added to a small
sound policy. Doubts are warnings: they never keep a policy out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class LintCode:
    """One kind of doubt. `text`: what was found; `remedy`: what to do; `example`: what causes it.

    `proved`: the finding is a proof over all payments, not a resemblance.
    """

    code: str
    text: str
    remedy: str
    example: str
    file: str = "rules/example.yaml"
    proved: bool = False


def _rule(when: str, then: str = "{points: 10}", more: str = "") -> str:
    return f"- id: example\n  scenario: s\n  when: {when}\n  then: {then}\n{more}"


def _two(first: str, second: str, then: tuple[str, str] = ("{points: 10}", "{points: 20}")) -> str:
    other = _rule(second, then[1]).replace("id: example", "id: other")
    return _rule(first, then[0]) + other


def _parity(divisors: Iterable[int]) -> str:
    """Whether an even number of the divisors fail: short to write, long to reason about."""
    parts = [f"(agg.n % {number} == 0)" for number in divisors]
    while len(parts) > 1:
        parts = [f"({' == '.join(parts[at : at + 2])})" for at in range(0, len(parts), 2)]
    return parts[0]


_AMOUNT = "payment.amount_base_minor"

_TABLE = (
    # --- one condition ------------------------------------------------------------------------
    LintCode(
        "condition_never_true",
        "No payment can make the condition true.",
        "correct its terms",
        _rule("agg.n > 5 && agg.n < 3"),
        proved=True,
    ),
    LintCode(
        "condition_always_true",
        "Every payment makes the condition true, whatever is missing.",
        "correct its terms",
        _rule("has(payment.hour) || !has(payment.hour)"),
        proved=True,
    ),
    LintCode(
        "condition_only_presence",
        "The condition is true wherever the values that it reads are there.",
        "compare with something that not every value fulfils, or ask has()",
        _rule("agg.n >= 0"),
        proved=True,
    ),
    LintCode(
        "rule_never_applies",
        "The condition contradicts the phases, segments or groups that the rule is limited to.",
        "correct the condition or where the rule applies",
        _rule('payment.channel == "pos"', more="  segments: [shop]\n"),
        proved=True,
    ),
    LintCode(
        "term_never_true",
        "One side of an `||` can never be true.",
        "correct or remove that side",
        _rule("agg.n > 5 || payment.hour > 24"),
        proved=True,
    ),
    LintCode(
        "term_redundant",
        "A term of an `&&` follows from the others.",
        "remove it, or correct the one that is too strict",
        _rule("agg.n > 5 && agg.n > 3"),
        proved=True,
    ),
    # --- rules against each other -------------------------------------------------------------
    LintCode(
        "duplicate_condition",
        "Two rules hold for the same payments and do the same.",
        "remove one of them",
        _two("agg.n > 5", "agg.n >= 6", ("{points: 10}", "{points: 10}")),
        proved=True,
    ),
    LintCode(
        "shadowed_rule",
        "Wherever the rule fires, another of its scenario fires too and does at least as much.",
        "remove the rule, or give it more than the other has",
        _two("agg.n > 9", "agg.n > 5"),
        proved=True,
    ),
    LintCode(
        "unreachable_band",
        "The band of a value lies within other bands that do at least as much.",
        "move its bounds, or raise its points",
        _two(f"{_AMOUNT} >= 2000 && {_AMOUNT} < 5000", f"{_AMOUNT} >= 1000 && {_AMOUNT} < 3000")
        + _rule(f"{_AMOUNT} >= 3000", "{points: 30}").replace("id: example", "id: third"),
        proved=True,
    ),
    LintCode(
        "band_gap",
        "Between two bands of a value is a gap in which neither rule fires.",
        "let one band begin where the other ends (`>= 5000` after `< 5000`)",
        _two(f"{_AMOUNT} >= 1000 && {_AMOUNT} < 5000", f"{_AMOUNT} > 5000"),
        proved=True,
    ),
    LintCode(
        "band_overlap",
        "Two bands of a value share a part in which both rules fire.",
        "let one band begin where the other ends",
        _two(f"{_AMOUNT} >= 1000 && {_AMOUNT} <= 5000", f"{_AMOUNT} >= 5000 && {_AMOUNT} < 9000"),
        proved=True,
    ),
    LintCode(
        "block_neutralised",
        "Wherever a rule blocks, an allow rule takes the block back: it never has an effect.",
        "narrow the allow rule or its `allow_scenarios`, or make the block `hard: true`",
        _two(
            "agg.n > 5 && payer.id in lists.trusted",
            "payer.id in lists.trusted",
            ("{outcome: block}", "{outcome: allow}"),
        ),
        proved=True,
    ),
    LintCode(
        "allow_lowers_block",
        "An allow rule can take back explicit blocks of its scenarios that are not hard.",
        "leave the scenario out of `allow_scenarios`, or make the blocks `hard: true`",
        _two("agg.n > 5", "payer.id in lists.trusted", ("{outcome: block}", "{outcome: allow}")),
    ),
    # --- values, units, words -----------------------------------------------------------------
    LintCode(
        "major_units",
        "An amount in minor units is compared with a number that the text gives in whole money.",
        "write minor units: 500.00 is 50000",
        _rule(f"{_AMOUNT} > 500", more="  title: More than 500 EUR\n"),
    ),
    LintCode(
        "amount_suspiciously_small",
        "An amount in minor units has to exceed less than one unit of money.",
        "write minor units: 50.00 is 5000",
        _rule(f"{_AMOUNT} > 50"),
    ),
    LintCode(
        "fraction_of_minor_unit",
        "An amount in minor units is compared with a number that has a fraction.",
        "write minor units: 49.99 is 4999",
        _rule(f"{_AMOUNT} > 4999.99"),
    ),
    LintCode(
        "currency_not_fixed",
        "`payment.amount_minor` is in the payment's own currency, which no term fixes.",
        "use payment.amount_base_minor, or ask payment.currency as well",
        _rule("payment.amount_minor >= 50000"),
    ),
    LintCode(
        "currency_mix",
        "An amount in the payment's own currency stands against one in the base currency.",
        "use payment.amount_base_minor on both sides",
        _rule("agg.n > 5 && payment.amount_minor > agg.spent"),
    ),
    LintCode(
        "unit_milliseconds",
        "A time in seconds is compared with a number that looks like milliseconds.",
        "write seconds: ten minutes are 600",
        _rule("agg.last_seen < 600000 && has(agg.last_seen)"),
    ),
    LintCode(
        "unit_seconds_for_days",
        "An age in days is compared with a number that looks like seconds.",
        "write days",
        _rule("has(payer.age_days) && payer.age_days < 86400"),
    ),
    LintCode(
        "unit_percent",
        "A share from 0 to 1 is compared with a number that looks like percent.",
        "write a fraction: 90 % is 0.9",
        _rule("model.p > 90.0"),
    ),
    LintCode(
        "unknown_word",
        "A field is compared with a word that intake never lets through.",
        "use one of the field's words",
        _rule('payment.channel == "e-commerce"'),
    ),
    LintCode(
        "text_disagrees",
        "A number in the title or explanation is neither in the condition nor in the effect.",
        "correct the text or the number",
        _rule("agg.n >= 5", more="  title: 7 or more payments of one card\n"),
    ),
    # --- missing values -----------------------------------------------------------------------
    LintCode(
        "missing_value_trap",
        "A denial (`!=`, `!`) of a value that may be missing: the rule stays silent without it.",
        "say what absence means: has(x) && x != ..., or !has(x) || x != ...",
        _rule('card.country != "DE"'),
    ),
    LintCode(
        "absent_when_empty",
        "A window that is absent while empty is read without a guard: no history, no answer.",
        "add has(agg.NAME), or a least count over the same key",
        _rule("agg.mean < 1000.0"),
    ),
    # --- windows, lists, words of the policy --------------------------------------------------
    LintCode(
        "unused_aggregate",
        "No rule reads the window.",
        "use it or remove it",
        "- {name: spare, function: count, by: [ip], window: 1h}\n",
        file="aggregates.yaml",
    ),
    LintCode(
        "aggregate_never_counts",
        "The filter of a window can never be true: it counts nothing.",
        "correct the filter",
        "- {name: none, function: count, by: [ip], window: 1h, "
        'where: \'event.kind == "payment" && event.status == "declined"\'}\n',
        file="aggregates.yaml",
        proved=True,
    ),
    LintCode(
        "equal_aggregates",
        "Two names stand for the same window.",
        "keep one of them",
        "- {name: twin, function: count, by: [card], window: 1h}\n",
        file="aggregates.yaml",
    ),
    LintCode(
        "unused_list",
        "No rule asks the list and no action fills it.",
        "use it or remove it",
        "value,reason,expires_at\nx,,\n",
        file="lists/spare.csv",
    ),
    LintCode(
        "empty_list",
        "A list that rules ask has no entry.",
        "fill it, or let actions and people fill it",
        "# kind: payer\nvalue,reason,expires_at\n",
        file="lists/trusted.csv",
    ),
    LintCode(
        "undeclared_list",
        "A list has a file and is not declared in policy.yaml.",
        "add it to `lists`",
        "value,reason,expires_at\nx,,\n",
        file="lists/spare.csv",
    ),
    LintCode(
        "unused_scenario",
        "No rule belongs to a declared scenario.",
        "use it or remove it",
        "scenarios: {s: Something, spare: Nothing}",
        file="policy.yaml",
    ),
    LintCode(
        "unused_reason",
        "No rule gives a declared reason.",
        "use it or remove it",
        "reasons: {WHY: Because, SPARE: Nobody says so}",
        file="policy.yaml",
    ),
    LintCode(
        "reason_without_text",
        "A rule gives a reason that has no text in policy.yaml.",
        "add it to `reasons`",
        _rule("agg.n > 5", "{points: 10, reason: OTHER}"),
    ),
    LintCode(
        "unknown_file",
        "A file of the folder belongs to nothing.",
        "rename or remove it",
        "- {}\n",
        file="rule.yaml",
    ),
    # --- effect -------------------------------------------------------------------------------
    LintCode(
        "threshold_unreachable",
        "The points of all scenarios together stay below a threshold.",
        "lower the threshold or raise points",
        "thresholds: {points: {challenge: 50, review: 75, block: 100000}}",
        file="policy.yaml",
        proved=True,
    ),
    LintCode(
        "points_without_threshold",
        "Rules give points and no threshold turns points into an outcome.",
        "set `thresholds.points`, or give outcomes",
        "thresholds: {}",
        file="policy.yaml",
    ),
    LintCode(
        "challenge_not_possible",
        "A rule challenges in a phase in which nobody can be asked.",
        "use review, or another phase",
        _rule("agg.n > 5", "{outcome: challenge}", "  phase: [refund]\n"),
    ),
    LintCode(
        "rule_without_example",
        "A rule has no example.",
        "add one that fires and one that does not",
        _rule("agg.n > 5"),
    ),
    LintCode(
        "example_impossible",
        "An example gives a value that no payment can have.",
        "give a value that occurs",
        _rule(
            "payment.hour >= 22",
            more="  examples: [{given: {payment: {hour: 25}}, fires: true}]\n",
        ),
        proved=True,
    ),
    LintCode(
        "expensive_rule",
        "The condition costs far more than others by the cost model.",
        "compare instead of matching; put long lists into a named list",
        _rule(
            "payment.metadata.exists(k, k.matches('^a.*b$') && "
            "payment.metadata.exists(o, o.matches('x.*y')))"
        ),
    ),
    LintCode(
        "unused_suppression",
        "A `lint: allow` names a doubt that there is not.",
        "remove it",
        _rule("agg.n > 5", more="  lint: {allow: [term_redundant], because: it was once}\n"),
    ),
    LintCode(
        "not_decided",
        "A condition is too involved to prove anything about it within the bound.",
        "split it into several rules, or accept it",
        _rule(f"{_parity(range(2, 14))} && !{_parity((13, 3, 7, 5, 11, 2, 9, 12, 4, 8, 6, 10))}"),
    ),
)

LINT_CODES: Mapping[str, LintCode] = MappingProxyType({one.code: one for one in _TABLE})
"""By code, in the order of the documentation."""
