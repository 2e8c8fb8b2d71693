"""policy.yaml into its parts: name, currency, thresholds, stages, segments, lists, words.

Guards: every word that rules may name is declared here once. Thresholds rise with the strictness of
the outcome. A segment's `challenge_unavailable` is never `challenge` itself. Conditions of segments
and merchant groups are parsed here (types: `check.py`, compiler); they use fields and lists only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from paywarden.core.outcome import Outcome
from paywarden.risk.lists.model import ListKind
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.fields import REASON, WORD, WORD_REMEDY, Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.model import (
    ControlGroup,
    MerchantGroup,
    Scenario,
    ScreeningSettings,
    Segment,
    Source,
    StageLimits,
    Thresholds,
    TravelRule,
)
from paywarden.risk.rules.screening_reader import read_screening, read_travel_rule
from paywarden.risk.rules.suppressions import Suppression, read_suppression
from paywarden.risk.rules.templates import Axis, Parameters, read_parameters
from paywarden.risk.rules.yaml_source import Scalar, Table

FILE = "policy.yaml"
KEYS = (
    "name",
    "text",
    "base_currency",
    "thresholds",
    "stages",
    "segments",
    "merchant_groups",
    "lists",
    "scenarios",
    "reasons",
    "lint",
    "control_group",
    "screening",
    "travel_rule",
)
STAGES = ("enrichment", "features", "fraud", "model", "aml", "screening")
ENGINES = ("fraud", "aml")
LIST_KINDS = tuple(kind.value for kind in ListKind)
MAX_POINTS = 1_000_000
MAX_DEADLINE_MS = 10_000
MAX_NAMED = 1_000
MAX_CONTROL_PERCENT = 20
MAX_CONTROL_MINOR = 10**12
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,119}\Z")
_NO_CHALLENGE = ("allow", "review", "block")


@dataclass(slots=True)
class Head:
    """What policy.yaml holds; `places` keeps where lists, reasons and scenarios are declared."""

    name: str = ""
    base_currency: str = "XXX"
    points: Thresholds = field(default_factory=Thresholds)
    model: Thresholds = field(default_factory=Thresholds)
    stages: dict[str, StageLimits] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    merchant_groups: tuple[MerchantGroup, ...] = ()
    axes: dict[str, Axis] = field(
        default_factory=lambda: {word: Axis(word, {}) for word in ("segments", "merchant_groups")}
    )
    lists: dict[str, str] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    places: dict[str, Source] = field(default_factory=dict)
    conditions: dict[str, tuple[Expr, Scalar]] = field(default_factory=dict)
    allowed: tuple[Suppression, ...] = ()
    control_group: ControlGroup | None = None
    screening: ScreeningSettings | None = None
    travel_rule: TravelRule | None = None


def read_head(table: Table, findings: Findings) -> Head:
    """Every part of policy.yaml; faults are collected and stand-ins used."""
    fields = Fields(table, FILE, KEYS, findings)
    head = Head()
    head.name = fields.pattern("name", _NAME, "use letters, digits, space, `.`, `_` and `-`")
    head.base_currency = fields.pattern("base_currency", _CURRENCY, "give an ISO 4217 code")
    _read_thresholds(fields, head)
    head.stages = _stages(fields)
    head.segments, segments = _segments(fields, head)
    head.merchant_groups, groups = _groups(fields, head)
    head.axes = {
        "segments": Axis("segments", segments),
        "merchant_groups": Axis("merchant_groups", groups),
    }
    head.lists = _list_kinds(fields, head)
    reasons = "use A-Z, 0-9 and _, such as CARD_TESTING"
    head.reasons = _words(fields, "reasons", head, REASON, reasons)
    _read_scenarios(fields, head)
    found = (read_suppression(one, fields, named=True) for one in fields.tables("lint"))
    head.allowed = tuple(one for one in found if one is not None)
    head.control_group = _control_group(fields)
    head.screening = read_screening(fields)
    head.travel_rule = read_travel_rule(fields)
    return head


def _control_group(fields: Fields) -> ControlGroup | None:
    table = fields.table_of("control_group")
    if table is None:
        return None
    keys = ("percent", "max_amount_base_minor", "daily_loss_base_minor")
    inner = Fields(table, "`control_group`", keys, fields.findings)
    for key in keys:
        inner.scalar(key, required=True)
    percent = inner.number("percent", 0.001, MAX_CONTROL_PERCENT)
    highest, loss = (inner.integer(key, 0, MAX_CONTROL_MINOR) for key in keys[1:])
    return ControlGroup(float(percent or 0.0), highest, loss)


def _read_thresholds(fields: Fields, head: Head) -> None:
    table = fields.table_of("thresholds")
    if table is None:
        return
    inner = Fields(table, "`thresholds`", ("points", "model"), fields.findings)
    head.points = _thresholds(inner, "points", MAX_POINTS)
    head.model = _thresholds(inner, "model", 1)


def _thresholds(fields: Fields, key: str, high: float) -> Thresholds:
    table = fields.table_of(key)
    if table is None:
        return Thresholds()
    words = ("challenge", "review", "block")
    inner = Fields(table, f"`thresholds.{key}`", words, fields.findings)
    levels = [inner.number(word, 0, high) for word in words]
    given = [level for level in levels if level is not None]
    if given != sorted(given):
        message = f"`thresholds.{key}` do not rise from challenge to block"
        fields.findings.error(table.source, "bad_thresholds", message, "put them in rising order")
        return Thresholds()
    return Thresholds(*levels)


def _stages(fields: Fields) -> dict[str, StageLimits]:
    table = fields.table_of("stages")
    if table is None:
        return {}
    outer = Fields(table, "`stages`", STAGES, fields.findings)
    found = {}
    for name in STAGES:
        inner_table = outer.table_of(name)
        if inner_table is not None:
            what = f"the stage `{name}`"
            inner = Fields(inner_table, what, ("deadline_ms", "on_failure"), fields.findings)
            deadline = inner.number("deadline_ms", 0.01, MAX_DEADLINE_MS)
            for key in ("deadline_ms", "on_failure"):
                inner.scalar(key, required=True)
            outcome = inner.outcome("on_failure", None, [o.word for o in Outcome])
            found[name] = StageLimits(deadline or 0.0, outcome)
    return found


def _segments(fields: Fields, head: Head) -> tuple[tuple[Segment, ...], dict[str, Parameters]]:
    found: dict[str, Segment] = {}
    parameters: dict[str, Parameters] = {}
    keys = ("name", "text", "when", "challenge_unavailable", "parameters")
    for table in fields.tables("segments"):
        inner = Fields(table, "a segment", keys, fields.findings)
        name = _name(inner, found, "segment")
        when = _condition(inner, head)
        instead = inner.outcome("challenge_unavailable", Outcome.REVIEW, _NO_CHALLENGE)
        if name:
            found[name] = Segment(name, when, instead, inner.place("when"))
            parameters[name] = _own(inner)
    return tuple(found.values()), parameters


def _groups(fields: Fields, head: Head) -> tuple[tuple[MerchantGroup, ...], dict[str, Parameters]]:
    found: dict[str, MerchantGroup] = {}
    parameters: dict[str, Parameters] = {}
    keys = ("name", "text", "when", "parameters")
    for table in fields.tables("merchant_groups"):
        inner = Fields(table, "a merchant group", keys, fields.findings)
        name = _name(inner, found, "merchant group")
        when = _condition(inner, head)
        if name:
            found[name] = MerchantGroup(name, when, inner.place("when"))
            parameters[name] = _own(inner)
    return tuple(found.values()), parameters


def _own(fields: Fields) -> Parameters:
    return read_parameters(fields.table_of("parameters"), fields.what, fields.findings)


def _name(fields: Fields, taken: object, kind: str) -> str:
    assert isinstance(taken, dict)
    name = fields.pattern("name", WORD, WORD_REMEDY)
    if name:
        fields.what = f"the {kind} `{name}`"
    if name in taken or len(taken) >= MAX_NAMED:
        message = f"{fields.what} is declared twice, or one too many"
        code = f"duplicate_{kind.replace(' ', '_')}"
        fields.findings.error(fields.place("name"), code, message, "rename or remove one of them")
        return ""
    return name


def _condition(fields: Fields, head: Head) -> str:
    scalar = fields.scalar("when", required=True)
    if scalar is None:
        return "false"
    try:
        head.conditions[fields.what] = (parse(scalar.text), scalar)
    except CompileError as error:
        place = scalar.inside(error.line, error.column)
        fields.findings.compile_error(place, fields.what, error)
        return "false"
    return scalar.text.strip()


def _words(
    fields: Fields, key: str, head: Head, pattern: re.Pattern[str], remedy: str
) -> dict[str, str]:
    """A mapping of names to texts; both not empty."""
    table = fields.table_of(key)
    found: dict[str, str] = {}
    for name, (scalar, node) in (table.entries if table else {}).items():
        if not pattern.match(name):
            message = f"`{shown(name)}` in `{key}` is not of the right form"
            fields.findings.error(scalar.source, "bad_name", message, remedy)
        elif not isinstance(node, Scalar) or not node.text:
            fields.wrong(node.source, key, "a mapping of names to texts")
        else:
            found[name] = node.text
            head.places[f"{key}.{name}"] = scalar.source
    return found


def _list_kinds(fields: Fields, head: Head) -> dict[str, str]:
    found = _words(fields, "lists", head, WORD, WORD_REMEDY)
    for name, kind in found.items():
        if kind not in LIST_KINDS:
            message = f"the list `{name}` is of an unknown kind `{shown(kind)}`"
            place = head.places[f"lists.{name}"]
            fields.findings.error(place, "unknown_list_kind", message, one_of(LIST_KINDS, kind))
    return found


def _read_scenarios(fields: Fields, head: Head) -> None:
    """Scenarios: a text, or `{text, engine}`."""
    table = fields.table_of("scenarios")
    for name, (scalar, node) in (table.entries if table else {}).items():
        head.places[f"scenarios.{name}"] = scalar.source
        if not WORD.match(name):
            message = f"`{shown(name)}` in `scenarios` is not of the right form"
            fields.findings.error(scalar.source, "bad_name", message, WORD_REMEDY)
        elif isinstance(node, Scalar):
            head.scenarios[name] = Scenario(name, node.text)
        elif isinstance(node, Table):
            what = f"the scenario `{name}`"
            inner = Fields(node, what, ("text", "engine"), fields.findings)
            engine = inner.scalar("engine")
            if engine is not None and engine.text not in ENGINES:
                inner.unknown(engine, "engine", ENGINES)
                engine = None
            text = inner.text("text", required=True)
            head.scenarios[name] = Scenario(name, text, engine.text if engine else "fraud")
        else:
            fields.wrong(node.source, "scenarios", "a mapping of names to texts")
