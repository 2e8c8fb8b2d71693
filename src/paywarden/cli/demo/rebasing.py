"""Rebasing: bodies of the simulated span as they have to look now.

Guards: an item is sent as if it happened at this moment (a live platform holds times that are more
than minutes off), every other instant keeps its distance to it, so that an account which was two
hours old still is; ids of payments and events carry the run's name, so that a second run of the
same home repeats nothing. Pure; bodies are changed in place, they are the caller's.
"""

from __future__ import annotations

from typing import Any

from paywarden.core.instants import format_rfc3339, parse_rfc3339

_PARTIES = ("payer", "payee", "merchant")


def rebase(body: dict[str, Any], run: str, happened_us: int, now_us: int) -> None:
    """Move one payment (the inner object) or event from `happened_us` to `now_us`."""
    shift_us = now_us - happened_us
    body["occurred_at"] = format_rfc3339(now_us)
    for name in _PARTIES:
        party = body.get(name)
        if party is not None and "created_at" in party:
            then_us = parse_rfc3339(party["created_at"])
            body[name] = {**party, "created_at": format_rfc3339(then_us + shift_us)}
    for name in ("id", "payment_id"):
        if name in body:
            body[name] = f"{run}-{body[name]}"
