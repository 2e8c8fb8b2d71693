"""The process of one back-test that a server asked for: the command, with less claim to the CPU."""

from __future__ import annotations

import os
import sys

from paywarden.entrypoints.main import main

NICENESS = 10


def run() -> int:
    """Run the command of the command line; its exit code."""
    os.nice(NICENESS)
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
