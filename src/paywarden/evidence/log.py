"""The signed log: rows of the audit log become leaves, tiles, and signed checkpoints.

Guards, in this order for each checkpoint: rows are durable, their hashes stand in tiles, the root
is signed, the signed note is stored (one root per size, refused otherwise), then kept apart from
the database, and only then shown. Signing stops and stays stopped when the log no longer holds what
was signed: `altered` (a stored root does not come out of the rows) and `restored` (the database is
older than the checkpoint kept apart, so a backup was put back); both are for a person to settle. A
clock that stepped back is written into the log itself. Not done here: when to integrate
(`integrator`), witnesses (`submission`), proofs for callers (`proofs`).
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, Corrupt, Unavailable
from paywarden.core.scope import Scope
from paywarden.evidence.checkpoint import Checkpoint, opened, parse_checkpoint
from paywarden.evidence.leaf import leaf_of
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.note import SigningKey, VerifierKey, parse_note
from paywarden.evidence.ports import Checkpoints, LastSigned, Origin
from paywarden.evidence.tiles import TileTree
from paywarden.evidence.tree import leaf_hash
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, AuditRow, AuditRows, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import logger

PAGE_ROWS: Final = 256
STEP_BACK_US: Final = 1_000_000
"""A clock that went back by less was set by its own keeper (NTP slews, leap smearing)."""
ACTOR: Final = "process:evidence"


class LogState(enum.StrEnum):
    """Whether the log may be signed; a person settles the last two."""

    CLOSED = "closed"
    SIGNING = "signing"
    RESTORED = "restored"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class LogStores:
    """Where the log lives; `record` and `writer` are the state owner's."""

    audit: AuditLog
    rows: AuditRows
    writer: Writer
    checkpoints: Checkpoints
    tree: TileTree
    last_signed: LastSigned


class SignedLog:
    """One log under one key. Opening and integrating block: call them from one thread at a time."""

    def __init__(self, key: LogKey, stores: LogStores, clock: Clock, own: Scope) -> None:
        self.state = LogState.CLOSED
        self.latest: Checkpoint | None = None
        self.note = ""
        self._key = key
        self._stores = stores
        self._clock = clock
        self._own = own
        self._origins: list[Origin] = [Origin(0, key.name)]
        self._signer = key.signer()
        self._working = threading.Lock()
        self.on_signed: Callable[[Checkpoint, str], None] = lambda _checkpoint, _note: None

    @property
    def origin(self) -> str:
        """The name under which leaves are appended now."""
        return self._origins[-1].name

    @property
    def signer(self) -> SigningKey:
        """The log's key under its present name."""
        return self._signer

    @property
    def signing(self) -> bool:
        """Whether checkpoints and promises are signed."""
        return self.state is LogState.SIGNING

    def signer_at(self, index: int) -> SigningKey:
        """The log's key under the name that the leaf `index` was appended under."""
        if index >= self._origins[-1].first_index:
            return self._signer
        return self._key.signer(self.origin_at(index))

    @property
    def tree(self) -> TileTree:
        """The tree as integrated; proofs are given for signed sizes only."""
        return self._stores.tree

    @property
    def pending(self) -> int:
        """Leaves that no checkpoint covers yet."""
        return self._stores.rows.last_id() - (self.latest.size if self.latest else 0)

    def verifiers(self) -> list[VerifierKey]:
        """Keys to pin: one for each name that the log has had."""
        return [self._key.signer(origin.name).verifier for origin in self._origins]

    def origin_at(self, index: int) -> str:
        """The name under which the leaf `index` was appended."""
        return next(o.name for o in reversed(self._origins) if o.first_index <= index)

    def leaf(self, index: int) -> bytes:
        """Octets of a durable leaf. Errors: Corrupt when the row is gone."""
        rows = self._stores.rows.rows(index, 1)
        if not rows or rows[0].id != index + 1:
            raise Corrupt("audit_event_missing", f"audit event {index + 1} is missing")
        return self.leaf_of(rows[0])

    def leaf_of(self, row: AuditRow) -> bytes:
        """Octets of the leaf that a stored row is."""
        return leaf_of(row, self.origin_at(row.id - 1))

    # --- opening ----------------------------------------------------------------------------

    def open(self) -> LogState:
        """Take up tiles and checkpoints, compare them with what was signed; the state found."""
        with self._working:
            self._take_origins()
            self.latest = None
            self.state = self._compare()
            if self.state is not LogState.SIGNING:
                logger().error("audit_log_stopped", state=self.state.value)
            return self.state

    def read_only(self) -> None:
        """Take up what is signed without signing anything, beside a process that signs."""
        found = self._stores.checkpoints.origins()
        if found:
            self._take(found)
            stored = self._stores.checkpoints.last(self.origin)
            if stored is not None and self._stores.tree.load(stored.checkpoint.size):
                self.latest, self.note = stored.checkpoint, stored.note

    def _take_origins(self) -> None:
        found = list(self._stores.checkpoints.origins())
        if not found:
            unit = UnitOfWork()
            self._stores.checkpoints.add_origin(unit, self._key.name, 0)
            self._stores.writer.submit(unit).result()
            found = [Origin(0, self._key.name)]
        self._take(found)

    def _take(self, found: Sequence[Origin]) -> None:
        if found[0].name != self._key.name:
            raise Unavailable(
                "log_key_differs", "the log's key is not the one of this log; restore the right one"
            )
        self._origins = list(found)
        self._signer = self._key.signer(found[-1].name)

    def _compare(self) -> LogState:
        kept = self._kept_apart()
        stored = self._stores.checkpoints.last(self.origin)
        known, note = (stored.checkpoint, stored.note) if stored else (None, "")
        if stored is not None:
            opened(stored.note, self._signer.verifier)  # a damaged note is not built upon
        # A checkpoint is stored before it is kept apart: what is kept is never ahead by itself.
        ahead = kept is not None and (known is None or kept.size > known.size)
        forked = kept and known and kept.size == known.size and kept.root != known.root
        if ahead or forked:
            return LogState.RESTORED
        if known is None:
            self._stores.tree.clear()
        elif not self._comes_out(known):
            return LogState.ALTERED
        self.latest, self.note = known, note
        return LogState.SIGNING

    def _kept_apart(self) -> Checkpoint | None:
        """The last checkpoint of the present name that was kept apart from the database."""
        note = self._stores.last_signed.read()
        if note is None:
            return None
        found = parse_checkpoint(parse_note(note).text)
        names = [origin.name for origin in self._origins]
        if found.origin in names[:-1]:
            return None  # of before a restore that was settled; the new name is not signed yet
        if found.origin != self.origin:
            # A later name than the database knows: the backup is older than the restore before.
            return Checkpoint(found.origin, 2**62, found.root)
        return opened(note, self._signer.verifier)[0]

    def _comes_out(self, known: Checkpoint) -> bool:
        tree = self._stores.tree
        if tree.load(known.size) and tree.root() == known.root:
            return True
        logger().warning("audit_tiles_rebuilt", head=known.size)
        tree.clear()
        self._integrate_rows(known.size)
        return tree.size == known.size and tree.root() == known.root

    # --- growing ----------------------------------------------------------------------------

    def integrate(self, limit: int) -> int:
        """Hash at most `limit` durable rows into tiles; how many."""
        with self._working:
            if self.state is not LogState.SIGNING:
                return 0
            before = self._stores.tree.size
            self._integrate_rows(before + limit)
            return self._stores.tree.size - before

    def _integrate_rows(self, up_to: int) -> None:
        tree = self._stores.tree
        while tree.size < up_to:
            rows = self._stores.rows.rows(tree.size, min(PAGE_ROWS, up_to - tree.size))
            hashes = []
            for expected, row in enumerate(rows, tree.size + 1):
                if row.id != expected:
                    raise Corrupt("audit_event_missing", f"audit event {expected} is missing")
                hashes.append(leaf_hash(self.leaf_of(row)))
            if not hashes:
                return
            tree.append(hashes)

    def checkpoint(self) -> Checkpoint | None:
        """Sign what was integrated; None when nothing is new or signing is stopped."""
        with self._working:
            tree, latest = self._stores.tree, self.latest
            if self.state is not LogState.SIGNING or tree.size == (latest.size if latest else 0):
                return None
            now = self._clock.now_us()
            if latest is not None and now < (latest.at_us or 0) - STEP_BACK_US:
                self._note_step_back(latest.at_us or 0, now)
            tree.flush()
            made = Checkpoint(self.origin, tree.size, tree.root(), now)
            note = made.signed(self._signer)
            self._store(made, note)
            self._stores.last_signed.keep(note)
            self.latest, self.note = made, note
        self.on_signed(made, note)
        return made

    def _store(self, made: Checkpoint, note: str) -> None:
        unit = UnitOfWork()
        self._stores.checkpoints.add(unit, made, note)
        try:
            self._stores.writer.submit(unit).result()
        except Conflict as fault:
            self.state = LogState.ALTERED
            raise Corrupt(
                "checkpoint_fork", "another root of this size is stored; the log is not signed"
            ) from fault

    def _note_step_back(self, signed_us: int, now_us: int) -> None:
        """The leaf stands in the very checkpoint that goes back, so that readers expect it."""
        logger().warning("clock_stepped_back", seconds=(signed_us - now_us) // 1_000_000)
        detail = {"signed_at_us": signed_us, "now_us": now_us}
        unit = UnitOfWork()
        self._stores.audit.record(unit, self._event("audit:clock:step_back", now_us, detail))
        self._stores.writer.submit(unit).result()
        self._integrate_rows(self._stores.rows.last_id())

    # --- a restored backup ------------------------------------------------------------------

    def acknowledge_restore(self, reason: str) -> Origin:
        """Go on under a new name after a restore, saying so in the log; the new origin.

        Errors: Conflict `log_not_restored` in any other state.
        """
        with self._working:
            if self.state is not LogState.RESTORED:
                raise Conflict("log_not_restored", "no restored backup waits to be acknowledged")
            lost = parse_checkpoint(parse_note(self._stores.last_signed.read() or "").text)
            now, name = self._clock.now_us(), self._next_name(lost.origin)
            detail: dict[str, Scalar] = {
                "lost_origin": lost.origin, "lost_size": lost.size, "lost_root": lost.root.hex(),
                "kept_size": self._stores.rows.last_id(), "reason": reason,
            }  # fmt: skip
            unit = UnitOfWork()
            place = self._stores.audit.record(unit, self._event("audit:log:restored", now, detail))
            self._stores.checkpoints.add_origin(unit, name, place)
            self._stores.writer.submit(unit).result()
        self.open()
        return self._origins[-1]

    def _next_name(self, lost: str) -> str:
        """A name that neither the database nor the lost part of the log has used."""
        numbers = [_number(lost)] + [_number(origin.name) for origin in self._origins]
        return f"{self._key.name}/{max(numbers) + 1}"

    def _event(self, action: str, now_us: int, detail: Mapping[str, Scalar]) -> AuditEvent:
        return AuditEvent(self._own, action, ACTOR, AuditOutcome.DONE, now_us, detail)


def _number(origin: str) -> int:
    tail = origin.rpartition("/")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 1
