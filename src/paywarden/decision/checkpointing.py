"""Making a checkpoint: a recovery from sealed segments that writes down what it has, and ends.

Guards: it reads segments and the last checkpoint and nothing else of the home, holds no key but the
one that authenticates checkpoints, and writes only there; so it runs in a process of its own beside
the one that decides, which neither forks nor copies nor waits. A job is plain data. A segment that
is damaged ends the attempt; the checkpoints that stand remain.
Not done here: when it is worth while (`entrypoints/checkpoint_schedule.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from paywarden.core.errors import Conflict
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision.checkpoints import Checkpoints, Place, binding_of
from paywarden.decision.companions import NONE, Names
from paywarden.decision.history import History, add_lacking, sealed
from paywarden.decision.state import Observed
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet


class Job(msgspec.Struct, frozen=True):
    """One checkpoint to make: of which windows and companions, up to which sealed sequence.

    `marks`: chain digest of the log at `seq` and at each checkpoint that might be taken up.
    """

    scope: str
    aggregates: tuple[Aggregate, ...]
    history_start_us: int
    seq: int
    marks: dict[int, bytes]
    binding: str
    segments: str
    checkpoints: str
    key: bytes
    companions: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True):
    """A checkpoint that stands: up to where, from where it was replayed, how large."""

    seq: int
    from_seq: int
    bytes: int


def job_of(
    history: History,
    checkpoints: Checkpoints,
    scope: Scope,
    aggregates: Sequence[Aggregate],
    history_start_us: int,
    to_seq: int | None = None,
    companions: Names = NONE,
) -> Job | None:
    """The next checkpoint up to the last sealed sequence (at most `to_seq`); None without one."""
    ends = [last for _first, last in history.sealed_ranges(scope)]
    seq = max((last for last in ends if to_seq is None or last <= to_seq), default=0)
    if not seq:
        return None
    binding = binding_of(scope, aggregates, history_start_us)
    known = [one for one, _path in checkpoints.found(scope, binding) if one <= seq]
    return Job(
        scope=scope.text,
        aggregates=tuple(aggregates),
        history_start_us=history_start_us,
        seq=seq,
        marks={one: checkpoints.mark(one) or b"" for one in (*known, seq)},
        binding=binding,
        segments=str(history.folder_of(scope)),
        checkpoints=str(checkpoints.root),
        key=checkpoints.key.expose(),
        companions=tuple(sorted(companions)),
    )


def make(job: Job) -> Made:
    """Take up the last checkpoint, replay, write the next. Errors: Conflict, Corrupt, OSError."""
    scope = Scope.parse(job.scope)
    if binding_of(scope, job.aggregates, job.history_start_us) != job.binding:
        raise Conflict("checkpoint_other_program", "the program changed; restart the server")
    checkpoints = Checkpoints(Path(job.checkpoints), Secret(job.key), job.marks.get)
    wheres = [one.where for one in job.aggregates if one.where is not None]
    plan = WindowPlan(job.aggregates, FilterSet(wheres).filters)
    with checkpoints.writing(scope):
        observed = Observed(history_start_us=job.history_start_us)
        observed.windows = Windows(plan, job.history_start_us)
        read = frozenset(job.companions)
        place = Place(scope, plan, job.binding, job.seq, read)
        resumed = last = checkpoints.resume(observed, place)
        complete = observed.companions.names == read
        add_lacking(observed, read, sealed(Path(job.segments), 0, resumed))
        for chunk in sealed(Path(job.segments), resumed, job.seq):
            observed.fold(chunk)
            last = int(chunk.seq[-1])
        if last != job.seq:
            raise Conflict("checkpoint_segments_end", "the sealed segments end before the job does")
        written = (
            0
            if complete and resumed == job.seq
            else checkpoints.save(observed, scope, job.binding, job.seq)
        )
        checkpoints.prune(scope, job.binding, job.seq)
    return Made(job.seq, resumed, written)
