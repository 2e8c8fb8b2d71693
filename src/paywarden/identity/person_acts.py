"""Enrolling a person, or enabling one again: carried out once others approved.

Guards: a link lets its holder act as a new person, who could then be granted roles and approve; so
one officer alone makes nobody. Roles come by their own act, except with the first people of an
installation, whom nobody can approve yet. The one-time link is told once, to who asked. The payload
is blinded, since its hash stands in the audit log for ever and names can be guessed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.identity.approvals.catalogue import PERSON_ENABLE, PERSON_ENROL
from paywarden.identity.approvals.execution import Approved, Ground
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.directory import Directory, Profile
from paywarden.identity.messages import Invited, link_text
from paywarden.kit.db.unit import UnitOfWork


class PersonWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of `person.enrol`; `person` when the same human has an account elsewhere."""

    login: str
    display_name: str
    email: str
    blinding: str
    person: str = ""
    roles: tuple[str, ...] = ()

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self, order="sorted")


class PersonNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of `person.enable`."""

    person: str

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self)


class PersonActs:
    """Executor over the directory."""

    def __init__(self, directory: Directory, origin: str) -> None:
        self._directory = directory
        self._origin = origin

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries this act out."""
        approvals.register(PERSON_ENROL, self.enrol)
        approvals.register(PERSON_ENABLE, self.enable)

    async def enrol(self, approved: Approved, payload: bytes) -> Invited:
        """Invite the person; the link, once. Errors: InvalidRequest, Conflict `person_exists`."""
        approved.require(approved.scope, PERSON_ENROL, payload)
        try:
            wanted = _WANTED.decode(payload)
            same = PersonId.parse(wanted.person) if wanted.person else None
        except ValueError:
            raise InvalidRequest("approval_request_invalid", "name login, name, e-mail") from None
        if wanted.roles and approved.ground is Ground.APPROVALS:
            raise InvalidRequest("role_needs_approval", "ask for roles with role.grant")
        unit = UnitOfWork()
        approved.settle(unit)
        profile = Profile(wanted.login, wanted.display_name, wanted.email)
        person, token = await self._directory.invite(
            approved.scope, profile, approved.audit_actor, same, wanted.roles, unit
        )
        environment = approved.scope.environment.value
        return Invited(person.text, link_text(self._origin, environment, token.expose()))

    async def enable(self, approved: Approved, payload: bytes) -> dict[str, str]:
        """Let a disabled person sign in again. Errors: InvalidRequest, NotFound, Conflict."""
        approved.require(approved.scope, PERSON_ENABLE, payload)
        try:
            person = PersonId.parse(msgspec.json.decode(payload, type=PersonNamed).person)
        except ValueError:
            raise InvalidRequest("approval_request_invalid", "name the person") from None
        unit = UnitOfWork()
        approved.settle(unit)
        self._directory.stage_enabling(unit, approved.scope, person, approved.audit_actor)
        await self._directory.commit(unit)
        return {"person": person.text}


_WANTED: Final = msgspec.json.Decoder(PersonWanted)
