"""WebAuthn ceremonies: passkeys that live in the authenticator and verify their user.

Guards: `residentKey` and `userVerification` are required, so a passkey is two factors by itself
(possession, and a PIN or a body). Relying party id and origins come from the settings; a challenge
is checked before anything else and spent in the unit that uses it. The library checks signatures
with a count of 0; the count is compared here afterwards, so that a clone is told from a forgery.
py_webauthn is loaded at the first ceremony and works in a thread.
Source: WebAuthn level 3, sections 7.1 and 7.2.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from paywarden.core.errors import InvalidRequest, NotAuthenticated
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity.challenges import Challenges
from paywarden.identity.changes import Spent
from paywarden.identity.model import Passkey
from paywarden.identity.refusals import challenge_refused, sign_in_refused

TIMEOUT_MS: Final = 300_000
NAME_LIMIT: Final = 60
PER_PERSON: Final = 20


class _ClientData(msgspec.Struct):
    challenge: str


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to browsers: the id is a domain, origins are full, like https://pay.example."""

    id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A credential that an authenticator has just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: str
    challenge: Spent


@dataclass(frozen=True, slots=True)
class Asserted:
    """A passkey's signature that fits; `cloned` when its count went back."""

    sign_count: int
    cloned: bool
    challenge: Spent


class Ceremonies:
    """Options for browsers, and the checks of what they send back."""

    def __init__(self, party: RelyingParty, challenges: Challenges) -> None:
        self._party = party
        self._challenges = challenges

    async def registration_options(
        self,
        scope: Scope,
        subject: str,
        person: PersonId,
        names: tuple[str, str],
        known: Sequence[Passkey],
    ) -> dict[str, Any]:
        """`publicKey` of `navigator.credentials.create`; `names` are login and display name."""
        challenge = self._challenges.make(scope, "registration", subject)
        return await asyncio.to_thread(self._creation, challenge, person, names, known)

    async def assertion_options(
        self, scope: Scope, subject: str, known: Sequence[Passkey] = ()
    ) -> dict[str, Any]:
        """`publicKey` of `navigator.credentials.get`; without `known` any passkey may answer."""
        challenge = self._challenges.make(scope, "assertion", subject)
        return await asyncio.to_thread(self._request, challenge, known)

    async def registered(
        self, scope: Scope, subject: str, credential: dict[str, Any]
    ) -> Registered:
        """Check a new credential. Errors: NotAuthenticated `challenge_refused`, InvalidRequest."""
        challenge = client_challenge(credential)
        spent = self._challenges.check(scope, "registration", subject, challenge)
        return await asyncio.to_thread(self._verify_new, credential, challenge, spent)

    async def asserted(
        self, scope: Scope, subject: str, passkey: Passkey, credential: dict[str, Any]
    ) -> Asserted:
        """Check an assertion. Errors: NotAuthenticated."""
        challenge = client_challenge(credential)
        spent = self._challenges.check(scope, "assertion", subject, challenge)
        return await asyncio.to_thread(self._verify, passkey, credential, challenge, spent)

    def _creation(
        self,
        challenge: bytes,
        person: PersonId,
        names: tuple[str, str],
        known: Sequence[Passkey],
    ) -> dict[str, Any]:
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._party.name,
            user_id=person.text.encode(),
            user_name=names[0],
            user_display_name=names[1],
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(one.credential_id) for one in known
            ],
        )
        made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
        return made

    def _request(self, challenge: bytes, known: Sequence[Passkey]) -> dict[str, Any]:
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_authentication_options(
            rp_id=self._party.id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
            allow_credentials=[
                structs.PublicKeyCredentialDescriptor(one.credential_id) for one in known
            ],
        )
        made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
        return made

    def _verify_new(self, credential: dict[str, Any], challenge: bytes, spent: Spent) -> Registered:
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            found = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
            raise InvalidRequest(
                "passkey_refused",
                "this passkey cannot be used: its answer does not fit, or it did not verify you",
                pointer="/credential",
            ) from fault
        transports = credential.get("response", {}).get("transports") or []
        words = " ".join(sorted({str(one) for one in transports if str(one).isalnum()}))
        return Registered(
            found.credential_id,
            found.credential_public_key,
            found.sign_count,
            words[:NAME_LIMIT],
            spent,
        )

    def _verify(
        self, passkey: Passkey, credential: dict[str, Any], challenge: bytes, spent: Spent
    ) -> Asserted:
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            found = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
            raise sign_in_refused() from fault
        counted = passkey.sign_count > 0 or found.new_sign_count > 0
        cloned = counted and found.new_sign_count <= passkey.sign_count
        return Asserted(found.new_sign_count, cloned, spent)


def credential_id_of(credential: dict[str, Any]) -> bytes:
    """Raw id of a browser's credential. Errors: NotAuthenticated `sign_in_refused`."""
    return _decoded(credential.get("rawId"), sign_in_refused())


def user_handle_of(credential: dict[str, Any]) -> bytes:
    """The person that a resident passkey names; empty when it names none."""
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    return _decoded(handle, sign_in_refused()) if handle else b""


def client_challenge(credential: dict[str, Any]) -> bytes:
    """The challenge that a browser says it answered. Errors: NotAuthenticated."""
    response = credential.get("response")
    given = response.get("clientDataJSON") if isinstance(response, dict) else None
    octets = _decoded(given, challenge_refused())
    try:
        data = msgspec.json.decode(octets, type=_ClientData)
    except (msgspec.MsgspecError, UnicodeError):
        raise challenge_refused() from None
    return _decoded(data.challenge, challenge_refused())


def _decoded(text: object, refusal: NotAuthenticated) -> bytes:
    """Octets of base64url text without padding."""
    if not isinstance(text, str) or not text.isascii():
        raise refusal
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refusal from None
