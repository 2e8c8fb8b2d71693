from __future__ import annotations

import math

import pytest

from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MEMBERS,
    STRING,
    TIMESTAMP,
    map_of,
)
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.needs import growing, needed_whole
from paywarden.risk.rules.plain_tree import expr_of, plain_of
from paywarden.risk.rules.program import FALSE, TRUE, Graph, lists_of_atom, paths_of_atom

TYPES = {
    "n.i": INT,
    "n.j": INT,
    "n.x": DOUBLE,
    "n.s": STRING,
    "n.t": STRING,
    "n.b": BOOL,
    "n.c": BOOL,
    "n.at": TIMESTAMP,
    "n.m": map_of(STRING, DYN),
    "agg.count": INT,
    "agg.mean": DOUBLE,
    "lists.bad": MEMBERS,
}


def lowered(text: str, graph: Graph | None = None):
    graph = graph or Graph()
    return lower(compile_condition(text, TYPES, result=BOOL).expr, graph), graph


@pytest.mark.parametrize(
    "texts",
    [
        ["n.i > 5", "5 < n.i", "n.i >= 6", "!(n.i < 6)", "!(n.i <= 5)", "n.i > 5.5", "n.i >= 5.01"],
        ["n.x > 2.0", "2 < n.x", "n.x > 2"],
        ['n.s == "a"', '"a" == n.s', '!(n.s != "a")', 'n.s in ["a"]', 'n.s in ["a", "a"]'],
        ["n.b", "n.b == true", "n.b != false", "!!n.b", "n.b && true", "n.b || false"],
        ["n.i in [1, 2]", "n.i in [2, 1, 1]", "n.i in [1.0, 2u]", "n.i in [2, 1, 1.5]"],
        ["n.i == n.j", "n.j == n.i", "!(n.i != n.j)"],
        ["n.i < n.j", "n.j > n.i", "!(n.i >= n.j)"],
        [
            'n.at >= timestamp("2026-01-01T00:00:00Z")',
            'n.at > timestamp("2025-12-31T23:59:59.9999995Z")',
        ],
        ["n.b && n.c && n.i == 1", "n.i == 1 && (n.c && n.b)", "!(!n.b || !(n.i == 1 && n.c))"],
    ],
)
def test_equal_questions_share_one_node(texts):
    graph = Graph()
    assert len({lowered(text, graph)[0].true for text in texts}) == 1


@pytest.mark.parametrize(
    "pair",
    [
        ("n.x < 2.0", "!(n.x >= 2.0)"),
        ("n.i == 1", "n.x == 1.0"),
        ("n.x > 1.0", "n.x >= 1.0"),
        ('n.s == "1"', "n.i == 1"),
        ("n.i + 1 > 2", "n.i + 1.0 > 2.0" if False else "n.i - 1 > 2"),
    ],
)
def test_different_questions_stay_apart(pair):
    graph = Graph()
    first, second = (lowered(text, graph)[0].true for text in pair)
    assert first != second


def test_doubles_keep_nan_apart():
    one, graph = lowered("!(n.x >= 2.0)")
    assert graph.nodes[one.true] == ("lit", 0, False)
    assert graph.atoms == [("ge", "n.x", 2.0)]


def test_an_integer_beyond_doubles_becomes_its_neighbours():
    _, graph = lowered(
        "n.x > 9007199254740993 && n.x < 9007199254740993 || n.x == 9007199254740993"
    )
    assert ("gt", "n.x", 9007199254740992.0) in graph.atoms
    assert ("lt", "n.x", math.nextafter(9007199254740992.0, math.inf)) in graph.atoms
    assert ("in", "n.x", ()) in graph.atoms


def test_constants_fold():
    assert lowered("true")[0].true == TRUE
    assert lowered("false && n.b")[0].true == FALSE
    assert lowered("false && n.b")[0].false == TRUE
    assert lowered("true || n.i / 0 == 1")[0].true == TRUE


def test_choice_needs_its_condition():
    one, graph = lowered("n.b ? n.c : n.i == 1")
    kind, children = graph.nodes[one.true]
    assert kind == "or"
    assert {graph.nodes[child][0] for child in children} == {"and"}


def test_nested_choices_stay_linear():
    text = "n.b"
    for depth in range(40):
        text = f"({text} ? n.c : n.i == {depth})"
    one, graph = lowered(text)
    assert len(graph.nodes) < 40 * 12
    assert one.true != one.false


def test_what_is_not_simple_is_one_atom():
    one, graph = lowered(
        'n.i * 2 > n.j && n.s.matches("^a") && n.m.k == 3 && n.t + "x" in lists.bad'
    )
    kinds = [atom[0] for atom in graph.atoms]
    assert kinds == ["expr"] * 4
    assert paths_of_atom(graph.atoms[0]) == ("n.i", "n.j")
    assert lists_of_atom(graph.atoms[3]) == ("bad",)
    assert one.true != FALSE


def test_plain_trees_come_back():
    tree = compile_condition(
        '[1, 2].exists(e, e == n.i) ? {"a": n.s}["a"] == "x" : has(n.m.k) && has(n.i) && -n.i < 2',
        TYPES,
        result=BOOL,
    ).expr
    assert plain_of(expr_of(plain_of(tree))) == plain_of(tree)


GROWS = frozenset({"agg.count"})


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("agg.count >= 5", ()),
        ("agg.count > 5 && n.b", ()),
        ("5 <= agg.count || agg.count > 9", ()),
        ("!(agg.count < 5)", ()),
        ("n.b ? agg.count > 1 : agg.count > 2", ()),
        ("agg.count < 5", ("count",)),
        ("!(agg.count > 5)", ("count",)),
        ("agg.count == 5", ("count",)),
        ("agg.count >= 5 && agg.count < 9", ("count",)),
        ("agg.count * 2 > 5", ("count",)),
        ("agg.count > n.i", ("count",)),
        ("agg.mean > 5.0", ("mean",)),
        ("has(agg.mean)", ("mean",)),
        ("agg.count > 1 ? n.b : n.c", ("count",)),
        ("n.b", ()),
    ],
)
def test_which_windows_have_to_be_whole(text, needed):
    one, graph = lowered(text)
    assert needed_whole(graph, one.true, GROWS) == needed


def test_which_windows_grow():
    from paywarden.risk.features.model import Aggregate

    def window(name, function, of=None):
        return Aggregate(name, function, of, ("card",), 1_000_000, False, None, False)

    given = [
        window("a", "count"),
        window("b", "sum", "payment.amount_minor"),
        window("c", "sum", "payer.age_days"),
        window("d", "max", "payment.hour"),
        window("e", "min", "payment.hour"),
        window("f", "distinct", "merchant.id"),
        window("g", "avg", "payment.amount_minor"),
    ]
    assert growing(given) == {"agg.a", "agg.b", "agg.d", "agg.f"}
