"""People of a ceremony with keys of their own, and a signed roster of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.cde.ceremonies.attendance import CUSTODIAN, OFFICER, Proof, step
from paywarden.cde.ceremonies.desk import Desk, plan_text
from paywarden.cde.ceremonies.model import Act, Plan
from paywarden.cde.ceremonies.signed_roster import Enrolled, load_roster, write_roster
from paywarden.cde.ceremonies.wire import Activate, Cancel, Enter, Entered, Standing, Start
from paywarden.core.clock import Clock, FixedClock, Randomness
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness

PEOPLE = ["ana", "ben", "cem", "dia", "eli"]
TRANSCRIPT_KEY = Secret(hashlib.sha256(b"transcript").digest())


def key_of(person: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(person.encode()).digest())


def credential(person: str) -> bytes:
    return hashlib.sha256(key_of(person).public_key().public_bytes_raw()).digest()[:16]


def enrol_all(folder: Path) -> None:
    people = [_enrolled(one, {CUSTODIAN: "zoe"}) for one in PEOPLE]
    people += [_enrolled("olga", {OFFICER: "zoe"}), _enrolled("otto", {OFFICER: "zoe"})]
    people.append(_enrolled("fay", {CUSTODIAN: "olga"}))
    people.append(_enrolled("both", {CUSTODIAN: "zoe", OFFICER: "zoe"}))
    key = Secret(key_of("roster").private_bytes_raw())
    write_roster(folder, "pay.example", ["https://pay.example"], people, key)


def _enrolled(person: str, roles: dict[str, str]) -> Enrolled:
    return Enrolled(person, key_of(person).public_key().public_bytes_raw(), roles)


class House:
    """A desk in a folder, and people who act at it."""

    def __init__(
        self, folder: Path, clock: Clock | None = None, randomness: Randomness | None = None
    ) -> None:
        self.folder, self.clock = folder, clock or FixedClock(1_790_000_000_000_000)
        self.randomness = randomness or SystemRandomness()
        if not (folder / "roster.json").exists():
            enrol_all(folder)
        self.reopen()

    def reopen(self) -> None:
        self.desk = Desk(
            self.folder, load_roster(self.folder), TRANSCRIPT_KEY, self.clock, self.randomness
        )

    def proof(self, what: str, person: str, by: str | None = None) -> Proof:
        now = self.desk.standing()
        signed = step(now.ceremony, now.stage, what, person, now.nonce)
        return Proof(credential(by or person), key_of(by or person).sign(signed))

    def start(
        self, act: str = "initialise", needed: int = 2, people: list[str] | None = None,
        officer: str = "olga", scheme: str = "shares",
    ) -> Standing:  # fmt: skip
        people = people or ["ana", "ben", "cem"]
        text = plan_text(Plan(Act(act), scheme, needed, tuple(people), officer))
        signed = step("", "start", text, officer, self.desk.standing().nonce)
        proof = Proof(credential(officer), key_of(officer).sign(signed))
        return self.desk.start(Start(act, scheme, needed, people, officer, proof))  # type: ignore[arg-type]

    def take(self, person: str) -> Entered:
        return self.desk.enter(Enter(person, self.proof("take", person)))

    def enter(self, person: str, part: str) -> Entered:
        return self.desk.enter(Enter(person, self.proof("enter", person), part))

    def activate(self, person: str = "olga") -> Standing:
        return self.desk.activate(Activate(person, self.proof("activate", person)))

    def cancel(self, person: str = "olga") -> Standing:
        return self.desk.cancel(Cancel(person, self.proof("cancel", person)))

    def held(self, act: str = "initialise", **plan: object) -> dict[str, str]:
        """A whole ceremony from `start` (or from the authorisation on): parts by person."""
        if self.desk.standing().stage in ("", "done", "cancelled", "expired", "interrupted"):
            self.start(act, **plan)  # type: ignore[arg-type]
        people = list(self.desk.standing().waiting)
        parts = {person: self.take(person).part for person in people}
        for person in people:
            self.enter(person, parts[person])
        self.activate()
        return parts
