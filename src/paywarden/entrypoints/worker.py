"""`paywarden worker`: delivers webhooks from the outbox, in a process of its own.

Guards: it reads the log's database and cannot write it; its own records lie in a database whose
lock one worker holds. It may be stopped, killed or away for days: messages wait in the outbox, and
what was being sent is sent again. SIGTERM and SIGINT let attempts under way end.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack

from paywarden.entrypoints.home import Home
from paywarden.entrypoints.webhooks import DELIVERY_PARTS, webhook_parts
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import configure, logger
from paywarden.kit.outbox import Outbox
from paywarden.kit.webhooks.delivering import Deliverer
from paywarden.kit.webhooks.sending import Sender
from paywarden.kit.webhooks.taking_over import TakingOver


def work(home: Home) -> int:
    """Deliver until SIGTERM or SIGINT; 0 afterwards. Errors: Conflict while another works."""
    home.require()
    settings = home.settings(os.environ)
    configure(level=settings.installation.log_level)
    asyncio.run(_deliver(home))
    return 0


async def _deliver(home: Home) -> None:
    settings, clock, randomness = home.settings(os.environ), SystemClock(), SystemRandomness()
    with ExitStack() as open_things:
        reader = Reader(home.database)
        open_things.callback(reader.close)
        writer = Writer(home.webhooks, DELIVERY_PARTS)
        writer.start()
        open_things.callback(writer.close)
        master = load_master_key(home.master_key)
        parts = webhook_parts(home, settings.webhooks, master, reader, randomness, writer)
        taking_over = TakingOver(
            Outbox(reader), parts.endpoints, parts.deliveries, parts.catalogue, parts.key, clock
        )
        async with Sender(clock, parts.allowed) as sender:
            deliverer = Deliverer(
                taking_over, parts.endpoints, parts.deliveries, sender, clock, randomness
            )
            logger().info("worker_started", pid=os.getpid())
            await deliverer.run(_stopped())
    logger().info("worker_stopped")


def _stopped() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
