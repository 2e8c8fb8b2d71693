"""Mined conjunctions as rules of a policy: text that people read, examples from real matches.

Guards: an example holds only the values that the condition reads, which are numbers, flags and
words of payments and merchants; nothing in it says whose payment it was. Figures stand in comments
above the rule, not in its text, so that the text stays true when the figures change. A draft whose
scenario nobody declared could not be read, so it takes that of the present rule that reads most of
the same names. Points follow from the low end of the precision. Not done here: checking
(`mine.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paywarden.core.instants import format_rfc3339
from paywarden.lab.mining.conditions import Bools, Bound, Condition, holds
from paywarden.lab.mining.features import Window
from paywarden.lab.mining.material import Material
from paywarden.lab.mining.measuring import Figures, Rounding
from paywarden.risk.rules.firing import FRAUD
from paywarden.risk.rules.model import Policy, Rule

FILE = "rules/mined.yaml"
_NAME = re.compile(r"[a-z]+(?:\.[a-z][a-z0-9_]*)+")
POINTS = ((0.9, 60), (0.7, 50), (0.4, 30), (0.0, 15))
"""Points by the least low end of the precision."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted rule with its figures. `when`: its condition."""

    id: str
    conditions: tuple[Condition, ...]
    when: str
    scenario: str
    reason: str | None
    points: int
    examples: tuple[tuple[Mapping[str, Any], bool], ...]
    mined: Figures
    judged: Figures
    rounding: Rounding

    def as_dict(self) -> dict[str, object]:
        """For the report."""
        return {
            "id": self.id,
            "when": self.when,
            "scenario": self.scenario,
            "points": self.points,
            "held_out": self.judged.as_dict(),
            "mined": self.mined.as_dict(),
            "rounding_loss": self.rounding.loss,
        }


class Drafter:
    """Makes drafts for one policy."""

    def __init__(
        self,
        policy: Policy,
        windows: Sequence[Window],
        mined: Material,
        scenario: str | None,
    ) -> None:
        self._policy = policy
        self._windows = {window.text: window for window in windows}
        self._mined = mined
        self._scenario = scenario

    def draft(
        self,
        number: int,
        conditions: tuple[Condition, ...],
        figures: tuple[Figures, Figures],
        rounding: Rounding,
    ) -> Draft:
        """A draft; `figures`: on the mined and on the judging rows."""
        when = condition_text(conditions)
        nearest = self._nearest(conditions)
        scenario = self._scenario or (nearest.scenario if nearest else _first(self._policy))
        return Draft(
            id=f"mined-{number:02d}",
            conditions=conditions,
            when=when,
            scenario=scenario,
            reason=nearest.then.reason if nearest else None,
            points=next(points for least, points in POINTS if figures[1].precision_low >= least),
            examples=self._examples(conditions),
            mined=figures[0],
            judged=figures[1],
            rounding=rounding,
        )

    def _nearest(self, conditions: Sequence[Condition]) -> Rule | None:
        """The rule of fraud whose names are most like those of the draft (Jaccard)."""
        names = {self._name(text) for one in conditions for text in one.reads()}
        best, most = None, 0.0
        for rule in self._policy.rules:
            known = self._policy.scenarios.get(rule.scenario)
            if (known is not None and known.engine != FRAUD) or not rule.then.points:
                continue
            read = set(_NAME.findall(rule.when))
            alike = len(names & read) / len(names | read)
            if alike > most:
                best, most = rule, alike
        return best

    def _name(self, text: str) -> str:
        window = self._windows.get(text)
        return text if window is None else f"agg.{window.aggregate.name}"

    # --- examples --------------------------------------------------------------------------

    def _examples(
        self, conditions: Sequence[Condition]
    ) -> tuple[tuple[Mapping[str, Any], bool], ...]:
        """A real match, and a real payment that misses by one condition."""
        matches = holds(conditions, self._mined)
        found: list[tuple[Mapping[str, Any], bool]] = []
        row = _middle(self._mined, matches & self._mined.part.target)
        if row is not None:
            found.append((self._given(conditions, row), True))
        for condition in conditions:
            rest = [one for one in conditions if one is not condition]
            near = (
                holds(rest, self._mined) & ~condition.holds(self._mined) & self._whole(conditions)
            )
            row = _middle(self._mined, near & ~self._mined.part.target)
            if row is not None:
                found.append((self._given(conditions, row), False))
                break
        return tuple(found)

    def _whole(self, conditions: Sequence[Condition]) -> Bools:
        """Rows in which every value that the conditions read is there."""
        there = np.ones(len(self._mined), np.bool_)
        for text in {text for one in conditions for text in one.reads()}:
            if text in self._mined.windows:
                there &= self._mined.windows[text].valid
            else:
                there &= self._mined.columns[text].present()
        return there

    def _given(self, conditions: Sequence[Condition], row: int) -> Mapping[str, Any]:
        given: dict[str, Any] = {}
        for text in dict.fromkeys(text for one in conditions for text in one.reads()):
            window = self._windows.get(text)
            if window is None:
                _put(given, text, self._mined.columns[text].slice(row, row + 1).values()[0])
                continue
            values = self._mined.windows[text]
            if not values.valid[row]:
                continue
            real = window.aggregate.function in ("avg", "stddev")
            value = float(values.data[row]) if real else round(values.data[row])
            if window.declared:
                given.setdefault("agg", {})[window.aggregate.name] = value
            else:
                given.setdefault("windows", {})[text] = value
        return given


def condition_text(conditions: Sequence[Condition]) -> str:
    """The condition; a guard that two terms share stands once."""
    terms = [part for one in conditions for part in one.text.split(" && ")]
    bounds = {one.text for one in conditions}
    kept = [
        term for term in dict.fromkeys(terms) if term in bounds or not _implied(term, conditions)
    ]
    return " && ".join(kept)


def _implied(term: str, conditions: Sequence[Condition]) -> bool:
    """Whether a guard (`count >= 3`) is weaker than a bound of the rule."""
    name, _, number = term.rpartition(" >= ")
    return any(
        isinstance(one, Bound)
        and one.least
        and one.quantity.text == name
        and one.threshold >= float(number)
        for one in conditions
    )


def _first(policy: Policy) -> str:
    named = (name for name, one in policy.scenarios.items() if one.engine == FRAUD)
    return next(named, "mined")


def _middle(material: Material, rows: Bools) -> int | None:
    """The row of middle value: no outlier stands for the rest."""
    found = np.flatnonzero(rows)
    if not len(found):
        return None
    order = found[np.argsort(material.value[found], kind="stable")]
    return int(order[len(order) // 2])


def _put(given: dict[str, Any], path: str, value: Any) -> None:
    if value is None:
        return
    *folders, name = path.split(".")
    for folder in folders:
        given = given.setdefault(folder, {})
    given[name] = value


# --- text ----------------------------------------------------------------------------------


def file_text(drafts: Sequence[Draft], period: str, currency: str, now_us: int) -> str:
    """rules/mined.yaml."""
    lines = [
        f"# Drafts of `paywarden mine`, {format_rfc3339(now_us)}. Figures: {period},",
        f"# in minor units of {currency}. Read each draft, name it, give it the points that it",
        "# deserves, back-test it.",
    ]
    for draft in drafts:
        lines += ["", *_rule_lines(draft)]
    return "\n".join(lines) + "\n"


def _rule_lines(draft: Draft) -> list[str]:
    judged = draft.judged
    title = ", ".join(one.words for one in draft.conditions)
    then = [f"points: {draft.points}", *((f"reason: {draft.reason}",) if draft.reason else ())]
    lines = [
        f"# caught {judged.caught:g} payments worth {judged.caught_value_minor}"
        f" ({judged.recall:.1%} of the value), {judged.new_value_minor} of it by no present rule;",
        f"# hurt {judged.hurt:g} payments of {judged.customers_hurt} customers"
        f" ({judged.hurt_share:.2%} of the honest); precision"
        f" {judged.precision:.1%} ({judged.precision_low:.1%} to {judged.precision_high:.1%},"
        f" {judged.interval});",
        f"# {judged.already_stopped:.1%} of the matches are stopped already; round thresholds cost"
        f" {draft.rounding.loss:.1%} of the value.",
        f"- id: {draft.id}",
        f"  title: {json.dumps(title, ensure_ascii=False)}",
        f"  scenario: {draft.scenario}",
        "  when: >-",
        f"    {draft.when}",
        f"  then: {{{', '.join(then)}}}",
    ]
    if draft.examples:
        lines.append("  examples:")
        for given, fires in draft.examples:
            lines.append(f"    - given: {_flow(given)}")
            lines.append(f"      fires: {'true' if fires else 'false'}")
    return lines


def _flow(value: Any) -> str:
    """A value in YAML's flow form, which JSON is but for plain keys."""
    if isinstance(value, Mapping):
        inner = (f"{json.dumps(key)}: {_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(inner) + "}"
    return json.dumps(value, ensure_ascii=False)
