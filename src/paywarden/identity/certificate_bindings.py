"""API keys that are believed with a certain client certificate only.

Guards: a key with bindings is refused without one of its certificates (at most two, to roll over),
so a stolen key is useless from another machine; a key without bindings may come with any
certificate that the proxy accepted. Thumbprints are SHA-256 of the DER form. What was read is
remembered for a few seconds. Not done here: reading the header (`kit.tls.client_certificates`),
checking chain and possession (the proxy).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, InvalidRequest, NotAuthenticated
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.tls.client_certificates import ClientCertificates

BOUND_LIMIT: Final = 2
REMEMBERED: Final = 4_096
REMEMBER_US: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Binding:
    """One certificate of one key."""

    scope: Scope
    key_id: str
    thumbprint: str
    bound_at_us: int


class BindingStore(Protocol):
    """Stored bindings."""

    def of_key(self, scope: Scope, key_id: str) -> Sequence[Binding]:
        """Bindings of a key."""
        ...

    def listed(self, scope: Scope) -> Sequence[Binding]:
        """All bindings of a scope, by key and age."""
        ...

    def add(self, unit: UnitOfWork, binding: Binding) -> None:
        """Store a binding with the unit."""
        ...

    def remove(self, unit: UnitOfWork, scope: Scope, key_id: str, thumbprint: str) -> None:
        """End a binding with the unit."""
        ...


class CertificateCheck:
    """Holds each request's certificate against the bindings of its key."""

    def __init__(self, certificates: ClientCertificates, store: BindingStore, clock: Clock) -> None:
        self._certificates = certificates
        self._store = store
        self._clock = clock
        self._known: dict[tuple[Scope, str], tuple[int, tuple[str, ...]]] = {}

    def check(self, principal: Principal, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Pass, or refuse. `headers`: the request's, names in lower case, repeats included.

        Errors: NotAuthenticated `client_certificate_missing` or `client_certificate_differs`, and
        those of `ClientCertificates.thumbprint`.
        """
        now = self._clock.now_us()
        shown = self._certificates.thumbprint(headers, now)
        bound = self._bound(principal, now)
        if not bound:
            return
        if shown is None:
            raise NotAuthenticated(
                "client_certificate_missing", "this key is believed with its certificate only"
            )
        if not any(hmac.compare_digest(shown, one) for one in bound):
            raise NotAuthenticated(
                "client_certificate_differs", "this key belongs to another client certificate"
            )

    def _bound(self, principal: Principal, now_us: int) -> tuple[str, ...]:
        name = (principal.scope, principal.key_id)
        known = self._known.get(name)
        if known is None or known[0] <= now_us:
            found = self._store.of_key(principal.scope, principal.key_id)
            known = (now_us + REMEMBER_US, tuple(one.thumbprint for one in found))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[name] = known
        return known[1]


class Binder:
    """Binds and releases, with the audit event in the same unit."""

    def __init__(self, store: BindingStore, audit: AuditLog, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    def bind(self, unit: UnitOfWork, scope: Scope, key_id: str, pem: bytes, actor: str) -> str:
        """Bind a key to the first certificate of `pem`; its thumbprint.

        Errors: InvalidRequest `certificate_unreadable`, Conflict `certificates_enough`.
        """
        thumbprint = thumbprint_of(pem)
        bound = self._store.of_key(scope, key_id)
        if any(one.thumbprint == thumbprint for one in bound):
            return thumbprint
        if len(bound) >= BOUND_LIMIT:
            raise Conflict(
                "certificates_enough", f"a key has at most {BOUND_LIMIT} certificates; release one"
            )
        now = self._clock.now_us()
        self._store.add(unit, Binding(scope, key_id, thumbprint, now))
        self._record(unit, scope, "bind", key_id, thumbprint, actor)
        return thumbprint

    def release(
        self, unit: UnitOfWork, scope: Scope, key_id: str, thumbprint: str, actor: str
    ) -> None:
        """End a binding."""
        self._store.remove(unit, scope, key_id, thumbprint)
        self._record(unit, scope, "release", key_id, thumbprint, actor)

    def _record(
        self, unit: UnitOfWork, scope: Scope, act: str, key_id: str, thumbprint: str, actor: str
    ) -> None:
        event = AuditEvent(
            scope, f"identity:certificate:{act}", actor, AuditOutcome.DONE, self._clock.now_us(),
            {"key": key_id, "thumbprint": thumbprint},
        )  # fmt: skip
        self._audit.record(unit, event)


def thumbprint_of(pem: bytes) -> str:
    """SHA-256 of the first certificate in `pem`, in hex. Errors: InvalidRequest."""
    try:
        return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex()
    except ValueError:
        raise InvalidRequest(
            "certificate_unreadable", "the file holds no certificate in PEM form"
        ) from None
