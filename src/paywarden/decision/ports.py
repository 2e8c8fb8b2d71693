"""What the decision room needs from outside: its records and a compiler of policies.

Every method of records takes a Scope. Stores that pass `tests/decision/test_records.py` can take
each other's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Scope
from paywarden.decision.conduct import PolicyRuntime
from paywarden.kit.audit_place import Place
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.rules.file_pack import PolicyFiles, unpack_files
from paywarden.risk.scoring.artefact import Artefact


class DecisionRow(NamedTuple):
    """One line of a list of decisions; the record is the log entry `seq`.

    `leaf`: place in the audit log, settled by the commit.
    """

    seq: int
    outcome: int
    payment_id: str
    merchant: str | None
    at_us: int
    leaf: Place | None = None


@dataclass(frozen=True, slots=True)
class RulesetRow:
    """A stored, immutable ruleset; `packed` holds its files (`risk.rules.file_pack`)."""

    hash: str
    name: str
    rules: int
    packed: bytes
    created_at_us: int
    created_by: str

    def files(self) -> dict[str, bytes]:
        """Content by path in the policy folder; takes milliseconds for a large policy."""
        return unpack_files(self.packed)


ListedEntries = Mapping[str, Sequence[tuple[str, str, int | None]]]
"""(value, reason, expires_at_us) of the entries in list files, by name of the list."""


@dataclass(frozen=True, slots=True)
class CompiledRuleset:
    """A ruleset ready to decide, and its files packed as they are to be stored."""

    runtime: PolicyRuntime
    packed: bytes


class Models(Protocol):
    """Where the models of an installation lie."""

    def artefact(self, name: str) -> Artefact:
        """A checked model. Errors: NotFound, Corrupt, InvalidRequest."""
        ...

    def card(self, name: str) -> dict[str, Any]:
        """The card of a checked model. Errors: as `artefact`."""
        ...

    def names(self) -> Sequence[str]:
        """Names of the models that are there, checked or not, in order."""
        ...


class PolicyCompiler(Protocol):
    """Reads and compiles policies without holding up the event loop."""

    async def compile(self, files: PolicyFiles) -> CompiledRuleset:
        """Compile. Errors: PolicyErrors with every finding, InvalidRequest, Unavailable."""
        ...

    async def lists(self, kinds: Mapping[str, str], packed: bytes) -> ListedEntries:
        """What the files of lists hold. Errors: InvalidRequest with the place, Unavailable."""
        ...

    async def screen(self, raw: bytes) -> InvalidRequest | None:
        """The refusal of a body that holds a card number, or None. Errors: Unavailable."""
        ...


class Records(Protocol):
    """Rows beside the log; writes join the unit of work of the act."""

    def add_decision(self, unit: UnitOfWork, scope: Scope, row: DecisionRow) -> None:
        """Add the list row of a decision, after its audit event."""
        ...

    def leaf(self, seq: int) -> int | None:
        """Place of a durable decision in the audit log; None when it has none."""
        ...

    def add_identity(self, unit: UnitOfWork, scope: Scope, digest: int, seq: int) -> None:
        """Note where the event or continuation of a digest (1 to 2**64 - 1) stands."""
        ...

    def identity(self, scope: Scope, digest: int) -> int:
        """Sequence of a durable event or continuation; 0 when the digest is not known."""
        ...

    def add_control(self, unit: UnitOfWork, scope: Scope, seq: int, kind: str) -> None:
        """Note that entry `seq` is one of the rare kinds."""
        ...

    def add_ruleset(self, unit: UnitOfWork, scope: Scope, row: RulesetRow) -> None:
        """Store a ruleset; storing the same one again is the caller's to avoid."""
        ...

    def decisions(
        self,
        scope: Scope,
        *,
        before_seq: int,
        outcome: int | None,
        merchant: str | None,
        payment_id: str | None,
        limit: int,
    ) -> Sequence[DecisionRow]:
        """At most `limit` rows with seq < before_seq, newest first."""
        ...

    def control_entries(self, up_to_seq: int) -> Sequence[tuple[int, Scope, str]]:
        """(seq, scope, kind) of all control entries, ascending."""
        ...

    def policy_switches(self, scope: Scope, limit: int) -> Sequence[int]:
        """Sequences of the last entries that moved the policy pointer, newest first."""
        ...

    def ruleset(self, scope: Scope, ruleset_hash: str) -> RulesetRow | None:
        """A stored ruleset."""
        ...

    def rulesets(self, scope: Scope, *, after: str, limit: int) -> Sequence[RulesetRow]:
        """Rulesets with hash > after, in order of hash, without their files."""
        ...
