"""`paywarden replay`: the whole log, or a stretch of it, decided again and compared.

Guards: opens the databases for reading only, so it runs beside a server. Exit code 1 when any
decision differs.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from paywarden.cli import output
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.replay import Replay
from paywarden.decision.replay_desk import describe
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.stored_runtimes import StoredRuntimes
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy

SHOWN = 20
PROGRESS_EVERY = 5_000


def replay(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command; 0 when nothing differs, 1 otherwise."""
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    head = installation.journal.head()
    last = min(arguments.to_seq or head, head)
    made = Replay(
        installation.journal,
        installation.history,
        installation.sealer,
        StoredRuntimes(installation),
        installation.list_digest,
        _draft(arguments.policy),
    )
    started, decisions, erased = time.monotonic(), 0, 0
    differing = []
    for one in made.run(arguments.from_seq, last):
        decisions += 1
        erased += one.erased
        if decisions % PROGRESS_EVERY == 0:
            output.tell(f"{decisions} decisions, at {one.seq} of {last}")
        if not one.identical:
            differing.append(
                {"seq": one.seq, "scope": one.scope.text, "difference": describe(one.differences)}
            )
    document = {
        "decisions": decisions,
        "differences": len(differing),
        "erased": erased,
        "differing": differing[:SHOWN],
        "seconds": round(time.monotonic() - started, 3),
    }
    words = f"{decisions} decisions again in {document['seconds']} s: {len(differing)} differ"
    output.answer(arguments, document, words)
    return output.NOT_SO if differing else output.DONE


def _draft(folder: str | None) -> PolicyRuntime | None:
    return PolicyRuntime(compile_policy(read_policy(Path(folder)))) if folder else None
