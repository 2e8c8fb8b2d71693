"""The process that holds the lists of a home: started by the server, never by hand.

Guards: the word of its command line is the home folder; which snapshots it reads comes from its
parent, each is checked against its manifest and that manifest's signature before it is believed.
Without the key of the lists, or with a damaged file, it says so and ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.serving.child import serve
from paywarden.aml.screening.serving.messages import Wanted
from paywarden.aml.screening.snapshots.comparing import compare
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.aml.screening.snapshots.taking_in import ListDesk
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.home import Home
from paywarden.evidence.log_key import load_log_key
from paywarden.kit.clock import SystemClock


def main(words: list[str]) -> int:
    """Serve the parent until it closes its end."""
    home = Home(Path(words[0]))

    def entities(wanted: Wanted) -> Iterator[ListedEntity]:
        if not home.screening_key.exists():
            raise Unavailable("list_key_missing", "keys/screening_lists.key is missing; restore it")
        folder = SnapshotFolder(home.screening_lists, load_log_key(home.screening_key).signer())
        desk = ListDesk(folder, SystemClock())
        for source, snapshot in wanted.snapshots:
            yield from desk.entities_of(source, snapshot)
        for source, before, after in wanted.changes:
            old = desk.entities_of(source, before) if before is not None else ()
            delta = compare(old, desk.entities_of(source, after))
            yield from (*delta.added, *delta.changed)

    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what any library prints must not stand between two frames
    return serve(source, sink, entities)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
