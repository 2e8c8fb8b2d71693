"""`paywarden cde cards`: what operators ask a running vault: status, audit, rotation, purge.

Guards: speaks as the caller `operator` over the vault's socket; nothing here names or shows a card.
`rotate` takes steps until no data key is left under an older version and may be stopped and started
again at will; `purge` prints its proof, to be kept with the quarter's evidence.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.places import places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault.client import Vault
from paywarden.cli import output
from paywarden.core.errors import Conflict
from paywarden.entrypoints.home import Home

STEP_KEYS: Final = 5_000
PATIENCE_SECONDS: Final = 600.0  # an audit reads every row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The four words."""
    parser.add_argument("act", choices=sorted(ACTS), help="what to ask")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Ask, and print the answer."""
    places = places_of(home.root)
    frames = FrameClient(
        places.vault_socket, "operator", load_proof(places.run, "operator"),
        timeout_seconds=PATIENCE_SECONDS,
    )  # fmt: skip
    found = asyncio.run(_asked(Vault(frames), ACTS[arguments.act]))
    document = {name: _shown(value) for name, value in msgspec.structs.asdict(found).items()}
    output.answer(arguments, document, "\n".join(f"{k}: {v}" for k, v in document.items()))
    return output.DONE


async def _asked(vault: Vault, act: Callable[[Vault], Awaitable[Any]]) -> Any:
    try:
        return _done(await act(vault))
    finally:
        await vault.close()


async def _rotate(vault: Vault) -> Any:
    while True:
        state = _done(await vault.rotate_step(STEP_KEYS))
        print(f"{state.rewrapped} done, {state.remaining} remain", file=sys.stderr)  # noqa: T201
        if not state.remaining:
            return state


ACTS: Final[dict[str, Callable[[Vault], Awaitable[Any]]]] = {
    "status": lambda vault: vault.status(),
    "audit": lambda vault: vault.audit(),
    "rotation": lambda vault: vault.rotate_status(),
    "rotate": _rotate,
    "purge": lambda vault: vault.purge(),
}


def _done(answer: Any) -> Any:
    if isinstance(answer, Refused):
        raise Conflict(answer.code, answer.detail)
    return answer


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
