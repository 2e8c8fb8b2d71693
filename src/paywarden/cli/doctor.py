"""`paywarden doctor tls HOST:PORT`: judges a TLS endpoint from outside."""

from __future__ import annotations

import argparse

import msgspec

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.kit.clock import SystemClock
from paywarden.kit.tls.judging import judge
from paywarden.kit.tls.model import Severity, TlsFinding
from paywarden.kit.tls.probing import observe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parts = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    tls = parts.add_parser("tls", help="a TLS endpoint", description="Judge a TLS endpoint.")
    tls.add_argument("endpoint", metavar="HOST:PORT")
    tls.add_argument("--name", help="name to ask for (default: the host)")
    tls.add_argument("--ca", metavar="FILE", help="PEM file of authorities to trust instead")
    tls.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS,
        help="one JSON document on standard output",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Judge; 0 when no finding is a fault, 1 otherwise. Errors: InvalidRequest, Unavailable."""
    host, port = endpoint_of(arguments.endpoint)
    seen = observe(host, port, arguments.name or host, arguments.ca)
    found = judge(seen, SystemClock().now_us())
    passed = all(one.severity is not Severity.FAULT for one in found)
    document = {
        "endpoint": arguments.endpoint,
        "passed": passed,
        "findings": msgspec.to_builtins(found),
        "certificate": msgspec.to_builtins(seen.leaf),
    }
    lines = [*map(_line, found), "passed" if passed else "failed"]
    output.answer(arguments, document, "\n".join(lines))
    return output.DONE if passed else output.NOT_SO


def endpoint_of(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`. Errors: InvalidRequest."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InvalidRequest("endpoint_invalid", "an endpoint is HOST:PORT", pointer="endpoint")
    return host, int(port)


def _line(one: TlsFinding) -> str:
    return f"{one.severity.value:8} {one.code}: {one.text}"
