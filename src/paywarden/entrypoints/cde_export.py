"""`paywarden cde export`: hand cards to another vault, part by part, under a grant of the house.

    plan     what people sign: the payload of `card_numbers.export` for a file of tokens
    run      ask egress for every part that is not there yet; each is a file sealed to the recipient
    open     on the recipient's side: a sealed part to standard output

Guards: nothing here sees a number but `open`, with the recipient's key. A part's file is put in
place whole, so a run that was stopped goes on with the parts that are missing.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from paywarden.cde.transfer.sealed_file import opened
from paywarden.cde_client.card_acts import (
    EXPORT_ACTION,
    PART_TOKENS,
    Export,
    part_digest,
    parts_digest,
)
from paywarden.cde_client.facts import TENANT_WIDE
from paywarden.cli import output
from paywarden.core.errors import Conflict, InvalidRequest, Unavailable
from paywarden.entrypoints.home import Home
from paywarden.kit.crypto.master import load_master_key

SECONDS: Final = 120.0
_WORDS: Final = ("scope", "merchant", "recipient", "purpose", "ticket")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One of three acts."""
    parts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    plan = parts.add_parser("plan", help="what people sign, for a file of tokens (one a line)")
    run_ = parts.add_parser("run", help="fetch every part that is missing")
    open_ = parts.add_parser("open", help="a sealed part to standard output")
    for part in (plan, run_):
        part.add_argument("--tokens", type=Path, required=True, metavar="FILE")
    for word in _WORDS:
        plan.add_argument(f"--{word}", required=True, help=_HELP.get(word))
    run_.add_argument("--plan", type=Path, required=True, metavar="FILE")
    run_.add_argument("--grant", type=Path, required=True, metavar="FILE")
    run_.add_argument("--egress", default="http://127.0.0.1:8091", metavar="URL")
    run_.add_argument("--api-key", type=Path, required=True, metavar="FILE")
    run_.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    open_.add_argument("file", type=Path)
    open_.add_argument("--key", type=Path, required=True, metavar="FILE")
    for part in (plan, run_, open_):
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


_HELP: Final = {
    "merchant": f"whose tokens; {TENANT_WIDE} for those of the tenant itself",
    "recipient": "X25519 public key, base64: `paywarden cde transfer key`",
    "scope": "tenant/environment",
}


def run(arguments: argparse.Namespace, _home: Home) -> int:
    """Carry the act out. Errors: InvalidRequest, Conflict, Unavailable, Corrupt."""
    if arguments.act == "plan":
        body = {"action": EXPORT_ACTION, "payload": msgspec.to_builtins(_planned(arguments))}
        sys.stdout.write(msgspec.json.encode(body).decode() + "\n")
        return output.DONE
    if arguments.act == "open":
        with arguments.file.open("rb") as file:
            for piece in opened(file, load_master_key(arguments.key)):
                sys.stdout.buffer.write(piece)
        return output.DONE
    return _run(arguments)


def _planned(arguments: argparse.Namespace) -> Export:
    tokens = _tokens(arguments.tokens)
    digests = [part_digest(one) for one in _parts(tokens)]
    words = {word: getattr(arguments, word) for word in _WORDS}
    given = {**words, "count": len(tokens), "parts_sha256": parts_digest(digests)}
    try:
        return msgspec.convert(given, Export)
    except msgspec.ValidationError as fault:
        raise InvalidRequest("export_invalid", str(fault)) from None


def _run(arguments: argparse.Namespace) -> int:
    wanted = msgspec.json.decode(arguments.plan.read_bytes())["payload"]
    grant = msgspec.json.decode(arguments.grant.read_bytes())
    parts = list(_parts(_tokens(arguments.tokens)))
    digests = [part_digest(one) for one in parts]
    if parts_digest(digests) != wanted["parts_sha256"]:
        raise Conflict("export_tokens_differ", "these tokens are not those of the plan")
    wide = wanted["merchant"] == TENANT_WIDE
    body: dict[str, Any] = {
        "parts": [one.hex() for one in digests], "count": wanted["count"],
        "recipient": wanted["recipient"], "purpose": wanted["purpose"],
        "ticket": wanted["ticket"], "grant": grant,
        **({"tenant_wide": True} if wide else {"merchant": wanted["merchant"]}),
    }  # fmt: skip
    arguments.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    cards = missing = fetched = 0
    for number, told in _fetched(arguments, parts, body):
        _keep(arguments.out / _name(number), told)
        fetched, cards = fetched + 1, cards + told["cards"]
        missing += len(told["missing"])
    found = {"parts": len(parts), "fetched": fetched, "cards": cards, "missing": missing}
    output.answer(arguments, found, "\n".join(f"{name}: {one}" for name, one in found.items()))
    return output.DONE


def _fetched(
    arguments: argparse.Namespace, parts: list[list[str]], body: dict[str, Any]
) -> Iterator[tuple[int, dict[str, Any]]]:
    import httpx  # only this act speaks HTTP

    headers = {"authorization": f"Bearer {arguments.api_key.read_text().strip()}"}
    with httpx.Client(base_url=arguments.egress, headers=headers, timeout=SECONDS) as client:
        for number, tokens in enumerate(parts):
            if (arguments.out / _name(number)).exists():
                continue
            try:
                answer = client.post("/v1/exports", json={**body, "part": number, "tokens": tokens})
            except httpx.TransportError:
                raise Unavailable("egress_unreachable", "egress does not answer") from None
            if answer.status_code != 200:
                problem = answer.json()
                raise Conflict(str(problem.get("code")), str(problem.get("detail")))
            yield number, answer.json()


def _keep(path: Path, told: dict[str, Any]) -> None:
    octets = base64.b64decode(told["sealed"])
    if hashlib.sha256(octets).hexdigest() != told["sha256"]:
        raise Unavailable("export_part_damaged", "a part did not arrive as it was sent; run again")
    beside = path.with_suffix(".new")
    beside.write_bytes(octets)
    beside.replace(path)


def _name(number: int) -> str:
    return f"part-{number:04}.sealed"


def _tokens(path: Path) -> list[str]:
    tokens = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    return [one for one in tokens if one]


def _parts(tokens: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(tokens), PART_TOKENS):
        yield tokens[start : start + PART_TOKENS]
