"""Bodies of log entries: everything that can change an answer, in stored form (msgpack arrays).

Guards: personal data stands only in `sealed`, under the key of its subject; keys and hashed values
are digests; what a decision answered stands beside what it was decided from, so that replay can
compare. Fields are append-only: an old log must decode for ever. `clear` and what is sealed are
values by number (`stored_fields.py`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from paywarden.core.outcome import Outcome
from paywarden.decision.decider import Decider
from paywarden.decision.stored_fields import Stored, one
from paywarden.risk.features.observation import Observation, ObservedValue
from paywarden.risk.labels.model import Book

PAYMENT = "payment"
EVENT = "event"
CONTINUE = "continue"
POLICY = "policy"
LIST_EDIT = "list"
GENESIS = "genesis"
IMPORTED = "imported"
IMPORT = "import"
IMPORT_END = "import_end"
TRIAL = "trial"
HELD = "held_label"
HOLD = "label_hold"
CUSTOMER_RISK = "customer_risk"
SCREENING_LISTS = "screening_lists"
CONTROL_GROUP = "control_group"
"""Not a kind of entry: how the index of rare entries names a payment of the control group."""
RECORDED = frozenset({HELD, HOLD, CUSTOMER_RISK, SCREENING_LISTS})
"""Kinds that move nothing that a replay makes again: held labels count when they are released;
levels of customers and what was screened stand in the record of every decision."""
STARTS = frozenset({GENESIS, IMPORT, IMPORT_END})
"""Kinds that say since when the log is complete."""
CONTROL_KINDS = frozenset(
    {POLICY, LIST_EDIT, GENESIS, TRIAL, IMPORT, IMPORT_END, HELD, HOLD, SCREENING_LISTS}
)


_OUTCOMES = {int(outcome): outcome for outcome in Outcome}


class Sealed(msgspec.Struct, array_like=True, frozen=True):
    """Personal fields of one person: the digest that names the key, and the ciphertext."""

    subject: str
    box: bytes


class Result(msgspec.Struct, array_like=True, frozen=True):
    """What was decided. `fired`: rule indexes of the ruleset, ascending. `model`: its opinion.

    `control_ppm`: the payment would have been blocked and passed as one of the control group, with
    this probability; 0 otherwise.
    """

    outcome: int
    points: int
    fired: tuple[int, ...]
    reasons: tuple[str, ...]
    required_action: str | None
    deciding: str
    scenario_points: dict[str, int]
    segment: str
    merchant_group: str
    effects: tuple[Any, ...] = ()
    control_ppm: int = 0
    model: ModelOpinion | None = None

    @property
    def answer(self) -> Outcome:
        """The outcome as its enumeration."""
        return _OUTCOMES[self.outcome]


class ModelOpinion(msgspec.Struct, array_like=True, frozen=True):
    """What a model said. `probability`: calibrated, None when it was skipped. `reasons`: codes.

    `anomaly`: share of payments that are less unlike, where that was asked for.
    """

    model: str
    probability: float | None
    reasons: tuple[str, ...]
    anomaly: float | None = None

    @property
    def silent(self) -> bool:
        """It said nothing: too late, or at fault."""
        return self.probability is None and self.anomaly is None


class OtherOpinion(msgspec.Struct, array_like=True, frozen=True):
    """What the ruleset that did not answer would have: one of the two arms of a trial."""

    ruleset: str
    outcome: int
    points: int
    fired: tuple[int, ...]
    model: ModelOpinion | None = None

    @property
    def decider(self) -> Decider:
        """What would have answered."""
        return Decider(self.ruleset, self.model.model if self.model else "")


class ScreeningRecord(msgspec.Struct, array_like=True, frozen=True):
    """How a payment was screened. `lists_seq`: entry that put the lists in force which were asked.

    `took_us`: microseconds. `boxes`: hits, sealed under the keys of those whom they speak of.
    `excepted`: hits that a person's judgement set aside.
    """

    lists_seq: int
    took_us: int
    boxes: tuple[Sealed, ...] = ()
    excepted: int = 0


class PaymentEntry(msgspec.Struct, array_like=True, frozen=True):
    """A decided payment, or (kind `continue`) its decision after a challenge.

    `clear`: fields that are not personal, derived ones included.
    `skipped`: stages that gave no opinion. `lists_seq`: seq of the last list edit before it.
    `tables`: start of the digest of all reference tables. `stage_us`: microseconds per stage.
    `continues`: seq of the decision that this one continues, or 0. `other`: the opinion of the
    trial's other arm, when one was given. `screening`: None where no list was in force, or where
    the stage gave no opinion.
    """

    observation: Observation
    received_us: int
    clear: Stored
    sealed: tuple[Sealed, ...]
    body_digest: bytes
    ruleset: str
    result: Result
    aggregates: tuple[ObservedValue, ...]
    degraded: tuple[str, ...]
    skipped: tuple[str, ...]
    lists_seq: int
    tables: str
    stage_us: tuple[int, ...]
    latency_us: int
    forced: str | None = None
    continues: int = 0
    other: OtherOpinion | None = None
    screening: ScreeningRecord | None = None

    @property
    def decider(self) -> Decider:
        """What answered."""
        return Decider(self.ruleset, self.result.model.model if self.result.model else "")

    @property
    def payment_id(self) -> str:
        """What the caller named the payment."""
        return str(one(self.clear, "payment.id"))

    @property
    def attempt(self) -> str:
        """What the caller named the attempt."""
        return str(one(self.clear, "payment.attempt"))

    @property
    def merchant_id(self) -> str | None:
        """The merchant, if one was given."""
        found: str | None = one(self.clear, "merchant.id")
        return found

    @property
    def late(self) -> bool:
        """Counted at receipt, since it came too late."""
        return bool(one(self.clear, "payment.late"))


class EventEntry(msgspec.Struct, array_like=True, frozen=True):
    """A result, label, challenge result, dispute or account event.

    Of labels alone: `book`, every source's word on the attempt after this one (None in entries
    from before there were books), and `previous`, seq of the attempt's label entry before this one
    (0: the first). `imported`: seq of the import that brought it, or 0; `row`: its place in there.
    `held`: seq of the entry in which a label waited for its release, or 0.
    """

    observation: Observation
    received_us: int
    event_id: str
    body_digest: bytes
    clear: Stored
    sealed: tuple[Sealed, ...]
    book: Book | None = None
    previous: int = 0
    imported: int = 0
    row: int = 0
    held: int = 0

    @property
    def kind(self) -> str:
        """What happened, in the caller's word."""
        return str(one(self.clear, "event.kind"))


class HeldLabel(msgspec.Struct, array_like=True, frozen=True):
    """A label that waits for a decision about its flood (`hold`: seq of that flood's first entry).

    `attempt`: seq of the payment that it speaks of.
    """

    hold: int
    received_us: int
    event_id: str
    body_digest: bytes
    attempt: int
    clear: Stored
    sealed: tuple[Sealed, ...]


class HoldEntry(msgspec.Struct, array_like=True, frozen=True):
    """A flood of labels is held, closed, released, refused, or released so far.

    `hold`: seq of its first entry, 0 in that entry itself. `count`: labels that it holds, or, of a
    step, that were released by then. `source`, `usual`: of the first entry alone.
    """

    act: str
    hold: int
    at_us: int
    actor: str
    count: int
    source: str = ""
    usual: float = 0.0


class ImportedEntry(msgspec.Struct, array_like=True, frozen=True):
    """A payment of the past that was not decided here; it fills windows and takes labels.

    `imported`: seq of its import; `row`: its place in the import's order, from 0.
    """

    observation: Observation
    received_us: int
    clear: Stored
    sealed: tuple[Sealed, ...]
    body_digest: bytes
    degraded: tuple[str, ...]
    imported: int
    row: int

    @property
    def payment_id(self) -> str:
        """What the caller named the payment."""
        return str(one(self.clear, "payment.id"))

    @property
    def merchant_id(self) -> str | None:
        """The merchant, if one was given."""
        found: str | None = one(self.clear, "merchant.id")
        return found


class ImportEntry(msgspec.Struct, array_like=True, frozen=True):
    """An import begins: until its end nothing else happens in the scope.

    `digest` names files and mapping; `history_start_us`: since when the log is complete from here
    on; `actor`: who imports.
    """

    digest: bytes
    files: tuple[tuple[str, str], ...]
    history_start_us: int
    actor: str


class ImportEndEntry(msgspec.Struct, array_like=True, frozen=True):
    """An import ended: `begun` is its first entry; not `done` when it was abandoned half way."""

    begun: int
    done: bool
    counts: dict[str, int]
    history_start_us: int


class PolicyEntry(msgspec.Struct, array_like=True, frozen=True):
    """The pointer moved: from here on this ruleset decides, with this model beside it."""

    ruleset: str
    actor: str
    model: str = ""

    @property
    def decider(self) -> Decider:
        """What decides."""
        return Decider(self.ruleset, self.model)


class TrialEntry(msgspec.Struct, array_like=True, frozen=True):
    """A candidate is tried beside the live ruleset from here on; an empty one ends the trial.

    `share_ppm`: parts in a million of payers whom it answers (0: shadow). `salt` chooses them.
    """

    ruleset: str
    share_ppm: int
    salt: str
    actor: str
    model: str = ""

    @property
    def decider(self) -> Decider:
        """What is tried."""
        return Decider(self.ruleset, self.model)

    @property
    def ends(self) -> bool:
        """Whether this entry ends a trial."""
        return not self.ruleset


class CustomerRiskEntry(msgspec.Struct, array_like=True, frozen=True):
    """Ratings of customers from here on: (keyed reference, level, points) of each.

    `model`: what assessed them; with no ratings, the model that does from here on. `cause`: why.
    """

    rated: tuple[tuple[str, str, int], ...]
    model: str
    cause: str


class ListInForce(msgspec.Struct, array_like=True, frozen=True):
    """One list that parties are held against: its source, snapshot (SHA-256) and date."""

    source: str
    snapshot: str
    list_date: str | None
    entities: int


class ScreeningLists(msgspec.Struct, array_like=True, frozen=True):
    """From here on parties are held against these lists; `version` names them together."""

    version: str
    lists: tuple[ListInForce, ...]


class GenesisEntry(msgspec.Struct, array_like=True, frozen=True):
    """The log begins; `history_start_us` says how far back it is complete (0: for ever)."""

    version: str
    history_start_us: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    PAYMENT: msgspec.msgpack.Decoder(PaymentEntry),
    CONTINUE: msgspec.msgpack.Decoder(PaymentEntry),
    EVENT: msgspec.msgpack.Decoder(EventEntry),
    POLICY: msgspec.msgpack.Decoder(PolicyEntry),
    TRIAL: msgspec.msgpack.Decoder(TrialEntry),
    GENESIS: msgspec.msgpack.Decoder(GenesisEntry),
    IMPORTED: msgspec.msgpack.Decoder(ImportedEntry),
    HELD: msgspec.msgpack.Decoder(HeldLabel),
    HOLD: msgspec.msgpack.Decoder(HoldEntry),
    IMPORT: msgspec.msgpack.Decoder(ImportEntry),
    IMPORT_END: msgspec.msgpack.Decoder(ImportEndEntry),
    CUSTOMER_RISK: msgspec.msgpack.Decoder(CustomerRiskEntry),
    SCREENING_LISTS: msgspec.msgpack.Decoder(ScreeningLists),
}


def encode(body: Any) -> bytes:
    """Stored form of an entry body."""
    return _ENCODER.encode(body)


def decode(kind: str, body: bytes) -> Any:
    """Entry body of a kind; ValueError for bytes that are not one."""
    return _DECODERS[kind].decode(body)
