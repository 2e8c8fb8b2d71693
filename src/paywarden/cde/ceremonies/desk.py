"""The desk where ceremonies are held: one at a time, its secrets in this process alone.

Guards, in this order: time (a late session ends and forgets), the person's signature over this very
step, the seat, the part. What is made is held in memory until every custodian has entered the part
again; then one file is replaced. So a process killed anywhere before leaves the state of before,
and one killed after leaves the state of after: `recover` says which in the transcript.
Refusals name the place of a wrong part, never its content. Not done here: sockets (`host`), the
keys below the root (the key agent seals them again after a rotation).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde.ceremonies import model
from paywarden.cde.ceremonies.attempts import Attempts
from paywarden.cde.ceremonies.attendance import (
    CUSTODIAN,
    OFFICER,
    Proof,
    believe,
    step,
)
from paywarden.cde.ceremonies.making import Former, Made, joined, make, prove
from paywarden.cde.ceremonies.model import Act, Plan, Session, Stage
from paywarden.cde.ceremonies.parts import Part, printed, read
from paywarden.cde.ceremonies.transcript import Fact, Transcript
from paywarden.cde.ceremonies.wire import Activate, Cancel, Enter, Entered, Standing, Start
from paywarden.cde.roots import record as records
from paywarden.cde.roots.record import RootRecord
from paywarden.cde.roots.sealing import RootInMemory
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotFound, NotPermitted
from paywarden.core.secret import Secret

SESSION_SECONDS: Final = 1_800
TRANSCRIPTS: Final = "ceremonies"


class Desk:
    """Holds ceremonies in `folder` (the key agent's own)."""

    def __init__(
        self,
        folder: Path,
        roster: PinnedRoster,
        transcript_key: Secret[bytes],
        clock: Clock,
        randomness: Randomness,
        *,
        session_seconds: int = SESSION_SECONDS,
    ) -> None:
        self._folder, self._roster, self._transcript_key = folder, roster, transcript_key
        self._clock, self._randomness = clock, randomness
        self._session_ns = session_seconds * 1_000_000_000
        self._attempts = Attempts(folder / "ceremony-attempts.json", clock)
        (folder / TRANSCRIPTS).mkdir(mode=0o700, exist_ok=True)
        self._record = _present(folder)
        self._root: dict[int, Secret[bytes]] | None = None
        self._session: Session | None = None
        self._transcript: Transcript | None = None
        self._made: Made | None = None
        self._entered: list[Part] = []
        self._nonce = randomness.octets(16)

    @property
    def root(self) -> RootInMemory | None:
        """The root, once a quorum has opened it."""
        if self._root is None or self._record is None:
            return None
        return records.software_sealed(self._record, self._root, self._randomness)

    def standing(self) -> Standing:
        """How things stand; a late session is ended first."""
        self._end_late()
        root = "none" if self._record is None else "locked" if self._root is None else "open"
        check = self._record.header.check if self._record else ""
        if self._session is None or self._transcript is None:
            return Standing(root, self._nonce, check=check)  # type: ignore[arg-type]
        one = self._session
        authorising = one.stage is Stage.AUTHORISING
        missing = one.authorising - len(one.acted) if authorising else len(one.waiting)
        return Standing(
            root,  # type: ignore[arg-type]
            self._nonce,
            one.ceremony,
            one.plan.act.value,
            one.stage.value,
            list(one.waiting),
            missing,
            check,
            self._transcript.head,
        )

    def start(self, asked: Start) -> Standing:
        """Open a ceremony. Errors: Conflict, InvalidRequest, NotPermitted."""
        self._end_late()
        if self._session is not None and self._session.stage not in model.ENDED:
            raise Conflict("ceremony_under_way", "a ceremony is under way: end or cancel it first")
        act = Act(asked.act)
        if (act is Act.INITIALISE) != (self._record is None):
            raise Conflict("root_exists", "initialise makes the first root; others change it")
        plan = Plan(act, asked.scheme, asked.needed, tuple(asked.custodians), asked.officer)
        signed = self._step("", "start", plan_text(plan), asked.officer)
        self._believe(asked.officer, OFFICER, "", signed, asked.proof)
        for person in plan.custodians:
            self._seated(person, plan.officer)
        self._open(plan)
        facts: dict[str, Fact] = {
            "act": act.value,
            "scheme": plan.scheme,
            "needed": plan.needed,
            "custodians": list(plan.custodians),
        }
        self._told("started", plan.officer, facts)
        if act is Act.INITIALISE:
            self._make()
        return self.standing()

    def await_quorum(self) -> Standing:
        """Open the unlocking session of a locked root. Errors: NotFound `root_missing`."""
        if self._record is None:
            raise NotFound("root_missing", "there is no root yet: hold a ceremony")
        header = self._record.header
        people = tuple(one.person for one in header.holders)
        self._open(Plan(Act.UNLOCK, header.scheme, header.needed, people, ""))
        self._told("unlock_awaited", "", {"needed": header.needed, "generation": header.generation})
        return self.standing()

    def enter(self, asked: Enter) -> Entered:
        """A custodian's step. Errors: all of the room's."""
        session = self._live()
        self._attempts.check()
        what = "enter" if asked.part else "take"
        signed = self._step(session.ceremony, session.stage.value, what, asked.person)
        self._believe(asked.person, CUSTODIAN, session.plan.officer, signed, asked.proof)
        model.may_act(session, asked.person)
        if session.stage is Stage.HANDING:
            return self._hand(session, asked)
        if session.stage is Stage.AUTHORISING:
            return self._authorise(session, asked)
        if session.stage is Stage.VALIDATING:
            return self._validate(session, asked)
        raise Conflict("stage_wrong", f"no part is entered at the stage `{session.stage}`")

    def activate(self, asked: Activate) -> Standing:
        """Put what was made in force. Errors: Conflict `stage_wrong`, NotPermitted."""
        session = self._live()
        self._officer_acts(session, "activate", asked.person, asked.proof)
        if session.stage is not Stage.READY or self._made is None:
            raise Conflict("stage_wrong", f"nothing is ready at the stage `{session.stage}`")
        model.may_act(session, asked.person)
        made = self._made.record
        self._told("activating", asked.person, {"record": digest_of(made)})
        records.write(self._folder, made)
        self._record, self._root = made, self._made.keys
        facts: dict[str, Fact] = {"check": made.header.check, "generation": made.header.generation}
        self._told("activated", asked.person, facts)
        self._session = model.acted(session, asked.person)
        self._forget()
        return self.standing()

    def cancel(self, asked: Cancel) -> Standing:
        """End the ceremony without effect. Errors: Conflict, NotPermitted."""
        session = self._live()
        if session.plan.act is Act.UNLOCK:
            raise Conflict(
                "stage_wrong", "waiting for the quorum is not cancelled: stop the process"
            )
        self._officer_acts(session, "cancel", asked.person, asked.proof)
        self._told("cancelled", asked.person)
        self._finish(Stage.CANCELLED)
        return self.standing()

    # one step of each stage

    def _hand(self, session: Session, asked: Enter) -> Entered:
        if asked.part:
            raise Conflict("stage_wrong", "parts are taken at this stage, none is entered")
        part = self._made_part(session, asked.person)
        self._told("part_taken", asked.person, {"place": part.place, "check": part.check.hex()})
        self._advance(session, asked.person)
        return Entered(self.standing(), printed(part).expose(), part.check.hex())

    def _validate(self, session: Session, asked: Enter) -> Entered:
        mine, given = self._made_part(session, asked.person), self._given(asked)
        if given.place != mine.place or given.set_id != mine.set_id or given.value != mine.value:
            self._wrong(asked.person, mine.place)
        self._told("part_entered", asked.person, {"place": mine.place, "check": mine.check.hex()})
        self._entered.append(given)
        if len(self._entered) == len(session.plan.custodians):
            prove(self._made_now(), self._entered)
        self._advance(session, asked.person)
        return Entered(self.standing(), "", mine.check.hex())

    def _authorise(self, session: Session, asked: Enter) -> Entered:
        record = self._record
        assert record is not None
        holder = next(one for one in record.header.holders if one.person == asked.person)
        given = self._given(asked)
        fits = given.place == holder.place and given.set_id.hex() == record.header.set_id
        if not fits or given.check.hex() != holder.check:
            self._wrong(asked.person, holder.place)
        entered = [*self._entered, given]
        if len(entered) == session.authorising:
            self._release(record, entered)
        self._told("part_entered", asked.person, {"place": given.place, "check": holder.check})
        self._entered = entered
        self._advance(session, asked.person)
        if self._session is not None and self._session.stage is not Stage.AUTHORISING:
            self._attempts.clear()
            self._authorised(self._session)
        return Entered(self.standing(), "", holder.check)

    def _release(self, record: RootRecord, entered: list[Part]) -> None:
        try:
            self._root = records.opened(record, joined(entered))
        except Corrupt:
            self._told("quorum_wrong", "")
            self._finish(Stage.INTERRUPTED)
            raise

    def _authorised(self, session: Session) -> None:
        self._entered = []
        facts: dict[str, Fact] = {"check": self._record.header.check if self._record else ""}
        if session.plan.act is Act.UNLOCK:
            self._told("unlocked", "", facts)
            return
        self._told("authorised", "", facts)
        self._make()

    def _make(self) -> None:
        session = self._session
        assert session is not None
        held = self._record is not None and self._root is not None
        former = Former(self._record, self._root) if held else None  # type: ignore[arg-type]
        now_us = self._clock.now_us()
        self._made = make(session.plan, session.ceremony, former, now_us, self._randomness)

    def _made_part(self, session: Session, person: str) -> Part:
        return self._made_now().parts[session.plan.custodians.index(person)]

    def _made_now(self) -> Made:
        assert self._made is not None
        return self._made

    # small steps

    def _open(self, plan: Plan) -> None:
        ceremony = "cer_" + self._randomness.octets(8).hex()
        header = self._record.header if self._record else None
        holders = tuple(one.person for one in header.holders) if header else ()
        self._forget()
        self._nonce = self._randomness.octets(16)
        deadline = self._clock.monotonic_ns() + self._session_ns
        needed = header.needed if header else 0
        self._session = model.opened(ceremony, plan, holders, needed, deadline)
        path = self._folder / TRANSCRIPTS / f"{ceremony}.jsonl"
        self._transcript = Transcript(path, self._transcript_key, self._clock)

    def _live(self) -> Session:
        self._end_late()
        if self._session is None:
            raise NotFound("no_ceremony", "no ceremony is under way")
        if self._session.stage in model.ENDED:
            raise Conflict("ceremony_ended", f"this ceremony is {self._session.stage}")
        return self._session

    def _end_late(self) -> None:
        one = self._session
        if one is None or one.stage in model.ENDED:
            return
        if self._clock.monotonic_ns() >= one.deadline_ns:
            self._told("expired", "")
            self._finish(Stage.EXPIRED)
            if one.plan.act is Act.UNLOCK:
                self.await_quorum()

    def _finish(self, stage: Stage) -> None:
        assert self._session is not None
        self._session = model.ended(self._session, stage)
        self._forget()

    def _forget(self) -> None:
        self._made, self._entered = None, []

    def _advance(self, session: Session, person: str) -> None:
        self._session = model.acted(session, person)
        self._nonce = self._randomness.octets(16)

    def _given(self, asked: Enter) -> Part:
        if not asked.part:
            raise InvalidRequest("part_incomplete", "a part is entered at this stage")
        return read(Secret(asked.part))

    def _wrong(self, person: str, place: int) -> None:
        left = self._attempts.wrong()
        self._told("part_wrong", person, {"place": place, "attempts_left": left})
        detail = f"not the part of place {place}; {left} attempts left"
        raise InvalidRequest("part_wrong", detail)

    def _officer_acts(self, session: Session, what: str, person: str, proof: Proof) -> None:
        signed = self._step(session.ceremony, session.stage.value, what, person)
        self._believe(person, OFFICER, "", signed, proof)
        if person != session.plan.officer:
            raise NotPermitted("no_seat", "only the officer of this ceremony ends it")

    def _step(self, ceremony: str, stage: str, what: str, person: str) -> bytes:
        return step(ceremony, stage, what, person, self._nonce)

    def _believe(self, person: str, role: str, granter: str, signed: bytes, proof: Proof) -> None:
        believe(self._roster, person, role, granter, signed, proof)

    def _seated(self, person: str, officer: str) -> None:
        member = self._roster.members.get(person)
        held = member.roles if member else ()
        if not any(one.role == CUSTODIAN and one.granted_by != officer for one in held):
            detail = "a custodian is on the roster in that role, not granted by this officer"
            raise NotPermitted("not_on_roster", detail)

    def _told(self, what: str, person: str, facts: dict[str, Fact] | None = None) -> None:
        assert self._transcript is not None
        self._transcript.add(what, person, facts)


def plan_text(plan: Plan) -> str:
    """What the officer signs of a plan: all of it, in one line."""
    people = ",".join(plan.custodians)
    return f"{plan.act.value} {plan.scheme} {plan.needed} {people}"


def digest_of(record: RootRecord) -> str:
    """SHA-256 of a record, in hex: what the transcript names before it is put in force."""
    return hashlib.sha256(msgspec.json.encode(record, order="deterministic")).hexdigest()


def _present(folder: Path) -> RootRecord | None:
    try:
        return records.load(folder)
    except NotFound:
        return None
