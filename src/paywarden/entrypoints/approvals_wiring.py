"""Approvals wired over one database: the catalogue, the roster, and who carries acts out."""

from __future__ import annotations

from paywarden.cde_client.roster import RelyingParty
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret
from paywarden.entrypoints.settings import Settings
from paywarden.identity.access_review.glass import GlassReviews
from paywarden.identity.access_review.notes import Notes
from paywarden.identity.access_review.stores.sqlite import SqliteReviews
from paywarden.identity.approvals.ports import CodeCheck
from paywarden.identity.approvals.role_acts import RoleActs
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.approvals.stores.sqlite import SqliteApprovals
from paywarden.identity.roster import StoredRoster
from paywarden.kit.audit import AuditLog
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer


def wired(
    settings: Settings,
    roster: StoredRoster,
    reader: Reader,
    writer: Writer,
    audit: AuditLog,
    master: Secret[bytes],
    clock: Clock,
    randomness: Randomness,
    codes: CodeCheck | None = None,
) -> Approvals:
    """Approvals with the acts of the identity room; other rooms register their own.

    `codes`: where people can approve; commands, where nobody can, leave it out.
    """
    given = settings.identity
    approvals = Approvals(
        SqliteApprovals(reader, derive(master, Purpose.APPROVALS), randomness),
        roster,
        writer,
        audit,
        clock,
        randomness,
        RelyingParty(given.rp_id, frozenset({given.origin})),
        development=settings.installation.mode == "development",
        codes=codes,
    )
    glass = GlassReviews(Notes(SqliteReviews(reader), writer, audit, clock), randomness)
    RoleActs(roster, roster, writer, audit, clock, glass.stage).register(approvals)
    return approvals
