"""`paywarden people`: list, invite, disable, link, revoke-sessions.

Guards: needs the home for itself, as a home has one writer and listing is recorded too; beside a
running server use its operations. Roles are given here only with `--first`, while the roster is not
established; afterwards they change by approval alone, and so do the people of a live environment.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable

from paywarden.cli import output
from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.entrypoints.people_wiring import People
from paywarden.entrypoints.settings import Settings
from paywarden.evidence.screen import may_not_be_logged
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.approvals.catalogue import PERSON_ENABLE, PERSON_ENROL
from paywarden.identity.directory import Listed
from paywarden.identity.messages import PersonView, link_text, person_view
from paywarden.identity.person_acts import PersonActs, PersonNamed, PersonWanted
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.audit_personal import PersonalDetails
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.kit.stores.sqlite_subject_keys import SqliteWrappedKeys

ACTOR = "cli:people"


class _Room:
    """The identity room over a home, with its writer when something changes."""

    def __init__(self, home: Home, environment: str) -> None:
        home.require()
        self.settings: Settings = home.settings(os.environ)
        self.scope = Scope(self.settings.installation.tenant, Environment(environment))
        clock, chance = SystemClock(), SystemRandomness()
        master = load_master_key(home.master_key)
        self._reader = Reader(home.database)
        self._wrapped = SqliteWrappedKeys(home.subject_keys)
        ring = SubjectKeyRing(master, self._wrapped, clock, chance)
        audit = SqliteAuditLog(self._reader, PersonalDetails(ring, chance), may_not_be_logged)
        self.writer = Writer(home.database, PARTS, (ring, SqliteJournal(self._reader), audit))
        keys = ApiKeyAuthenticator(
            SqliteKeys(self._reader, self.writer), derive(master, Purpose.API_KEYS), clock
        )
        self.people = People(
            self.settings, home.root, self._reader, self.writer, audit, ring, master, keys, clock,
            chance,
        )  # fmt: skip
        self.approvals = wired(
            self.settings, self.people.roster, self._reader, self.writer, audit, master, clock,
            chance,
        )  # fmt: skip
        PersonActs(self.people.directory, self.people.origin).register(self.approvals)

    def close(self) -> None:
        self.writer.close()
        self._wrapped.close()
        self._reader.close()


def people(arguments: argparse.Namespace, home: Home) -> int:
    """Run one of the sub-commands; the exit code."""
    room = _Room(home, arguments.environment)
    try:
        room.writer.start()
        return _ACTS[arguments.act](arguments, room)
    finally:
        room.close()


def _list(arguments: argparse.Namespace, room: _Room) -> int:
    found = asyncio.run(room.people.directory.listing(room.scope, ACTOR))
    views = [_view(one, room) for one in found]
    document = {"items": views, "established": room.people.roster.established(room.scope)}
    lines = [
        f"{v.person}  {v.state:8}  {v.login}  {v.display_name}  "
        + ",".join(grant.role for grant in v.roles)
        for v in views
    ]
    if not document["established"]:
        lines.append("the roster is not established: three active persons with passkeys, and the")
        lines.append("roles security_admin and approver among them, are needed")
    output.answer(arguments, document, "\n".join(lines) or "nobody yet")
    return output.DONE


def _view(one: Listed, room: _Room) -> PersonView:
    return person_view(one, room.people.directory.now_us())


def _invite(arguments: argparse.Namespace, room: _Room) -> int:
    if not (arguments.login and arguments.name and arguments.email):
        raise InvalidRequest("person_incomplete", "give --login, --name and --email")
    roles = tuple(arguments.role or ())
    _check_roles(room, roles, first=arguments.first)
    same = _person(arguments.person).text if arguments.person else ""
    wanted = PersonWanted(
        arguments.login, arguments.name, arguments.email, room.people.directory.blinding(), same,
        roles,
    )  # fmt: skip
    invited = asyncio.run(room.approvals.install(room.scope, PERSON_ENROL, wanted.payload(), ACTOR))
    return _show_link(arguments, invited.person, invited.link)


def _check_roles(room: _Room, roles: tuple[str, ...], *, first: bool) -> None:
    if first and room.people.roster.established(room.scope):
        raise Conflict("roster_established", "the first set-up is over; roles change by approval")
    if roles and not first:
        raise InvalidRequest("role_needs_approval", "roles are given here only with --first")
    unknown = [role for role in roles if not room.people.roles.knows(role)]
    if unknown:
        raise InvalidRequest("role_unknown", "no such role", pointer="--role")


def _link(arguments: argparse.Namespace, room: _Room) -> int:
    person = _person(arguments.person)
    token = asyncio.run(room.people.directory.new_link(room.scope, person, ACTOR, reset=True))
    environment = room.scope.environment.value
    link = link_text(room.settings.identity.origin, environment, token.expose())
    return _show_link(arguments, person.text, link)


def _show_link(arguments: argparse.Namespace, person: str, link: str) -> int:
    document = {"person": person, "link": link}
    output.answer(arguments, document, f"{person}: valid once, for 24 hours:\n{link}")
    return output.DONE


def _disable(arguments: argparse.Namespace, room: _Room) -> int:
    person = _person(arguments.person)
    asyncio.run(room.people.directory.disable(room.scope, person, ACTOR))
    output.answer(arguments, {"person": person.text, "state": "disabled"}, "disabled")
    return output.DONE


def _enable(arguments: argparse.Namespace, room: _Room) -> int:
    payload = PersonNamed(_person(arguments.person).text).payload()
    document = asyncio.run(room.approvals.install(room.scope, PERSON_ENABLE, payload, ACTOR))
    output.answer(arguments, document, "enabled")
    return output.DONE


def _revoke(arguments: argparse.Namespace, room: _Room) -> int:
    person = _person(arguments.person)
    asyncio.run(room.people.directory.revoke_sessions(room.scope, person, ACTOR))
    output.answer(arguments, {"person": person.text}, "all sessions ended")
    return output.DONE


def _person(text: str | None) -> PersonId:
    try:
        return PersonId.parse(text or "")
    except ValueError:
        raise InvalidRequest(
            "person_invalid", "a person's id reads psn_...", pointer="--person"
        ) from None


_ACTS: dict[str, Callable[[argparse.Namespace, _Room], int]] = {
    "list": _list,
    "invite": _invite,
    "link": _link,
    "disable": _disable,
    "enable": _enable,
    "revoke-sessions": _revoke,
}
