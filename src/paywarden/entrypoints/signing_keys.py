"""`paywarden signing-keys add|list|revoke|require|server`: clients' signing keys.

Runs while no server does, as `paywarden keys`: a home has one writer. A secret that is made here is
printed this once and written nowhere but sealed.
"""

from __future__ import annotations

import argparse
import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.instants import format_rfc3339, parse_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.identity.client_keys import ClientKeyDesk, ClientKeyRecord, KeySealer, Owner
from paywarden.identity.stores.client_keys import SqliteClientKeys
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.ports import PartnerBinding
from paywarden.kit.stores.sqlite_journal import SqliteJournal


@dataclass(frozen=True, slots=True)
class Opened:
    """What the acts work with."""

    scope: Scope
    store: SqliteClientKeys
    sealer: KeySealer
    desk: ClientKeyDesk


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
    """Do one act."""
    home.require()
    with opened(home, Environment(arguments.environment)) as given:
        act = {
            "add": _add, "list": _list, "revoke": _revoke, "require": _require, "server": _server,
        }[arguments.act]  # fmt: skip
        document, words = act(given, arguments)
    output.answer(arguments, document, words)
    return output.DONE


@contextmanager
def opened(home: Home, environment: Environment) -> Iterator[Opened]:
    """The stores of a home, open for writing."""
    scope = Scope(home.settings(os.environ).installation.tenant, environment)
    sealer = KeySealer(load_master_key(home.master_key), SystemRandomness())
    reader = Reader(home.database)
    writer = Writer(home.database, PARTS, (SqliteJournal(reader),))
    writer.start()
    try:
        store = SqliteClientKeys(reader, writer)
        desk = ClientKeyDesk(store, sealer, SystemClock(), SystemRandomness())
        yield Opened(scope, store, sealer, desk)
    finally:
        writer.close()
        reader.close()


def _act(acts: Any, name: str, text: str) -> argparse.ArgumentParser:
    sub: argparse.ArgumentParser = acts.add_parser(name, help=text, description=text)
    sub.add_argument("--environment", choices=("test", "live"), default="test")
    sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return sub


def _add(given: Opened, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    algorithm = Algorithm(arguments.algorithm)
    owner = Owner(arguments.api_key, arguments.merchant)
    expires = _instant(arguments.expires)
    if algorithm is Algorithm.HMAC:
        secret, record = given.desk.add_secret(given.scope, owner, expires)
        text = base64.b64encode(secret.expose()).decode()
        document = {**_shown(record), "secret": text}
        return document, f"{record.key_id}: secret (base 64, shown this once) {text}"
    public = _key_file(arguments.public_key)
    if algorithm is Algorithm.RSA2:
        if not arguments.client_id:
            raise InvalidRequest(
                "client_id_missing", "name the partner's id", pointer="--client-id"
            )
        routes = frozenset(arguments.route)
        binding = PartnerBinding(arguments.client_id, arguments.key_version, routes)
        ours, record = given.desk.add_partner(given.scope, owner, public, binding, expires)
        text = base64.b64encode(ours).decode()
        document = {**_shown(record), "server_public_key": text}
        return document, f"{record.key_id}: our public key for the partner (DER, base 64) {text}"
    record = given.desk.add_public(given.scope, owner, algorithm, public, expires)
    return _shown(record), f"{record.key_id}: registered"


def _list(given: Opened, _arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    found = [_shown(record) for record in given.store.listed(given.scope)]
    lines = [
        f"{one['key_id']}  {one['algorithm']}  {'live' if one['live'] else 'ended'}"
        for one in found
    ]
    return {"keys": found}, "\n".join(lines) or "no signing keys"


def _revoke(given: Opened, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    if not given.store.revoke(given.scope, arguments.key_id, SystemClock().now_us()):
        raise NotFound("signing_key_not_found", "no such live key in this environment")
    return {"revoked": arguments.key_id}, f"{arguments.key_id}: revoked, at once or in 5 seconds"


def _require(given: Opened, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    required = not arguments.no
    given.store.set_must_sign(given.scope, arguments.api_key_id, required)
    document = {"api_key_id": arguments.api_key_id, "signature_required": required}
    word = "must sign" if required else "may sign"
    return document, f"{arguments.api_key_id}: {word} its requests"


def _server(given: Opened, _arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    text = base64.b64encode(given.sealer.answer_public).decode()
    answers = given.sealer.answers
    document = {
        "key_id": answers.key_id, "algorithm": answers.algorithm.value, "public_key": text,
    }  # fmt: skip
    return document, f"{answers.key_id}: {answers.algorithm.value} (DER, base 64) {text}"


def _shown(record: ClientKeyRecord) -> dict[str, Any]:
    bound = record.partner
    return {
        "key_id": record.key_id,
        "algorithm": record.algorithm.value,
        "live": record.is_live(SystemClock().now_us()),
        "api_key_id": record.owner.api_key_id,
        "merchant": record.owner.merchant,
        "created_at": format_rfc3339(record.created_at_us),
        "expires_at": _text(record.expires_at_us),
        "revoked_at": _text(record.revoked_at_us),
        "client_id": bound.client_id if bound else None,
        "key_version": bound.key_version if bound else None,
        "routes": sorted(bound.routes) if bound else [],
    }


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else format_rfc3339(at_us)


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else parse_rfc3339(text)
    except ValueError as fault:
        raise InvalidRequest("expires_invalid", str(fault), pointer="--expires") from None


def _key_file(path: Path | None) -> bytes:
    if path is None:
        raise InvalidRequest(
            "public_key_missing", "name the public key's file", pointer="--public-key"
        )
    try:
        return path.read_bytes()[:65_536]
    except OSError as fault:
        raise InvalidRequest(
            "public_key_unreadable", f"{path}: {fault.strerror}", pointer="--public-key"
        ) from None
