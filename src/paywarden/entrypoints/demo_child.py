"""A command of this program whose life hangs on its parent's: what the demonstration starts.

Guards: standard input is a pipe of which only the parent has the writing end. When it closes, in
whatever way the parent ended, this process is asked to end (SIGTERM, so that a server drains), and
a while later its whole group is made to.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from paywarden.entrypoints.main import main

GRACE_SECONDS = 10.0


def watch_parent() -> None:
    """End this process and its group once standard input has ended."""
    while os.read(0, 1):
        pass  # nothing is expected; only the end counts
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)


def run(words: Sequence[str]) -> int:
    """Run the command; its exit code."""
    threading.Thread(target=watch_parent, name="watch-parent", daemon=True).start()
    return main(words)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
