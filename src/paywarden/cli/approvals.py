"""`paywarden approvals list | show | cancel`: requests for approval on a running server.

Guards: speaks with an API key, so it sees one environment and approves nothing: a key is nobody's
word. Cancelling is for whoever asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from paywarden.cli import output, server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `approvals`."""
    parts = parser.add_subparsers(dest="approvals_command", required=True, metavar="COMMAND")
    listing = parts.add_parser("list", help="requests, newest first; the open ones alone")
    listing.add_argument("--all", action="store_true", help="those that have ended too")
    listing.add_argument("--limit", type=int, default=50, help="1 to 100")
    listing.add_argument("--after", default="", metavar="APR", help="older than this one")
    show = parts.add_parser("show", help="one request with its payload and steps")
    cancel = parts.add_parser("cancel", help="end what this key asked for")
    cancel.add_argument("--reason", required=True)
    for part in (show, cancel):
        part.add_argument("approval", metavar="APR", help="apr_...")
    for part in (listing, show, cancel):
        server.add_arguments(part)
        # Accepted after the sub-command too; absent, it must not undo what stood before it.
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    command = {"list": _list, "show": _show, "cancel": _cancel}[arguments.approvals_command]
    return command(arguments)


def _list(arguments: argparse.Namespace) -> int:
    query = f"limit={arguments.limit}&open={'false' if arguments.all else 'true'}"
    if arguments.after:
        query += f"&after={_id(arguments.after)}"
    with server.connected(arguments) as http:
        found = server.asked(http, "GET", f"/v1/approvals?{query}")
    lines = [_line(one) for one in found["items"]]
    if found["has_more"]:
        lines.append(f"more: --after {found['next']}")
    output.answer(arguments, found, "\n".join(lines) or "nothing waits")
    return output.DONE


def _show(arguments: argparse.Namespace) -> int:
    with server.connected(arguments) as http:
        found = server.asked(http, "GET", f"/v1/approvals/{_id(arguments.approval)}")
    output.answer(arguments, found, _whole(found))
    return output.DONE


def _cancel(arguments: argparse.Namespace) -> int:
    path = f"/v1/approvals/{_id(arguments.approval)}/cancel"
    with server.connected(arguments) as http:
        found = server.asked(http, "POST", path, {"reason": arguments.reason})
    output.answer(arguments, found, _line(found))
    return output.DONE


def _id(text: str) -> str:
    return server.path_name(text, "apr_", "approval_id_invalid")


def _line(one: Mapping[str, Any]) -> str:
    count = f"{len(one['approvals_counting'])}/{one['approvals_needed']}"
    return f"{one['id']}  {one['state']:9}  {count}  {one['action']}  {one['maker']}"


def _whole(one: Mapping[str, Any]) -> str:
    lines = [_line(one), f"reason   {one['reason']}", f"asked    {one['created_at']}",
             f"expires  {one['expires_at']}", f"ready    {one['ready_at'] or 'not yet'}",
             f"sha256   {one['payload_sha256']}"]  # fmt: skip
    if one["payload"] is not None:
        lines.append(f"payload  {one['payload']}")
    lines += [
        f"{step['at']}  {step['act']}  {step['actor']}  {step.get('reason', '')}".rstrip()
        for step in one["steps"]
    ]
    return "\n".join(lines)
