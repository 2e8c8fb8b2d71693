"""Records of the decision room in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.core.scope import Scope
from paywarden.decision.ports import DecisionRow, RulesetRow
from paywarden.kit.audit_place import Place
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork

SCHEMA = SchemaPart(
    "decision",
    "decision_0003",
    "paywarden.decision:migrations/versions",
    known=("decision_0001", "decision_0002"),
)


def _placed(row: Parameters) -> Parameters:
    """The audit event of the same unit was placed before, so its index is known here."""
    place = row[-1]
    return (*row[:-1], place.index if isinstance(place, Place) else None)


_DECISION = Insert(
    "decisions",
    ("seq", "scope", "outcome", "payment_id", "merchant", "at_us", "leaf"),
    finish=_placed,
)
_LEAF = "SELECT leaf FROM decisions WHERE seq = ?"
_IDENTITY = Insert("identities", ("scope", "digest", "seq"))
_FIND_IDENTITY = "SELECT seq FROM identities WHERE scope = ? AND digest = ?"
_HALF, _WHOLE = 1 << 63, 1 << 64
_CONTROL = Insert("control", ("seq", "scope", "kind"))
_RULESET = Insert(
    "rulesets", ("scope", "hash", "name", "rules", "files", "created_at_us", "created_by")
)
_PAGE = (
    "SELECT seq, outcome, payment_id, merchant, at_us FROM decisions"
    " WHERE seq < ?1 AND scope = ?2 AND (?3 IS NULL OR outcome = ?3)"
    " AND (?4 IS NULL OR merchant = ?4) AND (?5 IS NULL OR payment_id = ?5)"
    " ORDER BY seq DESC LIMIT ?6"
)
_CONTROL_ENTRIES = "SELECT seq, scope, kind FROM control WHERE seq <= ? AND seq > ? ORDER BY seq"
_SWITCHES = "SELECT seq FROM control WHERE scope = ? AND kind = 'policy' ORDER BY seq DESC LIMIT ?"
_ONE_RULESET = (
    "SELECT hash, name, rules, files, created_at_us, created_by FROM rulesets"
    " WHERE scope = ? AND hash = ?"
)
_RULESETS = (
    "SELECT hash, name, rules, x'', created_at_us, created_by FROM rulesets"
    " WHERE scope = ? AND hash > ? ORDER BY hash LIMIT ?"
)


class SqliteRecords:
    """`Records` over the tables of this room."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def add_decision(self, unit: UnitOfWork, scope: Scope, row: DecisionRow) -> None:
        """Add the list row of a decision."""
        unit.add(
            _DECISION,
            (row.seq, scope.text, row.outcome, row.payment_id, row.merchant, row.at_us, row.leaf),
        )

    def leaf(self, seq: int) -> int | None:
        """Place of a durable decision in the audit log."""
        row = self._reader.one(_LEAF, (seq,))
        return None if row is None else row[0]

    def add_identity(self, unit: UnitOfWork, scope: Scope, digest: int, seq: int) -> None:
        """Note where an event or continuation stands."""
        unit.add(_IDENTITY, (scope.text, _signed(digest), seq))

    def identity(self, scope: Scope, digest: int) -> int:
        """Sequence of a durable event or continuation, or 0."""
        row = self._reader.one(_FIND_IDENTITY, (scope.text, _signed(digest)))
        return 0 if row is None else int(row[0])

    def add_control(self, unit: UnitOfWork, scope: Scope, seq: int, kind: str) -> None:
        """Note a control entry."""
        unit.add(_CONTROL, (seq, scope.text, kind))

    def add_ruleset(self, unit: UnitOfWork, scope: Scope, row: RulesetRow) -> None:
        """Store a ruleset with its files, which come packed."""
        unit.add(
            _RULESET,
            (
                scope.text, row.hash, row.name, row.rules, row.packed, row.created_at_us,
                row.created_by,
            ),
        )  # fmt: skip

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
        """A page of decisions, newest first."""
        given = (before_seq, scope.text, outcome, merchant, payment_id, limit)
        return [DecisionRow(*row) for row in self._reader.rows(_PAGE, given, limit=limit)]

    def control_entries(self, up_to_seq: int) -> Sequence[tuple[int, Scope, str]]:
        """All control entries, paged."""
        found: list[tuple[int, Scope, str]] = []
        last = 0
        while page := self._reader.rows(_CONTROL_ENTRIES, (up_to_seq, last)):
            found.extend((seq, Scope.parse(scope), kind) for seq, scope, kind in page)
            last = page[-1][0]
        return found

    def policy_switches(self, scope: Scope, limit: int) -> Sequence[int]:
        """Sequences of the last entries that moved the policy pointer, newest first."""
        return [seq for (seq,) in self._reader.rows(_SWITCHES, (scope.text, limit), limit=limit)]

    def ruleset(self, scope: Scope, ruleset_hash: str) -> RulesetRow | None:
        """A stored ruleset with its files."""
        row = self._reader.one(_ONE_RULESET, (scope.text, ruleset_hash))
        return None if row is None else RulesetRow(*row)

    def rulesets(self, scope: Scope, *, after: str, limit: int) -> Sequence[RulesetRow]:
        """Rulesets in order of hash, without files."""
        rows = self._reader.rows(_RULESETS, (scope.text, after, limit), limit=limit)
        return [RulesetRow(*row) for row in rows]


def _signed(digest: int) -> int:
    return digest - _WHOLE if digest >= _HALF else digest
