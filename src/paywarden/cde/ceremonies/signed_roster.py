"""The key agent's roster, signed: `roster.json` believed only with `roster.sig` beside it.

    roster.sig   Ed25519 over the octets of roster.json, by the roster key
    roster.pub   the roster key's public half, 32 octets, put there by hand: what is pinned

Guards: whoever can write the folder for a moment cannot enrol a custodian. The form of the roster
is that of `cde.roster_form`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from paywarden.cde.ceremonies.attendance import cose_of, credential_of
from paywarden.cde.keys.roster_file import FILE, read_roster
from paywarden.cde.roster_form import octets_of
from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, Unavailable
from paywarden.core.secret import Secret

SIGNATURE_NAME: Final = "roster.sig"
PIN_NAME: Final = "roster.pub"
DOMAIN: Final = b"paywarden.ceremony-roster.v1\n"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A person, the public key (Ed25519, 32 octets), and roles by who granted them."""

    person: str
    public_key: bytes
    roles: Mapping[str, str]


def load_roster(folder: Path) -> PinnedRoster:
    """The roster, verified.

    Errors: Unavailable `roster_missing`, Corrupt `roster_unsigned`, InvalidRequest
    `roster_invalid`.
    """
    octets, signature, pinned = (_read(folder / name) for name in (FILE, SIGNATURE_NAME, PIN_NAME))
    try:
        Ed25519PublicKey.from_public_bytes(pinned).verify(signature, DOMAIN + octets)
    except (InvalidSignature, ValueError):
        raise Corrupt("roster_unsigned", "the roster is not signed by the pinned key") from None
    return read_roster(folder / FILE)


def write_roster(
    folder: Path, rp_id: str, origins: Sequence[str], people: Sequence[Enrolled], key: Secret[bytes]
) -> None:
    """Write and sign the roster; the key is pinned the first time.

    Errors: Conflict `roster_pinned` when another key is.
    """
    signer = Ed25519PrivateKey.from_private_bytes(key.expose())
    public, pin = signer.public_key().public_bytes_raw(), folder / PIN_NAME
    if not pin.exists():
        pin.write_bytes(public)
    elif pin.read_bytes() != public:
        raise Conflict("roster_pinned", f"another roster key is pinned; replace {PIN_NAME} by hand")
    members = {one.person: _member(one) for one in people}
    if len(members) != len(people):
        raise InvalidRequest("roster_invalid", "a person stands in it twice", pointer=FILE)
    octets = octets_of(PinnedRoster(RelyingParty(rp_id, frozenset(origins)), members))
    (folder / FILE).write_bytes(octets)
    (folder / SIGNATURE_NAME).write_bytes(signer.sign(DOMAIN + octets))


def _member(one: Enrolled) -> Member:
    keys = {credential_of(one.public_key): cose_of(one.public_key)}
    roles = tuple(RoleHeld(role, granter, 0) for role, granter in one.roles.items())
    return Member(one.person, keys, roles)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Unavailable("roster_missing", f"no {path.name}; make the roster first") from None
