"""The reference page of the rule library: figures by attack type, and every rule with its worth.

Guards: every written rule of the policy stands on the page, measured or said to be unmeasured with
the reason; nothing is rounded in a rule's favour. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paywarden.risk.rules.model import Policy, Rule
from paywarden.simulator.judging.judge import Record
from paywarden.simulator.judging.stopping import Figures, Stopping

DENSITY = 10
_SEEN_ENOUGH = 3

UNMEASURED = {
    "list": "its list is empty in a new installation",
    "merchant_ratios": "the worlds' merchants are far smaller than the schemes' least counts",
    "subscription_abuse": "the simulator has no trials and no wrongful retries",
    "trusted": "nobody is on the list of trusted payers",
    "card_testing": "no attacker here tries one card again and again",
    "refund_abuse": "no refund here exceeds what was paid or changes the card",
    "stolen_card": "thieves here carry no card that an issuer has called lost",
    "account_takeover": "those who seize accounts here do not do this",
    "payout_fraud": "mules and thieves here do not do this",
}
_OTHERWISE = "no case occurred in these worlds"


@dataclass(frozen=True, slots=True)
class Quiet:
    """A world without attacks: payments, and how many were not allowed."""

    payments: int
    hurt: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that the page tells."""

    records: Mapping[str, Record]
    payments: int
    fraud: int
    own: Figures
    budget: Figures
    quiet: Quiet
    seeds: tuple[tuple[int, ...], tuple[int, ...]]
    days: tuple[int, int]


def page(policy: Policy, verdict: Verdict) -> str:
    """The page as Markdown."""
    written: dict[str, Rule] = {}
    for rule in policy.rules:
        written.setdefault(rule.template or rule.id, rule)
    scenarios = sorted({rule.scenario for rule in written.values()})
    parts = [_head(len(written), len(policy.rules), len(scenarios), verdict), _types(verdict)]
    parts += [_scenario(policy, name, written, verdict) for name in scenarios]
    return "\n".join(parts)


def _head(rules: int, compiled: int, scenarios: int, verdict: Verdict) -> str:
    tune, unseen = (", ".join(map(str, seeds)) for seeds in verdict.seeds)
    days, warm = verdict.days
    quiet = verdict.quiet
    return f"""# Rule library

Written by `python bench/rule_library.py --write`; do not edit. The library has {rules} written
rules in {scenarios} scenarios, which templates stamp into {compiled:,}. They are the policy that
`paywarden init` copies into a new home: delete what does not fit your business, put rules of your
own into files of your own beside them ([how](../how-to/write-a-policy.md)). Which attributes of
other products they cover: [rule attributes](rule-attributes.md).

Judged on {len(verdict.seeds[0]) + len(verdict.seeds[1])} simulated worlds of {days} days, the first
{warm} of which only fill the windows: {verdict.payments:,} payments, {verdict.fraud:,} of them
fraud of sixteen types. The worlds (preset `dense`) are attacked {DENSITY} times as much as in life.
It is an open loop: every payment takes place, whatever is decided. All of it says how the rules do
in this simulator, whose attackers were known to those who wrote them; nothing about your traffic.
Prove them on your history.

## Rules alone, by attack type

Two ways to act on the same rules, on the unseen seeds {unseen}. *Own outcomes*: the policy as it
stands; it hurt {verdict.own.hurt:.2%} of {verdict.own.genuine:,} genuine payments (any outcome but
allow hurts). *One per cent*: everything from a score on, the score frozen where it hurts at most
1 % on the seeds {tune} (threshold {verdict.budget.threshold} points; here it hurt
{verdict.budget.hurt:.2%}). In a world without any attack {quiet.hurt / quiet.payments:.2%} of
{quiet.payments:,} payments were hurt.

V90 is the share of fraud value, C90 the share of fraud payments that was stopped before
authorisation; *first five*: the share of campaigns of which one of the first five payments was."""


def _types(verdict: Verdict) -> str:
    lines = [
        "",
        "| attack | payments | campaigns | own V90 | own C90 | first five | 1 % V90 | 1 % C90 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, own in verdict.own.by_type.items():
        lines.append(_type_row(name, own, verdict.budget.by_type[name]))
    lines.append(_type_row("**all**", verdict.own.whole, verdict.budget.whole))
    return "\n".join([*lines, "", _READING])


_READING = f"""Friendly fraud is genuine until it is disputed: no rule can stop the first one.
A value of 1.000 means that these worlds had no case that escaped, not that there is none.

## Rules

*matches*: payments on which the rule fired, in all worlds. *precision*: share of fraud among them;
*in life*: the same with a {DENSITY}th of the fraud. *lift*: precision over the share of fraud in
everything. *value*: fraud value on which it fired, in euros. *hurt*: genuine payments on which it
fired and that were not allowed, per 10,000 genuine. *only*: fraud caught / genuine hurt that would
pass if this rule alone were absent."""


def _type_row(name: str, own: Stopping, budget: Stopping) -> str:
    return (
        f"| {name} | {own.payments:,} | {own.campaigns} | {own.value_share:.3f} | "
        f"{own.count_share:.3f} | {own.first_five:.3f} | {budget.value_share:.3f} | "
        f"{budget.count_share:.3f} |"
    )


def _scenario(policy: Policy, name: str, written: Mapping[str, Rule], verdict: Verdict) -> str:
    text = policy.scenarios[name].text
    lines = [
        "", f"### {name}", "", f"{text}.", "",
        "| rule | points | matches | precision | in life | lift | value | hurt | only |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    silent = []
    for rule_id, rule in sorted(written.items()):
        if rule.scenario != name:
            continue
        record = verdict.records[rule_id]
        if record.fraud + record.genuine < _SEEN_ENOUGH:
            silent.append(f"- `{rule_id}`: {rule.title}. Not measurable here: {_why(rule)}.")
        else:
            lines.append(_rule_row(rule_id, rule, record, verdict))
    if lines[-1].startswith("|---"):
        lines = lines[:5]
    return "\n".join([*lines, "", *silent] if silent else lines)


def _rule_row(rule_id: str, rule: Rule, record: Record, verdict: Verdict) -> str:
    matches = record.fraud + record.genuine
    precision = record.fraud / matches
    life = record.fraud / (record.fraud + DENSITY * record.genuine)
    lift = precision / (verdict.fraud / verdict.payments)
    hurt = 10_000 * record.hurt / (verdict.payments - verdict.fraud)
    return (
        f"| `{rule_id}`<br>{rule.title} | {_effect(rule)} | {matches:,} | {precision:.2f} | "
        f"{life:.2f} | {lift:.0f} | {record.value // 100:,} | {hurt:.1f} | "
        f"{record.caught_alone} / {record.hurt_alone} |"
    )


def _effect(rule: Rule) -> str:
    words = [str(rule.then.points)] if rule.then.points else []
    if rule.then.outcome is not None:
        words.append(rule.then.outcome.word)
    return ", ".join(words) or "alert"


def _why(rule: Rule) -> str:
    if "lists." in rule.when:
        return UNMEASURED["list"]
    return UNMEASURED.get(rule.scenario, _OTHERWISE)
