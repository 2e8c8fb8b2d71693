"""The server's side of following flows: one child, its alerts kept, its position written down.

Guards: order is alerts durable, then position, then the word that lets the child go on; so kill -9
at any point loses nothing, and what is told twice is kept once (ids follow from content). A child
that ends is started again, after a pause that grows. What it could not look at whole is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from paywarden.aml.alerts.model import Alert
from paywarden.aml.monitoring.typology_reader import files_in, shipped_files
from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision.decision_ids import DecisionIds
from paywarden.entrypoints.checkpoint_schedule import PASSED_ON
from paywarden.entrypoints.flow_wire import FlowJob, FlowLine
from paywarden.entrypoints.settings import Monitoring
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.risk.features.observing import LATENESS_US
from paywarden.risk.rules.typology_texts import MINOR_DIGITS

FIRST_PAUSE_SECONDS = 5.0
LAST_PAUSE_SECONDS = 300.0
LINE_LIMIT = 64 << 20


class AlertsOfTasks(Protocol):
    """Where alerts are kept (`aml/alerts/desk.py`)."""

    async def raised(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """Keep those that are new, durably; how many were."""
        ...


class FlowWatch:
    """Has the log followed. `folder`: where positions lie; `own`: the operator's typologies."""

    def __init__(
        self,
        database: Path,
        folder: Path,
        own: Path,
        desk: AlertsOfTasks,
        ids: DecisionIds,
        metrics: Metrics,
        settings: Monitoring,
    ) -> None:
        self._database = database
        self._position_file = folder / "position.json"
        self._own = own
        self._desk = desk
        self._ids = ids
        self._metrics = metrics
        self._settings = settings

    async def run(self) -> None:
        """Follow until cancelled; returns at once where following is switched off."""
        if not self._settings.follow:
            return
        await asyncio.sleep(self._settings.start_seconds)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if await self.follow():
                    pause = FIRST_PAUSE_SECONDS
            except (PaywardenError, OSError, ValueError, msgspec.DecodeError) as fault:
                code = fault.code if isinstance(fault, PaywardenError) else type(fault).__name__
                logger().error("flow_child_failed", code=code)
            self._metrics.flow_restarts.inc()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE_SECONDS)

    async def follow(self) -> bool:
        """Follow until the child ends; whether it told anything. It ends with this task."""
        positions = read_positions(self._position_file)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "paywarden.entrypoints.flow_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )
        assert process.stdin is not None and process.stdout is not None
        told = False
        try:
            text = msgspec.msgpack.encode(self._job(positions))
            process.stdin.write(len(text).to_bytes(8, "little") + text)
            while (line := await process.stdout.readline()).endswith(b"\n"):
                await self._keep(msgspec.json.decode(line, type=FlowLine), positions)
                process.stdin.write(b"\n")
                told = True
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return told

    def _job(self, positions: Mapping[str, tuple[int, int]]) -> FlowJob:
        own = files_in(self._own) if self._own.is_dir() else {}
        return FlowJob(
            str(self._database), {**shipped_files(), **own}, dict(positions), LATENESS_US,
            self._settings.look_seconds, MINOR_DIGITS,
        )  # fmt: skip

    async def _keep(self, line: FlowLine, positions: dict[str, tuple[int, int]]) -> None:
        scope = Scope.parse(line.scope)
        alerts = [
            replace(one, decisions=(self._ids.text(scope, one.sequence),)) for one in line.alerts
        ]
        if alerts:
            await self._desk.raised(scope, alerts)
        if positions.get(line.scope) != line.position:
            positions[line.scope] = line.position
            await asyncio.to_thread(write_positions, self._position_file, positions)
        self._tell(scope, line)

    def _tell(self, scope: Scope, line: FlowLine) -> None:
        place, metrics = scope.environment.value, self._metrics
        metrics.flow_delay_seconds.labels(place).set(line.delay_us / 1e6)
        metrics.flow_waiting.labels(place).set(line.waiting)
        metrics.flow_transfers.labels(place).set(line.memory["transfers"])
        metrics.flow_bytes.labels(place).set(line.memory["bytes"])
        for what, count in {**line.bounded, "late": line.late, "unpriced": line.unpriced}.items():
            metrics.flow_left_out.labels(place, what).set(count)


def read_positions(path: Path) -> dict[str, tuple[int, int]]:
    """Positions by scope; none where there is no file, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[int, int]])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError:
        logger().warning("flow_position_unreadable")
        return {}


def write_positions(path: Path, positions: Mapping[str, tuple[int, int]]) -> None:
    """Replace the file, durably: it is the old one or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(positions))
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
