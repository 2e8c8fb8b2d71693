"""Who never paid here is new to us and not dormant, however old the account is said to be."""

from __future__ import annotations

from importlib.resources import files

from decision_room import DAY, POLICY, Room
from screening_room import transfer

from paywarden.aml.alerts.ports import AlertFilter

ID = "dormant-reactivation"
SHIPPED = files("paywarden.aml").joinpath(f"typologies/{ID}.yaml").read_bytes()
DAYS_SECONDS = 86_400


async def paid(room: Room, payer: str) -> int:
    """A large transfer out of an account that is 900 days old; alerts of the typology so far."""
    party = {"id": payer, "name": "Ann Example", "created_at": room.time(-900 * DAY)}
    await room.decide(transfer(room, payer=party, amount_minor=400_000))
    own = room.installation
    return len(own.aml.alerts.page(room.live, AlertFilter(subject=ID), "", 100))


async def test_only_whoever_paid_before_can_wake(room: Room) -> None:
    await room.publish({**POLICY, f"typologies/{ID}.yaml": SHIPPED})
    assert await paid(room, "sleeper") == 0, "a fresh home knows nobody"
    room.clock.advance(60 * DAYS_SECONDS)
    assert await paid(room, "late-comer") == 0
    room.clock.advance(29 * DAYS_SECONDS)
    assert await paid(room, "another") == 0, "89 days of log cannot show 90 of silence"
    room.clock.advance(2 * DAYS_SECONDS)
    assert await paid(room, "late-comer") == 0, "31 days"
    assert await paid(room, "new-comer") == 0, "never seen, though the log is long enough"
    assert await paid(room, "sleeper") == 1, "91 days of silence"
    assert await paid(room, "sleeper") == 1, "awake"
