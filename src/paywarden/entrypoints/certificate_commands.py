"""The acts of `paywarden certificates`, whoever runs them: the command, or the server it asks.

Guards: a binding and its audit event are one commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.local_door import Told
from paywarden.identity.certificate_bindings import Binder, BindingStore
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditLog
from paywarden.kit.db.unit import UnitOfWork

ACTOR: Final = "process:cli"
COMMAND: Final = "certificates"
FILE_LIMIT: Final = 32_768
Word = Annotated[str, Meta(max_length=200)]


class CertificatesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the command; `certificate` is PEM."""

    act: Literal["bind", "release", "list"]
    environment: Literal["test", "live"]
    key_id: Word
    certificate: Annotated[bytes, Meta(max_length=FILE_LIMIT)] | None = None
    thumbprint: Word | None = None


@dataclass(frozen=True, slots=True)
class CertificateRoom:
    """What the acts work with."""

    store: BindingStore
    committer: Committer
    audit: AuditLog
    tenant: str
    clock: Clock

    async def run(self, given: bytes) -> Told:
        """One act by its arguments as JSON. Errors: InvalidRequest, Conflict."""
        try:
            asked = _DECODER.decode(given)
        except msgspec.DecodeError:
            raise InvalidRequest(
                "certificates_arguments_invalid", "an argument is too long"
            ) from None
        scope, unit = Scope(self.tenant, Environment(asked.environment)), UnitOfWork()
        self._stage(unit, scope, asked)
        if unit.writes:
            await self.committer.commit(unit)
        bound = [one.thumbprint for one in self.store.of_key(scope, asked.key_id)]
        document = {"key_id": asked.key_id, "thumbprints": bound}
        return Told(document, "\n".join(bound) or "no certificate is asked of this key")

    def _stage(self, unit: UnitOfWork, scope: Scope, asked: CertificatesAsked) -> None:
        binder = Binder(self.store, self.audit, self.clock)
        if asked.act == "bind":
            if asked.certificate is None:
                raise InvalidRequest(
                    "certificate_missing", "name a PEM file", pointer="--certificate"
                )
            binder.bind(unit, scope, asked.key_id, asked.certificate, ACTOR)
        elif asked.act == "release":
            if not asked.thumbprint:
                raise InvalidRequest("thumbprint_missing", "say which one", pointer="--thumbprint")
            binder.release(unit, scope, asked.key_id, asked.thumbprint.lower(), ACTOR)


_DECODER: Final = msgspec.json.Decoder(CertificatesAsked)
