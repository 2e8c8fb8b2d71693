"""Random typed conditions and vectors, and the three back ends over them, for property tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.interpreter import Evaluation
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MEMBERS,
    STRING,
    TIMESTAMP,
    CelType,
    map_of,
)
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.columns import Column, columns_of_vectors
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.online import functions_of
from paywarden.risk.rules.online_fallback import binding_of
from paywarden.risk.rules.online_image import CodeCache, OnlineImage, build_image
from paywarden.risk.rules.program import Graph
from paywarden.risk.rules.selectivity import Selectivity

TYPES: Mapping[str, CelType] = {
    "n.i": INT,
    "n.j": INT,
    "n.k": INT,
    "n.x": DOUBLE,
    "n.y": DOUBLE,
    "n.s": STRING,
    "n.t": STRING,
    "n.u": STRING,
    "n.b": BOOL,
    "n.c": BOOL,
    "n.at": TIMESTAMP,
    "n.since": TIMESTAMP,
    "n.m": map_of(STRING, DYN),
    "lists.one": MEMBERS,
    "lists.two": MEMBERS,
}
PATHS = [path for path in TYPES if path.startswith("n.")]
SLOTS = {path: slot for slot, path in enumerate(PATHS)}
TIMES = frozenset({"n.at", "n.since"})
LISTS = {"one": frozenset({"", "a", "é", "x\ny"}), "two": {"b": 1, "'\"\\": 2}}

WORDS = ["", "a", "b", "ab", "é", "x\ny", "'\"\\", "日本", "😀", "A", "{0}", "None"]
EDGES = [0, 1, -1, 2, 3, 5, 10, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
REALS = [0.0, -0.0, 1.0, 1.5, -2.5, 3.0, 1e300, 5e-324, float(2**53), 9.3e18]
INSTANTS = ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59.9999995Z", "1969-12-31T23:59:59Z"]
SPANS = ["1h", "0s", "-5m", "1500ms", "1ns", "8760h"]


def quoted(text: str) -> str:
    """A string literal of the language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def real(value: float) -> str:
    """A double literal of the language."""
    text = repr(value)
    return text if any(mark in text for mark in ".en") else text + ".0"


ints = st.one_of(st.integers(-8, 8), st.sampled_from(EDGES))
int_leaf = st.one_of(st.sampled_from(["n.i", "n.j", "n.k"]), ints.map(str))
double_leaf = st.one_of(st.sampled_from(["n.x", "n.y"]), st.sampled_from(REALS).map(real))
string_leaf = st.one_of(st.sampled_from(["n.s", "n.t", "n.u"]), st.sampled_from(WORDS).map(quoted))
time_leaf = st.one_of(
    st.sampled_from(["n.at", "n.since"]),
    st.sampled_from(INSTANTS).map(lambda text: f'timestamp("{text}")'),
)
span_leaf = st.sampled_from(SPANS).map(lambda text: f'duration("{text}")')


def _joined(draw: Any, *parts: Any) -> str:
    return "".join(part if isinstance(part, str) else draw(part) for part in parts)


@st.composite
def numbers(draw: Any, depth: int = 2) -> str:
    """An int expression."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return str(draw(int_leaf))
    inner = numbers(depth - 1)
    kind = draw(st.integers(0, 9))
    if kind < 5:
        mark = draw(st.sampled_from(["+", "-", "*", "/", "%"]))
        return _joined(draw, "(", inner, f" {mark} ", inner, ")")
    if kind == 5:
        return _joined(draw, "int(", doubles(depth - 1), ")")
    if kind == 6:
        return _joined(draw, "size(", strings(depth - 1), ")")
    if kind == 7:
        return _joined(draw, "(", conditions(depth - 1), " ? ", inner, " : ", inner, ")")
    if kind == 8:
        getter = draw(st.sampled_from(["getHours", "getDayOfWeek", "getFullYear", "getMinutes"]))
        zone = draw(st.sampled_from(["", "", '"Europe/Berlin"']))
        return _joined(draw, times(depth - 1), f".{getter}({zone})")
    return _joined(draw, "(-(", inner, "))")


@st.composite
def doubles(draw: Any, depth: int = 2) -> str:
    """A double expression."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return str(draw(double_leaf))
    inner = doubles(depth - 1)
    kind = draw(st.integers(0, 5))
    if kind < 4:
        return _joined(draw, "(", inner, " " + "+-*/"[kind] + " ", inner, ")")
    if kind == 4:
        return _joined(draw, "double(", numbers(depth - 1), ")")
    return _joined(draw, "(-(", inner, "))")


@st.composite
def strings(draw: Any, depth: int = 1) -> str:
    """A string expression."""
    if depth == 0 or draw(st.integers(0, 2)) > 0:
        return str(draw(string_leaf))
    if draw(st.booleans()):
        return _joined(draw, "(", strings(depth - 1), " + ", strings(depth - 1), ")")
    return _joined(draw, "string(", numbers(depth - 1), ")")


@st.composite
def times(draw: Any, depth: int = 1) -> str:
    """A timestamp expression."""
    if depth == 0 or draw(st.integers(0, 2)) > 0:
        return str(draw(time_leaf))
    return _joined(draw, "(", time_leaf, draw(st.sampled_from([" + ", " - "])), span_leaf, ")")


@st.composite
def comparisons(draw: Any, depth: int) -> str:
    """Two values and an operator."""
    mark = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return _joined(draw, numbers(depth), f" {mark} ", numbers(depth))
    if kind == 1:
        return _joined(draw, doubles(depth), f" {mark} ", doubles(depth))
    if kind == 2:
        return _joined(draw, strings(depth), f" {mark} ", strings(depth))
    if kind == 3:
        return _joined(draw, times(depth), f" {mark} ", times(depth))
    if kind == 4:
        return _joined(draw, int_leaf, f" {mark} ", double_leaf)
    if kind == 5:
        return _joined(draw, double_leaf, f" {mark} ", int_leaf)
    return _joined(draw, times(0), " - ", times(0), f" {mark} ", span_leaf)


@st.composite
def atoms(draw: Any, depth: int) -> str:
    """A condition without logic of its own."""
    kind = draw(st.integers(0, 11))
    if kind < 4:
        return draw(comparisons(min(depth, 1)))
    if kind == 4:
        return str(draw(st.sampled_from(["n.b", "n.c", "true", "false"])))
    if kind == 5:
        return f"has({draw(st.sampled_from([*PATHS, 'n.m.k']))})"
    if kind == 6:
        return _joined(draw, string_leaf, " in lists.", st.sampled_from(["one", "two"]))
    if kind == 7:
        texts = draw(st.lists(string_leaf, max_size=4))
        return _joined(draw, string_leaf, f" in [{', '.join(texts)}]")
    if kind == 8:
        leaf = draw(st.sampled_from([int_leaf, double_leaf]))
        items = draw(st.lists(st.one_of(ints.map(str), leaf), max_size=4))
        return _joined(draw, leaf, f" in [{', '.join(items)}]")
    if kind == 9:
        tail = draw(st.sampled_from([" == 3", ' == "a"', " > 1", " > 1.5", " in [1, 2.0]"]))
        return draw(st.sampled_from(["n.m.k", 'n.m["k"]', "n.m.z"])) + tail
    if kind == 10:
        name = draw(st.sampled_from(["contains", "startsWith", "endsWith", "matches"]))
        if name == "matches":
            pattern = draw(st.sampled_from(['"^a"', '"(a|b)+$"', '"é"', "n.t"]))
            return _joined(draw, string_leaf, f".matches({pattern})")
        return _joined(draw, string_leaf, f".{name}(", string_leaf, ")")
    return draw(loops(depth))


@st.composite
def loops(draw: Any, depth: int) -> str:
    """A comprehension."""
    items = ", ".join(draw(st.lists(int_leaf, min_size=1, max_size=4)))
    macro = draw(st.sampled_from(["all", "exists", "exists_one"]))
    mark = draw(st.sampled_from(["==", ">", "<="]))
    inner = _joined(draw, f"e {mark} ", int_leaf)
    if depth and draw(st.booleans()):
        inner = _joined(draw, f"({inner} && ", conditions(0), ")")
    return f"[{items}].{macro}(e, {inner})"


@st.composite
def conditions(draw: Any, depth: int = 3) -> str:
    """A bool expression."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(atoms(depth))
    inner = conditions(depth - 1)
    kind = draw(st.integers(0, 7))
    if kind < 3:
        return _joined(draw, "(", inner, " && ", inner, ")")
    if kind < 5:
        return _joined(draw, "(", inner, " || ", inner, ")")
    if kind == 5:
        return _joined(draw, "!(", inner, ")")
    if kind == 6:
        return _joined(draw, "(", inner, " ? ", inner, " : ", inner, ")")
    return _joined(
        draw, "((", inner, ")", draw(st.sampled_from([" == ", " != "])), "(", inner, "))"
    )


def _maybe(values: Any) -> Any:
    return st.one_of(values, values, values, st.none())


_INSTANT = st.one_of(
    st.sampled_from([1_767_225_600_000_000, 1_767_225_599_999_999, -1_000_000, 0]),
    st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999),
)
_REAL = st.one_of(st.sampled_from([*REALS, float("nan"), float("inf")]), st.floats())
_DYN = st.one_of(st.none(), st.integers(0, 4), st.sampled_from(["a", 1.5, 3.0, True, float("nan")]))
vectors = st.tuples(
    *[_maybe(st.one_of(ints, st.integers(-(2**63), 2**63 - 1)))] * 3,
    *[_maybe(_REAL)] * 2,
    *[_maybe(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)))] * 3,
    *[_maybe(st.booleans())] * 2,
    *[_maybe(_INSTANT)] * 2,
    _maybe(st.dictionaries(st.sampled_from(["k", "z"]), _DYN)),
)


def tree_of(text: str) -> Expr:
    """Checked tree of a condition."""
    return compile_condition(text, TYPES, result=BOOL).expr


def oracle(expr: Expr, values: Sequence[Any]) -> bool | str:
    """What the interpreter says: True, False or "error"."""
    bindings = {path: binding_of(values[slot], path in TIMES) for path, slot in SLOTS.items()} | {
        f"lists.{name}": members for name, members in LISTS.items()
    }
    try:
        answer = Evaluation({}, bindings).value(expr)
    except EvaluationError:
        return "error"
    assert isinstance(answer, bool)
    return answer


class Online:
    """Conditions compiled together: rule 2n says "n is true", rule 2n + 1 says "n is false"."""

    def __init__(self, trees: Sequence[Expr], cache: CodeCache | None = None) -> None:
        self.graph = Graph()
        lowered = [lower(tree, self.graph) for tree in trees]
        self.conditions = [(1, one.true, one.false) for one in lowered]
        roots = [
            (2 * n + side, node)
            for n, one in enumerate(lowered)
            for side, node in enumerate((one.true, one.false))
        ]
        selectivity = Selectivity(self.graph)
        self.image: OnlineImage = build_image(self.graph, roots, selectivity, cache or CodeCache())
        self.drivers, self.memos = functions_of(self.image, SLOTS)

    def answers(self, values: Sequence[Any]) -> list[bool | str]:
        """True, False or "error" per condition."""
        known: list[Any] = [None] * self.memos
        known[0] = [LISTS.get(name, ()) for name in self.image.lists]
        fired: list[int] = []
        for drive in self.drivers:
            drive(list(values), known, fired.append)
        held = set(fired)
        answers: list[bool | str] = []
        for number in range(len(self.conditions)):
            true, false = 2 * number in held, 2 * number + 1 in held
            assert not (true and false)
            answers.append(True if true else False if false else "error")
        return answers


def columns_of(rows: Sequence[Sequence[Any]]) -> dict[str, Column]:
    """Vectors as columns, by path."""
    return columns_of_vectors(
        rows, [(path, slot, TYPES[path].kind) for path, slot in SLOTS.items()]
    )


def column_answers(online: Online, rows: Sequence[Sequence[Any]]) -> list[list[bool | str]]:
    """True, False or "error" per row and condition, by the column back end."""
    graph, conditions = online.graph, online.conditions
    kinds = {path: kind.kind for path, kind in TYPES.items()}
    columns, n = columns_of(rows), len(rows)
    sides = []
    for side in (1, 2):
        asked = [(1, one[side], one[3 - side]) for one in conditions]
        program = ColumnProgram(graph.atoms, graph.nodes, asked, kinds)
        sides.append(program.evaluate(columns, LISTS, n, block=3))
    true, false = sides
    answers: list[list[bool | str]] = []
    for row in range(n):
        held, refused = set(true.of(row)), set(false.of(row))
        assert not held & refused
        answers.append(
            [
                True if number in held else False if number in refused else "error"
                for number in range(len(conditions))
            ]
        )
    for number in range(len(conditions)):
        wrong = sum(row[number] == "error" for row in answers)
        assert true.errors[number] == wrong
        assert false.errors[number] == wrong
        assert true.fired[number] == sum(row[number] is True for row in answers)
    return answers
