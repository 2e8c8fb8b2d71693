"""`paywarden replay`: the whole log, or a stretch of it, decided again and compared.

Guards: opens the databases for reading only, so it runs beside a server. Exit code 1 when any
decision differs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paywarden.cli import output
from paywarden.core.errors import NotFound
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.replay import Replay
from paywarden.decision.replay_desk import describe
from paywarden.decision.replay_one import Remaking, drafted
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.stored_runtimes import StoredRuntimes
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy

SHOWN = 20
PROGRESS_EVERY = 5_000


def replay(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command; 0 when nothing differs (or a draft was asked about), 1 otherwise."""
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    if arguments.decision is not None:
        return replay_decision(arguments, installation)
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


def replay_decision(arguments: argparse.Namespace, installation: Installation) -> int:
    """One decision again; with a draft, what the draft would change."""
    scope, seq, body = recorded_decision(installation, arguments.decision)
    recorded = StoredRuntimes(installation)(scope, body.decider)
    draft = _draft(arguments.with_policy)
    remaking = Remaking(
        installation.journal, installation.records, installation.history, installation.sealer,
        installation.fresh_lists,
    )  # fmt: skip
    start_us = next(
        entries.decode(one.kind, one.body).history_start_us
        for one in installation.journal.read(scope, 1, 1)
    )
    made = remaking.remake(scope, seq, body, draft or recorded, start_us)
    if draft is not None:
        document = {"decision": arguments.decision, **drafted(body, recorded, made)}
        output.answer(arguments, document, _draft_words(document))
        return output.DONE
    found = describe(made.differences)
    document = {
        "decision": arguments.decision,
        "outcome": made.result.answer.word,
        "points": made.result.points,
        "rules": [recorded.compiled.rules[index].id for index in made.result.fired],
        "identical": not found,
        "difference": found,
    }
    words = "identical" if not found else f"differs: {', '.join(found)}"
    output.answer(
        arguments, document, f"{document['outcome']}, {made.result.points} points: {words}"
    )
    return output.NOT_SO if found else output.DONE


def recorded_decision(installation: Installation, decision: str) -> tuple[Scope, int, PaymentEntry]:
    """Scope, sequence and record of `dec_...`. Errors: NotFound `decision_not_found`."""
    scope, seq = _place(installation, decision)
    entry = next(installation.journal.read(scope, seq, 1), None)
    if entry is None or entry.kind not in (entries.PAYMENT, entries.CONTINUE):
        raise _unknown()
    body: PaymentEntry = entries.decode(entry.kind, entry.body)
    return scope, seq, body


def _place(installation: Installation, decision: str) -> tuple[Scope, int]:
    for scope in installation.scopes:
        seq = installation.ids.seq_of(scope, decision)
        if seq is not None:
            return scope, seq
    raise _unknown()


def _unknown() -> NotFound:
    return NotFound("decision_not_found", "this home holds no decision of that id")


def _draft_words(document: Mapping[str, Any]) -> str:
    outcome, points = document["outcome"], document["points"]
    lines = [
        f"outcome: {outcome['recorded']} -> {outcome['draft']}",
        f"points: {points['recorded']} -> {points['draft']}",
    ]
    for name in document["rules_gained"]:
        read = ", ".join(f"{path} = {value}" for path, value in document["values"][name].items())
        lines.append(f"+ {name} ({read})")
    lines += [f"- {name}" for name in document["rules_lost"]]
    return "\n".join(lines)


def _draft(folder: str | None) -> PolicyRuntime | None:
    return PolicyRuntime(compile_policy(read_policy(Path(folder)))) if folder else None
