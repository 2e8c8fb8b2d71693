"""`paywarden screening lists`: the lists of this home, signed by a key of their own.

Guards: `check` needs no installation; everything else needs one, and the key `keys/
screening_lists.key`, made with the first list. Lists without their key are a fault and not a fresh
start. Runs beside a server: lists have a lock of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from paywarden.aml.screening.snapshots.ages import alarms
from paywarden.aml.screening.snapshots.model import ListsChanged
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.aml.screening.snapshots.taking_in import ListDesk, source_of
from paywarden.aml.screening.sources.reading import read_folder
from paywarden.cli import output, screening_lists, screening_verdicts
from paywarden.core.clock import Randomness
from paywarden.core.errors import InvalidRequest, NotFound, Unavailable
from paywarden.entrypoints.home import Home
from paywarden.evidence.log_key import create_log_key, load_log_key
from paywarden.evidence.note import SigningKey
from paywarden.kit.clock import SystemClock, SystemRandomness

_ID_DIGITS = 64
_SHORTEST_ID = 12


def screening(arguments: argparse.Namespace, home: Home) -> int:
    """Run one task; the exit code."""
    if arguments.part != "lists":
        return screening_verdicts.run(arguments)
    if arguments.task == "check":
        return screening_lists.show_check(arguments, read_folder(arguments.path))
    home.require()
    tasks: dict[str, Callable[[argparse.Namespace, ListDesk], int]] = {
        "take-in": _take_in, "list": _list, "approve": _approve, "rollback": _roll_back,
        "changes": _changes, "acknowledge": _acknowledge, "verify": _verify,
    }  # fmt: skip
    return tasks[arguments.task](arguments, list_desk(home, SystemRandomness()))


def list_desk(home: Home, randomness: Randomness) -> ListDesk:
    """The desk of this home's lists. Errors: Unavailable when lists have lost their key."""
    return ListDesk(SnapshotFolder(home.screening_lists, _key(home, randomness)), SystemClock())


def _key(home: Home, randomness: Randomness) -> SigningKey:
    if home.screening_key.exists():
        return load_log_key(home.screening_key).signer()
    if any(home.screening_lists.glob("*/state.note")):
        raise Unavailable("list_key_missing", "keys/screening_lists.key is missing; restore it")
    name = f"paywarden/lists/{randomness.octets(8).hex()}"
    return create_log_key(home.screening_key, name, randomness).signer()


def _take_in(arguments: argparse.Namespace, desk: ListDesk) -> int:
    source = arguments.source or source_of(arguments.path)
    return screening_lists.show_taken(
        arguments, desk.take_in(arguments.path, source, arguments.person)
    )


def _list(arguments: argparse.Namespace, desk: ListDesk) -> int:
    states = list(desk.states())
    found = alarms(states, SystemClock().now_us(), default_days=arguments.max_age_days)
    return screening_lists.show_states(arguments, states, list(found))


def _approve(arguments: argparse.Namespace, desk: ListDesk) -> int:
    snapshot = _snapshot(desk, arguments.source, arguments.snapshot)
    state = desk.approve(arguments.source, snapshot, arguments.person, arguments.reason)
    return screening_lists.show_switched(arguments, state)


def _roll_back(arguments: argparse.Namespace, desk: ListDesk) -> int:
    given = arguments.snapshot
    snapshot = _snapshot(desk, arguments.source, given) if given else None
    state = desk.roll_back(arguments.source, snapshot, arguments.person, arguments.reason)
    return screening_lists.show_switched(arguments, state)


def _changes(arguments: argparse.Namespace, desk: ListDesk) -> int:
    found = [one for one in _owed(desk) if arguments.source in (None, one.source)]
    lines = [
        f"{one.id}: {len(one.delta.added)} added, {len(one.delta.changed)} changed, "
        f"{len(one.delta.removed)} removed"
        for one in found
    ]
    document = {"changes": [{"change": one.id, "event": one} for one in found]}
    output.answer(arguments, document, "\n".join(lines) or "nothing is owed")
    return output.DONE


def _acknowledge(arguments: argparse.Namespace, desk: ListDesk) -> int:
    for one in _owed(desk):
        if one.id == arguments.change:
            desk.acknowledge(one)
            output.answer(arguments, {"acknowledged": one.id}, f"{one.id}: acknowledged")
            return output.DONE
    raise NotFound("change_unknown", "no such change is owed", pointer=arguments.change[:100])


def _verify(arguments: argparse.Namespace, desk: ListDesk) -> int:
    counts = {state.source: len(desk.verify(state.source)) for state, _ in desk.states()}
    words = [f"{source}: {count} snapshots hold" for source, count in counts.items()]
    output.answer(arguments, {"verified": counts}, "\n".join(words) or "there are no lists")
    return output.DONE


def _owed(desk: ListDesk) -> Iterator[ListsChanged]:
    for state, _ in desk.states():
        yield from desk.changes(state.source)


def _snapshot(desk: ListDesk, source: str, given: str) -> str:
    if len(given) == _ID_DIGITS:
        return given
    if len(given) < _SHORTEST_ID:
        raise InvalidRequest(
            "snapshot_id_short", "give at least 12 digits of the id", pointer="--snapshot"
        )
    named = {one for state, _ in desk.states() if state.source == source for one in state.needed}
    found = [one for one in named if one.startswith(given)]
    if len(found) != 1:
        raise NotFound("snapshot_unknown", "this source has no such snapshot", pointer=source)
    return found[0]
