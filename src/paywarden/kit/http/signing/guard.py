"""The port of operations: which profile a request claims, whether it must be signed, what is told.

Guards: a key that must sign is refused without a signature; a request that claims any profile is
verified and never treated as unsigned; every refusal is an audit event, and their number is bounded
so that nobody fills the disk with them: the first of a kind within ten minutes is written at once,
its repeats are counted and written as one, and beyond `KINDS_LIMIT` kinds only a total is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated, PaywardenError
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.nonces import Nonces
from paywarden.kit.http.signing.partner import PartnerVerifier
from paywarden.kit.http.signing.ports import ClientKeys, Proof
from paywarden.kit.http.signing.verifier import SignatureVerifier
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics

KINDS_LIMIT: Final = 64
PERIOD_US: Final = 600 * MICROSECONDS
ACTION: Final = "http:signature:verify"
Enqueue = Callable[[UnitOfWork], "asyncio.Future[None]"]
_Kind = tuple[Scope, str, str]


class GuardedSignatures:
    """`Signatures` over both profiles."""

    def __init__(self, keys: ClientKeys, nonces: Nonces, refusals: RefusalAudit) -> None:
        self._keys = keys
        self._refusals = refusals
        self._verifier = SignatureVerifier(keys, nonces)
        self._partner = PartnerVerifier(keys, nonces)

    def are_claimed(self, headers: Mapping[str, str]) -> bool:
        """Whether any header of a profile is there."""
        return "signature" in headers or "signature-input" in headers

    def verify(
        self,
        principal: Principal,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        digest: str | None = None,
    ) -> Proof | None:
        """The proof of a signed request, None for one that need not be. Errors: see the port."""
        try:
            if not self.are_claimed(headers):
                self._check_unsigned(principal)
                return None
            if "client-id" in headers and "signature-input" not in headers:
                return self._partner.verify(principal, request, body)
            return self._verifier.verify(principal, request, headers, body, digest)
        except PaywardenError as refusal:
            self._refusals.refused(principal, refusal.code)
            raise

    def _check_unsigned(self, principal: Principal) -> None:
        if self._keys.must_sign(principal.scope, principal.key_id):
            raise NotAuthenticated(
                "signature_required", "requests with this API key are signed (RFC 9421)"
            )


class RefusalAudit:
    """Writes refusals to the audit log, a bounded number of them."""

    def __init__(self, audit: AuditLog, enqueue: Enqueue, clock: Clock, metrics: Metrics) -> None:
        self._audit, self._enqueue, self._clock = audit, enqueue, clock
        self._counted = metrics.signature_refusals
        self._repeats: dict[_Kind, int] = {}
        self._others = 0
        self._ends_us = 0

    def refused(self, principal: Principal, code: str) -> None:
        """Note one refusal; `code` is one of ours, never the sender's word."""
        self._counted.labels(code).inc()
        now = self._clock.now_us()
        if not self._ends_us - PERIOD_US <= now < self._ends_us:
            self.flush()
            self._ends_us = now + PERIOD_US
        kind = (principal.scope, principal.key_id, code)
        if kind in self._repeats:
            self._repeats[kind] += 1
        elif len(self._repeats) < KINDS_LIMIT:
            self._repeats[kind] = 0
            self._write(kind, 1)
        else:
            self._others += 1

    def flush(self) -> None:
        """Write what was counted."""
        for kind, repeats in self._repeats.items():
            if repeats:
                self._write(kind, repeats)
        if self._others:
            scope = next(iter(self._repeats))[0]
            self._write((scope, "others", "several"), self._others)
        self._repeats.clear()
        self._others = 0

    def _write(self, kind: _Kind, count: int) -> None:
        scope, key_id, code = kind
        event = AuditEvent(
            scope, ACTION, f"key:{key_id}", AuditOutcome.REFUSED, self._clock.now_us(),
            {"code": code, "count": count},
        )  # fmt: skip
        unit = UnitOfWork()
        self._audit.record(unit, event)
        try:
            self._enqueue(unit).add_done_callback(_log_failure)
        except PaywardenError as fault:
            logger().error("audit_failed", code=fault.code)


def _log_failure(done: asyncio.Future[None]) -> None:
    fault = None if done.cancelled() else done.exception()
    if fault is not None:
        logger().error("audit_failed", code=getattr(fault, "code", type(fault).__name__))
