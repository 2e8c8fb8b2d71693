"""Operations on one's own credentials and sessions: /v1/identity/me, /factors, /sessions."""

from __future__ import annotations

from paywarden.core.errors import NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.secret import Secret
from paywarden.identity import messages as m
from paywarden.identity.directory import Directory
from paywarden.identity.enrolment import Enrolment, passkey_name
from paywarden.identity.model import Passkey, Session
from paywarden.identity.ports import Committer
from paywarden.identity.request_authenticator import drop_cookie
from paywarden.identity.sessions import ENROL, SELF, Sessions
from paywarden.identity.sign_in_http import TAG, post
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.operation import Answer, Call, Operation

SESSION_ID = "^ses_[a-z2-7]{26}$"
PASSKEY_ID = "^[A-Za-z0-9_-]{1,1400}$"


class EnrolmentOperations:
    """Handlers over the use cases."""

    def __init__(
        self,
        enrolment: Enrolment,
        sessions: Sessions,
        directory: Directory,
        committer: Committer,
    ) -> None:
        self._enrolment = enrolment
        self._sessions = sessions
        self._directory = directory
        self._committer = committer

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", "/v1/identity/me", "identity_me", "Who I am", self.me, m.Me,
                      permission=ENROL, tag=TAG),
            Operation("GET", "/v1/identity/factors", "identity_factors", "What I sign in with",
                      self.factors, m.FactorsView, permission=ENROL, tag=TAG),
            post("/v1/identity/factors/password", "identity_set_password",
                 "Set or change my password", self.password, m.Finished, m.NewPasswordRequest,
                 ENROL),
            post("/v1/identity/factors/passkeys/options", "identity_passkey_options",
                 "Begin to add a passkey", self.passkey_options, m.CeremonyOptions, None, ENROL),
            post("/v1/identity/factors/passkeys", "identity_add_passkey", "Add a passkey",
                 self.add_passkey, m.PasskeyView, m.NewPasskeyRequest, ENROL),
            Operation("DELETE", "/v1/identity/factors/passkeys/{passkey}",
                      "identity_remove_passkey", "Remove a passkey", self.remove_passkey,
                      m.Finished, permission=SELF, tag=TAG,
                      path_patterns={"passkey": PASSKEY_ID}),
            post("/v1/identity/factors/totp", "identity_begin_totp", "Begin to set up codes",
                 self.begin_totp, m.TotpBegun, None, ENROL),
            post("/v1/identity/factors/totp/confirm", "identity_confirm_totp",
                 "Confirm the first code", self.confirm_totp, m.Finished, m.CodeRequest, ENROL),
            post("/v1/identity/factors/recovery-codes", "identity_recovery_codes",
                 "Ten new recovery codes", self.recovery_codes, m.RecoveryCodes, None, ENROL),
            Operation("GET", "/v1/identity/sessions", "identity_sessions", "My sessions",
                      self.sessions, m.SessionList, permission=SELF, tag=TAG),
            Operation("DELETE", "/v1/identity/sessions/{session}", "identity_revoke_session",
                      "End one of my sessions", self.revoke, m.Finished, permission=SELF,
                      tag=TAG, path_patterns={"session": SESSION_ID}),
            Operation("DELETE", "/v1/identity/sessions", "identity_revoke_sessions",
                      "End all my sessions", self.revoke_all, m.Finished, permission=SELF,
                      tag=TAG),
        ]  # fmt: skip

    async def me(self, call: Call) -> Answer:
        """GET /v1/identity/me."""
        session = self._session(call)
        profile = self._directory.profile(self._directory.account(session.scope, session.person))
        return Answer(
            m.Me(
                session.person.text,
                profile.login,
                profile.display_name,
                session.scope.environment.value,
                session.kind.value,
                sorted(call.asker.permissions),
                format_rfc3339(session.auth_at_us),
                format_rfc3339(session.ends_at_us),
            )
        )

    async def factors(self, call: Call) -> Answer:
        """GET /v1/identity/factors."""
        found = self._enrolment.factors(self._session(call))
        return Answer(
            m.FactorsView(
                [_passkey(one) for one in found.passkeys],
                m.instant(found.password_set_at_us),
                found.totp,
                found.recovery_codes_left,
            )
        )

    async def password(self, call: Call) -> Answer:
        """POST /v1/identity/factors/password."""
        await self._enrolment.set_password(self._session(call), Secret(call.body.password))
        return Answer(m.Finished())

    async def passkey_options(self, call: Call) -> Answer:
        """POST /v1/identity/factors/passkeys/options."""
        return Answer(m.CeremonyOptions(await self._enrolment.passkey_options(self._session(call))))

    async def add_passkey(self, call: Call) -> Answer:
        """POST /v1/identity/factors/passkeys."""
        session, body = self._session(call), call.body
        return Answer(
            _passkey(await self._enrolment.add_passkey(session, body.name, body.credential))
        )

    async def remove_passkey(self, call: Call) -> Answer:
        """DELETE /v1/identity/factors/passkeys/{passkey}."""
        await self._enrolment.remove_passkey(self._session(call), call.path["passkey"])
        return Answer(m.Finished())

    async def begin_totp(self, call: Call) -> Answer:
        """POST /v1/identity/factors/totp."""
        seed, uri = await self._enrolment.begin_totp(self._session(call))
        return Answer(m.TotpBegun(seed.expose(), uri.expose()))

    async def confirm_totp(self, call: Call) -> Answer:
        """POST /v1/identity/factors/totp/confirm."""
        await self._enrolment.confirm_totp(self._session(call), Secret(call.body.code))
        return Answer(m.Finished())

    async def recovery_codes(self, call: Call) -> Answer:
        """POST /v1/identity/factors/recovery-codes."""
        codes = await self._enrolment.new_recovery_codes(self._session(call))
        return Answer(m.RecoveryCodes([code.expose() for code in codes]))

    async def sessions(self, call: Call) -> Answer:
        """GET /v1/identity/sessions."""
        mine = self._session(call)
        live = self._sessions.live_of(mine.scope, mine.person)
        return Answer(m.SessionList([_session(one, seen, mine) for one, seen in live]))

    async def revoke(self, call: Call) -> Answer:
        """DELETE /v1/identity/sessions/{session}."""
        mine, unit = self._session(call), UnitOfWork()
        live = self._sessions.live_of(mine.scope, mine.person)
        named = next((one for one, _ in live if one.session.text == call.path["session"]), None)
        if named is None:
            raise NotFound("session_unknown", "you have no such session")
        self._sessions.stage_revoke(unit, named)
        await self._recorded(unit, call, "identity:session:revoke", session=named.session.text)
        return Answer(m.Finished())

    async def revoke_all(self, call: Call) -> Answer:
        """DELETE /v1/identity/sessions."""
        mine, unit = self._session(call), UnitOfWork()
        self._sessions.stage_revoke_all(unit, mine.scope, mine.person)
        await self._recorded(unit, call, "identity:session:revoke_all")
        return Answer(m.Finished(), headers=(drop_cookie(),))

    def _session(self, call: Call) -> Session:
        return self._sessions.of(call.asker)

    async def _recorded(
        self, unit: UnitOfWork, call: Call, action: str, session: str | None = None
    ) -> None:
        asker = call.asker
        self._directory.note(unit, asker.scope, action, asker.actor, session=session)
        await self._committer.commit(unit)


def _passkey(one: Passkey) -> m.PasskeyView:
    made = format_rfc3339(one.created_at_us)
    return m.PasskeyView(passkey_name(one), one.name, made, m.instant(one.last_used_us))


def _session(one: Session, seen_us: int, mine: Session) -> m.SessionView:
    return m.SessionView(
        one.session.text,
        one.kind.value,
        list(one.methods),
        format_rfc3339(one.created_at_us),
        format_rfc3339(seen_us),
        format_rfc3339(one.ends_at_us),
        one.session == mine.session,
    )
