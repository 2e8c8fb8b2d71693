"""One WebAuthn assertion against one key: every check that the standard asks of a relying party.

Order: client data (type, challenge, origin, not framed), authenticator data (relying party, user
present, user verified), signature. Guards: only the octets that were signed are read; the challenge
is the caller's own. Not done here: which key belongs to whom (`grants`), signature counters (the
house, at the moment of approving: a grant is verified more than once and by more than one).
Source: Web Authentication level 3, section 7.2, steps 8 to 21; one page, one origin: no framing.

>>> from paywarden.cde_client.assertion import base64url
>>> base64url(b"\\xff\\xfe")
'__4'
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from paywarden.cde_client.cose import read_key, signed_by
from paywarden.cde_client.messages import Assertion
from paywarden.cde_client.roster import RelyingParty

USER_PRESENT: Final = 0x01
USER_VERIFIED: Final = 0x04
_ATTESTED: Final = 0x40
_EXTENSIONS: Final = 0x80
_FIXED_OCTETS: Final = 37


def fault_of(assertion: Assertion, key: bytes, challenge: bytes, party: RelyingParty) -> str | None:
    """None when the assertion holds, else a short reason without anything that was sent."""
    return (
        _client_fault(assertion.client_data, challenge, party)
        or _authenticator_fault(assertion.authenticator_data, party)
        or _signature_fault(assertion, key)
    )


def base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _client_fault(octets: bytes, challenge: bytes, party: RelyingParty) -> str | None:
    try:
        data: dict[str, Any] = msgspec.json.decode(octets, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "the client data is no JSON object"
    if data.get("type") != "webauthn.get":
        return "the client data is not of an assertion"
    signed = data.get("challenge")
    if not isinstance(signed, str) or not _same(signed, base64url(challenge)):
        return "the signature is over something else"
    if data.get("origin") not in party.origins:
        return "the signature was made on another site"
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        return "the signature was made in a framed page"
    return None


def _authenticator_fault(octets: bytes, party: RelyingParty) -> str | None:
    if len(octets) < _FIXED_OCTETS:
        return "the authenticator data is too short"
    if not hmac.compare_digest(octets[:32], hashlib.sha256(party.rp_id.encode()).digest()):
        return "the signature is for another relying party"
    flags = octets[32]
    if not flags & USER_PRESENT:
        return "nobody was present"
    if not flags & USER_VERIFIED:
        return "the authenticator did not verify the person"
    if flags & _ATTESTED or (len(octets) > _FIXED_OCTETS) != bool(flags & _EXTENSIONS):
        return "the authenticator data has another form"
    return None


def _signature_fault(assertion: Assertion, key: bytes) -> str | None:
    try:
        public_key = read_key(key)
    except ValueError:
        return "the enrolled key cannot be read"
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    if not signed_by(public_key, assertion.signature, signed):
        return "the signature does not verify"
    return None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
