"""A person's own credentials: adding, replacing, removing, listing.

Guards: only in a session opened by a one-time link or a recovery code, or in a full one whose
factors were proved within five minutes (PCI DSS 4.0.1, 8.3.3). A new password, like every removal,
ends the person's other sessions. An invited account becomes active once it can sign in with two
factors: a passkey, or a password with a confirmed one-time code. The last passkey stays.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound
from paywarden.core.secret import Secret
from paywarden.identity import changes as c
from paywarden.identity.attempts import Attempts
from paywarden.identity.directory import Directory
from paywarden.identity.model import AccountState, Passkey, Session, SessionKind, TotpSeed
from paywarden.identity.passkeys import NAME_LIMIT, PER_PERSON, Ceremonies
from paywarden.identity.passwords import PasswordPolicy
from paywarden.identity.ports import Committer, Records
from paywarden.identity.recovery_codes import code_digest, new_codes
from paywarden.identity.refusals import challenge_refused, sign_in_refused, verify_again
from paywarden.identity.sessions import Sessions
from paywarden.identity.totp import Totp, spend_step
from paywarden.identity.turns import Turns
from paywarden.kit.audit import AuditOutcome
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.db.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person can sign in with; times in microseconds."""

    passkeys: Sequence[Passkey]
    password_set_at_us: int | None
    totp: bool
    recovery_codes_left: int


class Enrolment:
    """Use cases on one's own credentials; each takes the session that asks."""

    def __init__(
        self,
        records: Records,
        committer: Committer,
        sessions: Sessions,
        directory: Directory,
        attempts: Attempts,
        turns: Turns,
        policy: PasswordPolicy,
        ceremonies: Ceremonies,
        totp: Totp,
        digest: KeyedDigest,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._records = records
        self._committer = committer
        self._sessions = sessions
        self._directory = directory
        self._attempts = attempts
        self._turns = turns
        self._policy = policy
        self._ceremonies = ceremonies
        self._totp = totp
        self._digest = digest
        self._clock = clock
        self._randomness = randomness

    def factors(self, session: Session) -> Factors:
        """What there is."""
        whose = (session.scope, session.person)
        password, seed = self._records.password(*whose), self._records.totp(*whose)
        return Factors(
            self._records.passkeys_of(*whose),
            password.set_at_us if password else None,
            seed is not None and seed.confirmed,
            len(self._records.recovery_codes(*whose)),
        )

    async def set_password(self, session: Session, password: Secret[str]) -> None:
        """Set or change the password. Errors: InvalidRequest `password_...`."""
        self._require(session)
        account = self._directory.account(session.scope, session.person)
        profile = self._directory.profile(account)
        words = (profile.login, profile.display_name, profile.email, "paywarden")
        before = self._records.password(session.scope, session.person)
        record = await self._policy.accept(session.person, password, words, before)
        unit = UnitOfWork()
        self._records.stage(unit, c.PasswordSet(session.scope, record))
        factors = self.factors(session)
        self._finish(unit, session, "identity:password:set", complete=factors.totp)
        await self._committer.commit(unit)

    async def passkey_options(self, session: Session) -> dict[str, Any]:
        """Options of a new passkey."""
        self._require(session)
        known = self._records.passkeys_of(session.scope, session.person)
        if len(known) >= PER_PERSON:
            raise Conflict("passkey_limit", f"a person has at most {PER_PERSON} passkeys")
        account = self._directory.account(session.scope, session.person)
        profile = self._directory.profile(account)
        names = (profile.login, profile.display_name)
        return await self._ceremonies.registration_options(
            session.scope, session.session.text, session.person, names, known
        )

    async def add_passkey(self, session: Session, name: str, credential: dict[str, Any]) -> Passkey:
        """Take in a new passkey under a name of the person's choice."""
        self._require(session)
        made = await self._ceremonies.registered(session.scope, session.session.text, credential)
        passkey = Passkey(
            made.credential_id,
            session.person,
            _label(name),
            made.public_key,
            made.sign_count,
            self._clock.now_us(),
            None,
            made.transports,
        )
        unit = UnitOfWork()
        self._records.stage(unit, made.challenge)
        self._records.stage(unit, c.PasskeyAdded(session.scope, passkey))
        shown = made.credential_id.hex()[:32]
        self._finish(unit, session, "identity:passkey:add", complete=True, passkey=shown)
        await self._commit(unit, challenge_refused())
        return passkey

    async def remove_passkey(self, session: Session, credential_id: str) -> None:
        """Remove one passkey by its id in base64url. Errors: NotFound, Conflict for the last."""
        self._require(session)
        known = self._records.passkeys_of(session.scope, session.person)
        found = next((one for one in known if passkey_name(one) == credential_id), None)
        if found is None:
            raise NotFound("passkey_unknown", "you have no such passkey")
        if len(known) == 1:
            raise Conflict("passkey_last", "the last passkey stays; add another one first")
        unit = UnitOfWork()
        change = c.PasskeyRemoved(session.scope, session.person, found.credential_id)
        self._records.stage(unit, change)
        shown = found.credential_id.hex()[:32]
        self._finish(unit, session, "identity:passkey:remove", complete=False, passkey=shown)
        await self._committer.commit(unit)

    async def begin_totp(self, session: Session) -> tuple[Secret[str], Secret[str]]:
        """A new seed and its `otpauth://` text; it counts once a code confirms it.

        Errors: Conflict `totp_exists` in a full session that has one already confirmed: then the
        new one would replace it unproved; a link or recovery code is the way to replace it.
        """
        self._require(session)
        whose = (session.scope, session.person)
        present = self._records.totp(*whose)
        if present is not None and present.confirmed and session.kind is SessionKind.FULL:
            raise Conflict("totp_exists", "one-time codes are set up; ask for a link to replace")
        seed, text = self._totp.new_seed(*whose)
        unit = UnitOfWork()
        self._records.stage(unit, c.TotpSet(session.scope, seed))
        self._finish(unit, session, "identity:totp:begin", complete=False)
        await self._committer.commit(unit)
        login = self._directory.profile(self._directory.account(*whose)).login
        return text, self._totp.uri(login, text)

    async def confirm_totp(self, session: Session, code: Secret[str]) -> None:
        """The first code of a new seed. Errors: NotAuthenticated."""
        self._require(session)
        scope, person = session.scope, session.person
        account = self._directory.account(scope, person)
        async with self._turns.turn(account.login_digest):
            seed = self._records.totp(scope, person)
            step = None if seed is None else self._totp.step_of(scope, seed, code)
            if seed is None or step is None:
                await self._attempts.failed(scope, account, "totp")
                raise sign_in_refused().noting()
            unit = UnitOfWork()
            confirmed = TotpSeed(person, seed.sealed, seed.made_at_us, True, step)
            self._records.stage(unit, c.TotpSet(scope, confirmed))
            self._records.stage(unit, spend_step(scope, person, step)[0])
            has_password = self._records.password(scope, person) is not None
            self._finish(unit, session, "identity:totp:confirm", complete=has_password)
            await self._commit(unit, sign_in_refused())

    async def new_recovery_codes(self, session: Session) -> list[Secret[str]]:
        """Ten fresh codes, shown once; earlier ones are void."""
        self._require(session)
        codes = new_codes(self._randomness)
        scope, person = session.scope, session.person
        digests = tuple(code_digest(self._digest, scope, person, code) for code in codes)
        unit = UnitOfWork()
        self._records.stage(unit, c.RecoveryCodesSet(scope, person, digests))
        self._finish(unit, session, "identity:recovery_codes:set", complete=False)
        await self._committer.commit(unit)
        return codes

    def _require(self, session: Session) -> None:
        recent = session.recent_at(self._clock.now_us())
        if session.kind is SessionKind.FIRST_FACTOR or (
            session.kind is SessionKind.FULL and not recent
        ):
            raise verify_again()

    def _finish(
        self, unit: UnitOfWork, session: Session, action: str, *, complete: bool, **detail: str
    ) -> None:
        """What every change of credentials does: end other sessions, activate, record."""
        scope, person = session.scope, session.person
        self._sessions.stage_revoke_all(unit, scope, person, kept=session.session)
        account = self._directory.account(scope, person)
        actor = f"person:{person.text}"
        if complete and account.state is AccountState.INVITED:
            self._records.stage(unit, c.StateSet(scope, person, AccountState.ACTIVE))
            self._directory.note(unit, scope, "identity:person:activate", actor)
        self._directory.note(unit, scope, action, actor, AuditOutcome.DONE, **detail)

    async def _commit(self, unit: UnitOfWork, refusal: NotAuthenticated) -> None:
        try:
            await self._committer.commit(unit)
        except Conflict:
            raise refusal from None


def passkey_name(passkey: Passkey) -> str:
    """A passkey's id as browsers write it."""
    return base64.urlsafe_b64encode(passkey.credential_id).decode().rstrip("=")


def _label(given: str) -> str:
    name = unicodedata.normalize("NFC", given).strip()
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise InvalidRequest(
            "passkey_name_invalid",
            f"name the passkey with 1 to {NAME_LIMIT} printable characters",
            pointer="/name",
        )
    return name
