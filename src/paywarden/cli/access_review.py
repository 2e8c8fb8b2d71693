"""`paywarden access-review open | list | show | decide | close | evidence` on a running server.

Guards: reading takes an API key (an auditor's is enough); opening, judging and closing are a
person's, who signs in for it (`person.py`). Evidence is written octet for octet, so that its
SHA-256 is the one in the audit log.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from paywarden.cli import output, person, server
from paywarden.core.errors import Unavailable

ROOT = "/v1/access-reviews"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `access-review`."""
    parts = parser.add_subparsers(dest="review_command", required=True, metavar="COMMAND")
    opening = parts.add_parser("open", help="open a campaign")
    opening.add_argument("--days", type=int, default=30, help="due in so many days (1 to 92)")
    opening.add_argument("--covers", choices=("people", "keys", "both"), default="both")
    parts.add_parser("list", help="reviews, newest first")
    show = parts.add_parser("show", help="a review with its items")
    show.add_argument("--open", dest="only_open", action="store_true", help="what is left alone")
    decide = parts.add_parser("decide", help="confirm or revoke items")
    for part in (show, decide):
        part.add_argument("review", metavar="REV", help="rev_...")
    decide.add_argument("verdict", choices=("confirm", "revoke"))
    decide.add_argument("--item", type=int, action="append", required=True, metavar="N")
    decide.add_argument("--reason", required=True)
    close = parts.add_parser("close", help="close a settled review")
    close.add_argument("--statement", required=True, help="what you answer for")
    evidence = parts.add_parser("evidence", help="the document of a closed review")
    for part in (close, evidence):
        part.add_argument("review", metavar="REV", help="rev_...")
    evidence.add_argument("--out", type=Path, help="write it to this file")
    for name, part in parts.choices.items():
        way = person if name in ("open", "decide", "close") else server
        way.add_arguments(part)
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    acts = {"open": _open, "list": _list, "show": _show, "decide": _decide, "close": _close,
            "evidence": _evidence}  # fmt: skip
    return acts[arguments.review_command](arguments)


def _open(arguments: argparse.Namespace) -> int:
    due = datetime.now(UTC) + timedelta(days=arguments.days)
    covers = ["people", "keys"] if arguments.covers == "both" else [arguments.covers]
    body = {"due_at": due.isoformat(), "covers": covers}
    with person.signed_in(arguments) as http:
        found = server.asked(http, "POST", ROOT, body)
    output.answer(arguments, found, _line(found))
    return output.DONE


def _list(arguments: argparse.Namespace) -> int:
    with server.connected(arguments) as http:
        found = server.asked(http, "GET", f"{ROOT}?limit=100")
    lines = [_line(one) for one in found["items"]]
    output.answer(arguments, found, "\n".join(lines) or "no review yet")
    return output.NOT_SO if any(one["overdue"] for one in found["items"]) else output.DONE


def _show(arguments: argparse.Namespace) -> int:
    name = _id(arguments.review)
    with server.connected(arguments) as http:
        found = server.asked(http, "GET", f"{ROOT}/{name}")
        items, after = [], 0
        while True:
            page = server.asked(http, "GET", f"{ROOT}/{name}/items?limit=500&after={after}")
            items += [one for one in page["items"] if not (arguments.only_open and one["settled"])]
            if not page["has_more"]:
                break
            after = page["next"]
    document = {**found, "items": items}
    output.answer(arguments, document, "\n".join([_line(found), *map(_item, items)]))
    return output.DONE


def _decide(arguments: argparse.Namespace) -> int:
    name, said = _id(arguments.review), []
    body = {"verdict": arguments.verdict, "reason": arguments.reason}
    with person.signed_in(arguments) as http:
        for number in arguments.item:
            path = f"{ROOT}/{name}/items/{number}/decide"
            said.append(server.asked(http, "POST", path, body))
            output.tell(_item(said[-1]))
    output.answer(arguments, {"items": said}, f"{len(said)} judged")
    return output.DONE


def _close(arguments: argparse.Namespace) -> int:
    path = f"{ROOT}/{_id(arguments.review)}/close"
    with person.signed_in(arguments) as http:
        found = server.asked(http, "POST", path, {"statement": arguments.statement})
    output.answer(arguments, found, _line(found))
    return output.DONE


def _evidence(arguments: argparse.Namespace) -> int:
    with server.connected(arguments) as http:
        octets = server.octets(http, f"{ROOT}/{_id(arguments.review)}/evidence")
    digest = hashlib.sha256(octets).hexdigest()
    if arguments.out is None:
        sys.stdout.buffer.write(octets + b"\n")
        sys.stdout.flush()
        output.tell(f"sha256 {digest}")
        return output.DONE
    try:
        arguments.out.write_bytes(octets)
    except OSError as fault:
        raise Unavailable("file_unwritable", str(fault), pointer=str(arguments.out)) from None
    document = {"file": str(arguments.out), "sha256": digest}
    output.answer(arguments, document, f"{arguments.out}: sha256 {digest}")
    return output.DONE


def _id(text: str) -> str:
    return server.path_name(text, "rev_", "review_id_invalid")


def _line(one: Mapping[str, Any]) -> str:
    counts = one["counts"]
    state = "closed" if one["closed_at"] else ("OVERDUE" if one["overdue"] else "open")
    return (
        f"{one['id']}  {state:7}  {one['occasion']:11}  due {one['due_at']}  "
        f"{counts['open']} of {counts['items']} left"
    )


def _item(one: Mapping[str, Any]) -> str:
    found = one["found"]
    state = one["verdict"] or "-"
    if one["verdict"] == "revoke" and not one["settled"]:
        state = f"revoke waits for {one['approval'] or 'asking again'}"
    if one["verdict"] == "confirm" and not one["settled"]:
        state = "confirm waits for another reviewer"
    used = found.get("last_used_at", "never")
    return f"{one['number']:5}  {found['kind']:11}  {found['subject']}  {found.get('role', '')}" + (
        f"  last used {used}  {state}"
    )
