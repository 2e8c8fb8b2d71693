"""The audit log's parts over one home: log, proofs, integrator, witness' client, watchers."""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Unavailable
from paywarden.core.identifiers import encode_128
from paywarden.core.scope import Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Audit
from paywarden.evidence.integrator import Integrator
from paywarden.evidence.log import LogStores, SignedLog
from paywarden.evidence.log_key import LogKey, create_log_key, load_log_key
from paywarden.evidence.metrics import EvidenceMetrics
from paywarden.evidence.note import VerifierKey
from paywarden.evidence.promises import Promises
from paywarden.evidence.proofs import Proofs
from paywarden.evidence.read_watch import ReadWatch
from paywarden.evidence.stores.last_signed_file import LastSignedFile
from paywarden.evidence.stores.sqlite_checkpoints import SqliteCheckpoints
from paywarden.evidence.stores.tile_files import TileFiles
from paywarden.evidence.submission import Submission, WitnessClient
from paywarden.evidence.tiles import TileTree
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.metrics import Metrics

NAME_LETTERS = 12


@dataclass(frozen=True, slots=True)
class EvidenceParts:
    """What an installation holds of the evidence room."""

    audit: SqliteAuditLog
    checkpoints: SqliteCheckpoints
    log: SignedLog
    proofs: Proofs
    integrator: Integrator
    submission: Submission | None
    watch: ReadWatch
    tiles: TileFiles


def evidence_parts(
    home: Home, settings: Audit, own: Scope, audit: SqliteAuditLog, reader: Reader,
    writer: Writer, clock: Clock, randomness: Randomness, metrics: Metrics,
) -> EvidenceParts:  # fmt: skip
    """Wire the room; makes the log's key when the home has none yet."""
    checkpoints, tiles = SqliteCheckpoints(reader), TileFiles(home.audit_tiles)
    stores = LogStores(
        audit, audit, writer, checkpoints, TileTree(tiles), LastSignedFile(home.audit_last_signed)
    )
    log = SignedLog(log_key(home, own, randomness), stores, clock, own)
    audit.promiser = Promises(log)
    measured = EvidenceMetrics(metrics)
    submission = None
    if settings.witness_url:
        client = WitnessClient(settings.witness_url, VerifierKey.parse(settings.witness_key))
        submission = Submission(log, checkpoints, writer, client, measured)
    return EvidenceParts(
        audit, checkpoints, log, Proofs(log, checkpoints), Integrator(log, clock, measured),
        submission, ReadWatch(audit, writer, clock), tiles,
    )  # fmt: skip


def log_key(home: Home, own: Scope, randomness: Randomness) -> LogKey:
    """The log's key; a fresh one for a home that never signed. Errors: Unavailable."""
    if home.audit_key.exists():
        return load_log_key(home.audit_key)
    if home.audit_last_signed.exists():
        raise Unavailable("log_key_missing", "keys/audit_log.key is missing; restore it")
    name = f"paywarden/{own.tenant}/{encode_128(randomness.octets(16))[:NAME_LETTERS]}"
    return create_log_key(home.audit_key, name, randomness)
