"""Doubts that somebody looked at and allows, with the reason: `lint` of a rule and of the policy.

    lint: {allow: [missing_value_trap], because: a payment without a country says nothing}

In policy.yaml `lint` is a list of such entries, each with an optional `of`: names of lists,
windows, scenarios or reasons, or rule ids; without `of` it holds for the whole policy.
Guards: only doubts can be allowed, never errors; a code that does not exist is an error; without
a reason nothing is allowed. The reason is text for people: it is not part of what is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.lint_codes import LINT_CODES
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.yaml_source import Table

KEYS = ("allow", "because", "of")


@dataclass(frozen=True, slots=True)
class Suppression:
    """Codes that are allowed at one place. `of`: names that it is limited to, or empty."""

    codes: tuple[str, ...]
    because: str
    source: Source
    of: tuple[str, ...] = ()


def read_suppression(table: Table | None, fields: Fields, *, named: bool) -> Suppression | None:
    """The entry of a mapping, or None when it is absent or faulty. `named`: `of` may stand."""
    if table is None:
        return None
    keys = KEYS if named else KEYS[:2]
    inner = Fields(table, f"`lint` of {fields.what}", keys, fields.findings)
    codes = inner.known_words("allow", "lint code", tuple(LINT_CODES))
    because = inner.text("because", required=True)
    of = tuple(scalar.text for scalar in inner.words("of")) if named else ()
    if not codes or not because:
        return None
    return Suppression(codes, because, table.source, of)
