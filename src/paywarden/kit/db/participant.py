"""Port for those who take part in every commit beside the tables.

Guards: what must be durable before a batch (new subject keys), and what must follow its fate (the
chain of the log). All methods run in the writer's thread, in this order: `before` once per batch,
then `committed` or `rolled_back`; `reset` when a writer starts or recovers.
"""

from __future__ import annotations

import sqlite3
from typing import Protocol


class Participant(Protocol):
    """Takes part in each batch; an exception from any method fails the batch."""

    def reset(self, connection: sqlite3.Connection) -> None:
        """Forget everything in memory and read the last committed state from the file."""
        ...

    def before(self) -> None:
        """Make durable what the batch about to be written relies on."""
        ...

    def committed(self) -> None:
        """The batch is durable."""
        ...

    def rolled_back(self) -> None:
        """The batch left nothing behind; return to the last committed state."""
        ...
