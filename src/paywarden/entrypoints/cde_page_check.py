"""`paywarden cde page-check URL`: tell what changed on a payment page (PCI DSS 11.6.1).

Exit codes: 0 nothing changed, 1 findings, 3 bad input, 4 the page cannot be had. Run it weekly or
oftener from a machine outside, and raise an alarm on 1. Without `--inventory` the page is one of
hosted fields, compared with the files of this program; `--make` writes a first inventory of
another page, for a person to justify.

Guards: redirects are findings and not followed; sizes and times are bounded; a page is never run.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import httpx
import msgspec

from paywarden.cde.fields.page_check import (
    PAGE_OCTETS,
    Finding,
    Inventory,
    Listed,
    check,
    integrity_of,
    own_inventory,
    parts_of,
)
from paywarden.cli import output
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.entrypoints.home import Home

TIMEOUT_SECONDS: Final = 15.0
KEPT_HEADERS: Final = (
    "content-security-policy", "cross-origin-embedder-policy", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "permissions-policy", "referrer-policy",
    "strict-transport-security", "x-content-type-options", "x-frame-options",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The page, and what it is compared with."""
    parser.add_argument("url", metavar="URL", help="the page as browsers receive it")
    parser.add_argument("--inventory", metavar="FILE", help="what it may have, as JSON")
    parser.add_argument("--make", metavar="FILE", help="write an inventory of it as it is now")
    parser.add_argument(
        "--ancestor", action="append", default=[], metavar="ORIGIN",
        help="of hosted fields: who may frame the session's page",
    )  # fmt: skip


def run(arguments: argparse.Namespace, _home: Home) -> int:
    """Fetch, compare, tell. Errors: Unavailable `page_unreachable`, InvalidRequest."""
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        answer = _got(client, arguments.url)
        if answer is None:
            raise Unavailable("page_unreachable", "the page cannot be had, or is over its limit")
        if arguments.make:
            return _make(arguments, client, answer)
        found = [] if answer.status_code == 200 else [Finding("status", str(answer.status_code))]
        wanted = _inventory(arguments)
        found += check(
            arguments.url, answer.content, answer.headers, wanted, lambda one: _octets(client, one)
        )
    document = {"url": arguments.url, "findings": found}
    words = "\n".join(f"{one.code}  {one.what}" for one in found) or "nothing changed"
    output.answer(arguments, document, words)
    return output.NOT_SO if found else output.DONE


def _inventory(arguments: argparse.Namespace) -> Inventory:
    if arguments.inventory is None:
        address = httpx.URL(arguments.url)
        port = "" if address.port is None else f":{address.port}"
        return own_inventory(f"{address.scheme}://{address.host}{port}", tuple(arguments.ancestor))
    try:
        return msgspec.json.decode(Path(arguments.inventory).read_bytes(), type=Inventory)
    except (OSError, msgspec.DecodeError, UnicodeError):
        raise InvalidRequest(
            "inventory_unreadable", "the file holds no inventory", pointer="--inventory"
        ) from None


def _make(arguments: argparse.Namespace, client: httpx.Client, answer: httpx.Response) -> int:
    parts = []
    for part in parts_of(arguments.url, answer.content):
        octets = part.octets if part.octets is not None else _octets(client, part.address)
        parts.append(Listed(part.kind, part.address, integrity_of(octets or b""), ""))
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    made = msgspec.json.format(msgspec.json.encode(Inventory(parts, headers)), indent=2)
    Path(arguments.make).write_bytes(made + b"\n")
    words = f"{len(parts)} parts and {len(headers)} headers: say of each why it is there"
    output.answer(arguments, {"parts": len(parts), "headers": len(headers)}, words)
    return output.DONE


def _got(client: httpx.Client, url: str) -> httpx.Response | None:
    """The answer with its body, at most `PAGE_OCTETS`."""
    try:
        with client.stream("GET", url) as answer:
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > PAGE_OCTETS:
                    return None
            kept = [(k, v) for k, v in answer.headers.items() if k != "content-encoding"]
            return httpx.Response(answer.status_code, headers=kept, content=bytes(body))
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _octets(client: httpx.Client, url: str) -> bytes | None:
    answer = _got(client, url)
    return answer.content if answer is not None and answer.status_code == 200 else None
