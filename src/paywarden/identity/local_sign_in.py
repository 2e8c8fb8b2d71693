"""The local ways of signing in: password (a first factor only), passkey (two factors in one).

Guards: the password way does the same work for every name: one hash checked in the process for
that, one commit, one answer. The passkey way believes a signature only after challenge, owner, user
verification and count; a count that went back means a copied authenticator and is refused and
recorded. Not done here: opening sessions (`sign_in.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity import argon2id
from paywarden.identity import changes as c
from paywarden.identity.attempts import Attempts
from paywarden.identity.directory import Directory
from paywarden.identity.model import AccountState, Passkey
from paywarden.identity.passkeys import Ceremonies, credential_id_of, user_handle_of
from paywarden.identity.passwords import PasswordPolicy, normalised
from paywarden.identity.ports import Committer, PasswordHashing, Proven, Records
from paywarden.identity.refusals import sign_in_refused
from paywarden.identity.turns import Turns
from paywarden.kit.audit import AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger

NOBODY: Final = ""
"""Subject of the challenges of those who have not signed in."""


class PasswordSignIn:
    """`SignInProvider` for `login` and `password`."""

    name = "password"

    def __init__(
        self,
        records: Records,
        directory: Directory,
        hashing: PasswordHashing,
        policy: PasswordPolicy,
        attempts: Attempts,
        turns: Turns,
    ) -> None:
        self._records = records
        self._directory = directory
        self._hashing = hashing
        self._policy = policy
        self._attempts = attempts
        self._turns = turns

    async def prove(self, scope: Scope, given: Mapping[str, Secret[str]]) -> Proven:
        """The person whose password it is. Errors: NotAuthenticated, LimitExceeded."""
        digest = self._directory.login_digest(scope, given["login"].expose())
        password = normalised(given["password"])
        async with self._turns.turn(digest):
            account = self._records.account_by_login(scope, digest)
            record = self._records.password(scope, account.person) if account else None
            encoded = record.encoded if record else argon2id.NOBODYS
            right = await self._hashing.verify(encoded, password)
            able = right and self._attempts.is_open(account)
            if not able or account is None or record is None:
                await self._attempts.failed(scope, account, self.name)
                raise sign_in_refused().noting()
        changes: tuple[c.Change, ...] = ()
        if not record.encoded.startswith(argon2id.PREFIX):
            changes = (c.PasswordSet(scope, await self._policy.rehashed(record, password)),)
        return Proven(account.person, (self.name,), multi_factor=False, changes=changes)


class PasskeySignIn:
    """`SignInProvider` for `credential`, the JSON of a browser's PublicKeyCredential."""

    name = "passkey"

    def __init__(
        self,
        records: Records,
        committer: Committer,
        directory: Directory,
        attempts: Attempts,
        ceremonies: Ceremonies,
        clock: Clock,
    ) -> None:
        self._records = records
        self._committer = committer
        self._directory = directory
        self._attempts = attempts
        self._ceremonies = ceremonies
        self._clock = clock

    async def options(self, scope: Scope) -> dict[str, Any]:
        """Options for anybody: they name nobody, so they tell nothing."""
        return await self._ceremonies.assertion_options(scope, NOBODY)

    async def prove(self, scope: Scope, given: Mapping[str, Secret[str]]) -> Proven:
        """The person whose passkey signed. Errors: NotAuthenticated."""
        credential = msgspec.json.decode(given["credential"].expose(), type=dict[str, Any])
        return await self.prove_for(scope, NOBODY, credential)

    async def prove_for(self, scope: Scope, subject: str, credential: dict[str, Any]) -> Proven:
        """As `prove`, for a challenge made for `subject`."""
        passkey = None
        try:
            passkey = self._records.passkey(scope, credential_id_of(credential))
            return await self._proved(scope, subject, passkey, credential)
        except NotAuthenticated as refusal:
            account = self._records.account(scope, passkey.person) if passkey else None
            await self._attempts.refused(scope, account, self.name)
            raise refusal.noting() from None

    async def _proved(
        self, scope: Scope, subject: str, passkey: Passkey | None, credential: dict[str, Any]
    ) -> Proven:
        handle = user_handle_of(credential)
        if passkey is None or (
            handle and not hmac.compare_digest(handle, passkey.person.text.encode())
        ):
            raise sign_in_refused()
        account = self._records.account(scope, passkey.person)
        states = (AccountState.ACTIVE, AccountState.LOCKED)
        if account is None or account.state_at(self._clock.now_us()) not in states:
            raise sign_in_refused()
        asserted = await self._ceremonies.asserted(scope, subject, passkey, credential)
        if asserted.cloned:
            await self._tell_clone(scope, passkey)
            raise sign_in_refused()
        used = c.PasskeyUsed(
            scope, passkey.credential_id, asserted.sign_count, self._clock.now_us()
        )
        changes = (asserted.challenge, used)
        return Proven(passkey.person, (self.name,), multi_factor=True, changes=changes)

    async def _tell_clone(self, scope: Scope, passkey: Passkey) -> None:
        unit = UnitOfWork()
        self._directory.note(
            unit,
            scope,
            "identity:passkey:clone",
            f"person:{passkey.person.text}",
            AuditOutcome.REFUSED,
            passkey=passkey.credential_id.hex()[:32],
        )
        await self._committer.commit(unit)
        logger().error("passkey_count_went_back", tenant=scope.tenant)
