"""`paywarden screening verdicts list | give | end`, `screening in-force`: on a running server.

Guards: a verdict is given on a hit of a recorded decision, so no name of anybody stands on the
command line; whoever may not see screening gets the server's refusal.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import httpx

from paywarden.cli import output, person, server

PATH = "/v1/screening/verdicts"
PAGES = 1_000


def add_arguments(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parts `verdicts` and `in-force` of `screening`."""
    verdicts = parts.add_parser("verdicts", help="what people judged of hits, on a running server")
    tasks = verdicts.add_subparsers(dest="task", required=True, metavar="TASK")
    shown = tasks.add_parser("list", help="every verdict, ended ones too")
    given = tasks.add_parser("give", help="say that a party is, or is not, the listed one")
    given.add_argument("decision", metavar="DECISION", help="dec_...")
    given.add_argument(
        "--role", required=True, choices=("payer", "payee", "merchant", "remittance")
    )
    given.add_argument("--entry", required=True, help="as the decision's record shows it")
    given.add_argument("--verdict", required=True, choices=("different", "same"))
    given.add_argument("--reason", required=True, help="why; people who look again read it")
    given.add_argument("--expires-at", metavar="TIME", help="RFC 3339; needed for `different`")
    ended = tasks.add_parser("end", help="let a verdict count no more")
    ended.add_argument("verdict", metavar="VERDICT", help="sv_...")
    force = parts.add_parser("in-force", help="lists that a running server screens against")
    force.set_defaults(task="in-force")
    for part in (shown, given, ended, force):
        server.add_arguments(part)
        part.add_argument("--login", help="act as this person, not with a key")
        part.add_argument("--environment", choices=("test", "live"), default="live")
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run one task."""
    tasks: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "give": _give, "end": _end, "in-force": _in_force,
    }  # fmt: skip
    return tasks[arguments.task](arguments)


def _list(arguments: argparse.Namespace) -> int:
    items: list[Mapping[str, Any]] = []
    with _connected(arguments) as http:
        after = ""
        for _ in range(PAGES):
            page = server.asked(http, "GET", f"{PATH}?limit=200{after}")
            items += page["items"]
            if not page["has_more"]:
                break
            after = f"&after={page['next']}"
    lines = [_line(one) for one in items]
    output.answer(arguments, {"items": items}, "\n".join(lines) or "nothing was judged yet")
    return output.DONE


def _give(arguments: argparse.Namespace) -> int:
    names = ("decision", "role", "entry", "verdict", "reason")
    body = {name: getattr(arguments, name) for name in names}
    if arguments.expires_at:
        body["expires_at"] = arguments.expires_at
    with _connected(arguments) as http:
        found = server.asked(http, "POST", PATH, body)
    output.answer(arguments, found, _line(found))
    return output.DONE


def _end(arguments: argparse.Namespace) -> int:
    name = server.path_name(arguments.verdict, "sv_", "verdict_unknown")
    with _connected(arguments) as http:
        found = server.asked(http, "POST", f"{PATH}/{name}/end")
    output.answer(arguments, found, _line(found))
    return output.DONE


def _in_force(arguments: argparse.Namespace) -> int:
    with _connected(arguments) as http:
        found = server.asked(http, "GET", "/v1/screening/lists")
    lines = [f"{found['state']}, {found['version'] or 'no list'}"]
    lines += [
        f"{one['source']}  {one['snapshot'][:12]}  {one['entities']} entries of "
        f"{one['list_date'] or '?'}"
        for one in found["lists"]
    ]
    lines += [f"ALARM {one['source']}: {one['detail']} [{one['word']}]" for one in found["alarms"]]
    output.answer(arguments, found, "\n".join(lines))
    return output.DONE if found["state"] == "ready" else output.NOT_SO


def _connected(arguments: argparse.Namespace) -> AbstractContextManager[httpx.Client]:
    return person.signed_in(arguments) if arguments.login else server.connected(arguments)


def _line(one: Mapping[str, Any]) -> str:
    until = f" until {one['expires_at']}" if one["expires_at"] else ""
    stands = "" if one["holds"] else "  (counts no more)"
    return (
        f"{one['id']}  {one['role']} of {one['decision']} {one['verdict']} {one['list']} "
        f"{one['entry']}{until}, by {one['person']}: {one['reason']}{stands}"
    )
