"""Runs a back-test for the server: the command itself, in a process of its own, at low priority.

Guards: the child gets a bare environment and the home's folder, reads the databases and never
writes them; its answer is bounded. It ends when the task that waits for it is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.errors import InvalidRequest, NotFound, Unavailable
from paywarden.core.scope import Scope
from paywarden.decision.ledger import Ledger
from paywarden.entrypoints.checkpoint_schedule import PASSED_ON
from paywarden.identity.approvals.execution import audit_actor
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.lab.backtest.jobs import Asked, Runner

ANSWER_LIMIT = 64 << 20


def runner_of(home: Path) -> Runner:
    """A runner over the home in `home`."""

    async def run(asked: Asked) -> Mapping[str, Any]:
        words = [
            "--home", str(home), "backtest", "--json", "--policy", asked.ruleset,
            "--environment", asked.scope.environment.value,
        ]  # fmt: skip
        for name, value in asked.options.items():
            words += [f"--{name}", value]
        return await _answer(words)

    return run


async def _answer(words: list[str]) -> Mapping[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "paywarden.entrypoints.backtest_child",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        limit=ANSWER_LIMIT,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        document = msgspec.json.decode(line) if line.endswith(b"\n") else None
    except (ValueError, msgspec.DecodeError):
        document = None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if not isinstance(document, dict):
        raise Unavailable("backtest_ended", "its process ended without an answer")
    if "error" in document:
        raise _refusal(document["error"])
    return document


def _refusal(error: Mapping[str, Any]) -> InvalidRequest | NotFound:
    code, detail = str(error.get("code")), str(error.get("detail"))
    if code in ("nothing_decided", "nothing_published", "ruleset_not_found"):
        return NotFound(code, detail)
    return InvalidRequest(code, detail)


class StartNotes:
    """Audit events of starts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def __call__(self, scope: Scope, ruleset: str, actor: str) -> None:
        """Record that somebody had a ruleset tried on the scope's decisions."""
        unit, now = UnitOfWork(), self._ledger.clock.now_us()
        event = AuditEvent(
            scope, "policy:ruleset:backtest", audit_actor(actor), AuditOutcome.DONE, now,
            {"ruleset": ruleset},
        )  # fmt: skip
        self._ledger.stores.audit.record(unit, event)
        await self._ledger.stores.writer.commit(unit)
