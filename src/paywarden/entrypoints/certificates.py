"""`paywarden certificates`: which client certificates a key must come with; server or no server.

Guards: a home has one writer. Where its server runs it is asked (`local_door`); else this process
opens the home for itself, and is refused while somebody else writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.entrypoints.alone import alone
from paywarden.entrypoints.asking import carry_out
from paywarden.entrypoints.certificate_commands import (
    COMMAND,
    FILE_LIMIT,
    CertificateRoom,
    CertificatesAsked,
)
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.local_door import Told
from paywarden.identity.stores.sqlite_certificates import SqliteBindings
from paywarden.kit.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("act", choices=("bind", "release", "list"))
    parser.add_argument("key_id", metavar="KEY_ID", help="key_..., as `keys` printed it")
    parser.add_argument("--certificate", metavar="FILE", help="PEM file (bind)")
    parser.add_argument("--thumbprint", metavar="SHA256", help="as `list` prints it (release)")
    parser.add_argument("--environment", choices=("test", "live"), default="test")


def certificates(arguments: argparse.Namespace, home: Home) -> int:
    """Bind, release or list; the exit code."""
    home.require()
    asked = CertificatesAsked(
        arguments.act, arguments.environment, arguments.key_id, _read(arguments.certificate),
        arguments.thumbprint,
    )  # fmt: skip
    return carry_out(arguments, home, COMMAND, asked, _alone)


def _alone(asked: CertificatesAsked, home: Home) -> Told:
    """The act over the home's own files. Errors: Conflict `writer_already_running`."""
    tenant = home.settings(os.environ).installation.tenant
    with alone(home, writing=asked.act != "list") as found:
        room = CertificateRoom(
            SqliteBindings(found.reader), found.writer, found.audit, tenant, SystemClock()
        )
        return asyncio.run(room.run(msgspec.json.encode(asked)))


def _read(file: str | None) -> bytes | None:
    if file is None:
        return None
    try:
        with Path(file).open("rb") as opened:
            return opened.read(FILE_LIMIT)
    except OSError as fault:
        raise InvalidRequest(
            "certificate_unreadable", f"{file}: {fault.strerror}", pointer="--certificate"
        ) from None
