"""Rules against each other: duplicates, shadowed rules, blocks that an allow rule takes back.

Guards: only rules whose places overlap are compared. A rule is shadowed when another of the same
scenario holds wherever it does and does at least as much (points, outcome, hard, actions, allowed
scenarios, whole windows); only its reason may be its own. Candidates come from an index: a rule can
only be implied by one that mentions every name that it must read, so it is filed under one of them.
At most MAX_LOOKS pairs are looked at and MAX_PAIRS proofs tried; what is over the bounds is told as
not decided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.firing import AML, EVERY_FRAUD_SCENARIO
from paywarden.risk.rules.linting.subjects import Material, Subject
from paywarden.risk.rules.model import Rule
from paywarden.risk.rules.needs import growing, needed_whole
from paywarden.risk.rules.program import paths_of_atom
from paywarden.risk.rules.proving.solver import State

MAX_LOOKS = 500_000
MAX_PAIRS = 60_000
_ANY = ""


def lint_pairs(material: Material) -> int:
    """Judge rules against each other; how many pairs were left out by the bound."""
    pairs = _Pairs(material)
    pairs.shadows()
    pairs.allows()
    return pairs.left_out


@dataclass(frozen=True, slots=True)
class _Known:
    """What the comparison needs of a rule: names of its musts, values left when it fires."""

    subject: Subject
    musts: frozenset[str]
    state: State | None
    whole: frozenset[str]
    plain: bool


class _Pairs:
    def __init__(self, material: Material) -> None:
        self._prover = material.prover
        self._report = material.report
        self._policy = material.policy
        grows = growing(self._policy.aggregates)
        graph = self._prover.graph
        self._known = [
            _Known(
                subject,
                self._musts(subject.lowered.true),
                self._prover.narrowed(subject.lowered.true),
                frozenset(
                    ()
                    if subject.rule.allow_partial
                    else needed_whole(graph, subject.lowered.true, grows)
                ),
                all(graph.nodes[n][0] == "lit" for n in graph.conjuncts(subject.lowered.true)),
            )
            for subject in material.subjects
        ]
        self._tried = 0
        self._looked = 0
        self.left_out = 0

    def _musts(self, node: int) -> frozenset[str]:
        """Names that a condition cannot be true without reading, by its plain terms."""
        graph = self._prover.graph
        found: set[str] = set()
        for child in graph.conjuncts(node):
            content = graph.nodes[child]
            if content[0] == "lit":
                found.update(paths_of_atom(graph.atoms[content[1]]))
        return frozenset(found)

    # --- shadows ---------------------------------------------------------------------------

    def shadows(self) -> None:
        """Duplicates and shadowed rules."""
        index = self._filed()
        for known in self._known:
            if known.state is None:
                continue
            for other in self._wider(known, index):
                if self._implied(known, other):
                    self._tell(known, other)
                    break

    def _filed(self) -> dict[tuple[str, str, str, str], list[_Known]]:
        often = Counter(path for known in self._known for path in known.musts)
        index: dict[tuple[str, str, str, str], list[_Known]] = defaultdict(list)
        for known in self._known:
            rule = known.subject.rule
            rarest = min(known.musts, key=lambda path: (often[path], path), default=_ANY)
            for segment in rule.segments or (_ANY,):
                for group in rule.merchant_groups or (_ANY,):
                    index[(rule.scenario, rarest, segment, group)].append(known)
        for filed in index.values():
            filed.sort(key=lambda known: -known.subject.rule.then.points)
        return index

    def _wider(
        self, known: _Known, index: dict[tuple[str, str, str, str], list[_Known]]
    ) -> Iterator[_Known]:
        rule = known.subject.rule
        for path in (*sorted(known.subject.paths), _ANY):
            for segment in {_ANY, *rule.segments[:1]}:
                for group in {_ANY, *rule.merchant_groups[:1]}:
                    for other in index.get((rule.scenario, path, segment, group), ()):
                        self._looked += 1
                        if self._looked > MAX_LOOKS:
                            self.left_out += 1
                            return
                        if other.subject.rule.then.points < rule.then.points:
                            break
                        if other is not known and self._comparable(known, other):
                            yield other

    def _comparable(self, narrow: _Known, wide: _Known) -> bool:
        return (
            wide.musts <= narrow.subject.paths
            and _covers(wide.subject.rule, narrow.subject.rule)
            and _does_as_much(wide.subject.rule, narrow.subject.rule)
            and wide.whole <= narrow.whole
        )

    def _implied(self, narrow: _Known, wide: _Known) -> bool:
        if self._refuted_at_once(narrow, wide):
            return False
        self._tried += 1
        if self._tried > MAX_PAIRS:
            self.left_out += 1
            return False
        return bool(self._prover.implies(narrow.subject.fires, wide.subject.lowered.true))

    def _refuted_at_once(self, narrow: _Known, wide: _Known) -> bool:
        """Whether some must of the wider rule does not follow from a narrow one without `||`."""
        graph = self._prover.graph
        if not narrow.plain or narrow.state is None:
            return False
        return any(
            graph.nodes[child][0] == "lit" and self._prover.leaves_open(narrow.state, child)
            for child in graph.conjuncts(wide.subject.lowered.true)
        )

    def _tell(self, narrow: _Known, wide: _Known) -> None:
        mine, theirs = narrow.subject, wide.subject
        same = _comparable_back(mine.rule, theirs.rule) and wide.state is not None
        if same and self._implied(wide, narrow):
            if theirs.rule.source.line > mine.rule.source.line or theirs.name == mine.name:
                return  # told at the later one
            message = f"{mine.what} is {theirs.id} again: same payments, same effect"
            self._report.about_rule(mine, "duplicate_condition", message)
            return
        message = f"{mine.what} adds nothing: {theirs.id} fires wherever it does, with as much"
        self._report.about_rule(mine, "shadowed_rule", message)

    # --- allow rules -----------------------------------------------------------------------

    def allows(self) -> None:
        """Blocks that allow rules take back, always or at times."""
        blocks = [k for k in self._known if _soft_block(k.subject.rule)]
        for known in self._known:
            rule = known.subject.rule
            if rule.then.outcome is not Outcome.ALLOW or known.state is None:
                continue
            met: dict[str, None] = {}
            for block in blocks:
                if not self._lowers(rule, block.subject.rule):
                    continue
                if _covers(rule, block.subject.rule) and self._implied(block, known):
                    message = f"{block.subject.what} never blocks: {known.subject.id} takes it back"
                    self._report.about_rule(block.subject, "block_neutralised", message)
                elif self._meet(known, block):
                    met[block.subject.name] = None
            self._tell_met(known.subject, list(met))

    def _lowers(self, allow: Rule, block: Rule) -> bool:
        scenario = self._policy.scenarios.get(block.scenario)
        if scenario is not None and scenario.engine == AML:
            return False
        named = allow.then.allow_scenarios
        return EVERY_FRAUD_SCENARIO in named or block.scenario in named

    def _meet(self, allow: _Known, block: _Known) -> bool:
        self._tried += 1
        if self._tried > MAX_PAIRS:
            self.left_out += 1
            return False
        goals = [(allow.subject.fires, True), (block.subject.fires, True)]
        return self._prover.never(goals) is False

    def _tell_met(self, subject: Subject, names: list[str]) -> None:
        if not names:
            return
        listed = ", ".join(f"`{name}`" for name in names[:3]) + (", ..." if len(names) > 3 else "")
        message = f"{subject.what} takes back blocks of {len(names)} rules: {listed}"
        self._report.about_rule(subject, "allow_lowers_block", message)


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether `wide` applies wherever `narrow` does."""
    places = (
        (wide.phases, narrow.phases),
        (wide.segments, narrow.segments),
        (wide.merchant_groups, narrow.merchant_groups),
    )
    return all(not outer or (bool(inner) and set(inner) <= set(outer)) for outer, inner in places)


def _does_as_much(wide: Rule, narrow: Rule) -> bool:
    mine, theirs = narrow.then, wide.then
    if (mine.outcome is Outcome.ALLOW) != (theirs.outcome is Outcome.ALLOW):
        return False
    if mine.outcome is Outcome.ALLOW:
        every = EVERY_FRAUD_SCENARIO in theirs.allow_scenarios
        return every or set(mine.allow_scenarios) <= set(theirs.allow_scenarios)
    return (
        mine.points <= theirs.points
        and (mine.outcome or Outcome.ALLOW) <= (theirs.outcome or Outcome.ALLOW)
        and (not narrow.hard or wide.hard)
        and set(mine.actions) <= set(theirs.actions)
    )


def _comparable_back(narrow: Rule, wide: Rule) -> bool:
    return _covers(narrow, wide) and _does_as_much(narrow, wide)


def _soft_block(rule: Rule) -> bool:
    return rule.then.outcome is Outcome.BLOCK and not rule.hard
