"""Hundreds of random rules at once: the index finds every rule, whichever question it is under.

Conditions are drawn from few names and few constants, so that they share atoms, thresholds and
tables; the interpreter answers each one alone.
"""

from __future__ import annotations

import random

from backends_material import PATHS, SLOTS, TIMES, Online, column_answers, oracle, tree_of

from paywarden.risk.rules.online_image import CodeCache

_TESTS = (
    ["n.i", "n.j", "n.k"],
    ["n.x", "n.y"],
    ["n.s", "n.t", "n.u"],
    ["n.b", "n.c"],
)


def _atom(draw: random.Random) -> str:
    kind = draw.randrange(9)
    if kind < 3:
        path = draw.choice(_TESTS[0])
        return f"{path} {draw.choice(['>=', '>', '<', '<=', '==', '!='])} {draw.randint(-3, 12)}"
    if kind == 3:
        path = draw.choice(_TESTS[1])
        return f"{path} {draw.choice(['>=', '>', '<', '<=', '!='])} {draw.choice([-1.5, 0.0, 2.5])}"
    if kind == 4:
        path, words = draw.choice(_TESTS[2]), draw.sample(["a", "b", "é", "x", ""], 2)
        return draw.choice([f'{path} == "{words[0]}"', f'{path} in ["{words[0]}", "{words[1]}"]'])
    if kind == 5:
        return draw.choice(["", "!"]) + draw.choice(_TESTS[3])
    if kind == 6:
        inside = f"{draw.choice(_TESTS[2])} in lists.{draw.choice(['one', 'two'])}"
        return draw.choice([inside, f"!({inside})"])
    if kind == 7:
        return draw.choice([f"has({draw.choice(PATHS)})", "n.i < n.j", "n.s == n.t", "n.i >= n.x"])
    return f"n.i * {draw.randint(1, 4)} > n.j + {draw.randint(0, 3)}"


def _condition(draw: random.Random, depth: int = 2) -> str:
    terms = [_atom(draw) for _ in range(draw.randint(2, 4))]
    if depth and draw.random() < 0.4:
        inner = f"({_condition(draw, depth - 1)})"
        terms.append(draw.choice([inner, "!" + inner, f"({inner} || {_atom(draw)})"]))
    return draw.choice([" && ", " && ", " && ", " || "]).join(terms)


def _row(draw: random.Random) -> list[object]:
    row: list[object] = [None] * len(SLOTS)
    for path, slot in SLOTS.items():
        if draw.random() < 0.2:
            continue
        kind = path[2:]
        if kind in "ijk":
            row[slot] = draw.choice([draw.randint(-4, 13), draw.randint(-4, 13), 2**62, -(2**63)])
        elif kind in "xy":
            row[slot] = draw.choice([-2.0, -1.5, 0.0, 2.5, 3.0, float("nan"), float("inf")])
        elif kind in "stu":
            row[slot] = draw.choice(["a", "b", "é", "x", "", "other"])
        elif kind in "bc":
            row[slot] = draw.random() < 0.5
        elif path in TIMES:
            row[slot] = draw.randrange(10**15)
        else:
            row[slot] = {"k": draw.randint(0, 4)}
    return row


def test_every_rule_is_found() -> None:
    cache = CodeCache()
    draw = random.Random(20261122)
    for _ in range(4):
        trees = [tree_of(_condition(draw)) for _ in range(250)]
        online = Online(trees, cache)
        rows = [_row(draw) for _ in range(40)]
        expected = [[oracle(tree, row) for tree in trees] for row in rows]
        for row, wanted in zip(rows, expected, strict=True):
            assert online.answers(row) == wanted
        assert column_answers(online, rows[:10]) == expected[:10]
        kinds = {answer for answers in expected for answer in answers}
        assert kinds == {True, False, "error"}


def test_a_chain_of_changes_stays_exact() -> None:
    """Policy after policy through one cache of code, a tenth of the rules replaced each time."""
    cache = CodeCache()
    draw = random.Random(7)
    trees = [tree_of(_condition(draw)) for _ in range(120)]
    rows = [_row(draw) for _ in range(25)]
    for _ in range(6):
        for place in draw.sample(range(len(trees)), 12):
            trees[place] = tree_of(_condition(draw))
        before = cache.misses
        online = Online(trees, cache)
        assert cache.misses - before <= online.image.compiled
        for row in rows:
            assert online.answers(row) == [oracle(tree, row) for tree in trees]
