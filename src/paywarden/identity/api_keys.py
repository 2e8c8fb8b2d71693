"""API keys: `pw_test_...` and `pw_live_...`, from which tenant and environment follow.

Form: prefix, 8 characters of key id, 32 of secret, 6 of checksum, all base 32 in lower case. The
checksum refuses typing errors and lets secret scanners recognise a key without asking us. Stored:
a keyed digest of the whole key, never the key; comparison is constant-time.
Not done here: what a role may do (`identity.permissions`), the life of keys (`key_desk.py`), people
and their sessions (`sessions.py`).

>>> text = make_key(Environment.TEST, b"\\x01" * 5, b"\\x02" * 20)
>>> parse_key(text).key_id == "key_" + text[8:16]
True
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from paywarden.cde_client.callers import check_of
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import NotAuthenticated
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.permissions.access import permissions_of_key
from paywarden.identity.permissions.model import Role
from paywarden.kit.audit import AuditEvent, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal

KEY_ROLES: Final = (Role.MERCHANT, Role.OPERATOR, Role.AUDITOR)
"""Roles that a key may carry; what they may do stands in `identity.permissions.table`."""
HOW_TO_GET_ONE = (
    "send the header 'Authorization: Bearer pw_test_...'; 'paywarden init' prints the first key"
)


WRITE_USE_US = MINUTE_US
"""The time of last use is written at most once a minute per key."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """The public parts of a well-formed key."""

    environment: Environment
    key_id: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is stored of a key: no secret.

    `outside_check` is what the card data environment recognises it by (`cde_client.callers`); keys
    older than it have none until they are used.
    """

    key_id: str
    scope: Scope
    role: str
    digest: bytes
    created_at_us: int
    merchant: str | None = None
    expires_at_us: int | None = None
    revoked_at_us: int | None = None
    owner: str = ""
    name: str = ""
    last_used_at_us: int | None = None
    outside_check: bytes | None = None

    def live_at(self, now_us: int) -> bool:
        """Neither revoked nor expired at an instant."""
        expired = self.expires_at_us is not None and self.expires_at_us <= now_us
        return self.revoked_at_us is None and not expired


class KeyStore(Protocol):
    """Stored keys; look-ups are by key id because the tenant follows from the key."""

    def find(self, key_id: str) -> KeyRecord | None:
        """The record of a key id."""
        ...

    def save(self, record: KeyRecord) -> None:
        """Store a new key durably."""
        ...

    def count(self) -> int:
        """How many keys exist."""
        ...

    def records(self, scope: Scope) -> Sequence[KeyRecord]:
        """All keys of a scope, oldest first."""
        ...

    def stage(self, unit: UnitOfWork, record: KeyRecord) -> None:
        """Add a new key to `unit`."""
        ...

    def stage_end(
        self,
        unit: UnitOfWork,
        scope: Scope,
        key_id: str,
        revoked_at_us: int | None,
        expires_at_us: int | None,
    ) -> None:
        """Add to `unit` when a key ends, or ended."""
        ...

    def note_use(self, key_id: str, at_us: int, outside_check: bytes) -> None:
        """Write when a key was last used, without waiting; a failure is logged."""
        ...


def make_key(environment: Environment, key_id: bytes, secret: bytes) -> str:
    """Text of a key from 5 bytes of id and 20 bytes of secret."""
    body = _base32(key_id) + _base32(secret)
    prefix = f"pw_{environment.value}_"
    return prefix + body + _checksum(prefix + body)


def parse_key(text: str) -> KeyText:
    """Public parts of a key; NotAuthenticated if it is malformed."""
    head, body = text[:8], text[8:]
    environment = {"pw_test_": Environment.TEST, "pw_live_": Environment.LIVE}.get(head)
    if environment is None or len(body) != 46 or not body.isascii():
        raise NotAuthenticated("key_malformed", f"this is not an API key; {HOW_TO_GET_ONE}")
    if not hmac.compare_digest(_checksum(text[:-6]), text[-6:]):
        raise NotAuthenticated(
            "key_malformed", "the checksum of the API key is wrong: a typing error?"
        )
    return KeyText(environment, "key_" + body[:8])


def digest_key(text: str, pepper: Secret[bytes]) -> bytes:
    """Keyed digest under which a key is stored."""
    return hashlib.blake2b(text.encode(), key=pepper.expose(), digest_size=32).digest()


def new_key(
    scope: Scope,
    role: str,
    pepper: Secret[bytes],
    clock: Clock,
    randomness: Randomness,
    merchant: str | None = None,
) -> tuple[Secret[str], KeyRecord]:
    """A fresh key and its record; the key is shown once."""
    if role not in KEY_ROLES:
        raise ValueError("role must be one of " + ", ".join(KEY_ROLES))
    text = make_key(scope.environment, randomness.octets(5), randomness.octets(20))
    record = KeyRecord(
        parse_key(text).key_id, scope, role, digest_key(text, pepper), clock.now_us(), merchant,
        outside_check=check_of(text),
    )  # fmt: skip
    return Secret(text), record


def key_created(record: KeyRecord, actor: str) -> AuditEvent:
    """The audit event of a new key; it goes into the unit that stores the key."""
    detail: dict[str, Scalar] = {"key_id": record.key_id, "role": record.role}
    if record.merchant is not None:
        detail["merchant"] = record.merchant
    done, at_us = AuditOutcome.DONE, record.created_at_us
    return AuditEvent(record.scope, "identity:key:create", actor, done, at_us, detail)


class ApiKeyAuthenticator:
    """Authenticates `Authorization: Bearer <key>`; remembers proven keys for a short time."""

    def __init__(self, store: KeyStore, pepper: Secret[bytes], clock: Clock) -> None:
        self._store = store
        self._pepper = pepper
        self._clock = clock
        self._proven: dict[str, tuple[int, Principal]] = {}

    def authenticate(self, authorization: str | None) -> Principal:
        """Principal of the header; NotAuthenticated says what to do."""
        if authorization is None:
            raise NotAuthenticated("key_missing", f"no API key was sent: {HOW_TO_GET_ONE}")
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated(
                "key_missing", f"the Authorization header holds no API key: {HOW_TO_GET_ONE}"
            )
        now = self._clock.now_us()
        known = self._proven.get(text)
        if known is not None and known[0] > now:
            return known[1]
        principal = self._prove(text, now)
        if len(self._proven) >= _REMEMBERED:
            self._proven.clear()
        self._proven[text] = (now + _REMEMBER_US, principal)
        return principal

    def forget(self) -> None:
        """A key ended: whoever comes next is looked up."""
        self._proven.clear()

    def _prove(self, text: str, now_us: int) -> Principal:
        parts = parse_key(text)
        record = self._store.find(parts.key_id)
        digest = digest_key(text, self._pepper)
        stored = record.digest if record is not None else bytes(32)
        if not hmac.compare_digest(digest, stored) or record is None:
            raise NotAuthenticated(
                "key_unknown", f"this API key is not known here; {HOW_TO_GET_ONE}"
            )
        if record.revoked_at_us is not None:
            raise NotAuthenticated(
                "key_revoked", "this API key was revoked; ask the operator for a new one"
            )
        if record.expires_at_us is not None and record.expires_at_us <= now_us:
            raise NotAuthenticated(
                "key_expired", "this API key has expired; ask the operator for a new one"
            )
        if record.scope.environment is not parts.environment:
            raise NotAuthenticated(
                "key_unknown", f"this API key is not known here; {HOW_TO_GET_ONE}"
            )
        used = record.last_used_at_us
        if used is None or now_us - used >= WRITE_USE_US or record.outside_check is None:
            self._store.note_use(record.key_id, now_us, check_of(text))
        permissions = permissions_of_key(record.role, record.scope.environment)
        roles = frozenset({record.role})
        return Principal(record.key_id, record.scope, permissions, record.merchant, roles=roles)


_REMEMBERED = 4096
_REMEMBER_US = 5_000_000


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=").lower()


def _checksum(text: str) -> str:
    return _base32(zlib.crc32(text.encode()).to_bytes(4, "big"))[:6]
