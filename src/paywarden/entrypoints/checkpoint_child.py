"""The process that makes one checkpoint for a server (`checkpoint_schedule.py`), and ends.

Guards: it takes its job from standard input and answers on standard output, so neither a key nor a
path stands in its arguments; it yields the processor to everybody (`nice`), is the first that the
kernel ends when memory is short, and ends at once when its parent does.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from paywarden.cli import output
from paywarden.core.errors import PaywardenError
from paywarden.decision.checkpointing import Job, Made, make
from paywarden.kit.log import configure

NICE = 15
FIRST_TO_END = 1_000
JOB_LIMIT = 64 << 20


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the process answers: a checkpoint, or why there is none."""

    made: Made | None = None
    code: str = ""
    detail: str = ""
    seconds: float = 0.0


def main(source: BinaryIO, sink: BinaryIO) -> int:
    """Take one job (length in 8 bytes, little-endian, then msgpack), do it, report; 0 when done."""
    length = int.from_bytes(source.read(8), "little")
    if not 0 < length <= JOB_LIMIT:
        return output.BAD_USAGE
    job = msgspec.msgpack.decode(source.read(length), type=Job)
    configure(level=os.environ.get("PAYWARDEN_INSTALLATION__LOG_LEVEL", "info"))
    step_back()
    threading.Thread(target=_end_with_parent, args=(source,), daemon=True).start()
    report = reported(job)
    sink.write(msgspec.json.encode(report) + b"\n")
    sink.flush()
    return output.DONE if report.made is not None else output.NOT_SO


def reported(job: Job) -> Report:
    """Do a job; deliberate errors and those of the disk become a report."""
    started = time.monotonic()
    try:
        made = make(job)
    except PaywardenError as error:
        return Report(code=error.code, detail=error.detail)
    except (OSError, MemoryError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "out of memory"
        return Report(code="checkpoint_not_written", detail=reason)
    return Report(made=made, seconds=round(time.monotonic() - started, 2))


def step_back() -> None:
    """Let every other process go first, for the processor and for memory."""
    os.nice(NICE)
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text(str(FIRST_TO_END))


def _end_with_parent(source: BinaryIO) -> None:
    while source.read(1):
        pass  # nothing more is expected; only the end counts
    os._exit(output.UNAVAILABLE)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
