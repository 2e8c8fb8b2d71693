"""Parts that window macros and aggregates.yaml share: lengths, keys, what may be read, filters.

Guards: one canonical form per window, so that equal windows are computed once whoever asks for
them: keys in the order of the catalogue, filters with sorted terms. A window counts payments unless
its filter names a field of other events (event.kind, event.status, ...): a payment counts once,
whatever results and labels came after it. Bounds: RULES.md, "Aggregates".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from paywarden.core.instants import DAY_US
from paywarden.risk.features.aggregates.registry import AGGREGATE_FUNCTIONS
from paywarden.risk.features.catalogue import (
    EVENT_FIELDS,
    FIELDS,
    KEY_KINDS,
    OBSERVED_INDEX,
    Field,
)
from paywarden.risk.features.model import DAY_LIMIT_DAYS, EXACT_LIMIT_US, SECOND_US, Aggregate
from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.names import chain_of
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr, Name, Present, Reference, Select
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.findings import one_of
from paywarden.risk.rules.ordering import ordered
from paywarden.risk.rules.scope import filter_types

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
MAX_KEYS = 3
PAYMENTS_ONLY = 'event.kind == "payment"'
READS = frozenset(name for name, one in AGGREGATE_FUNCTIONS.items() if one.takes)
"""Functions that read a field (`of`); count and since_* do not."""
_LENGTH = re.compile(r"([0-9]{1,8})([smhdw])\Z")
_FILTER_TYPES = filter_types()


def read_length(text: str, *, daily: bool = False) -> tuple[int | None, bool]:
    """Microseconds and whether it counts whole days; `all` gives None. Errors: ValueError.

    >>> read_length("10m")
    (600000000, False)
    """
    if text == "all":
        return None, False
    found = _LENGTH.match(text)
    if not found:
        raise ValueError("a window is a number and s, m, h, d or w, such as 10m, or `all`")
    length_us = int(found[1]) * UNITS[found[2]] * SECOND_US
    if daily:
        if not 0 < length_us <= DAY_LIMIT_DAYS * DAY_US or length_us % DAY_US:
            raise ValueError(f"a window of whole days has 1d to {DAY_LIMIT_DAYS}d")
    elif not SECOND_US <= length_us <= EXACT_LIMIT_US:
        raise ValueError(
            "an exact window has 1s to 90d; a longer one is declared in aggregates.yaml"
            " with resolution: 1d"
        )
    return length_us, daily


def length_text(window_us: int | None) -> str:
    """The shortest text of a length.

    >>> length_text(600_000_000), length_text(86_400_000_000)
    ('10m', '1d')
    """
    if window_us is None:
        return "all"
    seconds = window_us // SECOND_US
    for unit in ("d", "h", "m"):
        if seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]}{unit}"
    return f"{seconds}s"


def read_keys(words: Iterable[str]) -> tuple[str, ...]:
    """Key kinds in the order of the catalogue. Errors: ValueError."""
    given = list(words)
    for word in given:
        if word not in KEY_KINDS:
            raise ValueError(f"`{shown(word)}` is no key; {one_of(KEY_KINDS, word)}")
    if not 1 <= len(given) <= MAX_KEYS or len(set(given)) != len(given):
        raise ValueError(f"a window has one to {MAX_KEYS} different keys")
    return tuple(kind for kind in KEY_KINDS if kind in given)


def read_of(function: str, path: str) -> str:
    """The observed path that `function` may read. Errors: ValueError."""
    plain = path if path in EVENT_FIELDS else path.removeprefix("event.")
    field: Field | None = EVENT_FIELDS.get(plain) or FIELDS.get(plain)
    if field is None:
        raise ValueError(f"`{shown(path)}` is no field; {one_of(OBSERVED_INDEX, plain)}")
    if field.storage is None:
        raise ValueError(f"`{plain}` is not kept for windows; see the feature catalogue")
    if field.storage not in AGGREGATE_FUNCTIONS[function].takes:
        remedy = "distinct reads any field, sum and its like an int, first and last no digest"
        raise ValueError(f"{function} cannot read `{plain}`; {remedy}")
    return plain


def read_filter(expr: Expr | None) -> str:
    """Canonical text of a filter, payments only where it names no other event.

    Errors: CompileError with the place in the condition.
    """
    if expr is None:
        return PAYMENTS_ONLY
    _refuse_present(expr)
    checked = check(expr, _FILTER_TYPES, BOOL).expr
    text = unparse(ordered(checked))
    for node in nodes_of(checked):
        if isinstance(node, Reference | Present) and node.path in EVENT_FIELDS:
            return text
    return unparse(ordered(parse(f"({text}) && {PAYMENTS_ONLY}")))


def _refuse_present(expr: Expr) -> None:
    for node in nodes_of(expr):
        if not isinstance(node, Name | Select):
            continue
        path = ".".join(chain_of(node))
        if path in FIELDS:
            detail = "a filter sees the events of the window, not the present payment; "
            raise CompileError("current_payment_in_filter", detail + _instead(path), node.place)
        if path.partition(".")[0] == "agg" and "." in path:
            detail = "a window cannot stand in the filter of a window; compare the two outside"
            raise CompileError("window_in_filter", detail, node.place)
        inner = FIELDS.get(path.removeprefix("event."))
        if path.startswith("event.") and inner is not None and inner.storage in (None, "hash"):
            detail = f"`{path}` cannot be compared in a filter; {_as_key(inner)}"
            raise CompileError("not_in_filters", detail, node.place)


def _instead(path: str) -> str:
    if f"event.{path}" in _FILTER_TYPES:
        return f"write `event.{path}`, or compare outside of the window"
    return "add its key to the keys of the window"


def _as_key(field: Field) -> str:
    if field.storage == "hash":
        return "it is kept as a digest: add its key to the keys of the window, or use distinct"
    return "it is not kept for windows"


def identity_of(window: Aggregate) -> tuple[object, ...]:
    """What makes two windows equal: everything but the name."""
    return (
        window.function,
        window.of,
        window.by,
        window.window_us,
        window.daily,
        window.where,
        window.exclude_current,
    )
