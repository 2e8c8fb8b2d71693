"""The process that follows the log for money laundering beside the server (`flow_watch.py`).

Guards: it reads the log's database and cannot write it; it takes its job from standard input and
tells reports on standard output, one line each; after a report with alerts it goes on only when the
server says that they are kept. It yields the processor to payments (`nice`), and ends at once when
its parent does, wherever it is: nothing that it holds is not in the log.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.typology_reader import read_typologies
from paywarden.cli import output
from paywarden.core.scope import Scope
from paywarden.decision.flow_following import FlowFollowing, FlowReport
from paywarden.entrypoints.checkpoint_child import step_back
from paywarden.entrypoints.flow_wire import FlowJob, FlowLine
from paywarden.kit.clock import SystemClock
from paywarden.kit.db.reader import Reader
from paywarden.kit.log import configure
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.risk.rules.typology_model import Typology

JOB_LIMIT = 16 << 20
TELL_SECONDS = 5.0


def main(source: BinaryIO, sink: BinaryIO) -> int:
    """Take one job (length in 8 bytes, little-endian, then msgpack) and follow until the end."""
    length = int.from_bytes(source.read(8), "little")
    if not 0 < length <= JOB_LIMIT:
        return output.BAD_USAGE
    job = msgspec.msgpack.decode(source.read(length), type=FlowJob)
    configure(level=os.environ.get("PAYWARDEN_INSTALLATION__LOG_LEVEL", "info"))
    step_back()
    kept: queue.SimpleQueue[None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, kept), daemon=True).start()
    _follow(job, sink, kept)
    return output.DONE


def typologies_of(files: dict[str, bytes]) -> list[Typology]:
    """Typologies with `runs: log`. Errors: PolicyErrors."""
    read = read_typologies(files, flow_types).checked()
    return [one for one in read if one.runs == "log"]


def _follow(job: FlowJob, sink: BinaryIO, kept: queue.SimpleQueue[None]) -> None:
    clock, reader = SystemClock(), Reader(Path(job.database))
    following = FlowFollowing(
        SqliteJournal(reader),
        typologies_of(job.files),
        {Scope.parse(text): position for text, position in job.positions.items()},
        job.lateness_us,
        job.minor_digits,
    )
    told: dict[Scope, float] = {}
    while True:
        for report in following.look(clock.now_us()):
            due = time.monotonic() - told.get(report.scope, -TELL_SECONDS) >= TELL_SECONDS
            if report.alerts or due:
                told[report.scope] = time.monotonic()
                sink.write(msgspec.json.encode(_line(report, following.behind)) + b"\n")
                sink.flush()
                kept.get()
        if not following.behind:
            time.sleep(job.look_seconds)


def _line(report: FlowReport, behind: bool) -> FlowLine:
    return FlowLine(
        report.scope.text, report.alerts, report.position, report.delay_us, report.waiting,
        report.late, report.unpriced, dict(report.bounded), dict(report.memory), behind,
    )  # fmt: skip


def _listen(source: BinaryIO, kept: queue.SimpleQueue[None]) -> None:
    while source.read(1):
        kept.put(None)
    os._exit(output.UNAVAILABLE)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
