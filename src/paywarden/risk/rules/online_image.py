"""The online back end as data: code of every generated function and how they hang together.

Guards: an image is made of tuples, numbers, texts and marshalled code, so that a child process can
make it and the parent load it piece by piece. It holds no slot numbers and no rule is named by
anything but its number. Code is cached by the SHA-256 of its source: a policy in which few rules
changed compiles few functions. Order: file the rules, write tables, chains, lists and tests, then
whatever those ask for (atoms, parts), then the drivers that call them for each payment.
Not done here: choosing access predicates (`online_index.py`), writing source (`online_source.py`).
"""

from __future__ import annotations

import hashlib
import marshal
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from paywarden.risk.rules.online_index import AccessIndex, Filed, access_kind
from paywarden.risk.rules.online_source import Source, number_of
from paywarden.risk.rules.online_symbols import Symbols
from paywarden.risk.rules.program import Graph, Node
from paywarden.risk.rules.selectivity import Selectivity

CHAIN_RULES = 48
TEST_RULES = 32
DRIVER_LINES = 600

Chunk = tuple[bytes, tuple[tuple[str, str, Any], ...]]


@dataclass(slots=True)
class OnlineImage:
    """What a loader needs; `asked`: atom -> chunk number, or its plain tree, paths and lists."""

    chunks: list[Chunk] = field(default_factory=list)
    tables: dict[str, dict[Any, tuple[int, ...]]] = field(default_factory=dict)
    drivers: list[int] = field(default_factory=list)
    asked: dict[int, Any] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    compiled: int = 0
    repeated: bool = False


class CodeCache:
    """Marshalled code by the hash of its source; the most recently used `limit` functions."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self.misses = 0

    def code(self, source: str) -> bytes:
        """Marshalled code object of the one function in `source`."""
        key = hashlib.sha256(source.encode()).digest()
        found = self._kept.pop(key, None)
        if found is None:
            self.misses += 1
            found = marshal.dumps(_function_code(source))
        self._kept[key] = found
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return found


def _function_code(source: str) -> CodeType:
    module = compile(source, "<conditions>", "exec", dont_inherit=True, optimize=1)
    return next(item for item in module.co_consts if isinstance(item, CodeType))


def build_image(
    graph: Graph, roots: Sequence[tuple[int, int]], selectivity: Selectivity, cache: CodeCache
) -> OnlineImage:
    """Image of rules given as (number, formula node)."""
    source = Source(graph, selectivity)
    return _Builder(graph, source, AccessIndex(graph, selectivity), cache).build(roots)


def image_of_functions(
    source: Source, graph: Graph, written: Sequence[tuple[str, Symbols]]
) -> OnlineImage:
    """Image of functions that stand for themselves; chunk numbers in `drivers`, in their order."""
    builder = _Builder(graph, source, AccessIndex(graph, source.selectivity), CodeCache())
    return builder.plain(written)


class _Builder:
    """One image in the making."""

    def __init__(self, graph: Graph, source: Source, index: AccessIndex, cache: CodeCache) -> None:
        self._graph = graph
        self._index = index
        self._source = source
        self._cache = cache
        self._image = OnlineImage()
        self._lists: dict[str, None] = {}

    def build(self, roots: Sequence[tuple[int, int]]) -> OnlineImage:
        before = self._cache.misses
        self._index.file(roots)
        by_kind: defaultdict[str, list[int]] = defaultdict(list)
        for literal in sorted(self._index.filed):
            _, number, positive = self._graph.nodes[literal]
            kind = access_kind(self._graph.atoms[number], positive, self._graph.kinds)
            by_kind[kind].append(literal)
        driver = _Driver()
        self._tables(by_kind["table"], driver)
        for direction in ("up", "down"):
            self._chains(by_kind[direction], direction, driver)
        self._listed(by_kind["list"], driver)
        self._tests(by_kind["test"], driver)
        self._finish(driver)
        filed = [rule.rule for rules in self._index.filed.values() for rule in rules]
        self._image.repeated = len(filed) > len(set(filed))
        self._image.compiled = self._cache.misses - before
        return self._image

    def plain(self, written: Sequence[tuple[str, Symbols]]) -> OnlineImage:
        self._image.drivers = [self._chunk(one) for one in written]
        self._image.lists = tuple(self._lists)
        return self._image

    # --- functions -------------------------------------------------------------------------

    def _chunk(self, written: tuple[str, Symbols]) -> int:
        source, symbols = written
        names = symbols.names()
        for _, kind, payload in names:
            self._wanted(kind, payload)
        self._image.chunks.append((self._cache.code(source), names))
        return len(self._image.chunks) - 1

    def _wanted(self, kind: str, payload: Any) -> None:
        if kind == "list":
            self._lists[payload] = None
        elif kind == "part" and payload not in self._image.parts:
            self._image.parts[payload] = -1
            self._image.parts[payload] = self._chunk(self._source.part(payload))
        elif kind == "atom" and payload not in self._image.asked:
            written = self._source.asked(payload)
            atom = self._graph.atoms[payload]
            self._image.asked[payload] = atom[1:] if written is None else self._chunk(written)
            if written is None:
                self._lists.update(dict.fromkeys(atom[3]))

    def _rules(self, literal: int) -> list[Filed]:
        return sorted(self._index.filed[literal], key=lambda filed: filed.rule)

    # --- kinds of access -------------------------------------------------------------------

    def _tables(self, literals: Sequence[int], driver: _Driver) -> None:
        tables: defaultdict[str, defaultdict[Any, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for literal in literals:
            _, number, positive = self._graph.nodes[literal]
            kind, path, *rest = self._graph.atoms[number]
            values = {"eq": rest, "true": [positive]}.get(kind) or list(*rest)
            chunk = self._chunk(self._source.group(self._rules(literal)))
            for value in values:
                tables[path][value].append(chunk)
        for path, table in tables.items():
            self._image.tables[path] = {value: tuple(chunks) for value, chunks in table.items()}
            driver.table(path)

    def _chains(self, literals: Sequence[int], direction: str, driver: _Driver) -> None:
        paths: defaultdict[str, list[int]] = defaultdict(list)
        for literal in literals:
            paths[self._atom(literal)[1]].append(literal)
        for path, found in paths.items():
            found.sort(key=lambda literal: _strictness(self._atom(literal), direction))
            driver.chain(path, [self._link(path, part) for part in self._cut(found)])

    def _link(self, path: str, literals: Sequence[int]) -> tuple[Node, Any, int]:
        steps = [(self._graph.nodes[literal], self._rules(literal)) for literal in literals]
        return steps[0][0], self._atom(literals[0]), self._chunk(self._source.chain(path, steps))

    def _cut(self, literals: Sequence[int]) -> list[list[int]]:
        """Parts of a chain; where it is cut depends on thresholds, not on what stands before."""
        parts: list[list[int]] = [[]]
        held = 0
        for literal in literals:
            digest = hashlib.sha256(repr(self._atom(literal)[2]).encode()).digest()
            if held >= CHAIN_RULES or (held > CHAIN_RULES // 4 and digest[0] < 32):
                parts.append([])
                held = 0
            parts[-1].append(literal)
            held += len(self._index.filed[literal])
        return parts

    def _atom(self, literal: int) -> Any:
        return self._graph.atoms[self._graph.nodes[literal][1]]

    def _listed(self, literals: Sequence[int], driver: _Driver) -> None:
        for literal in literals:
            number = self._graph.nodes[literal][1]
            _, path, name = self._graph.atoms[number]
            self._lists[name] = None
            chunk = self._chunk(self._source.group(self._rules(literal)))
            driver.listed(path, name, number, chunk)

    def _tests(self, literals: Sequence[int], driver: _Driver) -> None:
        """Questions of their own, and rules under none: asked for every payment."""
        waiting: list[Filed] = list(self._index.always)
        for literal in literals:
            for filed in self._rules(literal):
                waiting.append(Filed(filed.rule, (literal, *filed.residual)))
        for start in range(0, len(waiting), TEST_RULES):
            part = waiting[start : start + TEST_RULES]
            driver.always(self._chunk(self._source.group(part)))

    def _finish(self, driver: _Driver) -> None:
        for written in driver.functions():
            self._image.drivers.append(self._chunk(written))
        self._image.lists = tuple(self._lists)


def _strictness(atom: Any, direction: str) -> tuple[Any, int]:
    kind, _, bound = atom
    if direction == "up":
        return bound, int(kind == "gt")
    return -bound, int(kind != "le")


class _Driver:
    """Statements that call, for one payment, every group that may hold."""

    def __init__(self) -> None:
        self._blocks: defaultdict[str, list[tuple[str, tuple[Any, ...]]]] = defaultdict(list)
        self._always: list[int] = []

    def table(self, path: str) -> None:
        self._blocks[path].append(("table", ()))

    def chain(self, path: str, links: Sequence[tuple[Node, Any, int]]) -> None:
        self._blocks[path].append(("chain", tuple(links)))

    def listed(self, path: str, name: str, atom: int, chunk: int) -> None:
        self._blocks[path].append(("list", (name, atom, chunk)))

    def always(self, chunk: int) -> None:
        self._always.append(chunk)

    def functions(self) -> list[tuple[str, Symbols]]:
        """Drivers of at most about DRIVER_LINES lines."""
        written: list[tuple[str, Symbols]] = []
        symbols, lines = Symbols(), list[str]()
        for path, blocks in self._blocks.items():
            lines += _block(path, blocks, symbols)
            if len(lines) > DRIVER_LINES:
                written.append((_drive(lines), symbols))
                symbols, lines = Symbols(), []
        lines += [f"{symbols.chunk(chunk)}(v, m, o)" for chunk in self._always]
        return [*written, (_drive(lines), symbols)]


def _drive(lines: Sequence[str]) -> str:
    body = "\n ".join(["q = m[0]", *lines])
    return f"def f(v, m, o):\n {body}\n"


def _block(path: str, blocks: Sequence[tuple[str, tuple[Any, ...]]], symbols: Symbols) -> list[str]:
    lines = [f"x = v[{symbols.slot(path)}]", "if x is not None:"]
    for kind, content in blocks:
        if kind == "table":
            lines.append(f" for g in {symbols.table(path)}(x, ()): g(v, m, o)")
        elif kind == "chain":
            lines += [" " + line for line in _chain_block(content, symbols)]
        else:
            name, atom, chunk = content
            memo = f"m[{symbols.memo(atom)}]"
            lines.append(f" if x in q[{symbols.listed(name)}]:")
            lines.append(f"  {memo} = True; {symbols.chunk(chunk)}(v, m, o)")
            lines.append(f" else: {memo} = False")
    return lines


_MARKS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _chain_block(links: Sequence[tuple[Node, Any, int]], symbols: Symbols) -> list[str]:
    """Parts of a chain in order, each called only when its first threshold is passed."""
    lines = []
    for depth, ((_, _, positive), (kind, _, bound), chunk) in enumerate(links[:40]):
        passed = f"x {_MARKS[kind]} {number_of(bound, symbols)}"
        lines.append(" " * depth + f"if {'' if positive else 'not '}{passed}:")
        lines.append(" " * depth + f" {symbols.chunk(chunk)}(v, m, o)")
    for *_, chunk in links[40:]:
        lines.append(" " * min(40, len(links)) + f"{symbols.chunk(chunk)}(v, m, o)")
    return lines
