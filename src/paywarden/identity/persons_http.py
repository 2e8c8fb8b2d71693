"""Operations of security officers on persons: /v1/identity/persons.

Guards: inviting waits for others' word where the catalogue says so and gives no role; roles change
only by approval. A link lets its holder enrol as the
person, so no single officer gets one for somebody with factors or roles. Reading the list is
recorded first.
"""

from __future__ import annotations

from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.identifiers import PersonId
from paywarden.identity import messages as m
from paywarden.identity.approvals.catalogue import PERSON_ENABLE, PERSON_ENROL
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.identity.directory import Directory, Profile, checked
from paywarden.identity.model import AccountState
from paywarden.identity.person_acts import PersonNamed, PersonWanted
from paywarden.identity.ports import Roster
from paywarden.identity.sign_in_http import TAG, post
from paywarden.kit.http.operation import Answer, Call, Operation

PERSON = "/v1/identity/persons/{person}"
PEOPLE_READ, PEOPLE_MANAGE = "people:read", "people:manage"
PERSON_ID = "^psn_[a-z2-7]{26}$"


class PersonOperations:
    """Handlers over the directory."""

    def __init__(
        self, directory: Directory, roster: Roster, origin: str, approvals: Approvals
    ) -> None:
        self._directory = directory
        self._roster = roster
        self._origin = origin
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        pattern = {"person": PERSON_ID}
        return [
            Operation("GET", "/v1/identity/persons", "identity_persons", "All persons",
                      self.listing, m.PersonList, permission=PEOPLE_READ, tag=TAG),
            post("/v1/identity/persons", "identity_invite", "Invite a person", self.invite,
                 m.Invited, m.InviteRequest, PEOPLE_MANAGE, status=201,
                 also_answers={202: ApprovalView}),
            post(f"{PERSON}/link", "identity_link", "A new link for somebody not enrolled",
                 self.link, m.Invited, None, PEOPLE_MANAGE, path_patterns=pattern),
            post(f"{PERSON}/disable", "identity_disable", "Disable a person at once",
                 self.disable, m.Finished, None, PEOPLE_MANAGE, path_patterns=pattern),
            post(f"{PERSON}/enable", "identity_enable", "Let a disabled person in again",
                 self.enable, m.Finished, None, PEOPLE_MANAGE, path_patterns=pattern,
                 also_answers={202: ApprovalView}),
            post(f"{PERSON}/revoke-sessions", "identity_person_revoke_sessions",
                 "End all sessions of a person", self.revoke, m.Finished, None, PEOPLE_MANAGE,
                 path_patterns=pattern),
        ]  # fmt: skip

    async def listing(self, call: Call) -> Answer:
        """GET /v1/identity/persons."""
        asker = call.asker
        found = await self._directory.listing(asker.scope, asker.actor)
        now = self._directory.now_us()
        items = [m.person_view(one, now) for one in found]
        return Answer(m.PersonList(items, self._roster.established(asker.scope)))

    async def invite(self, call: Call) -> Answer:
        """POST /v1/identity/persons."""
        asker, body = call.asker, call.body
        same = _parsed(body.person) if body.person else None
        profile = checked(Profile(body.login, body.display_name, body.email))
        wanted = PersonWanted(
            profile.login, profile.display_name, profile.email, self._directory.blinding(),
            "" if same is None else same.text,
        )  # fmt: skip
        done = await self._approvals.perform(
            asker.scope, PERSON_ENROL, wanted.payload(), maker_of(asker), "enrol a person"
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(done.result, 201)

    async def link(self, call: Call) -> Answer:
        """POST /v1/identity/persons/{person}/link."""
        asker, person = call.asker, _of_path(call)
        token = await self._directory.new_link(asker.scope, person, asker.actor)
        link = m.link_text(self._origin, asker.scope.environment.value, token.expose())
        return Answer(m.Invited(person.text, link))

    async def disable(self, call: Call) -> Answer:
        """POST /v1/identity/persons/{person}/disable."""
        await self._directory.disable(call.asker.scope, _of_path(call), call.asker.actor)
        return Answer(m.Finished())

    async def enable(self, call: Call) -> Answer:
        """POST /v1/identity/persons/{person}/enable."""
        asker, person = call.asker, _of_path(call)
        if self._directory.account(asker.scope, person).state is not AccountState.DISABLED:
            raise Conflict("person_not_disabled", "this account is not disabled")
        done = await self._approvals.perform(
            asker.scope, PERSON_ENABLE, PersonNamed(person.text).payload(), maker_of(asker),
            "enable a person again",
        )  # fmt: skip
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(m.Finished())

    async def revoke(self, call: Call) -> Answer:
        """POST /v1/identity/persons/{person}/revoke-sessions."""
        await self._directory.revoke_sessions(call.asker.scope, _of_path(call), call.asker.actor)
        return Answer(m.Finished())


def _of_path(call: Call) -> PersonId:
    try:
        return PersonId.parse(call.path["person"])
    except ValueError:
        raise NotFound("person_unknown", "no such person in this tenant and environment") from None


def _parsed(text: str) -> PersonId:
    try:
        return PersonId.parse(text)
    except ValueError:
        raise InvalidRequest(
            "person_invalid", "a person's id reads psn_...", pointer="/person"
        ) from None
