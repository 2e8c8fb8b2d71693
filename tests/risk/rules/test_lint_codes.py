"""Every code of lint: its example causes it, the sound policy causes none, the page lists all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.risk.rules.check import check_files
from paywarden.risk.rules.lint_codes import LINT_CODES, LintCode

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "lint.md"
HEAD = """\
name: t
base_currency: EUR
thresholds: {points: {challenge: 10, review: 15, block: 20}}
segments: [{name: shop, when: 'payment.channel == "ecommerce"'}, {name: rest, when: "true"}]
lists: {trusted: payer}
scenarios: {s: Something}
reasons: {WHY: Because}
"""
WINDOWS = """\
- {name: n, function: count, by: [card], window: 1h}
- {name: spent, function: sum, of: payment.amount_base_minor, by: [card], window: 1d}
- {name: mean, function: avg, of: payment.amount_base_minor, by: [card], window: 30d}
- {name: last_seen, function: since_last, by: [card], window: 1d}
"""
RULES = """\
- id: base
  scenario: s
  when: >-
    agg.n >= 90 && agg.spent > 900000 && agg.mean > 900000.0 && has(agg.last_seen)
    && agg.last_seen < 5 && payer.id in lists.trusted
  then: {points: 20, reason: WHY}
  examples:
    - {given: {agg: {n: 1}}, fires: false}
    - given:
        agg: {n: 99, spent: 1000000, mean: 1000000.0, last_seen: 1}
        payer: {id: p}
        lists: {trusted: [p]}
      fires: true
"""


def sound() -> dict[str, str]:
    """A policy of which nothing is doubted."""
    return {"policy.yaml": HEAD, "aggregates.yaml": WINDOWS, "rules/base.yaml": RULES}


def with_example(one: LintCode) -> dict[str, bytes]:
    """The sound policy with the example of a code."""
    files = sound()
    if one.file == "policy.yaml":
        key = one.example.partition(":")[0]
        kept = [line for line in HEAD.splitlines() if not line.startswith(f"{key}:")]
        files[one.file] = "\n".join([*kept, one.example])
    else:
        files[one.file] = files.get(one.file, "") + one.example
    return {name: text.encode() for name, text in files.items()}


def test_nothing_is_doubted_of_the_sound_policy() -> None:
    files = {name: text.encode() for name, text in sound().items()}
    assert [str(one) for one in check_files(files).items] == []


@pytest.mark.parametrize("code", LINT_CODES)
def test_the_example_of_a_code_causes_it(code: str) -> None:
    found = check_files(with_example(LINT_CODES[code]))
    assert code in {one.code for one in found.items}, [str(one) for one in found.items]
    assert not found.findings.failed, [str(one) for one in found.items]


@pytest.mark.parametrize("code", LINT_CODES)
def test_every_finding_has_a_place_a_reason_and_a_remedy(code: str) -> None:
    for one in check_files(with_example(LINT_CODES[code])).items:
        assert one.file and one.line >= 1 and one.column >= 1
        assert one.message and one.remedy
        assert one.severity == "warning"
        assert one.code in LINT_CODES


INTRODUCTION = """\
# Lint

`paywarden policy check DIR` looks for what is wrong (errors) and for what is doubtful (warnings).
Warnings never keep a policy out. Each finding has file, line, column, code, reason, remedy and
severity; `--json` prints `{"errors": [...], "warnings": [...], "proofs": {...}}`. A rule that a
template stamps out is told of once.

*Proved* findings hold for every payment there can be, missing values included: they rest on
interval and set reasoning over the typed conditions and on what intake and windows enforce (an hour
is 0 to 23, a count is never negative). A proof that would take too long is given up and told
(`not_decided`). `--no-prove` leaves proofs out. `proofs` counts the rules judged, what stayed
undecided, the doubts that somebody allowed, and what the dearest rules cost a payment (microseconds
by a model that `bench/rule_costs.py` measures).

## Allowing a doubt

In a rule, with the reason:

```yaml
lint: {allow: [missing_value_trap], because: an unknown country is no sign of anything}
```

In policy.yaml `lint` is a list of these, each with an optional `of` (names of lists, windows,
scenarios, reasons, rules or templates) that limits it. A reason is needed; errors cannot be
allowed; an allowance that nothing needs is doubted.

## Codes
"""


def _page() -> Iterator[str]:
    yield INTRODUCTION
    for one in LINT_CODES.values():
        yield f"### {one.code}\n"
        yield f"{one.text}{' *Proved.*' if one.proved else ''} Remedy: {one.remedy}.\n"
        yield f"```yaml\n# {one.file}\n{one.example.rstrip()}\n```\n"


def test_the_page_is_what_the_table_says() -> None:
    text = "\n".join(_page())
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        PAGE.write_text(text)
    assert PAGE.read_text() == text, "run ./run docs"
