"""aggregates.yaml into windows.

Guards: names are unique and cannot look like generated ones; function, keys, field, length and
filter are checked here, so that the plan of windows is built from sound parts only. Equal windows
under two names are a warning: both names work, the window is computed once.
"""

from __future__ import annotations

from paywarden.risk.features.model import FUNCTIONS, Aggregate
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.fields import WORD, WORD_REMEDY, Fields, tables_of
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.macros import PREFIX
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.windows import (
    PAYMENTS_ONLY,
    READS,
    identity_of,
    read_filter,
    read_keys,
    read_length,
    read_of,
)
from paywarden.risk.rules.yaml_source import Items, Node, Table

KEYS = (
    "name",
    "text",
    "function",
    "of",
    "by",
    "window",
    "resolution",
    "where",
    "exclude_current",
)
MAX_AGGREGATES = 4_000


def read_aggregates(node: Node | None, findings: Findings) -> dict[str, tuple[Aggregate, Source]]:
    """Declared windows by name with their places; faulty ones are left out and reported."""
    if node is None:
        return {}
    if not isinstance(node, Items):
        message = "aggregates.yaml is not a list of windows"
        findings.error(node.source, "bad_value", message, "begin each window with `- name:`")
        return {}
    found: dict[str, tuple[Aggregate, Source]] = {}
    known: dict[tuple[object, ...], str] = {}
    for table in tables_of(node, "aggregates.yaml", findings):
        if len(found) >= MAX_AGGREGATES:
            message = f"there are more than {MAX_AGGREGATES} windows"
            findings.error(table.source, "too_many_aggregates", message, "remove unused ones")
            break
        window = _Reader(table, findings).read()
        if window is not None:
            _keep(window, table.source, found, known, findings)
    return found


def _keep(
    window: Aggregate,
    source: Source,
    found: dict[str, tuple[Aggregate, Source]],
    known: dict[tuple[object, ...], str],
    findings: Findings,
) -> None:
    if window.name in found:
        message = f"the window `{window.name}` is declared twice"
        findings.error(source, "duplicate_aggregate", message, "rename or remove one of them")
        return
    same = known.setdefault(identity_of(window), window.name)
    if same != window.name:
        message = f"the windows `{same}` and `{window.name}` are equal"
        findings.warning(source, "equal_aggregates", message, "keep one of them")
    found[window.name] = (window, source)


class _Reader:
    """Reads one window."""

    def __init__(self, table: Table, findings: Findings) -> None:
        name = table.entries.get("name")
        what = f"the window `{name[1].text[:63]}`" if name and hasattr(name[1], "text") else ""
        self._fields = Fields(table, what or "a window", KEYS, findings)
        self._findings = findings
        self._sound = True

    def read(self) -> Aggregate | None:
        fields = self._fields
        name = fields.pattern("name", WORD, WORD_REMEDY)
        if name.startswith(PREFIX):
            self._fault("name", "bad_name", f"a name cannot begin with `{PREFIX}`", "rename it")
        function = self._function()
        of = self._of(function)
        keys = self._keys()
        window_us, daily = self._length()
        where = self._where()
        if not (name and self._sound):
            return None
        before = fields.flag("exclude_current")
        return Aggregate(name, function, of, keys, window_us, daily, where, before)

    def _fault(self, key: str, code: str, message: str, remedy: str) -> None:
        self._sound = False
        text = f"{self._fields.what}: {message}"
        self._findings.error(self._fields.place(key), code, text, remedy)

    def _refused(self, key: str, code: str, error: ValueError) -> None:
        message, _, remedy = str(error).partition("; ")
        self._fault(key, code, message, remedy or "see the policy format, section Aggregates")

    def _function(self) -> str:
        scalar = self._fields.scalar("function", required=True)
        if scalar is None or scalar.text not in FUNCTIONS:
            self._sound = False
            if scalar is not None:
                self._fields.unknown(scalar, "function", FUNCTIONS)
            return "count"
        return scalar.text

    def _of(self, function: str) -> str | None:
        path = self._fields.text("of")
        if function not in READS:
            if path:
                self._fault("of", "bad_window_field", f"{function} reads no field", "remove `of`")
            return None
        if not path:
            self._fault("of", "missing_key", f"{function} needs `of`", "name the field to read")
            return None
        try:
            return read_of(function, path)
        except ValueError as error:
            self._refused("of", "bad_window_field", error)
            return None

    def _keys(self) -> tuple[str, ...]:
        try:
            return read_keys(scalar.text for scalar in self._fields.words("by"))
        except ValueError as error:
            self._refused("by", "bad_window_key", error)
            return ()

    def _length(self) -> tuple[int | None, bool]:
        resolution = self._fields.text("resolution")
        if resolution not in ("", "1d"):
            self._fault("resolution", "bad_value", "the only resolution is 1d", "write 1d")
        text = self._fields.text("window", required=True)
        if not text:
            self._sound = False
            return None, False
        try:
            return read_length(text, daily=resolution == "1d")
        except ValueError as error:
            self._refused("window", "bad_window_length", error)
            return None, False

    def _where(self) -> str:
        scalar = self._fields.scalar("where")
        if scalar is None:
            return PAYMENTS_ONLY
        try:
            return read_filter(parse(scalar.text))
        except CompileError as error:
            self._sound = False
            place = scalar.inside(error.line, error.column)
            self._findings.compile_error(place, self._fields.what, error)
            return PAYMENTS_ONLY
