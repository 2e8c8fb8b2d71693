"""The process that holds the lists of a home: started by the server, never by hand.

Guards: the word of its command line is the home folder; which snapshots it reads comes from its
parent, each is checked against its manifest and that manifest's signature before it is believed.
Without the key of the lists, or with a damaged file, it says so and ends. The index of snapshots
is kept in the home (`kept_index`); that of a change between two snapshots is not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.serving.child import serve
from paywarden.aml.screening.serving.kept_index import Held, KeptIndexes
from paywarden.aml.screening.serving.messages import Wanted
from paywarden.aml.screening.snapshots.comparing import compare
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.aml.screening.snapshots.taking_in import ListDesk
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.home import Home
from paywarden.evidence.log_key import load_log_key
from paywarden.kit.clock import SystemClock
from paywarden.kit.program import program_digest


def main(words: list[str]) -> int:
    """Serve the parent until it closes its end."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what any library prints must not stand between two frames
    return serve(source, sink, lambda wanted: _held(Home(Path(words[0])), wanted))


def _held(home: Home, wanted: Wanted) -> Held:
    if not home.screening_key.exists():
        raise Unavailable("list_key_missing", "keys/screening_lists.key is missing; restore it")
    key = load_log_key(home.screening_key).signer()
    desk = ListDesk(SnapshotFolder(home.screening_lists, key), SystemClock())

    def built() -> ScreeningIndex:
        return ScreeningIndex.build(_entities(desk, wanted))

    if wanted.changes:
        return Held(built())
    return KeptIndexes(home.screening_index, key, program_digest()).index(wanted, built)


def _entities(desk: ListDesk, wanted: Wanted) -> Iterator[ListedEntity]:
    for source, snapshot in wanted.snapshots:
        yield from desk.entities_of(source, snapshot)
    for source, before, after in wanted.changes:
        old = desk.entities_of(source, before) if before is not None else ()
        delta = compare(old, desk.entities_of(source, after))
        yield from (*delta.added, *delta.changed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
