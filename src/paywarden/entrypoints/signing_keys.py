"""`paywarden signing-keys add|list|revoke|require|server`: with a server of the home or without.

Guards: a home has one writer. Where its server runs it is asked (`local_door`); else this process
opens the home for itself, and is refused while somebody else writes it. Files are read here, by the
user who named them; the server gets their octets.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339
from paywarden.entrypoints.alone import alone
from paywarden.entrypoints.asking import carry_out
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.local_door import Told
from paywarden.entrypoints.signing_key_commands import (
    COMMAND,
    KEY_LIMIT,
    READS,
    SigningAsked,
    signing_room,
)
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.http.signing.keys import Algorithm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    add = _act(acts, "add", "register a public key, or make an HMAC secret")
    add.add_argument("--algorithm", choices=[one.value for one in Algorithm], required=True)
    add.add_argument("--public-key", type=Path, metavar="FILE", help="PEM or DER; not for HMAC")
    add.add_argument("--api-key", metavar="KEY_ID", help="bind to one API key")
    add.add_argument("--merchant", help="bind to the API keys of one merchant")
    add.add_argument("--expires", metavar="TIME", help="RFC 3339")
    add.add_argument("--client-id", help="rsa-v1_5-sha256: the partner's id")
    add.add_argument("--key-version", type=int, default=1, help="rsa-v1_5-sha256")
    add.add_argument("--route", action="append", default=[], help="rsa-v1_5-sha256: exact path")
    _act(acts, "list", "the keys of an environment")
    _act(acts, "revoke", "end a key").add_argument("key_id")
    require = _act(acts, "require", "refuse unsigned requests of an API key")
    require.add_argument("api_key_id")
    require.add_argument("--no", action="store_true", help="accept them again")
    _act(acts, "server", "the public key that signs answers, to pin in clients")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Do one act; the exit code."""
    home.require()
    asked = _asked(arguments)
    return carry_out(arguments, home, COMMAND, asked, _alone)


def _act(acts: Any, name: str, text: str) -> argparse.ArgumentParser:
    sub: argparse.ArgumentParser = acts.add_parser(name, help=text, description=text)
    sub.add_argument("--environment", choices=("test", "live"), default="test")
    sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return sub


def _asked(arguments: argparse.Namespace) -> SigningAsked:
    """The act's own arguments; those of other acts keep their defaults."""
    given = vars(arguments)
    own = {name: given[name] for name in SigningAsked.__struct_fields__ if name in given}
    if arguments.act == "add":
        own["algorithm"] = Algorithm(arguments.algorithm)
        own["route"] = tuple(arguments.route)
        own["public_key"] = _key_file(arguments.public_key)
        own["expires_at_us"] = _instant(arguments.expires)
    return SigningAsked(**own)


def _alone(asked: SigningAsked, home: Home) -> Told:
    """The act over the home's own files. Errors: Conflict `writer_already_running`."""
    tenant = home.settings(os.environ).installation.tenant
    with alone(home, writing=asked.act not in READS) as found:
        room = signing_room(
            found.reader, found.writer, found.audit, load_master_key(home.master_key), tenant,
            SystemClock(), SystemRandomness(),
        )  # fmt: skip
        return asyncio.run(room.run(msgspec.json.encode(asked)))


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else parse_rfc3339(text)
    except ValueError as fault:
        raise InvalidRequest("expires_invalid", str(fault), pointer="--expires") from None


def _key_file(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(KEY_LIMIT)
    except OSError as fault:
        raise InvalidRequest(
            "public_key_unreadable", f"{path}: {fault.strerror}", pointer="--public-key"
        ) from None
