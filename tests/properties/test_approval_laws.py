"""No order of acts gets anything done without enough different people, twice, late, or otherwise.

A machine asks as people and as a key, approves with passkeys and with codes, also spent ones, takes
back, changes roles, moves the clock, crashes and restarts; a slow model of its own says who stands
behind each request, and what came about is compared with it.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "identity"))
from approval_kit import LIVE, Room, copy_of, make_template

from paywarden.core.errors import PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.identity.approvals.catalogue import CATALOGUE
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.model import Request

ACTIONS = ("ruleset.publish", "ruleset.rollback", "retention.change")
NAMES = "abcde"
ROLES = ("rule_author", "approver", "risk_manager", "privacy_officer")
KEY = Maker("key_abcdefgh", frozenset({"operator"}))
_TEMPLATE = Path(tempfile.mkdtemp(prefix="paywarden-approvals-"))


@dataclass
class Slow:
    """What the model knows of one request: who approved when, and whether it ended."""

    request: Request
    payload: str
    votes: dict[PersonId, int] = field(default_factory=dict)
    by_code: set[PersonId] = field(default_factory=set)
    ended: bool = False
    done: int = 0


class Approving(RuleBasedStateMachine):
    """Few people, few roles, every order."""

    asked = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=_TEMPLATE))
        self.loop = asyncio.new_event_loop()
        self.room = Room(copy_of(template(), self.folder)).open()
        self.people = [
            self.room.people.enrol(name, *roles)
            for name, roles in zip(NAMES, (("rule_author",), ("approver",), ("approver",),
                                           ("risk_manager",), ("privacy_officer",)), strict=True)
        ]  # fmt: skip
        self.slow: dict[str, Slow] = {}

    def teardown(self) -> None:
        self.room.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result, or the refusal's code."""
        try:
            return self.loop.run_until_complete(work)
        except PaywardenError as refusal:
            return refusal.code

    who = st.integers(0, len(NAMES) - 1)

    @rule(target=asked, person=st.sampled_from([0, 0, 3, 4, -1]),
          action=st.sampled_from(ACTIONS))  # fmt: skip
    def ask(self, person: int, action: str) -> str:
        maker = KEY if person < 0 else self.room.maker(self.people[person])
        payload = f"payload {len(self.slow)}"
        found = self.run(self.room.approvals.request(
            LIVE, action, payload.encode(), maker, "because"
        ))  # fmt: skip
        if isinstance(found, str):
            assert not maker.roles & CATALOGUE[action].makers
            return ""
        self.slow[found.asked.approval_id.text] = Slow(found, payload)
        return str(found.asked.approval_id.text)

    @rule(name=asked, other=asked, person=who, swapped=st.sampled_from([False] * 5 + [True]))
    def approve(self, name: str, other: str, person: int, swapped: bool) -> None:
        if not name or not other:
            return
        one, approver = self.slow[name], self.people[person]
        signed_for = self.slow[other] if swapped else one
        signed = self.room.sign(signed_for.request, approver)
        found = self.run(self.room.approvals.deciding.approve(LIVE, name, approver.text, signed))
        if isinstance(found, Request):
            assert signed_for is one and approver not in one.votes
            one.votes[approver] = self.room.clock.now_us()

    @rule(name=asked, person=who, fresh=st.booleans())
    def approve_by_code(self, name: str, person: int, fresh: bool) -> None:
        if not name:
            return
        one, approver = self.slow[name], self.people[person]
        if fresh:
            self.room.codes.spent.clear()
        spent = approver.text in self.room.codes.spent
        found = self.run(
            self.room.approvals.deciding.approve_by_code(LIVE, name, approver.text, NAMES[person])
        )
        if isinstance(found, Request):
            assert one.request.asked.action == "ruleset.rollback"
            assert not spent and approver not in one.votes
            one.votes[approver] = self.room.clock.now_us()
            one.by_code.add(approver)

    @rule(name=asked, person=who)
    def take_back(self, name: str, person: int) -> None:
        if not name:
            return
        who = self.people[person]
        found = self.run(self.room.approvals.deciding.withdraw(LIVE, name, who.text, ""))
        if isinstance(found, Request):
            del self.slow[name].votes[who]
            self.slow[name].by_code.discard(who)

    @rule(name=asked, person=who, cancel=st.booleans())
    def end(self, name: str, person: int, cancel: bool) -> None:
        if not name:
            return
        deciding, who = self.room.approvals.deciding, self.people[person]
        way = deciding.cancel if cancel else deciding.reject
        found = self.run(way(LIVE, name, who.text, ""))
        if isinstance(found, Request):
            assert (who.text == self.slow[name].request.asked.maker) is cancel
            self.slow[name].ended = True

    @rule(
        person=st.sampled_from([1, 2, 3, 3]),
        by=st.sampled_from([None, 0, 0, 3, 4]),
        role=st.sampled_from(["approver", "approver", *ROLES]),
    )
    def grant(self, person: int, by: int | None, role: str) -> None:
        self.room.people.grant(self.people[person], role, None if by is None else self.people[by])

    @rule(person=who, role=st.sampled_from(ROLES))
    def take_role(self, person: int, role: str) -> None:
        self.room.people.take(self.people[person], role)

    @rule(person=who, active=st.booleans())
    def switch(self, person: int, active: bool) -> None:
        self.room.people.change(self.people[person], active=active)

    @rule(seconds=st.sampled_from([1, 600, 3_600, 14_400, 86_400]))
    def wait(self, seconds: int) -> None:
        self.room.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.room.close()
        self.room.open()

    @rule(
        name=asked,
        person=who,
        stranger=st.sampled_from([False] * 5 + [True]),
        crash=st.sampled_from(["", "", "before", "after"]),
    )
    def execute(self, name: str, person: int, stranger: bool, crash: str) -> None:
        if not name:
            return
        one = self.slow[name]
        actor = self.people[person].text if stranger else one.request.asked.maker
        may = self.may(one, actor)
        self.room.crash = crash
        before = len(self.room.effects())
        try:
            found = self.run(self.room.approvals.execute(LIVE, name, actor))
        except OSError:
            found = "crashed"
            self.restart()
        self.room.crash = ""
        done = len(self.room.effects()) - before
        assert done == (1 if may and crash != "before" else 0), (found, may, crash)
        one.done += done
        one.ended = one.ended or done == 1

    @rule(maker=st.sampled_from([0, 3, 4, -1]), action=st.sampled_from(ACTIONS),
          first=st.integers(1, 3), second=st.integers(1, 3), by=st.sampled_from([None, 0, 3, 4]),
          crash=st.sampled_from(["", "", "before", "after"]), coded=st.booleans())  # fmt: skip
    def go_all_the_way(
        self, maker: int, action: str, first: int, second: int, by: int | None, crash: str,
        coded: bool,
    ) -> None:  # fmt: skip
        """One request from end to end: random orders alone seldom get that far."""
        self.grant(person=first, by=by, role="approver")
        name = self.ask(maker, action)
        for person in (first, second):
            self.approve(name, name, person, False)
        if coded:
            self.approve_by_code(name, 1, True)
        self.execute(name, maker, False, "")
        self.wait(3_600)
        self.execute(name, maker, False, crash)
        self.execute(name, maker, False, "")

    @invariant()
    def everything_done_was_asked_for_once(self) -> None:
        effects = self.room.effects()
        assert sorted(effects) == sorted(
            one.payload for one in self.slow.values() for _ in range(one.done)
        )
        assert all(one.done <= 1 for one in self.slow.values())

    def roles(self, person: PersonId) -> set[str]:
        return {one.role for one in self.room.people.held[person].grants}

    def may(self, one: Slow, actor: str) -> bool:
        """By hand: enough different people, independent, in time, after the wait."""
        asked, now = one.request.asked, self.room.clock.now_us()
        row = CATALOGUE[asked.action]
        held = self.room.people.held
        if one.ended or now >= asked.expires_at_us or actor != asked.maker:
            return False
        needed = row.approvals
        if actor == KEY.actor:
            needed += 0 if asked.action == "ruleset.rollback" else 1
        elif not held[maker := PersonId(actor)].active or not self.roles(maker) & row.makers:
            return False
        times = []
        for person, at in one.votes.items():
            independent = [
                grant for grant in held[person].grants
                if grant.role in row.approvers
                and (grant.granted_by is None or grant.granted_by.text != actor)
            ]  # fmt: skip
            able = held[person].active and independent
            if person in one.by_code and asked.action != "ruleset.rollback":
                able = False
            if person.text != actor and able:
                times.append(at)
        if len(times) < needed:
            return False
        return now >= sorted(times)[needed - 1] + row.cooling_seconds * 1_000_000


def template() -> Path:
    found = _TEMPLATE / "template.sqlite"
    return found if found.exists() else make_template(_TEMPLATE)


TestApproving = Approving.TestCase
TestApproving.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def teardown_module() -> None:
    shutil.rmtree(_TEMPLATE, ignore_errors=True)
