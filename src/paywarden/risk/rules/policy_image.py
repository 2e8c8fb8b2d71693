"""The compiler proper: a policy into plain data that a loader turns into programs.

Guards: every condition of rules, segments and merchant groups passes the whole front end, and all
that is wrong is collected before anything is refused (`PolicyErrors`, each with its place). A rule
holds when its condition is true and its phase, segment and merchant group, where it names some,
fit; these are ordinary atoms, so rules are filed under them too. Order: names, parse, window
macros, types, lowering, needs, image. Not done here: loading (`compiler.py`), processes
(`compile_process.py`).
"""

from __future__ import annotations

import hashlib
import marshal
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.actions.add_to_list import sharing_window
from paywarden.risk.rules.applying import applies_to
from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr, Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Policy, Rule, Source, Thresholds
from paywarden.risk.rules.needs import growing, needed_whole
from paywarden.risk.rules.online_image import CodeCache, OnlineImage, build_image
from paywarden.risk.rules.program import Graph
from paywarden.risk.rules.scope import condition_types, segment_types
from paywarden.risk.rules.selectivity import Selectivity
from paywarden.risk.rules.slow_path import Condition
from paywarden.risk.rules.typology_rows import compiled_rules

TREE_LIMIT = 50_000
_LATER_PARTS = (
    b',"travel_rule":null}', b',"screening":null}', b',"typology_files":{}}', b',"typologies":[]}',
    b',"control_group":null}',
)  # fmt: skip
"""Parts that policies of before did not have, the last first: without them names stay."""


@dataclass(frozen=True, slots=True)
class RuleImage:
    """What the loader has to know of a rule: its nodes, what it reads, what must be whole."""

    condition: Condition
    paths: tuple[str, ...]
    lists: tuple[str, ...]
    whole: tuple[str, ...]


@dataclass(slots=True)
class PolicyImage:
    """A compiled policy as data. `graph`: marshalled (atoms, nodes) of the rules."""

    ruleset_hash: str
    made: tuple[Aggregate, ...]
    rules: list[RuleImage]
    kinds: dict[str, str]
    graph: bytes
    online: OnlineImage
    segments: OnlineImage
    merchant_groups: OnlineImage
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """A checked tree with the paths and lists that it reads."""

    expr: Expr
    paths: tuple[str, ...]
    lists: tuple[str, ...]


class TreeCache:
    """Checked trees by text and declared names; what the compiler's process remembers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], Known] = OrderedDict()
        self.code = CodeCache()

    def tree(self, text: str, names: bytes) -> Known | None:
        """The tree of a text over names with that digest, if it is known."""
        return self._kept.get((text, names))

    def keep(self, text: str, names: bytes, known: Known) -> None:
        """Remember a tree."""
        self._kept[(text, names)] = known
        if len(self._kept) > TREE_LIMIT:
            self._kept.popitem(last=False)


def entered_values(policy: Policy) -> list[str]:
    """Paths of the values that rules put on lists, each once."""
    actions = (action for rule in policy.rules for action in rule.then.actions)
    return sorted({str(dict(a.parameters)["value"]) for a in actions if a.name == "add_to_list"})


def ruleset_hash(policy: Policy) -> str:
    """`rs_` and the SHA-256 of the policy's canonical form, in hex."""
    exact = replace(
        policy,
        points=_real(policy.points),
        model=_real(policy.model),
        stages={
            name: replace(limits, deadline_ms=float(limits.deadline_ms))
            for name, limits in policy.stages.items()
        },
    )
    form = msgspec.json.encode(exact, order="deterministic")
    for absent in _LATER_PARTS:
        if not form.endswith(absent):
            break
        form = form.removesuffix(absent) + b"}"
    return "rs_" + hashlib.sha256(form).hexdigest()


def _real(thresholds: Thresholds) -> Thresholds:
    """Thresholds as doubles, so that 50 and 50.0 are one policy."""
    found = (thresholds.challenge, thresholds.review, thresholds.block)
    return Thresholds(*(None if value is None else float(value) for value in found))


def build_policy_image(
    policy: Policy,
    cache: TreeCache | None = None,
    measured: Mapping[Any, tuple[float, float]] | None = None,
) -> PolicyImage:
    """Compile. `measured`: atom -> (share true, share false) of a sample.

    Errors: PolicyErrors with every finding.
    """
    return _Compilation(policy, cache or TreeCache()).image(measured or {})


class _Compilation:
    """One policy on its way."""

    def __init__(self, policy: Policy, cache: TreeCache) -> None:
        self._policy = policy
        self._cache = cache
        self._findings = Findings()
        self._macros = WindowMacros(policy.aggregates)
        self._segment_types = segment_types(policy.lists)
        self._rule_types = dict(condition_types(policy.aggregates, policy.lists))
        self._digests = {
            id(types): _digest(types) for types in (self._segment_types, self._rule_types)
        }

    def image(self, measured: Mapping[Any, tuple[float, float]]) -> PolicyImage:
        policy = self._policy
        graph = Graph()
        written = compiled_rules(policy)
        trees = [
            self._tree(rule.when, self._rule_types, rule.source, f"rule {rule.id}")
            for rule in written
        ]
        segments = self._group([(s.when, s.source, f"segment {s.name}") for s in policy.segments])
        groups = self._group(
            [(g.when, g.source, f"merchant group {g.name}") for g in policy.merchant_groups]
        )
        self._findings.raise_errors()
        for value in entered_values(policy):
            window = sharing_window(value)
            if window is not None:
                self._macros.name_of(window)
        pairs = zip(written, trees, strict=True)
        grows = growing((*policy.aggregates, *self._macros.made))
        rules = [self._rule(rule, tree, graph, grows) for rule, tree in pairs if tree is not None]
        roots = [
            (number, graph.join("and", (rule.condition[0], rule.condition[1])))
            for number, rule in enumerate(rules)
        ]
        shares = {n: measured[atom] for n, atom in enumerate(graph.atoms) if atom in measured}
        online = build_image(graph, roots, Selectivity(graph, shares), self._cache.code)
        return PolicyImage(
            ruleset_hash(policy),
            self._macros.made,
            rules,
            graph.kinds,
            marshal.dumps((graph.atoms, graph.nodes)),
            online,
            segments,
            groups,
            {"atoms": len(graph.atoms), "nodes": len(graph.nodes), "compiled": online.compiled},
        )

    def _tree(
        self, text: str, types: dict[str, CelType], source: Source, what: str
    ) -> Known | None:
        digest = self._digests[id(types)]
        known = self._cache.tree(text, digest)
        if known is not None:
            return known
        made = len(self._macros.made)
        try:
            expr = self._checked(text, types)
        except CompileError as error:
            self._findings.compile_error(source, what, error)
            return None
        found = Known(expr, *_reads(expr))
        if len(self._macros.made) == made:
            self._cache.keep(text, digest, found)
        return found

    def _checked(self, text: str, types: dict[str, CelType]) -> Expr:
        expr = parse(text)
        if types is self._rule_types:
            made = len(self._macros.made)
            expr = self._macros.expand(expr)
            if len(self._macros.made) > made:
                types.update(condition_types(self._macros.made, ()))
        return check(expr, types, BOOL).expr

    def _group(self, parts: Sequence[tuple[str, Source, str]]) -> OnlineImage:
        graph = Graph()
        roots: list[tuple[int, int]] = []
        for number, (text, source, what) in enumerate(parts):
            tree = self._tree(text, self._segment_types, source, what)
            if tree is not None:
                roots.append((number, lower(tree.expr, graph).true))
        return build_image(graph, roots, Selectivity(graph), self._cache.code)

    def _rule(self, rule: Rule, tree: Known, graph: Graph, grows: frozenset[str]) -> RuleImage:
        lowered = lower(tree.expr, graph)
        applies = applies_to(graph, rule)
        whole = () if rule.allow_partial else needed_whole(graph, lowered.true, grows)
        return RuleImage((applies, lowered.true, lowered.false), tree.paths, tree.lists, whole)


def _reads(tree: Expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
    paths: set[str] = set()
    lists: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, Reference) and node.type.kind == "members":
            lists.add(node.path.removeprefix("lists."))
        elif isinstance(node, Reference | Present):
            paths.add(node.path)
    return tuple(sorted(paths)), tuple(sorted(lists))


def _digest(types: Mapping[str, CelType]) -> bytes:
    text = "\n".join(f"{name} {kind}" for name, kind in sorted(types.items()))
    return hashlib.sha256(text.encode()).digest()
