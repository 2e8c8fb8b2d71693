"""`paywarden cde transfer`: cards from another vault, sealed to a key of this environment.

    key        make the key that files are sealed to (0600); prints its public half
    seal       on the other side: rows from standard input, sealed to that public half
    import     in the environment, as the edge's user: rows to tokens, results without numbers

Guards: numbers are read from a sealed file or a pipe, never from arguments; `import` hardens itself
before it opens the key. Started again, it goes on where the results end.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.hardening import harden
from paywarden.cde.places import places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.transfer.importing import ROW_OCTETS, Importing, Receipt, Results
from paywarden.cde.transfer.sealed_file import HEADER_OCTETS, lines, opened, public_of, sealed
from paywarden.cde.vault.client import Vault
from paywarden.cde_client.facts import TENANT_WIDE
from paywarden.cli import output
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.master import create_master_key, load_master_key

PAUSED: Final = 3
READ_OCTETS: Final = 65_536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One of three acts."""
    parts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    key = parts.add_parser("key", help="make the key that files are sealed to")
    key.add_argument("--out", type=Path, required=True, metavar="FILE")
    seal = parts.add_parser("seal", help="seal rows from standard input")
    seal.add_argument("--recipient", required=True, metavar="PUBLIC", help="base64")
    seal.add_argument("--out", type=Path, required=True, metavar="FILE")
    took = parts.add_parser("import", help="turn a sealed file of cards into tokens")
    took.add_argument("file", type=Path)
    took.add_argument("--key", type=Path, required=True, metavar="FILE")
    took.add_argument("--scope", required=True, help="tenant/environment")
    whose = took.add_mutually_exclusive_group(required=True)
    whose.add_argument("--merchant")
    whose.add_argument("--tenant-wide", action="store_true")
    took.add_argument("--results", type=Path, required=True, metavar="FILE")
    for part in (key, seal, took):
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Carry the act out. Errors: InvalidRequest, Unavailable, Corrupt, Conflict."""
    if arguments.act == "key":
        create_master_key(arguments.out, SystemRandomness())
        public = base64.b64encode(public_of(load_master_key(arguments.out))).decode()
        output.answer(arguments, {"public_key": public}, public)
        return output.DONE
    if arguments.act == "seal":
        return _seal(arguments)
    harden()
    receipt = _import(arguments, home, load_master_key(arguments.key))
    told = {
        "rows": receipt.rows, "made": receipt.made, "existing": receipt.existing,
        "refused": dict(receipt.refused), "finished": receipt.finished,
        "results_sha256": receipt.sha256,
    }  # fmt: skip
    output.answer(arguments, told, "\n".join(f"{name}: {one}" for name, one in told.items()))
    return output.DONE if receipt.finished else PAUSED


def _seal(arguments: argparse.Namespace) -> int:
    try:
        recipient = base64.b64decode(arguments.recipient, validate=True)
    except binascii.Error:
        recipient = b""
    if len(recipient) != 32:
        raise InvalidRequest("recipient_invalid", "a public key is base64 of 32 octets")
    octets = iter(lambda: sys.stdin.buffer.read(READ_OCTETS), b"")
    written = 0
    with arguments.out.open("xb") as file:
        for piece in sealed(octets, recipient, SystemRandomness()):
            written += file.write(piece)
    output.answer(arguments, {"octets": written}, f"{arguments.out}: {written} octets")
    return output.DONE


def _import(arguments: argparse.Namespace, home: Home, key: Secret[bytes]) -> Receipt:
    try:
        scope = Scope.parse(arguments.scope).text
    except ValueError:
        raise InvalidRequest("scope_invalid", "a scope is tenant/environment") from None
    merchant = TENANT_WIDE if arguments.tenant_wide else arguments.merchant
    if not arguments.tenant_wide and merchant == TENANT_WIDE:
        raise InvalidRequest("merchant_missing", "name a merchant, or set --tenant-wide")
    with _source(arguments.file) as file:
        source = file.read(HEADER_OCTETS).hex()
        file.seek(0)
        results = Results(arguments.results, f"{source} {scope} {merchant}")
        try:
            rows = lines(opened(file, key), ROW_OCTETS)
            asyncio.run(_run(home, scope, merchant, rows, results))
        finally:
            results.close()
    return results.receipt


async def _run(
    home: Home, scope: str, merchant: str, rows: Iterator[bytes], results: Results
) -> None:
    places = places_of(home.root)
    vault = Vault(FrameClient(places.vault_socket, "edge", load_proof(places.run, "edge")))
    try:
        await Importing(vault, scope, merchant, "import").run(rows, results)
    finally:
        await vault.close()


def _source(path: Path) -> IO[Any]:
    try:
        return path.open("rb")
    except OSError as fault:
        raise Unavailable("file_unreadable", f"{path.name}: {fault.strerror}") from None
