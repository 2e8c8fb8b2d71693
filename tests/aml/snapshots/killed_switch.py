"""A process that takes a list in and kills itself at a named step: `ROOT LIST STEP`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from list_desk_kit import NOW_US, key

from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.aml.screening.snapshots.taking_in import ListDesk
from paywarden.core.clock import FixedClock

root, path, wanted = sys.argv[1:]


def step(name: str) -> None:
    if name == wanted:
        os.kill(os.getpid(), signal.SIGKILL)


ListDesk(SnapshotFolder(Path(root), key(), step), FixedClock(NOW_US)).take_in(
    Path(path), "un", "anna"
)
