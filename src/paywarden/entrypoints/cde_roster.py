"""`paywarden cde ceremony identity | roster`: a person's key file, and the signed roster of people.

Guards: a key file is made once and never replaced; the roster key's public half is pinned beside
the roster (`roster.pub`) on first use and later only by hand, so that another signer is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.cde.ceremonies.attendance import (
    CUSTODIAN,
    OFFICER,
    EnrolledPerson,
    RosterFile,
    cose_of,
    credential_of,
)
from paywarden.cli import output
from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.master import create_master_key, load_master_key

COMMANDS: Final = ("identity", "roster")


def add_arguments(parts: Any) -> None:
    """The two sub-commands."""
    identity = parts.add_parser("identity", help="make a person's key file; prints its public key")
    identity.add_argument("--out", type=Path, required=True, metavar="FILE")
    roster = parts.add_parser("roster", help="write and sign the roster")
    roster.add_argument("--signing-key", type=Path, required=True, metavar="FILE")
    roster.add_argument("--granted-by", required=True, help="who grants the roles: no officer")
    roster.add_argument("--rp-id", default="localhost")
    roster.add_argument("--origin", action="append", default=[])
    roster.add_argument("--custodian", action="append", required=True, metavar="PERSON=PUBLIC")
    roster.add_argument("--officer", action="append", required=True, metavar="PERSON=PUBLIC")


def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Run one of them."""
    if arguments.ceremony_command == "identity":
        return _identity(arguments)
    return _roster(arguments, folder)


def _identity(arguments: argparse.Namespace) -> int:
    create_master_key(arguments.out, SystemRandomness())
    public = _public(arguments.out).hex()
    output.answer(arguments, {"public_key": public}, public)
    return output.DONE


def _roster(arguments: argparse.Namespace, folder: Path) -> int:
    people = [_person(one, CUSTODIAN, arguments.granted_by) for one in arguments.custodian]
    people += [_person(one, OFFICER, arguments.granted_by) for one in arguments.officer]
    if len({one.person for one in people}) != len(people):
        raise InvalidRequest("two_seats", "one person is a custodian or an officer, not both")
    file = RosterFile(arguments.rp_id, arguments.origin, people)
    key = Ed25519PrivateKey.from_private_bytes(load_master_key(arguments.signing_key).expose())
    signed = msgspec.structs.replace(file, signature=key.sign(file.signed_octets()))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _pin(folder / "roster.pub", key.public_key().public_bytes_raw())
    (folder / "roster.json").write_bytes(msgspec.json.format(msgspec.json.encode(signed)))
    document = {"people": len(people), "file": str(folder / "roster.json")}
    output.answer(arguments, document, f"{folder / 'roster.json'}: {len(people)} people")
    return output.DONE


def _pin(path: Path, public: bytes) -> None:
    if not path.exists():
        path.write_bytes(public)
    elif path.read_bytes() != public:
        raise Conflict("roster_pinned", "another roster key is pinned; replace roster.pub by hand")


def _person(text: str, role: str, granted_by: str) -> EnrolledPerson:
    name, _, public = text.partition("=")
    try:
        octets = bytes.fromhex(public)
    except ValueError:
        octets = b""
    if not name or len(octets) != 32 or name == granted_by:
        raise InvalidRequest("roster_invalid", "a person is NAME=PUBLIC, and grants no own role")
    return EnrolledPerson(name, {credential_of(octets).hex(): cose_of(octets)}, {role: granted_by})


def _public(path: Path) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(load_master_key(path).expose())
    return key.public_key().public_bytes_raw()
