"""No order of asking, approving, taking back and waiting ends a key that others did not approve.

Small random plays over the real approvals, catalogue row, erasures and key ring; a slow model
counts whose word stands and for how long, and after every move the keys are compared with it.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "identity"))
from approval_kit import LIVE, PARTS, Room, copy_of

from paywarden.core.errors import PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.core.secret import Secret
from paywarden.identity.approvals.catalogue import CATALOGUE, SUBJECT_ERASE
from paywarden.identity.approvals.execution import Maker
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.ports import Erased
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.migrate import migrate
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys
from paywarden.privacy.erasure.model import ErasurePayload
from paywarden.privacy.erasure.service import Erasures
from paywarden.privacy.erasure.stores.sqlite import SCHEMA, SqliteErasures

WITH_ERASURES = (*PARTS, SCHEMA)
SUBJECTS = ("payer-0000000000000001", "payer-0000000000000002")
KEY = Maker("key_abcdefgh", frozenset({"operator"}))
ROLES = {
    "a": ("privacy_officer",), "b": ("privacy_officer",), "c": ("security_officer",),
    "d": ("approver",), "e": ("analyst",),
}  # fmt: skip
PEOPLE = st.sampled_from("abcde")
WAITS = st.sampled_from([60, 1_800, 3_600, 100_000, 300_000])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from("abe-"), st.integers(0, 1)),
        st.tuples(st.just("approve"), PEOPLE, st.integers(0, 3)),
        st.tuples(st.just("approve"), st.sampled_from("bcd"), st.just(0)),
        st.tuples(st.just("withdraw"), PEOPLE, st.integers(0, 3)),
        st.tuples(st.just("execute"), st.sampled_from("aab"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.just(""), WAITS),
    ),
    max_size=14,
)  # fmt: skip


@functools.cache
def template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="paywarden-erasures-")) / "template.sqlite"
    migrate(path, WITH_ERASURES)
    return path


class Play:
    """One installation's people, and what the model knows of each request."""

    def __init__(self, folder: Path) -> None:
        self.room = room = Room(copy_of(template(), folder), parts=WITH_ERASURES).open()
        self.ids = {name: room.people.enrol(name, *roles) for name, roles in ROLES.items()}
        self.ring = SubjectKeyRing(Secret(b"m" * 32), MemoryWrappedKeys(), SystemRandomness())
        store = SqliteErasures(room.reader)
        Erasures(self.ring, store, room.writer, room.audit, room.clock).register(room.approvals)
        self.sealed = [self.ring.seal(LIVE, one, b"Ann", b"") for one in SUBJECTS]
        self.asked: list[Any] = []
        self.words: list[dict[PersonId, int]] = []
        self.erased: set[int] = set()

    async def move(self, kind: str, who: str, number: int) -> None:
        if kind == "wait":
            self.room.clock.advance(number)
            return
        try:
            await getattr(self, kind)(who, number)
        except PaywardenError:
            return

    async def ask(self, who: str, subject: int) -> None:
        maker = KEY if who == "-" else self.room.maker(self.ids[who])
        payload = ErasurePayload((SUBJECTS[subject],)).payload()
        found = await self.room.approvals.request(LIVE, SUBJECT_ERASE, payload, maker, "asked")
        assert who in "ab", "privacy officers alone ask"
        self.asked.append((found, who, subject))
        self.words.append({})

    async def approve(self, who: str, number: int) -> None:
        if number < len(self.asked):
            await self.room.approve(self.asked[number][0], self.ids[who])
            self.words[number][self.ids[who]] = self.room.clock.now_us()

    async def withdraw(self, who: str, number: int) -> None:
        if number < len(self.asked):
            name = self.asked[number][0].asked.approval_id.text
            await self.room.approvals.deciding.withdraw(LIVE, name, self.ids[who].text, "no")
            self.words[number].pop(self.ids[who], None)

    async def execute(self, who: str, number: int) -> None:
        if number >= len(self.asked):
            return
        request, maker, subject = self.asked[number]
        await self.room.execute(request, self.ids[who])
        row, words = CATALOGUE[SUBJECT_ERASE], self.words[number]
        others = sorted(at for person, at in words.items() if person != self.ids[maker])
        assert who == maker and len(others) >= row.approvals == 2
        assert self.room.clock.now_us() >= others[1] + row.cooling_seconds * 1_000_000
        self.erased.add(subject)

    def check(self) -> None:
        """Data of a person is gone just when the model says that its end was approved."""
        for number, subject in enumerate(SUBJECTS):
            found = self.ring.open(LIVE, subject, self.sealed[number], b"")
            assert isinstance(found, Erased) == (number in self.erased)
        done = self.room.events("privacy:subject:erase")
        assert len(done) == len(self.erased)
        assert len(self.room.events("approval:request:execute")) == len(done)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MOVES)
def test_no_path_erases_without_approval(moves: list[tuple[str, str, int]]) -> None:
    async def played(play: Play) -> None:
        for move in moves:
            await play.move(*move)
            play.check()

    with tempfile.TemporaryDirectory(prefix="paywarden-erasures-") as folder:
        play = Play(Path(folder))
        asyncio.run(played(play))
        play.room.close()


def test_the_model_lets_an_approved_erasure_pass() -> None:
    """Positive control: the plays above are not empty of erasures."""
    moves = [("ask", "a", 0), ("approve", "b", 0), ("approve", "c", 0), ("execute", "a", 0)]

    async def played(play: Play) -> None:
        for move in moves:
            await play.move(*move)
        play.check()
        assert not play.erased, "the cooling time is not over"
        for move in [("wait", "", 3_600), ("execute", "a", 0)]:
            await play.move(*move)
        play.check()
        assert play.erased == {0}

    with tempfile.TemporaryDirectory(prefix="paywarden-erasures-") as folder:
        play = Play(Path(folder))
        asyncio.run(played(play))
        play.room.close()
