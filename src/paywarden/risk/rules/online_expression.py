"""Source of one opaque atom: typed arithmetic, text and time functions as plain statements.

Guards: the answer is the interpreter's, error for error: 64-bit overflow, division that truncates,
IEEE doubles, code points, spans of 64-bit nanoseconds. Only strict functions of known scalar types
are written out; for anything else `statements_of` answers None and the interpreter itself is asked
(`online_fallback.py`). Constants and slots stand in the source as names of a symbol table, so no
text of a policy ever becomes code. Instants come in as microseconds and are counted in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable

from paywarden.risk.rules.cel.times import MAX_INSTANT, MIN_INSTANT, parse_duration, parse_timestamp
from paywarden.risk.rules.online_symbols import Symbols
from paywarden.risk.rules.plain_tree import Plain

_INT_RANGE = f"{-(1 << 63)} <= {{0}} <= {(1 << 63) - 1}"
_INSTANT_RANGE = f"{MIN_INSTANT} <= {{0}} <= {MAX_INSTANT}"
_COMPARE = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "_==_": "==", "_!=_": "!="}
_NUMBERS = ("int", "double")
_MAX_TEXT = 1 << 20

Value = tuple[str, str]  # source of a value without side effects, its kind


class _Unsupported(Exception):
    """The tree holds something that is not written out."""


def statements_of(tree: Plain, symbols: Symbols) -> tuple[list[str], str] | None:
    """Statements and the source of the boolean result; an error is `return E`. None: not ours."""
    found = value_of(tree, symbols)
    return None if found is None or found[2] != "bool" else found[:2]


def value_of(tree: Plain, symbols: Symbols) -> tuple[list[str], str, str] | None:
    """Statements, the source of the value and its kind; an error is `return E`. None: not ours."""
    writer = _Writer(symbols)
    try:
        result, kind = writer.value(tree)
    except _Unsupported:
        return None
    return writer.lines, result, kind


class _Writer:
    """Writes one expression; `lines` are the statements so far, `_indent` the present block."""

    def __init__(self, symbols: Symbols) -> None:
        self.lines: list[str] = []
        self._symbols = symbols
        self._indent = 0
        self._count = 0
        self._loaded: dict[str, str] = {}

    def _line(self, text: str) -> None:
        self.lines.append(" " * self._indent + text)

    def _new(self, source: str) -> str:
        self._count += 1
        if self._count > 200:
            raise _Unsupported
        name = f"x{self._count}"
        self._line(f"{name} = {source}")
        return name

    def _need(self, condition: str) -> None:
        self._line(f"if not ({condition}): return E")

    def value(self, tree: Plain) -> Value:
        kind = tree[0]
        if kind == "lit":
            return self._literal(tree)
        if kind == "ref":
            return self._load(tree[1], tree[2])
        if kind == "has":
            return f"(v[{self._symbols.slot(tree[1])}] is not None)", "bool"
        if kind != "call":
            raise _Unsupported
        return self._call(tree)

    def _literal(self, tree: Plain) -> Value:
        _, kind, value = tree
        if kind not in ("int", "double", "string", "bool"):
            raise _Unsupported
        if kind in ("int", "bool"):
            return f"({value!r})", kind
        return self._symbols.constant(value), kind

    def _load(self, path: str, kind: str) -> Value:
        if kind not in ("int", "double", "string", "bool", "timestamp"):
            raise _Unsupported
        name = self._loaded.get(path)
        if name is None:
            name = self._new(f"v[{self._symbols.slot(path)}]")
            self._line(f"if {name} is None: return E")
            if kind == "timestamp":
                name = self._new(f"{name} * 1000")
            if not self._indent:
                self._loaded[path] = name
        return name, kind

    def _call(self, tree: Plain) -> Value:
        _, function, _, arguments = tree
        if function == "_?_:_":
            return self._choice(arguments)
        if function in ("timestamp", "duration") and arguments[0][:2] == ("lit", "string"):
            reads = parse_timestamp if function == "timestamp" else parse_duration
            return f"({reads(arguments[0][2]).nanoseconds})", function
        if function == "matches" and arguments[1][:2] == ("lit", "string"):
            text = self._of(self.value(arguments[0]), "string")
            pattern = self._symbols.pattern(arguments[1][2])
            return self._new(f"{pattern}.search({text}) is not None"), "bool"
        values = tuple(map(self.value, arguments))
        kinds = tuple(kind for _, kind in values)
        names = tuple(source for source, _ in values)
        if function in _COMPARE:
            return self._compare(function, names, kinds)
        writer = _WRITERS.get((function, kinds))
        if writer is None:
            raise _Unsupported
        return writer(self, *names)

    def _of(self, value: Value, kind: str) -> str:
        if value[1] != kind:
            raise _Unsupported
        return value[0]

    def _compare(self, function: str, names: tuple[str, ...], kinds: tuple[str, ...]) -> Value:
        numeric = all(kind in _NUMBERS for kind in kinds)
        if not numeric and kinds[0] != kinds[1]:
            raise _Unsupported
        return self._new(f"{names[0]} {_COMPARE[function]} {names[1]}"), "bool"

    def _choice(self, arguments: tuple[Plain, ...]) -> Value:
        condition = self._of(self.value(arguments[0]), "bool")
        self._count += 1
        result = f"y{self._count}"
        self._line(f"if {condition}:")
        first = self._branch(arguments[1], result)
        self._line("else:")
        if self._branch(arguments[2], result) != first:
            raise _Unsupported
        return result, first

    def _branch(self, tree: Plain, result: str) -> str:
        self._indent += 1
        if self._indent > 12:
            raise _Unsupported
        source, kind = self.value(tree)
        self._line(f"{result} = {source}")
        self._indent -= 1
        return kind

    # --- functions -------------------------------------------------------------------------

    def ranged(self, source: str, kind: str = "int") -> Value:
        name = self._new(source)
        limits = _INSTANT_RANGE if kind == "timestamp" else _INT_RANGE
        self._need(limits.format(name))
        return name, kind

    def plain(self, source: str, kind: str) -> Value:
        return self._new(source), kind

    def divided(self, left: str, right: str) -> Value:
        self._need(f"{right} != 0")
        size = self._new(f"abs({left}) // abs({right})")
        return self.ranged(f"{size} if ({left} < 0) == ({right} < 0) else -{size}")

    def remainder(self, left: str, right: str) -> Value:
        self._need(f"{right} != 0 and not ({left} == {-(1 << 63)} and {right} == -1)")
        size = self._new(f"abs({left}) % abs({right})")
        return self.plain(f"{size} if {left} >= 0 else -{size}", "int")

    def truncated(self, value: str) -> Value:
        self._need(f"-9223372036854775808.0 < {value} < 9223372036854775808.0")
        return self.plain(f"int({value})", "int")

    def joined(self, left: str, right: str) -> Value:
        self._need(f"len({left}) + len({right}) <= {_MAX_TEXT}")
        return self.plain(f"{left} + {right}", "string")

    def called(self, function: str, kind: str, *names: str) -> Value:
        helper = self._symbols.helper(function)
        return self.plain(f"{helper}({', '.join(names)})", kind)


def _operator(mark: str, kind: str, result: str = "") -> Callable[..., Value]:
    def write(writer: _Writer, left: str, right: str) -> Value:
        source = f"{left} {mark} {right}"
        answer = result or kind
        if kind == "double":
            return writer.plain(source, "double")
        return writer.ranged(source, answer)

    return write


def _same(kind: str) -> Callable[..., Value]:
    return lambda _writer, name: (name, kind)


def _text(source: str, kind: str = "bool") -> Callable[..., Value]:
    return lambda writer, *names: writer.plain(source.format(*names), kind)


_INT2, _DOUBLE2, _STRING2 = ("int", "int"), ("double", "double"), ("string", "string")
_TIME2, _SPAN2 = ("timestamp", "timestamp"), ("duration", "duration")
_WRITERS: dict[tuple[str, tuple[str, ...]], Callable[..., Value]] = {
    **{(f"_{mark}_", _INT2): _operator(mark, "int") for mark in "+-*"},
    **{(f"_{mark}_", _DOUBLE2): _operator(mark, "double") for mark in "+-*"},
    **{(f"_{mark}_", _SPAN2): _operator(mark, "int", "duration") for mark in "+-"},
    ("_-_", _TIME2): _operator("-", "int", "duration"),
    ("_+_", ("timestamp", "duration")): _operator("+", "int", "timestamp"),
    ("_-_", ("timestamp", "duration")): _operator("-", "int", "timestamp"),
    ("_+_", ("duration", "timestamp")): _operator("+", "int", "timestamp"),
    ("_+_", _STRING2): _Writer.joined,
    ("_/_", _INT2): _Writer.divided,
    ("_%_", _INT2): _Writer.remainder,
    ("_/_", _DOUBLE2): lambda writer, a, b: writer.called("divide", "double", a, b),
    ("-_", ("int",)): lambda writer, name: writer.ranged(f"-{name}"),
    ("-_", ("double",)): _text("-{0}", "double"),
    ("!_", ("bool",)): _text("not {0}"),
    ("int", ("int",)): _same("int"),
    ("double", ("double",)): _same("double"),
    ("string", ("string",)): _same("string"),
    ("double", ("int",)): _text("float({0})", "double"),
    ("int", ("double",)): _Writer.truncated,
    ("int", ("timestamp",)): _text("{0} // 1000000000", "int"),
    ("size", ("string",)): _text("len({0})", "int"),
    ("contains", _STRING2): _text("{1} in {0}"),
    ("startsWith", _STRING2): _text("{0}.startswith({1})"),
    ("endsWith", _STRING2): _text("{0}.endswith({1})"),
    ("getHours", ("timestamp",)): _text("{0} // 3600000000000 % 24", "int"),
    ("getMinutes", ("timestamp",)): _text("{0} // 60000000000 % 60", "int"),
    ("getSeconds", ("timestamp",)): _text("{0} // 1000000000 % 60", "int"),
    ("getDayOfWeek", ("timestamp",)): _text("({0} // 86400000000000 + 4) % 7", "int"),
    **{
        (name, ("timestamp",)): (lambda n: lambda w, a: w.called(n, "int", a))(name)
        for name in ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfYear")
    },
}
