"""A decision room with invented lists, and a policy that gives screening time on slow machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decision_room import POLICY, Room

from paywarden.aml.screening.serving.opinion import Hit
from paywarden.decision.payments import Decided
from paywarden.decision.screening_record import hits_of
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.screening_lists import list_desk

HEAD = "id,name,type,birth_date,country,program,aliases,wallet\n"
LISTED: Mapping[str, str] = {
    "q1": "q1,Zoltan Quarzenberg,Person,1961-04-05,HU,TEST-1,Zoli Quarzenberg;Солтан Кварценберг,",
    "q2": "q2,Brackwater Orchid Holding Ltd,Company,,CY,TEST-1,Brackwater Orchid,",
    "q3": "q3,Ignatius Plumwhistle,Person,1975-09-09,GB,TEST-2,,"
    "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh",
}
EXPOSED = "p1,Ottoline Featherquill,Person,1958-01-01,MT,role.pep,,"
PATIENT = (
    POLICY["policy.yaml"]
    + b"""\
stages:
  screening: {deadline_ms: 10000, on_failure: review}
"""
)
SCREENING: Mapping[str, bytes] = {**POLICY, "policy.yaml": PATIENT}


def write_list(folder: Path, *rows: str) -> Path:
    """An own list with these rows."""
    folder.mkdir(exist_ok=True)
    path = folder / "own.csv"
    path.write_text(HEAD + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


async def take_in(room: Room, home: Path, *rows: str, source: str = "own-test") -> str:
    """Take a list in as another process would, and let the server look."""
    desk = list_desk(Home(home), _Octets())
    taken = desk.take_in(write_list(home / "incoming", *rows), source, "ann")
    if taken.outcome == "waiting":
        assert taken.manifest is not None
        desk.approve(source, taken.manifest.id, "bob", "checked")
    await room.installation.aml.screening_desk.look()
    return str(taken.outcome)


async def screened(room: Room, home: Path, files: Mapping[str, bytes] = SCREENING) -> Room:
    """The room with a published policy and all lists in force."""
    await room.publish(files)
    await take_in(room, home, *LISTED.values(), EXPOSED)
    return room


def hits(room: Room, decided: Decided) -> tuple[Hit, ...]:
    """The hits of a decision."""
    sealer = room.installation.sealer
    return hits_of(sealer, decided.scope, decided.seq, decided.entry.screening)


def transfer(room: Room, **changes: Any) -> Any:
    """A plain transfer."""
    given: dict[str, Any] = {
        "type": "transfer",
        "payer": {"id": "payer-1", "name": "Ann Example"},
        "payee": {"id": "payee-1", "name": "Ben Sample", "account": "DE89370400440532013000"},
        "instrument": {"kind": "account", "reference": "acc-1"},
        "merchant": None,
    }
    return room.payment(**{**given, **changes})


class _Octets:
    def octets(self, count: int) -> bytes:
        return bytes(range(count))
