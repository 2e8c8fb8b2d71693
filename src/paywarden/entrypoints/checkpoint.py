"""`paywarden checkpoint`: a checkpoint of every scope now, up to its last sealed segment.

Guards: it opens the database for reading only and writes only checkpoints, so it may run beside a
server, also one of another version: made by the next version before the switch, a checkpoint spares
that version the long start. A server's own checkpoint of the same scope goes first (Conflict).
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

import msgspec

from paywarden.cli import output
from paywarden.core.scope import Scope
from paywarden.decision.checkpointing import job_of, make
from paywarden.decision.companions import NONE
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation, Published
from paywarden.entrypoints.stored_runtimes import StoredRuntimes
from paywarden.kit.clock import SystemClock, SystemRandomness


def checkpoint(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command; 0 when every scope that has segments has a checkpoint."""
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    made = [
        one
        for scope, published in installation.published().items()
        if (one := _checkpoint(installation, scope, published, arguments.to_seq)) is not None
    ]
    words = [
        f"{one['scope']}: up to {one['seq']}, replayed from {one['from_seq']}, "
        f"{one['bytes']} bytes, {one['seconds']} s"
        for one in made
    ]
    output.answer(arguments, {"checkpoints": made}, "\n".join(words) or "nothing is sealed yet")
    return output.DONE


def _checkpoint(
    installation: Installation, scope: Scope, published: Published, to_seq: int | None
) -> dict[str, Any] | None:
    if not installation.history.sealed_up_to(scope):
        return None
    output.tell(f"{scope.text}: reading the policy")
    runtime_of = StoredRuntimes(installation)
    runtime, tried = runtime_of(scope, published.decider), published.tried
    reads = runtime.reads | (runtime_of(scope, tried).reads if tried is not None else NONE)
    job = job_of(
        installation.history, installation.checkpoints, scope,
        runtime.aggregates, published.history_start_us, to_seq, reads,
    )  # fmt: skip
    if job is None:
        return None
    output.tell(f"{scope.text}: replaying up to {job.seq}")
    started = time.monotonic()
    made = make(job)
    seconds = round(time.monotonic() - started, 2)
    return {"scope": scope.text, "seconds": seconds, **msgspec.structs.asdict(made)}
