"""What the desk of ceremonies is asked and what it answers, over frames (`cde.frames`)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from paywarden.cde.ceremonies.attendance import Proof
from paywarden.cde.frame_format import Framed

Person = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[A-Za-z0-9_.@-]+\Z")]
Ceremony = Annotated[str, Meta(pattern=r"\Acer_[0-9a-f]{16}\Z")]
CALLER: Final = "custodian"


class Ask(Framed, frozen=True, tag="status"):
    """How things stand. Answer: Standing."""


class Start(Framed, frozen=True, tag="start"):
    """Open a ceremony. Answer: Standing."""

    act: Literal["initialise", "rekey", "rotate"]
    scheme: Literal["shares", "components"]
    needed: Annotated[int, Meta(ge=1, le=16)]
    custodians: Annotated[list[Person], Meta(min_length=1, max_length=16)]
    officer: Person
    proof: Proof


class Enter(Framed, frozen=True, tag="enter"):
    """A custodian's step: takes a part (`part` empty) or enters one. Answer: Entered."""

    person: Person
    proof: Proof
    part: Annotated[str, Meta(max_length=400)] = ""


class Activate(Framed, frozen=True, tag="activate"):
    """The officer's last step. Answer: Standing."""

    person: Person
    proof: Proof


class Cancel(Framed, frozen=True, tag="cancel"):
    """End the ceremony without effect. Answer: Standing."""

    person: Person
    proof: Proof


class Standing(Framed, frozen=True, tag="standing"):
    """What stands: of the root (`none`, `locked`, `open`) and of the ceremony, if there is one."""

    root: Literal["none", "locked", "open"]
    nonce: bytes
    ceremony: str = ""
    act: str = ""
    stage: str = ""
    waiting: list[str] = []  # noqa: RUF012 - msgspec copies an empty list
    missing: int = 0
    check: str = ""
    head: str = ""


class Entered(Framed, frozen=True, tag="entered"):
    """The step is done; `part` is what a custodian takes, `check` its check value in hex."""

    standing: Standing
    part: str = ""
    check: str = ""


Request = Ask | Start | Enter | Activate | Cancel
