"""Requests for approval in SQLite: steps are appended, payloads lie sealed until the end.

Guards: a payload (it may name people: list entries, for instance) is sealed with AES-256-GCM under
a key of its own, bound to its request, and dropped in the unit that ends the request; its hash
stays. A second end is refused by a unique index. Source: NIST SP 800-38D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde_client.messages import Assertion
from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.identifiers import ApprovalId
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity.approvals.model import ENDING, Act, Asked, Method, Request, Step
from paywarden.kit.crypto.framing import framed
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

SCHEMA = SchemaPart(
    "approvals", "approvals_0001", "paywarden.identity.approvals:migrations/versions"
)
_NONCE_OCTETS: Final = 12
_BOUND: Final = b"paywarden.approval-payload-at-rest.v1"
_ADD = Insert(
    "approvals",
    ("scope", "approval_id", "action", "payload_hash", "payload", "maker", "reason",
     "created_at_us", "expires_at_us"),
)  # fmt: skip
_ADD_STEP = Insert(
    "approval_steps",
    ("scope", "approval_id", "number", "act", "ends", "actor", "at_us", "method", "assertion",
     "reason"),
)  # fmt: skip
_DROP_PAYLOAD = Change(
    "drop_approval_payload",
    "UPDATE approvals SET payload = NULL WHERE scope = ? AND approval_id = ?",
)
_ASKED = "approval_id, action, payload_hash, maker, reason, created_at_us, expires_at_us"
_FIND = f"SELECT {_ASKED} FROM approvals WHERE scope = ? AND approval_id = ?"  # noqa: S608
_PAYLOAD = "SELECT payload FROM approvals WHERE scope = ? AND approval_id = ?"
_STEPS = (
    "SELECT number, act, actor, at_us, method, assertion, reason FROM approval_steps"
    " WHERE scope = ? AND approval_id = ? ORDER BY number"
)
_PAGE = (
    f"SELECT {_ASKED} FROM approvals AS a WHERE scope = ?1"  # noqa: S608
    " AND (?2 = '' OR (created_at_us, approval_id) < (SELECT created_at_us, approval_id"
    " FROM approvals WHERE scope = ?1 AND approval_id = ?2))"
    " AND (?3 = 0 OR NOT EXISTS (SELECT 1 FROM approval_steps AS s WHERE s.scope = a.scope"
    " AND s.approval_id = a.approval_id AND s.ends = 1))"
    " ORDER BY created_at_us DESC, approval_id DESC LIMIT ?4"
)


class SqliteApprovals:
    """`Store` over the tables of approvals."""

    def __init__(self, reader: Reader, key: Secret[bytes], randomness: Randomness) -> None:
        self._reader = reader
        self._cipher = AESGCM(key.expose())
        self._octets = randomness.octets

    def add(self, unit: UnitOfWork, asked: Asked, payload: bytes) -> None:
        """Add a request with its sealed payload."""
        nonce = self._octets(_NONCE_OCTETS)
        context = _context(asked.scope, asked.approval_id)
        unit.add(
            _ADD,
            (
                asked.scope.text,
                asked.approval_id.text,
                asked.action,
                asked.payload_hash,
                nonce + self._cipher.encrypt(nonce, payload, context),
                asked.maker,
                asked.reason,
                asked.created_at_us,
                asked.expires_at_us,
            ),
        )

    def add_step(self, unit: UnitOfWork, scope: Scope, approval_id: ApprovalId, step: Step) -> None:
        """Add a step; the payload goes with the end."""
        ends = step.act in ENDING
        assertion = None if step.assertion is None else msgspec.json.encode(step.assertion)
        method = None if step.method is None else step.method.value
        unit.add(
            _ADD_STEP,
            (
                scope.text,
                approval_id.text,
                step.number,
                step.act.value,
                int(ends),
                step.actor,
                step.at_us,
                method,
                assertion,
                step.reason,
            ),
        )
        if ends:
            unit.add(_DROP_PAYLOAD, (scope.text, approval_id.text))

    def find(self, scope: Scope, approval_id: ApprovalId) -> Request | None:
        """A request with its steps."""
        row = self._reader.one(_FIND, (scope.text, approval_id.text))
        return None if row is None else self._request(scope, row)

    def payload(self, scope: Scope, approval_id: ApprovalId) -> bytes | None:
        """The payload, while it is kept. Errors: Corrupt."""
        row = self._reader.one(_PAYLOAD, (scope.text, approval_id.text))
        if row is None or row[0] is None:
            return None
        nonce, box = row[0][:_NONCE_OCTETS], row[0][_NONCE_OCTETS:]
        try:
            return self._cipher.decrypt(nonce, box, _context(scope, approval_id))
        except (InvalidTag, ValueError) as fault:
            raise Corrupt("approval_damaged", "a stored payload fails its check") from fault

    def page(self, scope: Scope, after: str, limit: int, *, only_open: bool) -> Sequence[Request]:
        """Requests older than `after`, newest first."""
        rows = self._reader.rows(_PAGE, (scope.text, after, int(only_open), limit))
        return [self._request(scope, row) for row in rows]

    def _request(self, scope: Scope, row: Row) -> Request:
        asked = Asked(ApprovalId(row[0]), scope, *row[1:])
        steps = self._reader.rows(_STEPS, (scope.text, row[0]))
        try:
            return Request(asked, tuple(_step(one) for one in steps))
        except (ValueError, msgspec.DecodeError) as fault:
            raise Corrupt("approval_damaged", "the steps of a request cannot be read") from fault


def _step(row: Row) -> Step:
    number, act, actor, at_us, method, assertion, reason = row
    return Step(
        number,
        Act(act),
        actor,
        at_us,
        None if method is None else Method(method),
        None if assertion is None else msgspec.json.decode(assertion, type=Assertion),
        reason,
    )


def _context(scope: Scope, approval_id: ApprovalId) -> bytes:
    return framed(_BOUND, scope.text.encode(), approval_id.text.encode())
