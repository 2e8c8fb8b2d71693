"""`paywarden cde ceremony identity | roster`: a person's key file, and the signed roster of people.

Guards: a key file is made once and never replaced; the roster key's public half is pinned beside
the roster (`roster.pub`) on first use and later only by hand, so that another signer is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.cde.ceremonies.attendance import CUSTODIAN, OFFICER
from paywarden.cde.ceremonies.signed_roster import Enrolled, write_roster
from paywarden.cde.keys.roster_file import FILE
from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
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
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = load_master_key(arguments.signing_key)
    origins = arguments.origin or [f"https://{arguments.rp_id}"]
    write_roster(folder, arguments.rp_id, origins, people, key)
    document = {"people": len(people), "file": str(folder / FILE)}
    output.answer(arguments, document, f"{folder / FILE}: {len(people)} people")
    return output.DONE


def _person(text: str, role: str, granted_by: str) -> Enrolled:
    name, _, public = text.partition("=")
    try:
        octets = bytes.fromhex(public)
    except ValueError:
        octets = b""
    if not name or len(octets) != 32 or name == granted_by:
        raise InvalidRequest("roster_invalid", "a person is NAME=PUBLIC, and grants no own role")
    return Enrolled(name, octets, {role: granted_by})


def _public(path: Path) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(load_master_key(path).expose())
    return key.public_key().public_bytes_raw()
