"""`paywarden subjects find | erase | execute`: people that payments speak of, on a running server.

Guards: identifiers come from a file, never from the command line, where others and the shell's
history could see them. Erasing in a live environment is a privacy officer's (`--login`), waits for
two other people, and is carried out with `execute` by whoever asked; a key does it in test alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

from paywarden.cli import output, person, server
from paywarden.core.errors import InvalidRequest, Unavailable

FILE_LIMIT = 65_536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `subjects`."""
    parts = parser.add_subparsers(dest="subjects_command", required=True, metavar="COMMAND")
    find = parts.add_parser("find", help="whether a person is known here, or erased")
    erase = parts.add_parser("erase", help="erase a person, or ask for it")
    for part in (find, erase):
        part.add_argument(
            "--person", type=Path, required=True, metavar="FILE",
            help='JSON such as {"payer_id": "cus_1", "email": "ann@example.org"}',
        )  # fmt: skip
    erase.add_argument("--reason", required=True, help="for the approvers; name no person here")
    execute = parts.add_parser("execute", help="carry out what others approved")
    execute.add_argument("approval", metavar="APR", help="apr_...")
    for part in (find, erase, execute):
        server.add_arguments(part)
        part.add_argument("--login", help="act as this person, not with a key")
        part.add_argument("--environment", choices=("test", "live"), default="live")
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    acts = {"find": _find, "erase": _erase, "execute": _execute}
    return acts[arguments.subjects_command](arguments)


def _find(arguments: argparse.Namespace) -> int:
    body = {"person": _person(arguments.person)}
    with _connected(arguments) as http:
        found = server.asked(http, "POST", "/v1/subjects/find", body)
    output.answer(arguments, found, _lines(found))
    known = any(one["state"] != "unknown" for one in found["subjects"])
    return output.DONE if known else output.NOT_SO


def _erase(arguments: argparse.Namespace) -> int:
    body = {"person": _person(arguments.person), "reason": arguments.reason}
    with _connected(arguments) as http:
        found = server.asked(http, "POST", "/v1/subjects/erase", body)
    waits = "subjects" not in found
    words = f"waits for approval {found['id']}" if waits else _lines(found)
    output.answer(arguments, found, words)
    return output.DONE


def _execute(arguments: argparse.Namespace) -> int:
    name = server.path_name(arguments.approval, "apr_", "approval_id_invalid")
    with _connected(arguments) as http:
        found = server.asked(http, "POST", f"/v1/approvals/{name}/execute")
    output.answer(arguments, found, _lines(found["result"]))
    return output.DONE


def _connected(arguments: argparse.Namespace) -> AbstractContextManager[httpx.Client]:
    return person.signed_in(arguments) if arguments.login else server.connected(arguments)


def _person(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(FILE_LIMIT))
    except OSError as fault:
        raise Unavailable("file_unreadable", str(fault.strerror), pointer=str(file)) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest("person_file_invalid", "write one JSON object", pointer=str(file))
    return found


def _lines(found: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{one['subject']}  {one['state']}"
        + (f"  since {one['erased_at']}" if one["erased_at"] else "")
        for one in found["subjects"]
    )
