"""Erasures as values: the subject that personal data is sealed for, its state, what is signed.

Guards: a subject is a keyed digest of one identifier (`payer-...`), so that neither a payload nor a
record says who it is; the key's id is written down, so that an erasure can be carried out again
after an older key database was put back, and a person who came back later is left alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from paywarden.core.scope import Scope

SUBJECTS_LIMIT = 16
Subject = Annotated[str, Meta(pattern=r"^[a-z]{4,8}-[0-9a-f]{16}$", max_length=25)]


class State(enum.StrEnum):
    """Whether data of a subject can be read: `erasing` is recorded and waits for the disk."""

    KNOWN = "known"
    ERASING = "erasing"
    ERASED = "erased"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One destroyed key (8 octets) of a subject."""

    scope: Scope
    subject: str
    key_id: bytes
    at_us: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject, the id of its present key, and the newest erasure of one of its keys."""

    subject: str
    key_id: bytes | None
    last: Erasure | None

    @property
    def state(self) -> State:
        """A person who came back after an erasure is known again."""
        if self.last is None:
            return State.UNKNOWN if self.key_id is None else State.KNOWN
        if self.key_id is None:
            return State.ERASED
        return State.ERASING if self.key_id == self.last.key_id else State.KNOWN


class ErasurePayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of `subject.erase`: subjects in rising order, each once."""

    subjects: Annotated[tuple[Subject, ...], Meta(min_length=1, max_length=SUBJECTS_LIMIT)]

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self, order="sorted")
