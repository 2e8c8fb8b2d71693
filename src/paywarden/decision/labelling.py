"""Labelling: a report becomes the observation that states what stands, and the book after it.

Guards: a label is effective when it is received, never back-dated, so nobody moves a window of the
past; each source's word and which one stands are kept in the log entry itself (`Book`), so that
state = f(log) and a restart needs no other record. A label of a payment that is not known here is
refused by the caller with its code, not kept: what is refused is sent again, what were kept could
be lost or used to fill memory. Reason codes say what a chargeback is about; one about service,
authorisation or processing is a `dispute`, not a label.
Not done here: precedence (`risk.labels.model`), the rate of labels (`label_watch.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paywarden.core.errors import InvalidRequest
from paywarden.decision.entries import EventEntry
from paywarden.decision.intake import Fields
from paywarden.decision.stored_fields import one
from paywarden.reference.dispute_reasons import dispute_kind
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit
from paywarden.risk.labels.model import NOTHING, WITHDRAWN, Book, Claim, Effect, Word, take

LABEL, DISPUTE = "label", "dispute"
CHARGEBACK = "chargeback"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label ready for the log: its observation, the book after it, the label entry before it."""

    observation: Observation
    effect: Effect
    previous: int


def book_of(entry: Any, seq: int) -> Book:
    """The book after the label entry `seq`; nothing where there is none."""
    if not isinstance(entry, EventEntry):
        return NOTHING
    if entry.book is not None:
        return entry.book
    word = word_of(entry)  # an entry from before there were books: the last report stood
    if word.verdict == WITHDRAWN:
        return NOTHING
    return Book((Claim(word.source, word.verdict, word.reason, seq),), seq)


def word_of(entry: EventEntry) -> Word:
    """What a label entry reported."""
    clear = entry.clear
    source = one(clear, "event.source") or ""
    return Word(source, str(one(clear, "event.verdict")), one(clear, "event.reason"))


def labelled(
    attempt: Observation, fields: Fields, before: tuple[int, Book], place: Mapping[str, int]
) -> Labelled:
    """A label of `attempt`; `before`: seq and book of its last label entry.

    `place`: seq, t_us and s_us of the new entry.
    """
    word = Word(fields.get("event.source", ""), fields["event.verdict"], fields.get("event.reason"))
    previous, book = before
    effect = take(book, word, place["seq"])
    own = {
        **fields,
        "event.verdict": effect.verdict,
        "event.source": effect.source,
        "event.reason": effect.reason,
    }
    seen = inherit(attempt, own, **place, retracts=effect.retracts)
    return Labelled(seen, effect, previous)


def add_reason_kind(fields: Fields, pointer: str) -> None:
    """Say in `event.result` what a chargeback is about, where its code is known.

    Errors: InvalidRequest `dispute_is_no_label` for a fraud label whose code speaks of something
    else.
    """
    kind = fields["event.kind"]
    if kind != DISPUTE and (kind != LABEL or fields.get("event.source") != CHARGEBACK):
        return
    reason = fields.get("event.reason")
    about = dispute_kind(reason) if reason is not None else None
    if about is None:
        return
    if kind == LABEL and about != "fraud" and fields["event.verdict"] == "fraud":
        raise InvalidRequest(
            "dispute_is_no_label",
            f"the reason code speaks of {about}, not of fraud; send it as kind `dispute`",
            pointer=pointer + "/reason",
        )
    fields["event.result"] = about
