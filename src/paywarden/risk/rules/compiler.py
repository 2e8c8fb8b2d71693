"""A compiled policy: everything that deciding, explaining and back-testing a payment needs of it.

Guards: immutable once made and shared by every reader. The vector has one slot for every field of
the catalogue, then `segment`, `merchant_group` and the model's own, then the aggregates as one
contiguous slice in plan order (`aggregate_start`, `width`), so that the window store's answer is
spliced in as it is. Order for a payment: fields and aggregates into the vector, `segment_of` and
`merchant_group_of` into their slots, `online.evaluate`, then drop fired rules whose `needs_whole`
meets a partial window. Not done here: YAML (`reader.py`), processes (`compile_process.py`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paywarden.kit.dismantling import Heap
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.firing import AML, FRAUD, FiredRule, row_of
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Effect, Policy, Rule
from paywarden.risk.rules.online import Loader, OnlineProgram
from paywarden.risk.rules.online_fallback import Lists
from paywarden.risk.rules.policy_image import (
    PolicyImage,
    RuleImage,
    TreeCache,
    build_policy_image,
)
from paywarden.risk.rules.program import MERCHANT_GROUP, SEGMENT
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.rules.segments_program import FirstMatch
from paywarden.risk.rules.slow_path import SlowPath
from paywarden.risk.rules.typology_rows import compiled_rules

MODEL, ANOMALY = "model.p", "model.anomaly"
ROW_STEP = 50
_NO_LISTS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class References:
    """What a condition reads: paths of the vector, names of aggregates, names of lists."""

    paths: tuple[str, ...]
    aggregates: tuple[str, ...]
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as compiled; `index` is the number that `evaluate` answers with."""

    id: str
    index: int
    scenario: str
    effect: Effect
    hard: bool
    phases: tuple[str, ...]
    segments: tuple[str, ...]
    merchant_groups: tuple[str, ...]
    text: str
    references: References


class CompiledPolicy:
    """Programs, plan and rows of one policy; see the module for the order of use.

    `slots`: path -> position in the vector. `needs_whole[rule]`: indexes of aggregates in the plan
    that must not be partial. `fired[rule]`: what the combination needs of a rule that fired.
    `written[rule]`: the rule itself; behind those of the policy stand rows of its typologies.
    `counts`: atoms, nodes and functions compiled anew.
    """

    def __init__(self, image: PolicyImage, policy: Policy) -> None:
        self.policy = policy
        self.written: tuple[Rule, ...] = compiled_rules(policy)
        self.ruleset_hash = image.ruleset_hash
        self.counts = dict(image.counts)
        self.aggregates: tuple[Aggregate, ...] = (*policy.aggregates, *image.made)
        self.slots, self.aggregate_start = _layout(self.aggregates)
        self.width = len(self.slots)
        self.types: Mapping[str, CelType] = condition_types(self.aggregates, policy.lists)
        self.slow = SlowPath(
            [rule.when for rule in self.written],
            [rule.condition for rule in image.rules],
            image.graph,
            self.types,
            self.slots,
            WindowMacros(self.aggregates).hook,
        )
        self.rules: tuple[RuleRow, ...]
        self.needs_whole: tuple[frozenset[int], ...]
        self.fired: tuple[FiredRule, ...]
        self.filters: FilterSet
        self.plan: WindowPlan
        self.online: OnlineProgram
        self._segments: FirstMatch
        self._groups: FirstMatch
        self._columns: ColumnProgram | None = None

    def segment_of(self, values: Sequence[Any], lists: Lists = _NO_LISTS) -> str:
        """Name of the first segment whose condition holds; "" for none."""
        return self._segments.name_of(values, lists)

    def merchant_group_of(self, values: Sequence[Any], lists: Lists = _NO_LISTS) -> str:
        """Name of the first merchant group whose condition holds; "" for none."""
        return self._groups.name_of(values, lists)

    def heaps(self) -> list[Heap]:
        """The heavy contents in flat lists, to be freed in steps when this policy is given up."""
        rows = (self.fired, self.needs_whole, self.rules, self.written, self.slow.conditions)
        heaps: list[Heap] = [self.online.functions, self.online.reads, *map(list, rows)]
        # The filters and their set refer to each other: without this table they no longer do.
        return [*heaps, self.slow.trees, self.filters.filters]

    @property
    def columns(self) -> ColumnProgram:
        """The column back end, made when first asked for."""
        if self._columns is None:
            atoms, nodes = self.slow.graph
            kinds = {path: kind.kind for path, kind in self.types.items()}
            self._columns = ColumnProgram(atoms, nodes, self.slow.conditions, kinds)
        return self._columns


def planned(aggregates: Sequence[Aggregate]) -> WindowPlan:
    """A plan over windows alone. Errors: InvalidRequest for a window that the stores refuse."""
    wheres = [one.where for one in aggregates if one.where is not None]
    return WindowPlan(tuple(aggregates), FilterSet(wheres).filters)


def compile_policy(policy: Policy, cache: TreeCache | None = None) -> CompiledPolicy:
    """Compile and load in this process; takes seconds for thousands of rules.

    Errors: PolicyErrors (an InvalidRequest) with every finding and its place; InvalidRequest for a
    window that the stores refuse.
    """
    return load_policy(build_policy_image(policy, cache), policy)


def load_policy(image: PolicyImage, policy: Policy) -> CompiledPolicy:
    """A compiled policy of an image, in one go."""
    loading = loading_steps(image, policy)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            loaded: CompiledPolicy = done.value
            return loaded


def loading_steps(image: PolicyImage, policy: Policy) -> Generator[None, None, CompiledPolicy]:
    """A generator that yields between small pieces of work and returns the compiled policy."""
    compiled = CompiledPolicy(image, policy)
    yield
    wheres = [one.where for one in compiled.aggregates if one.where is not None]
    compiled.filters = FilterSet(wheres)
    yield
    compiled.plan = WindowPlan(compiled.aggregates, compiled.filters.filters)
    yield
    places = {one.name: index for index, one in enumerate(compiled.aggregates)}
    rows: list[RuleRow] = []
    needs: list[frozenset[int]] = []
    fired: list[FiredRule] = []
    reads: list[tuple[tuple[str, int], ...]] = []
    for index, made in enumerate(image.rules):
        rows.append(_row(index, compiled.written[index], made))
        needs.append(frozenset(places[name] for name in made.whole))
        engine = _engine(policy, rows[index].scenario) if index < len(policy.rules) else AML
        fired.append(row_of(compiled.written[index], engine))
        reads.append(tuple((path, compiled.slots[path]) for path in made.paths))
        if index % ROW_STEP == ROW_STEP - 1:
            yield
    compiled.rules, compiled.needs_whole = tuple(rows), tuple(needs)
    compiled.fired = tuple(fired)
    loader = Loader(image.online, compiled.slots)
    yield from loader.steps()
    compiled.online = loader.program(compiled.slow, reads)
    compiled._segments = FirstMatch(
        [s.name for s in policy.segments], image.segments, compiled.slots
    )
    compiled._groups = FirstMatch(
        [g.name for g in policy.merchant_groups], image.merchant_groups, compiled.slots
    )
    return compiled


def _layout(aggregates: Sequence[Aggregate]) -> tuple[dict[str, int], int]:
    paths = [*FIELDS, SEGMENT, MERCHANT_GROUP, MODEL, ANOMALY]
    slots = {path: slot for slot, path in enumerate(paths)}
    start = len(slots)
    slots.update({f"agg.{one.name}": start + n for n, one in enumerate(aggregates)})
    return slots, start


def _engine(policy: Policy, scenario: str) -> str:
    found = policy.scenarios.get(scenario)
    return found.engine if found is not None else FRAUD


def _row(index: int, rule: Rule, made: RuleImage) -> RuleRow:
    windows = tuple(p.removeprefix("agg.") for p in made.paths if p.startswith("agg."))
    return RuleRow(
        rule.id,
        index,
        rule.scenario,
        rule.then,
        rule.hard,
        rule.phases,
        rule.segments,
        rule.merchant_groups,
        rule.written or rule.when,
        References(made.paths, windows, made.lists),
    )
