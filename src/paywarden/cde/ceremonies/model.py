"""The life of a ceremony as frozen values: which stage allows which step, and by whom.

    initialise       handing -> validating -> ready -> done
    rekey, rotate    authorising -> handing -> validating -> ready -> done
    unlock           authorising -> done
    any of them      -> cancelled | expired | interrupted

authorising: `needed` holders of the old parts enter them. handing: each new custodian takes one
part. validating: each of them enters it again. ready: an officer activates.

Guards: one person has one seat, the officer none; at least two people hold parts. Pure.
Source: PCI DSS 4.0.1, 3.7.6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from paywarden.core.errors import Conflict, InvalidRequest, NotPermitted

CUSTODIANS_LIMIT: Final = 16


class Act(StrEnum):
    """What a ceremony is for."""

    INITIALISE = "initialise"
    UNLOCK = "unlock"
    REKEY = "rekey"
    ROTATE = "rotate"


class Stage(StrEnum):
    """Where a ceremony stands."""

    AUTHORISING = "authorising"
    HANDING = "handing"
    VALIDATING = "validating"
    READY = "ready"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"


ENDED: Final = frozenset({Stage.DONE, Stage.CANCELLED, Stage.EXPIRED, Stage.INTERRUPTED})
AUTHORISED: Final = frozenset({Act.UNLOCK, Act.REKEY, Act.ROTATE})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made: `custodians` in the order of their places; components need all."""

    act: Act
    scheme: str
    needed: int
    custodians: tuple[str, ...]
    officer: str

    def __post_init__(self) -> None:
        """Errors: InvalidRequest `plan_invalid`, NotPermitted `two_seats`."""
        count = len(self.custodians)
        if self.scheme not in ("shares", "components"):
            raise InvalidRequest("plan_invalid", "a scheme is `shares` or `components`")
        if not 2 <= self.needed <= count <= CUSTODIANS_LIMIT:
            raise InvalidRequest("plan_invalid", "2 <= needed <= custodians <= 16")
        if self.scheme == "components" and self.needed != count:
            raise InvalidRequest("plan_invalid", "components are needed all")
        if len({*self.custodians, self.officer}) != count + 1:
            raise NotPermitted("two_seats", "one person has one seat, and the officer no part")


@dataclass(frozen=True, slots=True)
class Session:
    """One ceremony under way: who has done the step of the present stage."""

    ceremony: str
    plan: Plan
    holders: tuple[str, ...]
    """Who holds the parts that authorise (the old custodians); empty where none do."""
    authorising: int
    stage: Stage
    deadline_ns: int
    acted: frozenset[str] = frozenset()

    @property
    def waiting(self) -> tuple[str, ...]:
        """People who may act now."""
        if self.stage is Stage.AUTHORISING:
            return tuple(one for one in self.holders if one not in self.acted)
        if self.stage in (Stage.HANDING, Stage.VALIDATING):
            return tuple(one for one in self.plan.custodians if one not in self.acted)
        return (self.plan.officer,) if self.stage is Stage.READY else ()


def opened(
    ceremony: str, plan: Plan, holders: tuple[str, ...], authorising: int, deadline_ns: int
) -> Session:
    """A session at its first stage."""
    first = Stage.AUTHORISING if plan.act in AUTHORISED else Stage.HANDING
    return Session(ceremony, plan, holders, authorising, first, deadline_ns)


def may_act(session: Session, person: str) -> None:
    """Errors: Conflict `ceremony_ended` or `acted_already`, NotPermitted `no_seat`."""
    if session.stage in ENDED:
        raise Conflict("ceremony_ended", f"this ceremony is {session.stage}")
    if person in session.acted:
        raise Conflict("acted_already", "this person has done this step; another one is needed")
    if person not in session.waiting:
        raise NotPermitted("no_seat", f"this person has no seat at the stage `{session.stage}`")


def acted(session: Session, person: str) -> Session:
    """The session after `person` did the step of its stage. Errors: as `may_act`."""
    may_act(session, person)
    after = replace(session, acted=session.acted | {person})
    return _next(after) if _complete(after) else after


def ended(session: Session, stage: Stage) -> Session:
    """The session, over. Errors: Conflict `ceremony_ended`."""
    if session.stage in ENDED:
        raise Conflict("ceremony_ended", f"this ceremony is {session.stage}")
    return replace(session, stage=stage, acted=frozenset())


def _complete(session: Session) -> bool:
    if session.stage is Stage.AUTHORISING:
        return len(session.acted) >= session.authorising
    return not session.waiting or session.stage is Stage.READY


def _next(session: Session) -> Session:
    after = {
        Stage.AUTHORISING: Stage.DONE if session.plan.act is Act.UNLOCK else Stage.HANDING,
        Stage.HANDING: Stage.VALIDATING,
        Stage.VALIDATING: Stage.READY,
        Stage.READY: Stage.DONE,
    }
    return replace(session, stage=after[session.stage], acted=frozenset())
