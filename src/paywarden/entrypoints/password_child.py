"""The process that hashes passwords: the lowest priority, little memory, no files, no network.

Guards: started by the API process, speaks only with it, by its pipes; ends when they end.
"""

from __future__ import annotations

import os
import resource
import sys

from paywarden.identity.hashing_process import serve_work

MEMORY_BYTES = 512 << 20
NICENESS = 19


def main() -> None:
    """Serve until the pipe ends."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve_work(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
