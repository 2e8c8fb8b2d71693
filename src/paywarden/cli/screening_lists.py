"""`paywarden screening lists`: take lists in, show, approve, take back, verify.

Wired by `entrypoints.screening_lists`. Exit codes: 0 done; 1 a list waits, an alarm rings, or a
record is damaged; 3 a list is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paywarden.aml.screening.snapshots.model import Delta, Manifest, SourceState
from paywarden.aml.screening.snapshots.taking_in import TakenIn
from paywarden.aml.screening.sources.reading import FileFault, FolderOfLists
from paywarden.cli import output, screening_verdicts
from paywarden.core.instants import format_rfc3339
from paywarden.reference.provenance import Alarm

_SHORT = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `screening` and its sub-commands."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    screening_verdicts.add_arguments(parts)
    lists = parts.add_parser("lists", help="lists of sanctioned and exposed parties")
    tasks = lists.add_subparsers(dest="task", required=True, metavar="TASK")

    def task(name: str, text: str) -> argparse.ArgumentParser:
        made = tasks.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="one JSON document")
        return made

    check = task("check", "read a file or folder and say what is in it; needs no installation")
    check.add_argument("path", type=Path, metavar="PATH")
    taken = task("take-in", "make a file or folder the list in force, if nothing speaks against it")
    taken.add_argument("path", type=Path, metavar="PATH")
    taken.add_argument("--source", help="name of the source; told from the list when it is one")
    taken.add_argument("--person", required=True, help="who takes it in")
    shown = task("list", "lists in force, their age, what waits; exit 1 while an alarm rings")
    shown.add_argument("--max-age-days", type=int, default=3, metavar="DAYS")
    _decided(task("approve", "put a waiting list in force; another person than took it in"))
    _decided(task("rollback", "put a former list in force again"), needed=False)
    changes = task("changes", "what changed and is still to be screened against")
    changes.add_argument("--source")
    done = task("acknowledge", "say that known parties were screened against a change")
    done.add_argument("change", metavar="CHANGE", help="as `changes` prints it: SOURCE#NUMBER")
    task("verify", "read every octet of every list kept and check signatures")


def _decided(parser: argparse.ArgumentParser, needed: bool = True) -> None:
    parser.add_argument("--source", required=True)
    parser.add_argument("--snapshot", required=needed, metavar="ID", help="or its first 12 digits")
    parser.add_argument("--person", required=True, help="who decides this")
    parser.add_argument("--reason", required=True, help="why; kept with the list")


def show_check(arguments: argparse.Namespace, read: FolderOfLists) -> int:
    """What a folder gave."""
    document = {
        "entities": len(read.entities),
        "files": list(read.files),
        "faults": list(read.faults),
    }
    lines = []
    for one in read.files:
        lines.append(f"{one.name}: {one.format}, {one.entities} entries, of {one.list_date or '?'}")
        lines += [f"  note: {note}" for note in one.notes]
    lines += _faults(read.faults)
    lines.append(f"{len(read.entities)} entities, {len(read.faults)} faults")
    output.answer(arguments, document, "\n".join(lines))
    return output.BAD_INPUT if read.faults else output.DONE


def show_taken(arguments: argparse.Namespace, taken: TakenIn) -> int:
    """What became of a list."""
    document = {
        "source": taken.source,
        "outcome": taken.outcome,
        "manifest": taken.manifest,
        "delta": _counts(taken.delta),
        "why": list(taken.why),
        "faults": list(taken.faults),
    }
    output.answer(arguments, document, "\n".join(_taken_lines(taken)))
    codes = {"waiting": output.NOT_SO, "refused": output.BAD_INPUT}
    return codes.get(taken.outcome, output.DONE)


def _taken_lines(taken: TakenIn) -> list[str]:
    if taken.manifest is None:
        return [f"{taken.source}: refused; the list in force stays", *_faults(taken.faults)]
    made = taken.manifest
    lines = [
        f"{taken.source}: {taken.outcome}, {made.entities} entries, of {made.list_date or '?'}"
    ]
    if taken.delta is not None:
        counts = _counts(taken.delta)
        lines.append(", ".join(f"{count} {word}" for word, count in counts.items()))
    lines += [f"waits: {why}" for why in taken.why]
    if taken.why:
        lines.append(
            f"approve as another person: paywarden screening lists approve --source {taken.source} "
            f"--snapshot {made.id[:_SHORT]} --person WHO --reason WHY"
        )
    return lines


def show_states(
    arguments: argparse.Namespace,
    states: Sequence[tuple[SourceState, Manifest | None]],
    alarms: Sequence[Alarm],
) -> int:
    """Lists in force and alarms."""
    rows = [_row(state, manifest) for state, manifest in states]
    document = {"sources": rows, "alarms": list(alarms)}
    lines = [
        f"{one['source']}: {one['entities']} entries of {one['list_date'] or '?'}, confirmed "
        f"{one['confirmed_at']}, {one['snapshot'][:_SHORT]}, {one['owed']} changes to screen"
        for one in rows
        if one["snapshot"]
    ]
    lines += [f"ALARM {one.table}: {one.detail} [{one.word}]" for one in alarms]
    output.answer(arguments, document, "\n".join(lines) or "no list was taken in yet")
    return output.NOT_SO if alarms else output.DONE


def show_switched(arguments: argparse.Namespace, state: SourceState) -> int:
    """Which list is in force now."""
    document = {"source": state.source, "current": state.current, "act": state.acts[-1]}
    words = f"{state.source}: {(state.current or '')[:_SHORT]} is in force ({state.acts[-1].act})"
    output.answer(arguments, document, words)
    return output.DONE


def _row(state: SourceState, manifest: Manifest | None) -> dict[str, Any]:
    return {
        "source": state.source,
        "snapshot": state.current,
        "list_date": manifest.list_date if manifest else None,
        "entities": manifest.entities if manifest else 0,
        "counts": manifest.counts if manifest else {},
        "confirmed_at": format_rfc3339(state.confirmed_at_us)[:10],
        "previous": list(state.previous),
        "waiting": state.waiting,
        "waiting_why": state.waiting_why,
        "owed": len(state.undelivered),
        "acts": list(state.acts),
    }


def _counts(delta: Delta | None) -> dict[str, int]:
    if delta is None:
        return {}
    return {
        "added": len(delta.added),
        "changed": len(delta.changed),
        "removed": len(delta.removed),
    }


def _faults(faults: Sequence[FileFault]) -> list[str]:
    return [
        f"{one.name}{f':{one.line}' if one.line else ''}: {one.detail} [{one.code}]; {one.remedy}"
        for one in faults
    ]
