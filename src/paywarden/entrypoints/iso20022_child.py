"""The process that reads ISO 20022 messages: low priority, little memory, no network.

Guards: started by the API process at its first message, speaks only with it, by its pipes; ends
when they end. It opens no file but the schemas of installed packages.
"""

from __future__ import annotations

import os
import resource
import sys

from paywarden.decision.iso20022.serving import serve_messages

MEMORY_BYTES = 1 << 30
NICENESS = 10


def main() -> None:
    """Serve until the pipe ends."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve_messages(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
