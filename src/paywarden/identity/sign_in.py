"""Signing in: factors in, a session out.

Guards: there is one way to a full session: two factors. A password alone opens a session that may
prove the second factor and nothing else; a link or a recovery code opens one that may enrol and
nothing else, and never becomes more. Order of each step: prove, then one unit of work with
everything that is spent, counted, opened and recorded; if a part of it was used meanwhile, the
whole is refused. PCI DSS 4.0.1, 8.4 and 8.5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, NotAuthenticated
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import HOUR_US
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity import changes as c
from paywarden.identity.attempts import Attempts
from paywarden.identity.code_check import fresh_step
from paywarden.identity.directory import Directory
from paywarden.identity.local_sign_in import PasskeySignIn
from paywarden.identity.model import AccountState, Session, SessionKind
from paywarden.identity.passkeys import Ceremonies
from paywarden.identity.ports import Committer, Proven, Records, SignInProvider
from paywarden.identity.recovery_codes import code_digest
from paywarden.identity.refusals import link_refused, sign_in_refused
from paywarden.identity.sessions import Opened, Sessions
from paywarden.identity.totp import Totp, spend_step
from paywarden.identity.turns import Turns
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.db.unit import UnitOfWork


class SignIn:
    """Use cases of signing in and of proving factors anew."""

    def __init__(
        self,
        records: Records,
        committer: Committer,
        sessions: Sessions,
        directory: Directory,
        attempts: Attempts,
        turns: Turns,
        passkeys: PasskeySignIn,
        ceremonies: Ceremonies,
        totp: Totp,
        digest: KeyedDigest,
        clock: Clock,
    ) -> None:
        self._records = records
        self._committer = committer
        self._sessions = sessions
        self._directory = directory
        self._attempts = attempts
        self._turns = turns
        self._passkeys = passkeys
        self._ceremonies = ceremonies
        self._totp = totp
        self._digest = digest
        self._clock = clock

    async def enter(
        self, scope: Scope, provider: SignInProvider, given: Mapping[str, Secret[str]]
    ) -> Opened:
        """Sign in by a provider: a full session, or one that waits for the second factor."""
        proven = await provider.prove(scope, given)
        return await self._open(scope, proven, sign_in_refused())

    async def second_factor(self, session: Session, code: Secret[str]) -> Opened:
        """The one-time code after a first factor: a full session in place of the waiting one."""
        if session.kind is not SessionKind.FIRST_FACTOR:
            raise sign_in_refused()
        return await self._code(session, code)

    async def verify_code(self, session: Session, code: Secret[str]) -> Opened:
        """Step-up of a full session by a one-time code."""
        if session.kind is not SessionKind.FULL:
            raise sign_in_refused()
        return await self._code(session, code)

    async def verify_options(self, session: Session) -> dict[str, Any]:
        """Options of a step-up with one of the person's passkeys."""
        known = self._records.passkeys_of(session.scope, session.person)
        return await self._ceremonies.assertion_options(session.scope, session.session.text, known)

    async def verify_passkey(self, session: Session, credential: dict[str, Any]) -> Opened:
        """Step-up of a full session, or second factor after a password, by a passkey."""
        if session.kind is SessionKind.ENROLMENT:
            raise sign_in_refused()
        subject = session.session.text
        proven = await self._passkeys.prove_for(session.scope, subject, credential)
        if proven.person != session.person:
            raise sign_in_refused()
        return await self._open(session.scope, proven, sign_in_refused(), session)

    async def recover(self, scope: Scope, login: str, code: Secret[str]) -> Opened:
        """A recovery code: a session that may only enrol."""
        name = self._directory.login_digest(scope, login)
        async with self._turns.turn(name):
            account = self._records.account_by_login(scope, name)
            person = account.person if account else PersonId("psn_nobody")
            digest = code_digest(self._digest, scope, person, code)
            known = digest in self._records.recovery_codes(scope, person)
            if not known or account is None or not self._attempts.is_open(account):
                await self._attempts.failed(scope, account, "recovery_code")
                raise sign_in_refused().noting()
            spent = c.Spent(scope, "recovery", digest, self._clock.now_us() + HOUR_US)
            changes = (spent, c.RecoveryCodeUsed(scope, person, digest))
            proven = Proven(person, ("recovery_code",), multi_factor=False, changes=changes)
            return await self._open_enrolment(scope, proven, sign_in_refused())

    async def follow_link(self, scope: Scope, token: Secret[str]) -> Opened:
        """A one-time link: a session that may only enrol."""
        digest = self._directory.link_digest(scope, token.expose()[:100])
        link = self._records.link(scope, digest)
        account = self._records.account(scope, link.person) if link else None
        able = account is not None and account.state is not AccountState.DISABLED
        if link is None or link.expires_at_us <= self._clock.now_us() or not able:
            await self._attempts.refused(scope, account, "link")
            raise link_refused().noting()
        spent = c.Spent(scope, "link", digest, link.expires_at_us)
        proven = Proven(link.person, ("link",), multi_factor=False, changes=(spent,))
        return await self._open_enrolment(scope, proven, link_refused())

    async def leave(self, session: Session) -> None:
        """Sign out."""
        unit = UnitOfWork()
        self._sessions.stage_revoke(unit, session)
        actor = f"person:{session.person.text}"
        self._directory.note(unit, session.scope, "identity:session:sign_out", actor)
        await self._committer.commit(unit)

    async def _code(self, session: Session, code: Secret[str]) -> Opened:
        scope, person = session.scope, session.person
        account = self._records.account(scope, person)
        if account is None:
            raise sign_in_refused()
        async with self._turns.turn(account.login_digest):
            account = self._records.account(scope, person)
            step = fresh_step(self._records, self._totp, scope, person, code)
            if step is None or not self._attempts.is_open(account):
                await self._attempts.failed(scope, account, "totp")
                raise sign_in_refused().noting()
            methods = (*(m for m in session.methods if m != "totp"), "totp")
            changes = spend_step(scope, person, step)
            proven = Proven(person, methods, multi_factor=True, changes=changes)
            return await self._open(scope, proven, sign_in_refused(), session)

    async def _open(
        self,
        scope: Scope,
        proven: Proven,
        refusal: NotAuthenticated,
        replaces: Session | None = None,
    ) -> Opened:
        unit = UnitOfWork()
        kind = SessionKind.FULL if proven.multi_factor else SessionKind.FIRST_FACTOR
        if kind is SessionKind.FULL:
            now = self._clock.now_us()
            self._records.stage(unit, c.SignedIn(scope, proven.person, now))
        return await self._commit(unit, scope, proven, kind, refusal, replaces)

    async def _open_enrolment(
        self, scope: Scope, proven: Proven, refusal: NotAuthenticated
    ) -> Opened:
        """Whoever enrols anew has lost something: what was open before ends."""
        unit = UnitOfWork()
        self._sessions.stage_revoke_all(unit, scope, proven.person)
        return await self._commit(unit, scope, proven, SessionKind.ENROLMENT, refusal)

    async def _commit(
        self,
        unit: UnitOfWork,
        scope: Scope,
        proven: Proven,
        kind: SessionKind,
        refusal: NotAuthenticated,
        replaces: Session | None = None,
    ) -> Opened:
        for change in proven.changes:
            self._records.stage(unit, change)
        opened = self._sessions.stage_open(
            unit, scope, proven.person, kind, proven.methods, replaces
        )
        self._directory.note(
            unit,
            scope,
            "identity:session:sign_in",
            f"person:{proven.person.text}",
            kind=kind.value,
            methods=" ".join(proven.methods),
            session=opened.session.session.text,
        )
        try:
            await self._committer.commit(unit)
        except Conflict:
            raise refusal from None  # something in it was used a moment before
        return opened
