"""`paywarden cde keys ...`: the operator's acts at a running key agent.

Guards: the agent judges each act; in production it asks for a signed approval, given as a file.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import UNREADABLE, Refused
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.keys.wire import BudgetState, KeyState, Pong
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cli import output
from paywarden.core.errors import InvalidRequest, NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.entrypoints.home import Home

ACTS = ("states", "budgets", "ping", "rotate", "destroy", "destroy-version", "compromised")
PURPOSES = ("pan", "index", "facts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The act, and what it is about."""
    parser.add_argument("act", choices=ACTS, nargs="?", default="states")
    parser.add_argument("--purpose", choices=PURPOSES, default="pan")
    parser.add_argument("--period", metavar="YYYY-MM", help="the month to destroy")
    parser.add_argument("--version", type=int, help="the version meant")
    parser.add_argument("--grant", metavar="FILE", help="a signed approval, as JSON")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """One act. Errors: NotPermitted with the agent's code."""
    answer = asyncio.run(_asked(arguments, places_of(home.root)))
    if isinstance(answer, Refused):
        raise NotPermitted(answer.code, answer.detail)
    document = {"answer": _plain(answer)}
    output.answer(arguments, document, _words(arguments.act, answer))
    return output.DONE


async def _asked(arguments: argparse.Namespace, places: Places) -> Any:
    proof = load_proof(places.run, "operator")
    agent = KeyAgent(FrameClient(places.keys_socket, "operator", proof))
    try:
        return await _acts(agent, arguments)[arguments.act]()
    finally:
        await agent.close()


def _acts(agent: KeyAgent, given: argparse.Namespace) -> dict[str, Callable[[], Awaitable[Any]]]:
    purpose = given.purpose
    return {
        "states": agent.states,
        "budgets": agent.budgets,
        "ping": agent.ping,
        "rotate": lambda: agent.rotate(purpose, _grant(given)),
        "destroy": lambda: agent.destroy(purpose, _needed(given, "period"), _grant(given)),
        "destroy-version": lambda: agent.destroy_version(
            purpose, _needed(given, "version"), _grant(given)
        ),
        "compromised": lambda: agent.mark_compromised(
            purpose, _needed(given, "version"), _grant(given)
        ),
    }


def _needed(given: argparse.Namespace, name: str) -> Any:
    value = getattr(given, name)
    if value is None:
        raise InvalidRequest("argument_missing", f"{given.act} needs --{name}")
    return value


def _grant(given: argparse.Namespace) -> ApprovalGrant | None:
    if given.grant is None:
        return None
    try:
        return msgspec.json.decode(Path(given.grant).read_bytes(), type=ApprovalGrant)
    except (OSError, *UNREADABLE) as fault:
        raise InvalidRequest("grant_malformed", "the file holds no signed approval") from fault


def _plain(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    if isinstance(answer, msgspec.Struct):
        return {name: getattr(answer, name) for name in answer.__struct_fields__}
    return answer


def _words(act: str, answer: Any) -> str:
    if act == "rotate":
        return f"version {answer} is active"
    if isinstance(answer, list):
        return "\n".join(_line(one) for one in answer)
    return _line(answer) if isinstance(answer, msgspec.Struct) else "done"


def _line(one: Any) -> str:
    match one:
        case KeyState():
            since = format_rfc3339(one.created_at_us)[:10]
            alarm = f"  {one.alarm}: rotate it" if one.alarm else ""
            return (
                f"{one.purpose:6} {one.name:8} {one.state:12} check {one.check_value}  "
                f"made {since}  {one.uses} uses  {one.algorithm}{alarm}"
            )
        case BudgetState():
            ends = format_rfc3339(one.ends_at_us)[:19]
            return f"{one.account:8} {one.window:7} {one.spent} of {one.limit}, until {ends}Z"
        case Pong():
            locked = "locked" if one.memory_locked else "not locked"
            mode = "production" if one.production else "development"
            return f"key agent {one.version}, {mode}, root {one.root_kind}, memory {locked}"
    return str(one)
