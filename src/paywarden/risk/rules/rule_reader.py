"""One file of rules and templates into rules.

Guards: every word that a rule names (scenario, phase, segment, group, reason, outcome, action) is
known; ids are unique after stamping; a rule does something; an allow rule scores nothing and is
never hard. Conditions come out complete: placeholders are literals, window macros are `agg.<name>`.
Order per rule: stampings, words, condition, effect, examples. Not done here: types of conditions
and running the examples (`check.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.actions.registry import ActionContext, read_actions
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.tree import refuse_deep
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.examples import read_examples
from paywarden.risk.rules.fields import IDENTIFIER, REASON, WORD, WORD_REMEDY, Fields, tables_of
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.firing import EVERY_FRAUD_SCENARIO
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import PHASES, Effect, Rule, Source
from paywarden.risk.rules.policy_reader import Head
from paywarden.risk.rules.reading_memory import KnownCondition, ReadingMemory
from paywarden.risk.rules.suppressions import Suppression, read_suppression
from paywarden.risk.rules.templates import (
    TEMPLATE_KEYS,
    Stamp,
    fill_condition,
    fill_node,
    stamped_text,
    stamps_of,
)
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table

MAX_RULES = 20_000
MAX_RULE_POINTS = 1_000
DEFAULT_PHASES = ("pre_auth",)
KEYS = (
    "id",
    "title",
    "scenario",
    "phase",
    "when",
    "then",
    "explanation",
    "hard",
    "allow_partial",
    "segments",
    "merchant_groups",
    "examples",
    "lint",
    *TEMPLATE_KEYS,
)
THEN_KEYS = ("points", "outcome", "reason", "allow_scenarios", "actions")


@dataclass(slots=True)
class RuleReader:
    """Reads the rule files of one policy; `rules` maps id to rule in order of reading.

    `trees` keeps the complete condition of each rule with the places of the written text, and the
    scalar that it was written in, so that later faults can point into the file. `allowed` keeps the
    doubts that a rule allows, by its id or its template's.
    """

    head: Head
    macros: WindowMacros
    findings: Findings
    memory: ReadingMemory
    rules: dict[str, Rule] = field(default_factory=dict)
    trees: dict[str, tuple[Expr, Scalar]] = field(default_factory=dict)
    allowed: dict[str, Suppression] = field(default_factory=dict)

    def read_file(self, node: Node | None, file: str) -> None:
        """All rules of one file: a list, or a mapping whose `rules` is the list."""
        if isinstance(node, Table):
            node = Fields(node, file, ("rules",), self.findings).node("rules")
        if node is None:
            return
        if not isinstance(node, Items):
            message = f"{shown(file)} is no list of rules"
            self.findings.error(node.source, "bad_value", message, "begin each rule with `- id:`")
            return
        for table in tables_of(node, shown(file), self.findings):
            self._read_rule(table)

    def _read_rule(self, table: Table) -> None:
        written = table.entries.get("id")
        text = written[1].text if written and isinstance(written[1], Scalar) else ""
        what = f"the rule `{shown(text)}`" if text else "a rule"
        outer = Fields(table, what, KEYS, self.findings)
        when = outer.scalar("when", required=True)
        template = text if outer.node("for_each") is not None else None
        allowed = read_suppression(outer.table_of("lint"), outer, named=False)
        if allowed is not None:
            self.allowed[text] = allowed
        for stamp in stamps_of(outer, self.head.axes, self.findings):
            if len(self.rules) >= MAX_RULES:
                message = f"the policy has more than {MAX_RULES} rules after templates"
                self.findings.error(table.source, "too_many_rules", message, "remove some")
                return
            filled = _filled(table, stamp, self.findings)
            self._add(Fields(filled, what, KEYS, self.findings), when, stamp, template)

    def _add(self, fields: Fields, when: Scalar | None, stamp: Stamp, template: str | None) -> None:
        name = self._id(fields, stamp)
        effect = _EffectReader(fields, self.head, self.findings).read()
        hard = fields.flag("hard")
        if hard and effect.outcome is Outcome.ALLOW:
            message = f"{fields.what} allows and is hard"
            remedy = "a hard rule blocks or holds; remove `hard`"
            self.findings.error(fields.place("hard"), "hard_allow", message, remedy)
        condition = self._condition(fields, when, stamp, name)
        if not name:
            return
        if name in self.rules:
            message = f"the id `{name}` is taken by the rule at {self.rules[name].source}"
            self.findings.error(fields.place("id"), "duplicate_rule", message, "rename one of them")
            return
        self.rules[name] = Rule(
            id=name,
            title=fields.text("title", name),
            scenario=self._scenario(fields),
            phases=fields.known_words("phase", "phase", PHASES) or DEFAULT_PHASES,
            when=condition,
            then=effect,
            source=fields.source,
            explanation=fields.text("explanation"),
            hard=hard,
            allow_partial=fields.flag("allow_partial"),
            segments=self._where(fields, stamp, "segments", "segment"),
            merchant_groups=self._where(fields, stamp, "merchant_groups", "merchant group"),
            examples=read_examples(fields, self.macros),
            template=template,
            written=stamped_text(when.text.strip(), stamp.parameters) if when else "",
        )

    def _id(self, fields: Fields, stamp: Stamp) -> str:
        scalar = fields.scalar("id", required=True)
        if scalar is None:
            return ""
        named = all(value in scalar.text.split(".") for _, value in stamp.values)
        name = scalar.text if named else scalar.text + stamp.suffix
        if not IDENTIFIER.match(name):
            message = f"the id `{shown(name)}` is not of the right form"
            remedy = "use 1-120 letters, digits, `.`, `_` and `-`"
            self.findings.error(scalar.source, "bad_name", message, remedy)
            return ""
        return name

    def _scenario(self, fields: Fields) -> str:
        word = fields.pattern("scenario", WORD, WORD_REMEDY)
        known = self.head.scenarios
        if word and known and word not in known:
            scalar = fields.scalar("scenario")
            assert scalar is not None
            fields.unknown(scalar, "scenario", known)
        return word

    def _where(self, fields: Fields, stamp: Stamp, key: str, kind: str) -> tuple[str, ...]:
        words = fields.known_words(key, kind, self.head.axes[key].values)
        return stamp.restricted(key) or words

    def _condition(self, fields: Fields, when: Scalar | None, stamp: Stamp, name: str) -> str:
        if when is None:
            return "false"
        try:
            complete = self._complete(when.text, stamp)
        except CompileError as error:
            place = when.inside(error.line, error.column)
            self.findings.compile_error(place, fields.what, error)
            return "false"
        self.trees.setdefault(name, (complete.expr, when))
        return complete.text

    def _complete(self, text: str, stamp: Stamp) -> KnownCondition:
        """The condition without placeholders and macros; remembered unless it was stamped."""
        if stamp.values:
            return self._expanded(fill_condition(text, stamp.parameters), None)
        declared = self.macros.declared
        known = self.memory.condition(text, declared)
        if known is None:
            known = self._expanded(parse(text), text)
            self.memory.keep_condition(text, declared, known)
        else:
            self.macros.ask_for(known.windows)
        return known

    def _expanded(self, expr: Expr, text: str | None) -> KnownCondition:
        """`text`: how it is written, which is its form when no macro stands in it."""
        complete = self.macros.expand(expr)
        refuse_deep(complete)
        if complete is expr and text is not None:
            return KnownCondition(complete, text.strip(), ())
        return KnownCondition(complete, unparse(complete), self.macros.asked_in(complete))


def _filled(table: Table, stamp: Stamp, findings: Findings) -> Table:
    """The rule without its template's own keys, placeholders filled but in the condition."""
    if not stamp.values:
        return table
    entries = {
        key: entry if key == "when" else (entry[0], fill_node(entry[1], stamp.parameters, findings))
        for key, entry in table.entries.items()
        if key not in TEMPLATE_KEYS
    }
    return Table(entries, table.source)


@dataclass(slots=True)
class _EffectReader:
    """Reads `then`."""

    rule: Fields
    head: Head
    findings: Findings

    def read(self) -> Effect:
        table = self.rule.table_of("then")
        if table is None:
            self.rule.missing("then")
            return Effect(points=1)
        fields = Fields(table, f"`then` of {self.rule.what}", THEN_KEYS, self.findings)
        points = fields.integer("points", 0, MAX_RULE_POINTS)
        outcome = fields.optional_outcome("outcome")
        context = ActionContext(self.head.lists)
        actions = read_actions(fields.node("actions"), self.rule.what, context, self.findings)
        if not any(fields.node(key) is not None for key in ("outcome", "actions")) and (
            fields.text("points", "0") == "0"
        ):
            message = f"{self.rule.what} does nothing when it fires"
            remedy = "give points, an outcome or an action"
            self.findings.error(table.source, "rule_without_effect", message, remedy)
        reason = self._reason(fields)
        allowed = self._allowed(fields, outcome, points, table.source)
        return Effect(points, outcome, reason, allowed, actions)

    def _reason(self, fields: Fields) -> str | None:
        if fields.node("reason") is None:
            return None
        code = fields.pattern("reason", REASON, "use A-Z, 0-9 and _, such as CARD_TESTING")
        known = self.head.reasons
        if code and known and code not in known:
            scalar = fields.scalar("reason")
            assert scalar is not None
            message = f"{self.rule.what} names the reason `{code}`, which has no text"
            remedy = f"add it to `reasons` in policy.yaml, or {one_of(known, code)}"
            self.findings.warning(scalar.source, "reason_without_text", message, remedy)
        return code or None

    def _allowed(
        self, fields: Fields, outcome: Outcome | None, points: int, source: Source
    ) -> tuple[str, ...]:
        """Scenarios that an allow rule lowers: those named, else the rule's own."""
        known: Mapping[str, object] = self.head.scenarios
        named = tuple(scalar.text for scalar in fields.words("allow_scenarios"))
        for scalar in fields.words("allow_scenarios"):
            special = scalar.text in (EVERY_FRAUD_SCENARIO, "model")
            if known and scalar.text not in known and not special:
                fields.unknown(scalar, "scenario", [*known, EVERY_FRAUD_SCENARIO])
        if outcome is not Outcome.ALLOW:
            if named:
                message = f"{self.rule.what} has `allow_scenarios` and does not allow"
                remedy = "write `outcome: allow` or remove them"
                self.findings.error(source, "allow_without_allow", message, remedy)
            return ()
        if points:
            message = f"{self.rule.what} allows and gives points"
            self.findings.error(source, "allow_with_points", message, "remove the points")
        return named or tuple(scalar.text for scalar in self.rule.words("scenario"))
