"""One file of a typology into its values, or all that is wrong with it.

Guards: every key is known and every value within bounds; conditions and the texts of terms are
parsed, and complete (no window macro is left); every term counts in the score; the score can reach
its thresholds and does not begin there. A typology that `runs: payment` reads the policy's names,
one that `runs: log` declares the features that it reads. Order per file: words, features, values,
terms, expression, thresholds, examples. Not done here: types of conditions and running the examples
(`typology_check.py`), functions of features (`paywarden.aml.monitoring`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, cast

from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.tree import refuse_deep
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.examples import given_values
from paywarden.risk.rules.fields import WORD, WORD_REMEDY, Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import PHASES, Source
from paywarden.risk.rules.typology_model import (
    ENTITY_WORDS,
    OPERATORS,
    RUNS,
    Combined,
    Expression,
    FlowFeature,
    Operator,
    Runs,
    Term,
    Typology,
    TypologyExample,
)
from paywarden.risk.rules.typology_scores import bounds_of, names_in, score_of
from paywarden.risk.rules.typology_texts import complete_text
from paywarden.risk.rules.typology_values import NamedValues, give_values, read_values
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table

ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,79}\Z")
KEYS: Final = (
    "id", "title", "family", "sources", "explanation", "runs", "entity", "features", "values",
    "terms", "score", "alert", "interdict", "quiet_days", "phase", "allow_partial", "examples",
)  # fmt: skip
MAX_TYPOLOGIES: Final = 500
MAX_FEATURES: Final = 40
MAX_TERMS: Final = 40
MAX_PARTS: Final = 100
MAX_EXAMPLES: Final = 50
MAX_WEIGHT: Final = 1_000.0
MAX_SCORE: Final = 1e9
MAX_QUIET_DAYS: Final = 400
DEFAULT_QUIET_DAYS: Final = 30
_SETTING = (bool, int, float, str)


@dataclass(slots=True)
class TypologyReader:
    """Reads files of typologies; `typologies` maps id to typology in order of reading.

    `trees`: complete condition of each (typology, term) and the scalar it was written in. `texts`:
    the scalar of what the term says. `macros`: those of the policy; None where there is none, and
    then a window macro is an unknown function.
    """

    findings: Findings
    macros: WindowMacros | None = None
    typologies: dict[str, Typology] = field(default_factory=dict)
    trees: dict[tuple[str, str], tuple[Expr, Scalar]] = field(default_factory=dict)
    texts: dict[tuple[str, str], Scalar] = field(default_factory=dict)

    def read_file(self, node: Node | None, file: str) -> None:
        """The one typology of a file; faults are collected."""
        if not isinstance(node, Table):
            message = f"{shown(file)} is no mapping"
            remedy = "write `id: ...`, `title: ...` and so on, one typology per file"
            self.findings.error(
                node.source if node else Source(file, 1), "bad_value", message, remedy
            )
            return
        if len(self.typologies) >= MAX_TYPOLOGIES:
            message = f"there are more than {MAX_TYPOLOGIES} typologies"
            self.findings.error(node.source, "too_many_typologies", message, "remove some")
            return
        typology = _OneTypology(self, node, file).read()
        if typology is None:
            return
        taken = self.typologies.get(typology.id)
        if taken is not None:
            message = f"the id `{typology.id}` is taken by {taken.file}"
            self.findings.error(node.source, "duplicate_typology", message, "rename one of them")
            return
        self.typologies[typology.id] = typology

    @property
    def files_over_log(self) -> tuple[str, ...]:
        """Files of typologies that run over the log."""
        return tuple(one.file for one in self.typologies.values() if one.runs == "log")

    @property
    def of_payments(self) -> tuple[Typology, ...]:
        """Those that run in the payment path, in order of reading."""
        return tuple(one for one in self.typologies.values() if one.runs == "payment")


class _OneTypology:
    """One file on its way."""

    def __init__(self, reader: TypologyReader, table: Table, file: str) -> None:
        written = table.entries.get("id")
        name = written[1].text if written and isinstance(written[1], Scalar) else ""
        what = f"the typology `{shown(name)}`" if name else "a typology"
        self._reader = reader
        self._findings = reader.findings
        self._file = file
        self._fields = Fields(table, what, KEYS, reader.findings)
        self._values = NamedValues()

    def read(self) -> Typology | None:
        fields = self._fields
        name = fields.pattern("id", ID, "use 1-80 of a-z, 0-9 and -")
        runs = cast("Runs", self._word("runs", RUNS) or "log")
        features = self._features(runs)
        self._values = read_values(fields)
        terms = self._terms(name, runs)
        score = self._score(terms)
        alert, interdict = self._thresholds(runs, terms, score)
        made = Typology(
            id=name,
            title=fields.text("title", name, required=True),
            family=fields.pattern("family", WORD, WORD_REMEDY),
            explanation=self._text("explanation"),
            sources=self._sources(),
            runs=runs,
            entity=self._word("entity", ENTITY_WORDS) or "account",
            features=features,
            values=tuple(self._values.written.items()),
            terms=terms,
            score=score,
            alert=alert,
            interdict=interdict,
            quiet_days=fields.integer("quiet_days", 0, MAX_QUIET_DAYS, DEFAULT_QUIET_DAYS),
            phases=fields.known_words("phase", "phase", PHASES),
            allow_partial=fields.flag("allow_partial"),
            examples=self._examples(),
            file=self._file,
            line=fields.source.line,
        )
        self._only_payments(runs)
        return made if name else None

    def _word(self, key: str, known: tuple[str, ...]) -> str:
        scalar = self._fields.scalar(key, required=True)
        if scalar is None:
            return ""
        if scalar.text not in known:
            self._fields.unknown(scalar, key, known)
            return ""
        return scalar.text

    def _text(self, key: str) -> str:
        return " ".join(self._fields.text(key, required=True).split())

    def _sources(self) -> tuple[str, ...]:
        found = tuple(scalar.text for scalar in self._fields.words("sources"))
        if not found:
            self._fields.missing("sources")
        return found

    def _only_payments(self, runs: Runs) -> None:
        for key in ("interdict", "phase", "allow_partial") if runs == "log" else ("features",):
            if self._fields.node(key) is not None:
                there = "payment" if runs == "log" else "log"
                message = f"`{key}` of {self._fields.what} has no meaning with `runs: {runs}`"
                remedy = f"remove it, or write `runs: {there}`"
                self._findings.error(self._fields.place(key), "key_without_use", message, remedy)

    # --- features --------------------------------------------------------------------------

    def _features(self, runs: Runs) -> tuple[FlowFeature, ...]:
        table = self._fields.table_of("features")
        if runs != "log":
            return ()
        if table is None:
            self._fields.missing("features")
            return ()
        made = []
        for name, (key, node) in table.entries.items():
            if not WORD.match(name):
                message = f"the feature `{shown(name)}` of {self._fields.what} is not well named"
                self._findings.error(key.source, "bad_name", message, WORD_REMEDY)
            elif not isinstance(node, Table):
                self._fields.wrong(node.source, name, "a mapping with `function`")
            else:
                made.append(self._feature(name, node))
        if len(made) > MAX_FEATURES:
            self._fields.wrong(table.source, "features", f"at most {MAX_FEATURES} features")
        return tuple(made[:MAX_FEATURES])

    def _feature(self, name: str, table: Table) -> FlowFeature:
        what = f"the feature `{name}` of {self._fields.what}"
        fields = Fields(table, what, tuple(table.entries), self._findings)
        function = fields.pattern("function", WORD, WORD_REMEDY)
        settings: dict[str, str | int | float | bool] = {}
        for key, (_, node) in table.entries.items():
            if key == "function":
                continue
            if isinstance(node, Scalar) and isinstance(node.value, _SETTING):
                settings[key] = node.value
            else:
                fields.wrong(node.source, key, "a single value")
        return FlowFeature(name, function, settings)

    # --- terms -----------------------------------------------------------------------------

    def _terms(self, typology: str, runs: Runs) -> tuple[Term, ...]:
        table = self._fields.table_of("terms")
        if table is None or not table.entries:
            self._fields.missing("terms")
            return ()
        made = []
        for name, (key, node) in table.entries.items():
            if not WORD.match(name) or name in OPERATORS:
                message = f"the term `{shown(name)}` of {self._fields.what} is not well named"
                self._findings.error(key.source, "bad_name", message, WORD_REMEDY)
            elif not isinstance(node, Table):
                self._fields.wrong(node.source, name, "a mapping with `when`, `weight`, `says`")
            else:
                made.append(self._term(typology, name, node, runs))
        if len(made) > MAX_TERMS:
            self._fields.wrong(table.source, "terms", f"at most {MAX_TERMS} terms")
        return tuple(made[:MAX_TERMS])

    def _term(self, typology: str, name: str, table: Table, runs: Runs) -> Term:
        what = f"the term `{name}` of {self._fields.what}"
        fields = Fields(table, what, ("when", "weight", "says"), self._findings)
        when, says = fields.scalar("when", required=True), fields.scalar("says", required=True)
        if fields.node("weight") is None:
            fields.missing("weight")
        weight = fields.number("weight", -MAX_WEIGHT, MAX_WEIGHT)
        condition, tree = self._condition(when, what, runs)
        if when is not None and tree is not None:
            self._reader.trees[typology, name] = (tree, when)
        if says is not None:
            self._reader.texts[typology, name] = says
        written = " ".join(when.text.split()) if when else ""
        return Term(name, condition, float(weight or 0.0), self._says(says, what, runs), written)

    def _condition(self, when: Scalar | None, what: str, runs: Runs) -> tuple[str, Expr | None]:
        if when is None:
            return "false", None
        try:
            tree = parse(when.text)
            complete = self._expanded(tree, runs)
            refuse_deep(complete)
        except CompileError as error:
            self._findings.compile_error(when.inside(error.line, error.column), what, error)
            return "false", None
        return (when.text.strip() if complete is tree else unparse(complete)), complete

    def _says(self, says: Scalar | None, what: str, runs: Runs) -> str:
        if says is None:
            return ""
        try:
            return complete_text(says.text, lambda tree: self._expanded(tree, runs))
        except CompileError as error:
            self._findings.compile_error(says.source, f"`says` of {what}", error)
            return ""

    def _expanded(self, tree: Expr, runs: Runs) -> Expr:
        macros, plain = self._reader.macros, self._values.put_in(tree)
        return macros.expand(plain) if macros is not None and runs == "payment" else plain

    # --- score -----------------------------------------------------------------------------

    def _score(self, terms: tuple[Term, ...]) -> Expression:
        node = self._fields.node("score")
        if node is None:
            self._fields.missing("score")
            return 0.0
        names = {term.name for term in terms}
        counter = [0]
        score = self._expression(node, names, counter)
        used = set(names_in(score))
        for term in terms:
            if term.name not in used:
                message = f"the term `{term.name}` of {self._fields.what} is not in the score"
                remedy = "name it in `score`, or remove it"
                self._findings.error(node.source, "term_without_use", message, remedy)
        return score

    def _expression(self, node: Node, names: set[str], counter: list[int]) -> Expression:
        counter[0] += 1
        if counter[0] > MAX_PARTS:
            self._fields.wrong(node.source, "score", f"an expression of at most {MAX_PARTS} parts")
            return 0.0
        if isinstance(node, Scalar):
            return self._leaf(node, names)
        if isinstance(node, Table) and len(node.entries) == 1:
            ((operator, (key, parts)),) = node.entries.items()
            if operator not in OPERATORS:
                self._fields.unknown(key, "operator", OPERATORS)
            elif isinstance(parts, Items) and parts.items:
                made = tuple(self._expression(part, names, counter) for part in parts.items)
                return Combined(cast("Operator", operator), made)
            else:
                self._fields.wrong(parts.source, operator, "a list of names, numbers, expressions")
            return 0.0
        self._fields.wrong(node.source, "score", "a name, a number or one `operator: [...]`")
        return 0.0

    def _leaf(self, node: Scalar, names: set[str]) -> Expression:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) <= MAX_WEIGHT:
                return float(value)
            self._fields.wrong(node.source, "score", f"made of numbers up to {MAX_WEIGHT:g}")
        elif node.text in names:
            return node.text
        else:
            message = f"the score of {self._fields.what} names no term `{shown(node.text)}`"
            self._findings.error(node.source, "unknown_term", message, one_of(names, node.text))
        return 0.0

    def _thresholds(
        self, runs: Runs, terms: tuple[Term, ...], score: Expression
    ) -> tuple[float, float | None]:
        fields = self._fields
        if fields.node("alert") is None:
            fields.missing("alert")
        alert = fields.number("alert", -MAX_SCORE, MAX_SCORE)
        interdict = fields.number("interdict", -MAX_SCORE, MAX_SCORE) if runs == "payment" else None
        if alert is None:
            return 0.0, interdict
        if interdict is not None and interdict < alert:
            message = f"`interdict` of {fields.what} is below `alert`"
            remedy = "hold a payment only for what is an alert too"
            self._findings.error(fields.place("interdict"), "bad_thresholds", message, remedy)
        self._within_reach(terms, score, alert, interdict)
        return float(alert), None if interdict is None else float(interdict)

    def _within_reach(
        self, terms: tuple[Term, ...], score: Expression, alert: float, interdict: float | None
    ) -> None:
        fields, weights = self._fields, {term.name: term.weight for term in terms}
        low, high = bounds_of(score, weights)
        if max(abs(low), abs(high)) > MAX_SCORE:
            fields.wrong(fields.place("score"), "score", f"an expression within {MAX_SCORE:g}")
            return
        for key, level in (("alert", alert), ("interdict", interdict)):
            if level is not None and level > high:
                message = f"`{key}` of {fields.what} is out of reach: the score ends at {high:g}"
                remedy = "lower it, or raise the weights"
                self._findings.error(fields.place(key), "threshold_out_of_reach", message, remedy)
        if score_of(score, weights, ()) >= alert:
            message = f"the score of {fields.what} reaches `alert` though no term holds"
            remedy = "raise `alert`, or lower the numbers of the score"
            self._findings.error(fields.place("alert"), "threshold_without_terms", message, remedy)

    # --- examples --------------------------------------------------------------------------

    def _examples(self) -> tuple[TypologyExample, ...]:
        made: list[TypologyExample] = []
        for table in self._fields.tables("examples"):
            what = f"an example of {self._fields.what}"
            fields = Fields(table, what, ("given", "score", "text"), self._findings)
            if fields.node("score") is None:
                fields.missing("score")
            if len(made) >= MAX_EXAMPLES:
                fields.wrong(table.source, "examples", f"at most {MAX_EXAMPLES} examples")
                break
            given = given_values(fields, self._reader.macros)
            give_values(given, self._values, self._reader.macros, fields)
            score = fields.number("score", -MAX_SCORE, MAX_SCORE)
            made.append(TypologyExample(given, float(score or 0.0), table.source.line))
        if not made:
            self._fields.missing("examples")
        return tuple(made)
