"""Clients' signing keys: registering, rolling over, revoking, sealing.

Guards: a key has one algorithm for life; an owner (API key, merchant or whole tenant) has at most
two live keys, enough to roll over and no more; HMAC secrets and our own partner keys are sealed
under a key derived from the master and bound to their key id. Answers to clients with a public key
are signed with the installation's Ed25519 answer key, derived from the master; answers to HMAC
clients with the shared secret. Ids are random, so that nobody meets another tenant's.
Not done here: finding them for a request (`client_key_registry`), verifying (`kit.http.signing`),
storing (`identity.stores`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest
from paywarden.core.identifiers import ClientKeyId
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.framing import framed
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.signing.keys import (
    Algorithm,
    Ed25519Signer,
    load_public,
    public_octets,
)
from paywarden.kit.http.signing.ports import AnswerKey, PartnerBinding

LIVE_LIMIT: Final = 2
PARTNER_RSA_BITS: Final = 2_048
HMAC_SECRET_OCTETS: Final = 32
_NONCE_OCTETS = 12


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose key it is: one API key, one merchant, or (both None) the whole tenant."""

    api_key_id: str | None = None
    merchant: str | None = None


@dataclass(frozen=True, slots=True)
class ClientKeyRecord:
    """What is stored: a public key in the clear (DER), a secret sealed."""

    key_id: str
    scope: Scope
    owner: Owner
    algorithm: Algorithm
    public: bytes | None
    sealed: bytes | None
    created_at_us: int
    expires_at_us: int | None = None
    revoked_at_us: int | None = None
    partner: PartnerBinding | None = None

    def is_live(self, now_us: int) -> bool:
        """Whether requests may carry it now."""
        ended = [at for at in (self.expires_at_us, self.revoked_at_us) if at is not None]
        return all(at > now_us for at in ended)


class ClientKeyStore(Protocol):
    """Stored client keys and which API keys must sign."""

    def find(self, scope: Scope, key_id: str) -> ClientKeyRecord | None:
        """The record of this scope with this id."""
        ...

    def find_partner(
        self, scope: Scope, client_id: str, key_version: int
    ) -> ClientKeyRecord | None:
        """The partner's record of this scope."""
        ...

    def listed(self, scope: Scope) -> Sequence[ClientKeyRecord]:
        """All records of a scope, oldest first."""
        ...

    def save(self, record: ClientKeyRecord) -> None:
        """Store a new record durably. Errors: Conflict."""
        ...

    def revoke(self, scope: Scope, key_id: str, at_us: int) -> bool:
        """End a key; False when there is none that is not ended."""
        ...

    def stage_end(self, unit: UnitOfWork, scope: Scope, key_id: str, at_us: int) -> None:
        """Add to `unit` that a key ends; whoever stages it writes its event."""
        ...

    def must_sign(self, scope: Scope, api_key_id: str) -> bool:
        """Whether requests with this API key must be signed."""
        ...

    def set_must_sign(self, scope: Scope, api_key_id: str, required: bool) -> None:
        """Demand signatures of an API key, or no longer."""
        ...


class KeySealer:
    """Seals secrets of client keys; also holds the installation's answer key."""

    def __init__(self, master: Secret[bytes], randomness: Randomness) -> None:
        self._cipher = AESGCM(derive(master, Purpose.CLIENT_KEYS).expose())
        self._randomness = randomness
        seed = derive(master, Purpose.ANSWER_SIGNING).expose()
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.answer_public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        name = hashlib.sha256(self.answer_public).hexdigest()[:24]
        self.answers = AnswerKey(f"ans_{name}", Algorithm.ED25519, Ed25519Signer(key))

    def seal(self, scope: Scope, key_id: str, plain: Secret[bytes]) -> bytes:
        """The secret under the derived key, bound to scope and key id."""
        nonce = self._randomness.octets(_NONCE_OCTETS)
        return nonce + self._cipher.encrypt(nonce, plain.expose(), _bound(scope, key_id))

    def open(self, scope: Scope, key_id: str, sealed: bytes) -> Secret[bytes]:
        """The secret. Errors: Corrupt `client_key_damaged`."""
        nonce, rest = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
        try:
            return Secret(self._cipher.decrypt(nonce, rest, _bound(scope, key_id)))
        except (InvalidTag, ValueError) as fault:
            raise Corrupt(
                "client_key_damaged", "a client key's secret does not open under this master key"
            ) from fault


class ClientKeyDesk:
    """What operators do with client keys."""

    def __init__(
        self, store: ClientKeyStore, sealer: KeySealer, clock: Clock, randomness: Randomness
    ) -> None:
        self._store, self._sealer = store, sealer
        self._clock, self._randomness = clock, randomness

    def add_public(
        self,
        scope: Scope,
        owner: Owner,
        algorithm: Algorithm,
        key: bytes,
        expires_at_us: int | None = None,
    ) -> ClientKeyRecord:
        """Register a public key (PEM or DER). Errors: InvalidRequest, Conflict."""
        if algorithm in (Algorithm.HMAC, Algorithm.RSA2):
            raise InvalidRequest("signing_key_unfit", "this algorithm takes no public key here")
        load_public(algorithm, key)
        record = ClientKeyRecord(
            self._new_id(), scope, owner, algorithm, public_octets(key), None,
            self._clock.now_us(), expires_at_us,
        )  # fmt: skip
        return self._saved(record)

    def add_secret(
        self, scope: Scope, owner: Owner, expires_at_us: int | None = None
    ) -> tuple[Secret[bytes], ClientKeyRecord]:
        """Make an HMAC secret; it is shown once. Errors: Conflict."""
        secret = Secret(self._randomness.octets(HMAC_SECRET_OCTETS))
        key_id = self._new_id()
        record = ClientKeyRecord(
            key_id, scope, owner, Algorithm.HMAC, None, self._sealer.seal(scope, key_id, secret),
            self._clock.now_us(), expires_at_us,
        )  # fmt: skip
        return secret, self._saved(record)

    def add_partner(
        self,
        scope: Scope,
        owner: Owner,
        key: bytes,
        binding: PartnerBinding,
        expires_at_us: int | None = None,
    ) -> tuple[bytes, ClientKeyRecord]:
        """Register a partner's RSA key; our public key (DER) for its answers, and the record."""
        load_public(Algorithm.RSA2, key)
        if not binding.routes:
            raise InvalidRequest("signing_key_unfit", "a partner's key names its routes")
        if self._store.find_partner(scope, binding.client_id, binding.key_version) is not None:
            raise Conflict("client_key_exists", "this client id and key version are registered")
        ours = rsa.generate_private_key(public_exponent=65_537, key_size=PARTNER_RSA_BITS)
        secret = ours.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        key_id = self._new_id()
        record = ClientKeyRecord(
            key_id, scope, owner, Algorithm.RSA2, public_octets(key),
            self._sealer.seal(scope, key_id, Secret(secret)), self._clock.now_us(), expires_at_us,
            None, binding,
        )  # fmt: skip
        public = ours.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return public, self._saved(record)

    def _new_id(self) -> str:
        return ClientKeyId.new(self._randomness).text

    def _saved(self, record: ClientKeyRecord) -> ClientKeyRecord:
        now = self._clock.now_us()
        if record.expires_at_us is not None and record.expires_at_us <= now:
            raise InvalidRequest("signing_key_unfit", "a key expires in the time to come")
        same = [
            one
            for one in self._store.listed(record.scope)
            if one.owner == record.owner and one.is_live(now)
        ]
        if len(same) >= LIVE_LIMIT:
            raise Conflict(
                "client_keys_two_live", "two keys of this owner are live; revoke one of them first"
            )
        self._store.save(record)
        return record


def _bound(scope: Scope, key_id: str) -> bytes:
    return framed(b"client-key", scope.text.encode(), key_id.encode())
