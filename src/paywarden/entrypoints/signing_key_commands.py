"""The acts of `paywarden signing-keys`, whoever runs them: the command, or the server that it asks.

Guards: one act at a time, in a thread of its own (a partner's key takes a tenth of a second to
make); every change and its audit event are one commit. A secret that is made here is told this once
and written nowhere but sealed.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.local_door import Told
from paywarden.identity.client_keys import ClientKeyDesk, ClientKeyRecord, KeySealer, Owner
from paywarden.identity.stores.client_keys import Recording, SqliteClientKeys
from paywarden.kit.audit import AuditLog
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.ports import PartnerBinding

ACTOR: Final = "cli:signing_keys"
COMMAND: Final = "signing-keys"
KEY_LIMIT: Final = 32_768
READS: Final = frozenset({"list", "server"})
Word = Annotated[str, Meta(max_length=200)]


class SigningAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the command; the public key's octets, PEM or DER."""

    act: Literal["add", "list", "revoke", "require", "server"]
    environment: Literal["test", "live"]
    algorithm: Algorithm | None = None
    public_key: Annotated[bytes, Meta(max_length=KEY_LIMIT)] | None = None
    api_key: Word | None = None
    merchant: Word | None = None
    expires_at_us: int | None = None
    client_id: Word | None = None
    key_version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    route: Annotated[tuple[Word, ...], Meta(max_length=50)] = ()
    key_id: Word = ""
    api_key_id: Word = ""
    no: bool = False


@dataclass(frozen=True, slots=True)
class SigningRoom:
    """What the acts work with."""

    store: SqliteClientKeys
    sealer: KeySealer
    desk: ClientKeyDesk
    tenant: str
    clock: Clock
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, given: bytes) -> Told:
        """One act by its arguments as JSON. Errors: InvalidRequest, NotFound, Conflict."""
        try:
            asked = _DECODER.decode(given)
        except msgspec.DecodeError:
            raise InvalidRequest(
                "signing_keys_arguments_invalid", "an argument is out of range"
            ) from None
        async with self._one_at_a_time:
            return await asyncio.to_thread(_ACTS[asked.act], asked, self)

    def scope(self, asked: SigningAsked) -> Scope:
        """Tenant and environment."""
        return Scope(self.tenant, Environment(asked.environment))


def signing_room(
    reader: Reader,
    writer: Writer,
    audit: AuditLog,
    master: Secret[bytes],
    tenant: str,
    clock: Clock,
    randomness: Randomness,
) -> SigningRoom:
    """The acts over a home's stores, each change written down."""
    store = SqliteClientKeys(reader, writer, Recording(audit, clock, ACTOR))
    sealer = KeySealer(master, randomness)
    return SigningRoom(
        store, sealer, ClientKeyDesk(store, sealer, clock, randomness), tenant, clock
    )


def _add(asked: SigningAsked, room: SigningRoom) -> Told:
    if asked.algorithm is None:
        raise InvalidRequest("signing_keys_arguments_invalid", "name the algorithm")
    if asked.algorithm is Algorithm.HMAC:
        return _add_secret(asked, room)
    if asked.public_key is None:
        raise InvalidRequest(
            "public_key_missing", "name the public key's file", pointer="--public-key"
        )
    if asked.algorithm is Algorithm.RSA2:
        return _add_partner(asked, room, asked.public_key)
    record = room.desk.add_public(
        room.scope(asked), _owner(asked), asked.algorithm, asked.public_key, asked.expires_at_us
    )
    return Told(_shown(record, room), f"{record.key_id}: registered")


def _add_secret(asked: SigningAsked, room: SigningRoom) -> Told:
    secret, record = room.desk.add_secret(room.scope(asked), _owner(asked), asked.expires_at_us)
    text = base64.b64encode(secret.expose()).decode()
    words = f"{record.key_id}: secret (base 64, shown this once) {text}"
    return Told({**_shown(record, room), "secret": text}, words)


def _add_partner(asked: SigningAsked, room: SigningRoom, public: bytes) -> Told:
    if not asked.client_id:
        raise InvalidRequest("client_id_missing", "name the partner's id", pointer="--client-id")
    binding = PartnerBinding(asked.client_id, asked.key_version, frozenset(asked.route))
    ours, record = room.desk.add_partner(
        room.scope(asked), _owner(asked), public, binding, asked.expires_at_us
    )
    text = base64.b64encode(ours).decode()
    words = f"{record.key_id}: our public key for the partner (DER, base 64) {text}"
    return Told({**_shown(record, room), "server_public_key": text}, words)


def _list(asked: SigningAsked, room: SigningRoom) -> Told:
    found = [_shown(record, room) for record in room.store.listed(room.scope(asked))]
    lines = [
        f"{one['key_id']}  {one['algorithm']}  {'live' if one['live'] else 'ended'}"
        for one in found
    ]
    return Told({"keys": found}, "\n".join(lines) or "no signing keys")


def _revoke(asked: SigningAsked, room: SigningRoom) -> Told:
    if not room.store.revoke(room.scope(asked), asked.key_id, room.clock.now_us()):
        raise NotFound("signing_key_not_found", "no such live key in this environment")
    return Told({"revoked": asked.key_id}, f"{asked.key_id}: revoked, at once or in 5 seconds")


def _require(asked: SigningAsked, room: SigningRoom) -> Told:
    required = not asked.no
    room.store.set_must_sign(room.scope(asked), asked.api_key_id, required)
    document = {"api_key_id": asked.api_key_id, "signature_required": required}
    word = "must sign" if required else "may sign"
    return Told(document, f"{asked.api_key_id}: {word} its requests")


def _server(_asked: SigningAsked, room: SigningRoom) -> Told:
    text = base64.b64encode(room.sealer.answer_public).decode()
    answers = room.sealer.answers
    document = {
        "key_id": answers.key_id, "algorithm": answers.algorithm.value, "public_key": text,
    }  # fmt: skip
    return Told(document, f"{answers.key_id}: {answers.algorithm.value} (DER, base 64) {text}")


def _owner(asked: SigningAsked) -> Owner:
    return Owner(asked.api_key, asked.merchant)


def _shown(record: ClientKeyRecord, room: SigningRoom) -> dict[str, Any]:
    bound = record.partner
    return {
        "key_id": record.key_id,
        "algorithm": record.algorithm.value,
        "live": record.is_live(room.clock.now_us()),
        "api_key_id": record.owner.api_key_id,
        "merchant": record.owner.merchant,
        "created_at": format_rfc3339(record.created_at_us),
        "expires_at": _text(record.expires_at_us),
        "revoked_at": _text(record.revoked_at_us),
        "client_id": bound.client_id if bound else None,
        "key_version": bound.key_version if bound else None,
        "routes": sorted(bound.routes) if bound else [],
    }


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else format_rfc3339(at_us)


_DECODER: Final = msgspec.json.Decoder(SigningAsked)
_ACTS: Final[dict[str, Callable[[SigningAsked, SigningRoom], Told]]] = {
    "add": _add,
    "list": _list,
    "revoke": _revoke,
    "require": _require,
    "server": _server,
}
