"""Sections of a model that say what follows from a level: diligence, reviews, behaviour."""

from __future__ import annotations

import re
from typing import Final

from paywarden.aml.customer_risk import facts as catalogue
from paywarden.aml.customer_risk.model import (
    KINDS,
    LEVEL_WORDS,
    BehaviourTerms,
    DiligenceItem,
    Level,
    ReviewTerms,
)
from paywarden.risk.rules.fields import IDENTIFIER, Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.yaml_source import Scalar, Table

ITEMS: Final = 100
ID: Final = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_GRADED: Final = ("low", "medium", "high")


def section_of(
    model: Fields, key: str, known: tuple[str, ...], findings: Findings, *, needed: bool = True
) -> Fields | None:
    """A mapping of the model, its keys checked; None when it is absent or no mapping."""
    table = model.table_of(key)
    if table is None:
        if needed:
            model.missing(key)
        return None
    return Fields(table, f"`{key}`", known, findings)


def read_diligence(
    model: Fields, factors: set[str], findings: Findings
) -> tuple[DiligenceItem, ...]:
    """Items of diligence, each once."""
    found: dict[str, DiligenceItem] = {}
    known = ("id", "text", "levels", "factors", "applies_to", "sources")
    for table in model.tables("diligence"):
        fields = Fields(table, "an item of `diligence`", known, findings)
        name = fields.pattern("id", ID, "use a-z, 0-9 and -")
        levels = fields.known_words("levels", "level", LEVEL_WORDS)
        named = fields.known_words("factors", "factor", factors)
        sources = tuple(one.text for one in fields.words("sources"))
        if not levels and not named:
            fields.wrong(fields.source, "levels", "at least one level, or factors")
        if not sources:
            fields.missing("sources")
        if name in found or len(found) >= ITEMS:
            fields.wrong(fields.source, "id", f"a name of its own, {ITEMS} items at most")
        kinds = fields.known_words("applies_to", "kind of customer", KINDS) or KINDS
        found[name] = DiligenceItem(
            name, fields.text("text", required=True),
            frozenset(map(Level.parse, levels)), frozenset(named), frozenset(kinds), sources,
        )  # fmt: skip
    return tuple(found.values())


def read_reviews(model: Fields, findings: Findings) -> ReviewTerms:
    """Days between reviews, no longer for a higher level."""
    section = section_of(model, "reviews", (*_GRADED, "on_rise_days"), findings)
    if section is None:
        return ReviewTerms({}, 0)
    days = {Level.parse(word): section.integer(word, 1, 3_660, -1) for word in _GRADED}
    for level, count in days.items():
        if count < 0:
            section.missing(level.word)
    if list(days.values()) != sorted(days.values(), reverse=True):
        section.wrong(section.source, "reviews", "no longer for a higher level")
    days[Level.PROHIBITED] = days[Level.HIGH]
    return ReviewTerms(days, section.integer("on_rise_days", 1, 366, 30))


def read_behaviour(model: Fields, findings: Findings) -> BehaviourTerms:
    """Windows by behaviour fact; the section may be absent."""
    section = section_of(model, "behaviour", ("windows", "every_hours"), findings, needed=False)
    if section is None:
        return BehaviourTerms({}, 24)
    windows: dict[str, dict[str, str]] = {}
    table = section.table_of("windows")
    for path, (key, node) in (table.entries if table else {}).items():
        if path not in catalogue.COUNTED:
            remedy = one_of(catalogue.COUNTED, path)
            findings.error(key.source, "unknown_fact", "no window fills this", remedy)
        elif not isinstance(node, Table):
            model.wrong(key.source, path, "a mapping of payer and merchant")
        else:
            windows[path] = _window_names(path, node, findings)
    return BehaviourTerms(windows, section.integer("every_hours", 1, 720, 24))


def _window_names(path: str, node: Table, findings: Findings) -> dict[str, str]:
    fields = Fields(node, f"`{path}`", ("payer", "merchant"), findings)
    return {
        role: fields.pattern(role, IDENTIFIER, "name a window of the policy")
        for role in node.entries
        if isinstance(node.entries[role][1], Scalar)
    }
