"""Second pass: where each rule fires, by the column back end over fields, lists and stored windows.

Guards: the same atoms, formulas, partial windows, segments and lists as live. A block ends where a
list changes. A rule is named by the digest of all that its answer depends on; what an earlier run
found for the same rule on the same block is taken, so after a change only changed rules are
evaluated, and after a kill only the blocks that were not done.
Shapes: n payments, r rules. Not done here: what fired rules come to (`combining.py`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.backtest.feature_store import FeatureStore, StoredColumn
from paywarden.lab.backtest.material import ListTimeline, Material
from paywarden.lab.backtest.pair_kernels import join_block
from paywarden.lab.backtest.rule_store import Known, RuleStore
from paywarden.lab.backtest.window_pass import Feature
from paywarden.lab.firing import Placing, whole_from
from paywarden.risk.rules.column_atoms import AtomColumns
from paywarden.risk.rules.column_program import ColumnProgram, RuleMatches
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.compiler import ANOMALY, MODEL
from paywarden.risk.rules.program import MERCHANT_GROUP, SEGMENT

BLOCK = 65_536
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Matches:
    """Payments per rule (`RuleMatches` over all blocks), and where payments were placed.

    `offsets`: int64 [r + 1]; `payments`: int32; `errors`: int64 [r]; `segment`, `group`: int32 [n],
    indexes into their names; `evaluated`: rules that had to be evaluated.
    """

    offsets: npt.NDArray[np.int64]
    payments: npt.NDArray[np.int32]
    errors: npt.NDArray[np.int64]
    segment: Column
    group: Column
    evaluated: int

    def of(self, rule: int) -> npt.NDArray[np.int32]:
        """Payments of one rule, ascending."""
        return self.payments[self.offsets[rule] : self.offsets[rule + 1]]

    def at(self, payments: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Rules of some payments, ascending; one look through everything."""
        asked = np.zeros(len(self.segment), np.bool_)
        asked[list(payments)] = True
        places = np.flatnonzero(asked[self.payments])
        rules = np.searchsorted(self.offsets, places, side="right") - 1
        found: dict[int, list[int]] = {payment: [] for payment in payments}
        for payment, rule in zip(self.payments[places].tolist(), rules.tolist(), strict=True):
            found[payment].append(rule)
        return {payment: tuple(rules) for payment, rules in found.items()}


@dataclass(frozen=True, slots=True)
class _Block:
    """What one block gave."""

    matches: RuleMatches
    segment: Column
    group: Column
    evaluated: int


class _Done:
    """Payments done by all threads together."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._count = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many more."""
        with self._lock:
            self._count += count
            self._progress(self._count, self._total)


class RulePass:
    """Fires the rules of one policy over a material."""

    def __init__(
        self,
        material: Material,
        runtime: PolicyRuntime,
        lists: ListTimeline,
        features: Sequence[Feature],
        store: FeatureStore,
        rules: RuleStore | None,
        threads: int = 1,
    ) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._places: dict[int, dict[str, int]] = {}
        self._part: _Part | None = None
        self._material = material
        self._runtime = runtime
        self._lists = lists
        self._columns: dict[str, StoredColumn] = {}
        self._features = {f"agg.{one.aggregate.name}": one for one in features}
        self._store = store
        self._rules = rules
        policy = runtime.policy
        self._placing = Placing(policy.segments, policy.merchant_groups, policy.lists)
        plan, needs = runtime.plan, runtime.compiled.needs_whole
        self._whole_from = whole_from(plan, needs, material.history_start_us)
        read = {path for rule in runtime.compiled.rules for path in rule.references.paths}
        self._paths = frozenset(read | self._placing.paths)
        self._snoozed = _snoozed(runtime, set(lists.names))
        self.names = self._names()

    def run(self, progress: Progress) -> Matches:
        """Every rule over every payment."""
        known = self._rules.known(self.names) if self._rules is not None else None
        bounds = self.bounds()
        # Lists that change move one view along, so their blocks come one after the other.
        threads = 1 if self._lists.cuts else min(self._threads, len(bounds))
        done = _Done(progress, len(self._material))
        with ThreadPoolExecutor(threads, "rules") as pool:
            lanes = [
                pool.submit(self._lane, bounds[lane::threads], known, done)
                for lane in range(threads)
            ]
            found = {start: made for lane in lanes for start, made in lane.result()}
        made = [found[start] for start, _ in bounds]
        offsets, payments = joined([one.matches for one in made], [start for start, _ in bounds])
        errors = np.array([one.matches.errors for one in made], np.int64).sum(axis=0)
        segment, group = _whole([one.segment for one in made]), _whole([one.group for one in made])
        evaluated = max(one.evaluated for one in made)
        return Matches(offsets, payments, errors, segment, group, evaluated)

    def _lane(
        self, bounds: Sequence[tuple[int, int]], known: Known | None, done: _Done
    ) -> list[tuple[int, _Block]]:
        """Blocks of one thread, in order; answers per text are kept while lists stand still."""
        asked: AtomColumns | None = None
        members: Mapping[str, Any] = {}
        cuts = set(self._lists.cuts)
        found = []
        for start, stop in bounds:
            if asked is None or start in cuts:
                members = self._lists.at(start)
                asked = AtomColumns(members, self._places)
            found.append((start, self._block(start, stop, members, asked, known)))
            done.add(stop - start)
        return found

    def bounds(self) -> list[tuple[int, int]]:
        """Blocks: of bounded size, never over a change of lists."""
        total = len(self._material)
        edges = sorted({*range(0, total, BLOCK), *self._lists.cuts, total})
        return list(pairwise(edges))

    # --- one block -------------------------------------------------------------------------

    def _block(
        self,
        start: int,
        stop: int,
        members: Mapping[str, Any],
        asked: AtomColumns,
        known: Known | None,
    ) -> _Block:
        count = stop - start
        columns = self._material.table.part(start, stop, self._paths)
        self._placing.place(columns, members, count)
        segment, group = columns[SEGMENT], columns[MERCHANT_GROUP]
        earlier = known.block(start, stop) if known is not None else None
        missing = range(len(self.names)) if earlier is None else earlier.missing
        program = self._program(tuple(missing))
        for path, said in ((MODEL, self._material.probability), (ANOMALY, self._material.anomaly)):
            if said is not None:
                columns[path] = _shares(said[start:stop])
        for path in program.paths:
            if path in self._features:
                columns[path] = self._stored(path).part(start, stop)
        here = {path: column for path, column in columns.items() if path in program.paths}
        fresh = program.columns.by_rule(here, members, count, asked)
        fresh = self._whole_only(fresh, missing, start, stop)
        fresh = self._awake_only(fresh, missing, members, start, stop)
        found = fresh if earlier is None else earlier.merged(fresh)
        if self._rules is not None and known is not None:
            self._rules.keep(known, start, stop, found)
        return _Block(found, segment, group, len(missing))

    def _program(self, rules: tuple[int, ...]) -> _Part:
        with self._lock:
            held = self._part
            if held is None or held.rules != rules:
                held = self._part = _part(self._runtime, rules)
            return held

    def _stored(self, path: str) -> StoredColumn:
        held = self._columns.get(path)
        if held is None:
            found = self._store.find(self._features[path].column)
            assert found is not None, "the first pass has made every column"
            held = self._columns[path] = found
        return held

    def _whole_only(
        self, fresh: RuleMatches, rules: Sequence[int], start: int, stop: int
    ) -> RuleMatches:
        """Without rules that need more history than there is yet; times never go back."""
        time_us = self._material.table.time_us[start:stop]
        first = np.searchsorted(time_us, self._whole_from[np.asarray(rules, np.int64)])
        if not len(first) or not first.any():
            return fresh
        which = np.repeat(np.arange(len(first)), np.diff(fresh.offsets))
        return _thinned(fresh, fresh.payments >= first[which])

    def _awake_only(
        self,
        fresh: RuleMatches,
        rules: Sequence[int],
        members: Mapping[str, Any],
        start: int,
        stop: int,
    ) -> RuleMatches:
        """Without rules that were snoozed for somebody who takes part."""
        asleep = [place for place, rule in enumerate(rules) if rule in self._snoozed]
        if not asleep:
            return fresh
        kept = np.ones(len(fresh.payments), np.bool_)
        for place in asleep:
            here = slice(int(fresh.offsets[place]), int(fresh.offsets[place + 1]))
            for path, name in self._snoozed[rules[place]]:
                column = self._material.table.columns.get(path)
                if column is not None:
                    texts = column.slice(start, stop).data[fresh.payments[here]].tolist()
                    held = members.get(name, ())
                    words = [column.dictionary[code] if code >= 0 else None for code in texts]
                    kept[here] &= np.array([word not in held for word in words], np.bool_)
        return _thinned(fresh, kept)

    # --- names -----------------------------------------------------------------------------

    def _names(self) -> tuple[str, ...]:
        """Digest per rule of all that its answers depend on."""
        policy, compiled = self._runtime.policy, self._runtime.compiled
        placing = repr([(one.name, one.when) for one in policy.segments])
        placing += repr([(one.name, one.when) for one in policy.merchant_groups])
        placing += "".join(f"{name}={self._lists.digest(name)}" for name in sorted(policy.lists))
        found = []
        for rule, row in zip(policy.rules, compiled.rules, strict=True):
            read = row.references
            placed = (
                rule.segments or rule.merchant_groups or {SEGMENT, MERCHANT_GROUP} & {*read.paths}
            )
            meaning = (
                self._material.digest,
                rule.when,
                rule.phases,
                rule.segments,
                rule.merchant_groups,
                rule.allow_partial,
                [self._features[path].column for path in read.paths if path in self._features],
                [(name, self._lists.digest(name)) for name in read.lists],
                placing if placed else "",
                [self._lists.digest(name) for _, name in self._snoozed.get(row.index, ())],
            )
            found.append(hashlib.blake2b(repr(meaning).encode(), digest_size=16).hexdigest())
        return tuple(found)


@dataclass(frozen=True, slots=True)
class _Part:
    rules: tuple[int, ...]
    columns: ColumnProgram
    paths: frozenset[str]


def _part(runtime: PolicyRuntime, rules: tuple[int, ...]) -> _Part:
    """The column program of some rules, and the paths that it reads."""
    compiled = runtime.compiled
    read: set[str] = set()
    for index in rules:
        row = compiled.rules[index]
        read.update(row.references.paths)
        if row.segments:
            read.add(SEGMENT)
        if row.merchant_groups:
            read.add(MERCHANT_GROUP)
    read.update({"payment.phase"} if rules else ())
    if len(rules) == len(compiled.rules):
        return _Part(rules, compiled.columns, frozenset(read))
    atoms, nodes = compiled.slow.graph
    conditions = [compiled.slow.conditions[index] for index in rules]
    kinds = {path: kind.kind for path, kind in compiled.types.items()}
    return _Part(rules, ColumnProgram(atoms, nodes, conditions, kinds), frozenset(read))


def _snoozed(runtime: PolicyRuntime, names: set[str]) -> dict[int, tuple[tuple[str, str], ...]]:
    """(path, list) by rule, of snoozes that there ever were; hard rules cannot be snoozed."""
    found = {}
    for index, row in enumerate(runtime.rows):
        held = tuple(one for one in runtime.snoozes_of(index) if one[1] in names)
        if held and not row.hard:
            found[index] = held
    return found


def _thinned(matches: RuleMatches, kept: npt.NDArray[np.bool_]) -> RuleMatches:
    """Matches without some payments."""
    rules = len(matches.offsets) - 1
    which = np.repeat(np.arange(rules), np.diff(matches.offsets))
    offsets = np.zeros(rules + 1, np.int64)
    np.cumsum(np.bincount(which[kept], minlength=rules), out=offsets[1:])
    return RuleMatches(offsets, matches.payments[kept], matches.errors)


def _shares(values: npt.NDArray[np.float64]) -> Column:
    known = np.isfinite(values)
    return Column("double", np.where(known, values, 0.0), known)


def joined(
    parts: Sequence[RuleMatches], starts: Sequence[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Blocks one after the other, still ordered by rule; payments counted from the first block."""
    counts = np.array([np.diff(part.offsets) for part in parts], np.int64)
    offsets = np.zeros(counts.shape[1] + 1, np.int64)
    np.cumsum(counts.sum(axis=0), out=offsets[1:])
    payments = np.empty(int(offsets[-1]), np.int32)
    ahead = offsets[:-1].copy()
    for part, start in zip(parts, starts, strict=True):
        join_block(part.offsets, part.payments, start, ahead, payments)
    return offsets, payments


def _whole(parts: Sequence[Column]) -> Column:
    data = np.concatenate([part.data for part in parts])
    return Column("string", data, None, parts[0].dictionary)
