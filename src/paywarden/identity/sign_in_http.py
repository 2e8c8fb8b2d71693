"""Operations of signing in: /v1/identity/sign-in, /verify, /sign-out.

Guards: public operations take a browser's request only from our own pages, so that nobody can sign
a victim in as somebody else; none keeps an answer for an Idempotency-Key, since it holds a cookie.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity import messages as m
from paywarden.identity.local_sign_in import PasskeySignIn, PasswordSignIn
from paywarden.identity.request_authenticator import drop_cookie, set_cookie
from paywarden.identity.sessions import SECOND_FACTOR, SELF, Opened, Sessions
from paywarden.identity.sign_in import SignIn
from paywarden.kit.http.operation import Answer, Call, Operation

TAG = "identity"
BODY_LIMIT = 64 * 1024
COOKIE_SET = {"Set-Cookie": "The session, or its end; see docs/reference/identity.md"}


class SignInOperations:
    """Handlers over the use cases."""

    def __init__(
        self,
        tenant: str,
        sign_in: SignIn,
        passwords: PasswordSignIn,
        passkeys: PasskeySignIn,
        sessions: Sessions,
    ) -> None:
        self._tenant = tenant
        self._sign_in = sign_in
        self._passwords = passwords
        self._passkeys = passkeys
        self._sessions = sessions

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            open_to_all("password", "identity_sign_in_password", "Prove a password",
                        self.password, m.SignedIn, m.PasswordSignInRequest),
            open_to_all("passkey/options", "identity_sign_in_passkey_options",
                        "Begin to sign in with a passkey",
                        self.passkey_options, m.CeremonyOptions, m.EnvironmentRequest),
            open_to_all("passkey", "identity_sign_in_passkey", "Sign in with a passkey",
                        self.passkey, m.SignedIn, m.PasskeySignInRequest),
            open_to_all("recovery", "identity_sign_in_recovery", "Enrol anew with a recovery code",
                        self.recovery, m.SignedIn, m.RecoveryRequest),
            open_to_all("link", "identity_sign_in_link", "Follow a one-time link",
                        self.link, m.SignedIn, m.LinkRequest),
            post("/v1/identity/sign-in/totp", "identity_sign_in_totp", "Prove a one-time code",
                 self.totp, m.SignedIn, m.CodeRequest, SECOND_FACTOR),
            post("/v1/identity/sign-in/second-passkey/options", "identity_second_passkey_options",
                 "Begin to prove a passkey after a password",
                 self.own_options, m.CeremonyOptions, None, SECOND_FACTOR),
            post("/v1/identity/sign-in/second-passkey", "identity_second_passkey",
                 "Prove a passkey after a password",
                 self.own_passkey, m.SignedIn, m.CredentialRequest, SECOND_FACTOR),
            post("/v1/identity/verify/totp", "identity_verify_totp",
                 "Prove a one-time code anew", self.verify_totp, m.SignedIn, m.CodeRequest, SELF),
            post("/v1/identity/verify/passkey/options", "identity_verify_passkey_options",
                 "Begin to prove a passkey anew", self.own_options, m.CeremonyOptions, None, SELF),
            post("/v1/identity/verify/passkey", "identity_verify_passkey",
                 "Prove a passkey anew", self.own_passkey, m.SignedIn, m.CredentialRequest, SELF),
            post("/v1/identity/sign-out", "identity_sign_out", "End this session",
                 self.sign_out, m.Finished, None, SELF),
        ]  # fmt: skip

    async def password(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/password."""
        given = {"login": Secret(call.body.login), "password": Secret(call.body.password)}
        return _entered(await self._sign_in.enter(self._scope(call), self._passwords, given))

    async def passkey_options(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/passkey/options."""
        return Answer(m.CeremonyOptions(await self._passkeys.options(self._scope(call))))

    async def passkey(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/passkey."""
        given = {"credential": Secret(msgspec.json.encode(call.body.credential).decode())}
        return _entered(await self._sign_in.enter(self._scope(call), self._passkeys, given))

    async def recovery(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/recovery."""
        code = Secret(call.body.code)
        return _entered(await self._sign_in.recover(self._scope(call), call.body.login, code))

    async def link(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/link."""
        token = Secret(call.body.token)
        return _entered(await self._sign_in.follow_link(self._scope(call), token))

    async def totp(self, call: Call) -> Answer:
        """POST /v1/identity/sign-in/totp."""
        session = self._sessions.of(call.asker)
        return _entered(await self._sign_in.second_factor(session, Secret(call.body.code)))

    async def verify_totp(self, call: Call) -> Answer:
        """POST /v1/identity/verify/totp."""
        session = self._sessions.of(call.asker)
        return _entered(await self._sign_in.verify_code(session, Secret(call.body.code)))

    async def own_options(self, call: Call) -> Answer:
        """Options for the passkeys of the person of this session."""
        session = self._sessions.of(call.asker)
        return Answer(m.CeremonyOptions(await self._sign_in.verify_options(session)))

    async def own_passkey(self, call: Call) -> Answer:
        """A passkey of the person of this session."""
        session = self._sessions.of(call.asker)
        return _entered(await self._sign_in.verify_passkey(session, call.body.credential))

    async def sign_out(self, call: Call) -> Answer:
        """POST /v1/identity/sign-out."""
        await self._sign_in.leave(self._sessions.of(call.asker))
        return Answer(m.Finished(), headers=(drop_cookie(),))

    def _scope(self, call: Call) -> Scope:
        return Scope(self._tenant, Environment(call.body.environment))


def _entered(opened: Opened) -> Answer:
    return Answer(m.signed_in(opened.session), headers=(set_cookie(opened.token),))


def open_to_all(
    step: str, name: str, summary: str, handler: Any, answer: Any, body: Any
) -> Operation:
    """A step of signing in that needs no session."""
    return Operation(
        "POST",
        f"/v1/identity/sign-in/{step}",
        name,
        summary,
        handler,
        answer,
        body=body,
        public=True,
        tag=TAG,
        idempotent=False,
        from_browser=True,
        body_limit=BODY_LIMIT,
        answer_headers=COOKIE_SET,
    )


def post(
    path: str,
    name: str,
    summary: str,
    handler: Any,
    answer: Any,
    body: Any,
    permission: str,
    **more: Any,
) -> Operation:
    """An unsafe operation of a session."""
    return Operation(
        "POST",
        path,
        name,
        summary,
        handler,
        answer,
        body=body,
        permission=permission,
        tag=TAG,
        idempotent=False,
        body_limit=BODY_LIMIT,
        answer_headers=COOKIE_SET,
        **more,
    )
