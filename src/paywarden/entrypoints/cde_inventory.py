"""`paywarden cde inventory`: keys of a running key agent, or the design; Markdown or JSON."""

from __future__ import annotations

import argparse
import asyncio

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.inventory.report import architecture, inventory, inventory_document
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.keys.wire import KeyState, Pong
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cli import output
from paywarden.core.errors import NotPermitted
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its one option."""
    parser.add_argument("--architecture", action="store_true", help="the design, without an agent")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Print the document; 1 when a cryptoperiod is over."""
    if arguments.architecture:
        text = architecture()
        output.answer(arguments, {"markdown": text}, text)
        return output.DONE
    states, agent = asyncio.run(_asked(places_of(home.root)))
    now_us = SystemClock().now_us()
    document = inventory_document(states, agent, now_us)
    output.answer(arguments, document, inventory(states, agent, now_us))
    overdue = any(one.alarm == "overdue" for one in states)
    return output.NOT_SO if overdue else output.DONE


async def _asked(places: Places) -> tuple[list[KeyState], Pong]:
    proof = load_proof(places.run, "operator")
    agent = KeyAgent(FrameClient(places.keys_socket, "operator", proof))
    try:
        states, pong = await agent.states(), await agent.ping()
    finally:
        await agent.close()
    for answer in (states, pong):
        if isinstance(answer, Refused):
            raise NotPermitted(answer.code, answer.detail)
    assert not isinstance(states, Refused) and not isinstance(pong, Refused)
    return states, pong
