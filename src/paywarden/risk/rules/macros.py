"""Window macros: calls inside conditions that become named windows.

    count(card, "10m")                                        payments of this card, this one too
    count(card, "10m", event.status == "declined")            other events, by a filter
    sum([card, merchant], payment.amount_base_minor, "1d")    keys as a list: all of them together
    avg_before(card, payment.amount_base_minor, "30d")        the present payment left out

Form: function(keys, [what], window, [filter]); `_before` after the name leaves the present payment
out. `what` is for sum, avg, min, max, stddev, distinct, first and last; count, since_first and
since_last have none. Guards: a macro becomes `agg.<name>`; the name is made from the window's
canonical form, so the same window has the same name in every rule and every policy, and a window
that aggregates.yaml declares keeps its declared name. Not done here: types of the condition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.model import FUNCTIONS, Aggregate
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.names import chain_of
from paywarden.risk.rules.cel.syntax import Call, Expr, ListOf, Literal, Name, Select
from paywarden.risk.rules.cel.tree import nodes_of, transform
from paywarden.risk.rules.windows import (
    READS,
    identity_of,
    length_text,
    read_filter,
    read_keys,
    read_length,
    read_of,
)

BEFORE = "_before"
PREFIX = "w_"
"""Beginning of generated names; declared windows cannot begin so."""
MACROS = frozenset(FUNCTIONS) | {name + BEFORE for name in FUNCTIONS}


class WindowMacros:
    """The windows of one policy: declared ones and those that conditions ask for.

    `declared`: digest of the declared ones, on which the names of all windows depend.
    """

    def __init__(self, declared: Iterable[Aggregate] = ()) -> None:
        self._names: dict[tuple[object, ...], str] = {}
        self._made: dict[str, Aggregate] = {}
        for window in declared:
            self._names.setdefault(identity_of(window), window.name)
        form = json.dumps([*self._names.items()], separators=(",", ":"))
        self.declared = hashlib.sha256(form.encode()).digest()

    @property
    def made(self) -> tuple[Aggregate, ...]:
        """Windows that macros asked for and nobody declared, by name."""
        return tuple(self._made[name] for name in sorted(self._made))

    def asked_in(self, expr: Expr) -> tuple[Aggregate, ...]:
        """The undeclared windows that an expanded condition reads."""
        names = (node.field for node in nodes_of(expr) if isinstance(node, Select))
        return tuple(self._made[name] for name in dict.fromkeys(names) if name in self._made)

    def ask_for(self, windows: Iterable[Aggregate]) -> None:
        """As if a condition with these windows had been expanded again."""
        for window in windows:
            self._names.setdefault(identity_of(window), window.name)
            self._made.setdefault(window.name, window)

    def expand(self, expr: Expr) -> Expr:
        """`expr` with every macro replaced by `agg.<name>`. Errors: CompileError."""
        return transform(expr, self.hook)

    def hook(self, call: Call) -> Expr | None:
        """What replaces one call, for `cel.compile(macros=...)`; None for other calls."""
        if call.member or call.function not in MACROS:
            return None
        name = self.name_of(_window_of(call))
        return Select(Name("agg", call.place), name, False, call.place)

    def name_of(self, window: Aggregate) -> str:
        """Name of a window, which is kept from now on."""
        name = self._names.get(identity_of(window))
        if name is None:
            name = generated_name(window)
            self._names[identity_of(window)] = name
            self._made[name] = replace(window, name=name)
        return name


def generated_name(window: Aggregate) -> str:
    """A readable name that only equal windows share.

    >>> generated_name(Aggregate("", "count", None, ("card",), 600_000_000, False, None, False))
    'w_count_card_10m_d9f90d1d'
    """
    form = json.dumps(identity_of(window), separators=(",", ":"))
    digest = hashlib.sha256(form.encode()).hexdigest()[:8]
    parts = [window.function, *((window.of or "").split(".")[-1:] if window.of else ())]
    parts += [*window.by, length_text(window.window_us)]
    if window.exclude_current:
        parts.append("before")
    return PREFIX + "_".join([*parts, digest])


def _window_of(call: Call) -> Aggregate:
    function = call.function.removesuffix(BEFORE)
    arguments = list(call.arguments)
    least = 3 if function in READS else 2
    if not least <= len(arguments) <= least + 1:
        raise CompileError("bad_window", _form(call.function, function), call.place)
    filtered = arguments.pop() if len(arguments) > least else None
    keys = _keys(arguments[0])
    of = _of(function, arguments[1]) if function in READS else None
    window_us, daily = _length(arguments[-1])
    return Aggregate(
        name="",
        function=function,
        of=of,
        by=keys,
        window_us=window_us,
        daily=daily,
        where=read_filter(filtered),
        exclude_current=call.function != function,
    )


def _form(name: str, function: str) -> str:
    what = "field, " if function in READS else ""
    return f'`{name}` takes other arguments; write {name}(key, {what}"10m") or add a filter last'


def _keys(expr: Expr) -> tuple[str, ...]:
    parts = expr.items if isinstance(expr, ListOf) else (expr,)
    words = [part.name if isinstance(part, Name) else "" for part in parts]
    if "" in words:
        detail = f"the first argument is a key or a list of keys; use {', '.join(KEY_KINDS)}"
        raise CompileError("bad_window_key", detail, expr.place)
    try:
        return read_keys(words)
    except ValueError as error:
        raise CompileError("bad_window_key", str(error), expr.place) from None


def _of(function: str, expr: Expr) -> str:
    path = ".".join(chain_of(expr)) if isinstance(expr, Name | Select) else ""
    if not path:
        detail = f"{function} reads a field; name one, such as payment.amount_base_minor"
        raise CompileError("bad_window_field", detail, expr.place)
    try:
        return read_of(function, path)
    except ValueError as error:
        raise CompileError("bad_window_field", str(error), expr.place) from None


def _length(expr: Expr) -> tuple[int | None, bool]:
    if not isinstance(expr, Literal) or not isinstance(expr.value, str):
        detail = 'the window is a text such as "10m"; put it after the key and the field'
        raise CompileError("bad_window_length", detail, expr.place)
    try:
        return read_length(expr.value)
    except ValueError as error:
        raise CompileError("bad_window_length", shown(str(error)), expr.place) from None
