"""Source of generated functions: literals, formulas, and the rules filed under one question.

Guards: only names of a symbol table, numbers and our own operators are written, so no text of a
policy becomes code; nesting is bounded (a deep or large part of a formula becomes a function of its
own that is answered once per evaluation). Every function takes `v` (the vector), `m` (what this
evaluation already knows; m[0] are the lists) and, where rules fire, `o` (append to the answer).
Within a group the cheapest and most shared question comes first and is asked once for all rules
that share it. Not done here: which rule goes where (`online_index.py`), loading (`online.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from paywarden.risk.rules.online_expression import statements_of
from paywarden.risk.rules.online_index import Filed
from paywarden.risk.rules.online_symbols import Symbols
from paywarden.risk.rules.program import Atom, Graph, Node
from paywarden.risk.rules.selectivity import TEST_COST, Selectivity

MAX_INLINE = 40
MAX_DEPTH = 6
MAX_NESTED_IFS = 12
MAX_ROUNDS = 40
MEMOIZED = frozenset({"list", "expr"})
_MARKS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "eqp": "==", "gep": ">=", "gtp": ">"}


class Source:
    """Writes functions over one graph; `parts` are the nodes that are functions of their own."""

    def __init__(self, graph: Graph, selectivity: Selectivity) -> None:
        self._graph = graph
        self.selectivity = selectivity
        self.parts = parts_of(graph)
        self._costs: dict[int, float] = {}

    # --- one question ----------------------------------------------------------------------

    def literal(self, node: Node, symbols: Symbols) -> str:
        """Source of a literal; it is true or false, never an error."""
        _, number, positive = node
        atom = self._graph.atoms[number]
        kind = atom[0]
        if kind in MEMOIZED:
            return self._memoized(number, positive, symbols)
        slot = f"v[{symbols.slot(atom[1])}]"
        if kind == "has":
            return f"{slot} is {'not ' if positive else ''}None"
        if kind == "true":
            return f"{slot} is {positive}"
        if kind in ("eq", "in"):
            return _member(atom, slot, positive, symbols)
        refuse = "" if positive else "not "
        present = f"(x := {slot}) is not None"
        if kind in ("eqp", "gep", "gtp"):
            other = f"(y := v[{symbols.slot(atom[2])}]) is not None"
            return f"({present} and {other} and {refuse}x {_MARKS[kind]} y)"
        return f"({present} and {refuse}x {_MARKS[kind]} {number_of(atom[2], symbols)})"

    def _memoized(self, number: int, positive: bool, symbols: Symbols) -> str:
        memo = f"m[{symbols.memo(number)}]"
        known = f"(x if (x := {memo}) is not None else {symbols.atom(number)}(v, m))"
        return f"{known} is {positive}"

    def formula(self, node: int, symbols: Symbols) -> str:
        """Source of a node, parts as calls."""
        if node in self.parts:
            return f"{symbols.part(node)}(v, m)"
        return self._written(node, symbols)

    def _written(self, node: int, symbols: Symbols) -> str:
        content = self._graph.nodes[node]
        if content[0] == "lit":
            return self.literal(content, symbols)
        if not content[1]:
            return "True" if content[0] == "and" else "False"
        ordered = self.ordered(content[1], content[0] == "and")
        return "(" + f" {content[0]} ".join(self.formula(n, symbols) for n in ordered) + ")"

    def ordered(self, nodes: Iterable[int], conjunction: bool = True) -> list[int]:
        """Nodes in the order of asking: cheap and likely to decide first."""

        def rank(node: int) -> tuple[float, int]:
            share = self.selectivity.of_node(node)
            decides = 1.0 - share if conjunction else share
            return self.cost(node) / (decides + 0.02), node

        return sorted(nodes, key=rank)

    def cost(self, node: int) -> float:
        """What asking a node costs, in tests of one plain atom."""
        found = self._costs.get(node)
        if found is None:
            content = self._graph.nodes[node]
            if content[0] == "lit":
                found = TEST_COST.get(self._graph.atoms[content[1]][0], 1.0)
            else:
                found = 1.0 + sum(map(self.cost, content[1][:8]))
            self._costs[node] = found
        return found

    # --- functions -------------------------------------------------------------------------

    def part(self, node: int) -> tuple[str, Symbols]:
        """A shared part of a formula, answered once per evaluation."""
        symbols = Symbols()
        memo = f"m[{symbols.memo(-node)}]"
        written = self._written(node, symbols)
        lines = [f"r = {memo}", "if r is None:", f" r = {memo} = {written}", "return r"]
        return _function("v, m", lines), symbols

    def asked(self, number: int) -> tuple[str, Symbols] | None:
        """The function of an expensive atom, or None when the interpreter has to be asked."""
        atom = self._graph.atoms[number]
        symbols = Symbols()
        memo = f"m[{symbols.memo(number)}]"
        if atom[0] == "list":
            slot, listed = symbols.slot(atom[1]), symbols.listed(atom[2])
            lines = [f"x = v[{slot}]", f"r = {memo} = E if x is None else x in m[0][{listed}]"]
            return _function("v, m", [*lines, "return r"]), symbols
        found = statements_of(atom[1], symbols)
        if found is None:
            return None
        lines, result = found
        lines = [f"{memo} = E", *lines, f"r = {memo} = {result}", "return r"]
        return _function("v, m", lines), symbols

    def group(self, rules: Sequence[Filed]) -> tuple[str, Symbols]:
        """Rules that are filed under one answered question, or under none."""
        symbols = Symbols()
        return _function("v, m, o", self.rules(rules, symbols)), symbols

    def chain(
        self, path: str, steps: Sequence[tuple[Node, Sequence[Filed]]]
    ) -> tuple[str, Symbols]:
        """Rules under thresholds of one path, from the one passed most to the one passed least."""
        symbols = Symbols()
        lines = [f"w = v[{symbols.slot(path)}]", "if w is None: return True"]
        for (_, number, positive), rules in steps:
            kind, _, bound = self._graph.atoms[number]
            passed = f"w {_MARKS[kind]} {number_of(bound, symbols)}"
            lines.append(f"if {'not ' if positive else ''}{passed}: return True")
            lines.extend(self.rules(rules, symbols))
        return _function("v, m, o", lines), symbols

    # --- many rules ------------------------------------------------------------------------

    def rules(
        self, rules: Sequence[Filed], symbols: Symbols, depth: int = 0, fire: str = "o({})"
    ) -> list[str]:
        """Statements that do `fire` with the number of every rule whose residual holds."""
        lines = [fire.format(symbols.rule(f.rule)) for f in rules if not f.residual]
        waiting = [f for f in rules if f.residual]
        rounds = 0
        while waiting:
            shared = self._most_shared(waiting) if depth < MAX_NESTED_IFS else None
            rounds += 1
            if shared is None or rounds > MAX_ROUNDS:
                break
            inside = [f for f in waiting if shared in f.residual]
            waiting = [f for f in waiting if shared not in f.residual]
            left = [Filed(f.rule, tuple(n for n in f.residual if n != shared)) for f in inside]
            lines.append(f"if {self.formula(shared, symbols)}:")
            lines.extend(" " + line for line in self.rules(left, symbols, depth + 1, fire))
        for filed in waiting:
            asked = " and ".join(self.formula(n, symbols) for n in self.ordered(filed.residual))
            lines.append(f"if {asked}: {fire.format(symbols.rule(filed.rule))}")
        return lines

    def _most_shared(self, rules: Sequence[Filed]) -> int | None:
        counts = Counter(node for filed in rules for node in filed.residual)
        best, saved = None, 0.0
        for node, count in counts.items():
            if count < 2:
                continue
            refused = 1.0 - self.selectivity.of_node(node)
            gain = (count - 1) * self.cost(node) * (0.2 + refused)
            if gain > saved or (gain == saved and best is not None and node < best):
                best, saved = node, gain
        return best


def _function(parameters: str, lines: Sequence[str]) -> str:
    body = "\n ".join(lines) if lines else "pass"
    return f"def f({parameters}):\n {body}\n"


def number_of(value: object, symbols: Symbols) -> str:
    """Source of a constant: a number as it is written, a text by name."""
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value) if value >= 0 else f"({value!r})"
    return symbols.constant(value)


def _member(atom: Atom, slot: str, positive: bool, symbols: Symbols) -> str:
    if atom[0] == "eq":
        mark, other = ("==" if positive else "!="), number_of(atom[2], symbols)
    else:
        mark, other = ("in" if positive else "not in"), symbols.members(atom[2])
    if positive:
        return f"{slot} {mark} {other}"
    return f"((x := {slot}) is not None and x {mark} {other})"


def parts_of(graph: Graph) -> frozenset[int]:
    """Nodes too deep or too large to be written in place, children before parents."""
    sizes: list[tuple[int, int]] = []
    parts: set[int] = set()
    for number, node in enumerate(graph.nodes):
        size, depth = 1, 0
        if node[0] != "lit":
            size = 1 + sum(sizes[child][0] for child in node[1])
            depth = 1 + max((sizes[child][1] for child in node[1]), default=0)
        if size > MAX_INLINE or depth > MAX_DEPTH:
            parts.add(number)
            size, depth = 1, 0
        sizes.append((size, depth))
    return frozenset(parts)
