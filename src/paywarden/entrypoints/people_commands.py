"""The acts of `paywarden people`, whoever runs them: the command itself, or the server it asks.

Guards: roles are given here only with `--first`, while the roster is not established; afterwards
they change by approval alone, and so do the people of a live environment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.local_door import Told
from paywarden.entrypoints.people_wiring import People
from paywarden.identity.approvals.catalogue import PERSON_ENABLE, PERSON_ENROL
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.messages import link_text, person_view
from paywarden.identity.person_acts import PersonNamed, PersonWanted

ACTOR: Final = "cli:people"
COMMAND: Final = "people"
Word = Annotated[str, Meta(max_length=320)]


class PeopleAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the command."""

    act: Literal["list", "invite", "link", "disable", "enable", "revoke-sessions"]
    environment: Literal["test", "live"]
    person: Word | None = None
    login: Word | None = None
    name: Word | None = None
    email: Word | None = None
    first: bool = False
    role: Annotated[tuple[Word, ...], Meta(max_length=20)] | None = None


@dataclass(frozen=True, slots=True)
class PeopleRoom:
    """What the acts work with."""

    people: People
    approvals: Approvals

    async def run(self, given: bytes) -> Told:
        """One act by its arguments as JSON. Errors: InvalidRequest, NotFound, Conflict."""
        try:
            asked = _DECODER.decode(given)
        except msgspec.DecodeError:
            raise InvalidRequest("people_arguments_invalid", "an argument is too long") from None
        scope = Scope(self.people.tenant, Environment(asked.environment))
        return await _ACTS[asked.act](asked, self, scope)


async def _list(_asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    directory = room.people.directory
    found = await directory.listing(scope, ACTOR)
    views = [person_view(one, directory.now_us()) for one in found]
    established = room.people.roster.established(scope)
    lines = [
        f"{v.person}  {v.state:8}  {v.login}  {v.display_name}  "
        + ",".join(grant.role for grant in v.roles)
        for v in views
    ]
    if not established:
        lines.append("the roster is not established: three active persons with passkeys, and the")
        lines.append("roles security_admin and approver among them, are needed")
    return Told({"items": views, "established": established}, "\n".join(lines) or "nobody yet")


async def _invite(asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    if not (asked.login and asked.name and asked.email):
        raise InvalidRequest("person_incomplete", "give --login, --name and --email")
    roles = asked.role or ()
    _check_roles(room, scope, roles, first=asked.first)
    same = _person(asked.person).text if asked.person else ""
    wanted = PersonWanted(
        asked.login, asked.name, asked.email, room.people.directory.blinding(), same, roles
    )
    invited = await room.approvals.install(scope, PERSON_ENROL, wanted.payload(), ACTOR)
    return _link_told(invited.person, invited.link)


def _check_roles(room: PeopleRoom, scope: Scope, roles: tuple[str, ...], *, first: bool) -> None:
    if first and room.people.roster.established(scope):
        raise Conflict("roster_established", "the first set-up is over; roles change by approval")
    if roles and not first:
        raise InvalidRequest("role_needs_approval", "roles are given here only with --first")
    unknown = [role for role in roles if not room.people.roles.knows(role)]
    if unknown:
        raise InvalidRequest("role_unknown", "no such role", pointer="--role")


async def _link(asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    person = _person(asked.person)
    token = await room.people.directory.new_link(scope, person, ACTOR, reset=True)
    link = link_text(room.people.origin, scope.environment.value, token.expose())
    return _link_told(person.text, link)


def _link_told(person: str, link: str) -> Told:
    return Told({"person": person, "link": link}, f"{person}: valid once, for 24 hours:\n{link}")


async def _disable(asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    person = _person(asked.person)
    await room.people.directory.disable(scope, person, ACTOR)
    return Told({"person": person.text, "state": "disabled"}, "disabled")


async def _enable(asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    payload = PersonNamed(_person(asked.person).text).payload()
    document = await room.approvals.install(scope, PERSON_ENABLE, payload, ACTOR)
    return Told(document, "enabled")


async def _revoke(asked: PeopleAsked, room: PeopleRoom, scope: Scope) -> Told:
    person = _person(asked.person)
    await room.people.directory.revoke_sessions(scope, person, ACTOR)
    return Told({"person": person.text}, "all sessions ended")


def _person(text: str | None) -> PersonId:
    try:
        return PersonId.parse(text or "")
    except ValueError:
        raise InvalidRequest(
            "person_invalid", "a person's id reads psn_...", pointer="--person"
        ) from None


_DECODER: Final = msgspec.json.Decoder(PeopleAsked)
_ACTS: Final[dict[str, Callable[[PeopleAsked, PeopleRoom, Scope], Awaitable[Told]]]] = {
    "list": _list,
    "invite": _invite,
    "link": _link,
    "disable": _disable,
    "enable": _enable,
    "revoke-sessions": _revoke,
}
