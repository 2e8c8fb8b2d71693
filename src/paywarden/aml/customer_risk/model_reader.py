"""A model's text into a checked model: every fault with its line, column and remedy.

Guards: nothing decides that was not understood whole: unknown keys and words, weights that do not
add up to 100, thresholds out of order, conditions that read no known fact, points below zero, a
factor without a source or without a rule for missing facts are all refused. Examples are run
(`examples`) before a model is handed out. The id is the SHA-256 of the text, so a model never
changes. Limits: those of `risk.rules.yaml_source`, 200 factors, 100 tables of 1,000 words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from paywarden.aml.customer_risk import facts as catalogue
from paywarden.aml.customer_risk.follow_reader import (
    ID,
    read_behaviour,
    read_diligence,
    read_reviews,
    section_of,
)
from paywarden.aml.customer_risk.model import (
    FULL,
    GROUPS,
    KINDS,
    LEVEL_WORDS,
    Factor,
    Level,
    NamedTable,
    RiskModel,
)
from paywarden.aml.customer_risk.terms_reader import read_exposure
from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.program import Program, compile
from paywarden.risk.rules.cel.syntax import Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL, MEMBERS, CelType
from paywarden.risk.rules.fields import WORD, WORD_REMEDY, Fields
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.yaml_source import Items, Table, parse_yaml

FACTORS: Final = 200
TABLES: Final = 100
TABLE_WORDS: Final = 1_000
_KEYS: Final = (
    "name", "text", "weights", "thresholds", "missing_percent", "tables", "factors", "diligence",
    "reviews", "behaviour", "exposure", "threshold_percent", "examples",
)  # fmt: skip
_FACTOR_KEYS: Final = (
    "group", "when", "points", "missing", "at_least", "missing_at_least", "applies_to", "says",
    "sources",
)  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_GRADED: Final = ("low", "medium", "high")


class ModelFaults(InvalidRequest):
    """A model that cannot be accepted; `findings` holds every fault."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        first = next(one for one in findings.items if one.severity == "error")
        super().__init__(
            "risk_model_invalid", f"{first.message}; {first.remedy}"[:500],
            pointer=f"{first.file}:{first.line}:{first.column}",
        )  # fmt: skip


def model_id(text: str) -> str:
    """`rm_` and 64 hex digits of the text."""
    return "rm_" + hashlib.sha256(text.encode()).hexdigest()


def read_model(text: str, file: str = "model.yaml") -> tuple[RiskModel, Items | None]:
    """The model and its examples, not yet run. Errors: ModelFaults."""
    findings = Findings()
    root = parse_yaml(file, text.encode(), findings)
    if not isinstance(root, Table):
        if not findings.failed:
            start = Source(file, 1, 1)
            findings.error(start, "model_empty", "the file holds no mapping", "write a model")
        raise ModelFaults(findings)
    model, examples = _Reader(text, root, findings).read()
    if findings.failed or model is None:
        raise ModelFaults(findings)
    return model, examples


class _Reader:
    """One pass over the sections of a file."""

    def __init__(self, text: str, root: Table, findings: Findings) -> None:
        self._text = text
        self._findings = findings
        self._fields = Fields(root, "the model", _KEYS, findings)

    def read(self) -> tuple[RiskModel | None, Items | None]:
        fields = self._fields
        name = fields.pattern("name", WORD, WORD_REMEDY)
        fields.text("text")
        weights = self._whole_numbers("weights", GROUPS, 0, FULL)
        self._check_weights(weights)
        thresholds = self._by_level("thresholds", ("medium", "high"), 1, FULL)
        tables = self._tables()
        share = fields.integer("missing_percent", 0, 100, -1)
        if share < 0:
            fields.missing("missing_percent")
        factors = self._factors(tables, max(share, 0), weights)
        diligence = read_diligence(fields, {one.id for one in factors}, self._findings)
        reviews = read_reviews(fields, self._findings)
        behaviour = read_behaviour(fields, self._findings)
        exposure = read_exposure(fields, self._findings)
        percent = self._by_level("threshold_percent", _GRADED, 1, 1_000, needed=False)
        examples = fields.node("examples")
        if not isinstance(examples, Items) or not examples.items:
            fields.missing("examples")
            examples = None
        if self._findings.failed:
            return None, None
        model = RiskModel(
            model_id(self._text), name, self._text, weights, thresholds, tables, factors,
            diligence, reviews, behaviour, exposure, percent,
        )  # fmt: skip
        return model, examples

    # --- numbers --------------------------------------------------------------------------

    def _whole_numbers(
        self, key: str, known: tuple[str, ...], low: int, high: int, *, needed: bool = True
    ) -> dict[str, int]:
        section = section_of(self._fields, key, known, self._findings, needed=needed)
        if section is None:
            return {}
        return {word: section.integer(word, low, high) for word in section.table.entries
                if word in known}  # fmt: skip

    def _by_level(
        self, key: str, words: tuple[str, ...], low: int, high: int, *, needed: bool = True
    ) -> dict[Level, int]:
        found = self._whole_numbers(key, words, low, high, needed=needed)
        if found and found.keys() != set(words):
            self._fields.wrong(self._fields.place(key), key, f"a number for {', '.join(words)}")
        made = {Level.parse(word): found[word] for word in words if word in found}
        numbers = list(made.values())
        if key == "thresholds" and numbers != sorted(set(numbers)):
            self._fields.wrong(self._fields.place(key), key, "rising with the level")
        return made

    def _check_weights(self, weights: Mapping[str, int]) -> None:
        if weights and sum(weights.values()) != FULL:
            message = f"the weights add up to {sum(weights.values())}"
            place = self._fields.place("weights")
            self._findings.error(place, "weights_not_100", message, "let them add up to 100")

    # --- tables ---------------------------------------------------------------------------

    def _tables(self) -> dict[str, NamedTable]:
        table = self._fields.table_of("tables")
        found: dict[str, NamedTable] = {}
        for name, (key, node) in (table.entries if table else {}).items():
            if len(found) >= TABLES or not WORD.match(name):
                self._findings.error(key.source, "bad_name", "a table cannot be named so",
                                     WORD_REMEDY)  # fmt: skip
                continue
            if not isinstance(node, Table):
                self._fields.wrong(key.source, shown(name), "a mapping")
                continue
            known = ("values", "source", "as_of", "refresh_days")
            fields = Fields(node, f"the table `{name}`", known, self._findings)
            values = [one.text for one in fields.words("values")]
            if not values or len(values) > TABLE_WORDS or any(len(one) > 64 for one in values):
                fields.wrong(fields.place("values"), "values", f"1 to {TABLE_WORDS} short words")
            as_of = fields.pattern("as_of", _DAY, "write a day as YYYY-MM-DD")
            found[name] = NamedTable(
                name, frozenset(values), fields.text("source", required=True), as_of,
                fields.integer("refresh_days", 1, 3_660, 365),
            )  # fmt: skip
        return found

    # --- factors --------------------------------------------------------------------------

    def _factors(
        self, tables: Mapping[str, NamedTable], share: int, weights: Mapping[str, int]
    ) -> tuple[Factor, ...]:
        table = self._fields.table_of("factors")
        if table is None or not table.entries:
            self._fields.missing("factors")
            return ()
        types: dict[str, CelType] = catalogue.types()
        types.update({f"tables.{name}": MEMBERS for name in tables})
        found: list[Factor] = []
        for name, (key, node) in list(table.entries.items())[: FACTORS + 1]:
            if not ID.match(name) or not isinstance(node, Table) or len(found) >= FACTORS:
                remedy = f"at most {FACTORS}, each a mapping under a name of a-z, 0-9 and -"
                self._findings.error(key.source, "bad_name", "this is no factor", remedy)
                continue
            fields = Fields(node, f"the factor `{name}`", _FACTOR_KEYS, self._findings)
            factor = self._factor(name, fields, types, share)
            if factor is not None:
                if factor.group not in weights:
                    fields.wrong(fields.place("group"), "group", "a group that has a weight")
                found.append(factor)
        return tuple(found)

    def _factor(
        self, name: str, fields: Fields, types: Mapping[str, CelType], share: int
    ) -> Factor | None:
        group = self._one_word(fields, "group", GROUPS)
        points = fields.integer("points", 0, FULL, -1)
        if points < 0:
            fields.missing("points")
        declared = fields.integer("missing", 0, FULL, -1)
        missing = -(-points * share // 100) if declared < 0 else declared
        program = self._condition(fields, types)
        kinds = fields.known_words("applies_to", "kind of customer", KINDS) or KINDS
        sources = tuple(one.text for one in fields.words("sources"))
        if not sources:
            fields.missing("sources")
        at_least = self._level(fields, "at_least")
        missing_at_least = self._level(fields, "missing_at_least")
        says = fields.text("says", required=True)
        if program is None or group is None:
            return None
        reads = tuple(sorted(
            {node.path for node in nodes_of(program.expr) if isinstance(node, Reference | Present)}
            - {path for path in types if path.startswith("tables.")}
        ))  # fmt: skip
        if not reads:
            fields.wrong(fields.place("when"), "when", "a condition that reads a fact")
        return Factor(
            name, group, program, reads, max(points, 0), missing, says, sources,
            frozenset(kinds), at_least, missing_at_least,
        )  # fmt: skip

    def _condition(self, fields: Fields, types: Mapping[str, CelType]) -> Program | None:
        scalar = fields.scalar("when", required=True)
        if scalar is None:
            return None
        try:
            return compile(scalar.text, types, result=BOOL)
        except CompileError as error:
            place = scalar.inside(error.line, error.column)
            self._findings.compile_error(place, fields.what, error)
            return None

    def _one_word(self, fields: Fields, key: str, known: tuple[str, ...]) -> str | None:
        scalar = fields.scalar(key, required=True)
        if scalar is None:
            return None
        if scalar.text not in known:
            fields.unknown(scalar, key, known)
            return None
        return scalar.text

    def _level(self, fields: Fields, key: str) -> Level:
        scalar = fields.scalar(key)
        if scalar is None:
            return Level.LOW
        if scalar.text not in LEVEL_WORDS:
            fields.unknown(scalar, "level", LEVEL_WORDS)
            return Level.LOW
        return Level.parse(scalar.text)
