"""What is signed when an act of this room is approved, in its one canonical form."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paywarden.risk.lists.model import EditAction, ListKind, NewEntry


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let this ruleset decide."""

    ruleset: str


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Let a ruleset that decided before decide again, in place of what does now.

    `model`: the model that decided beside it (empty for none), which then `replaces` names too, as
    `rs_...+md_...`; None: the one that serves stays.
    """

    replaces: str
    ruleset: str
    model: str | None = None


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a bulk edit; `expires_at_us` in microseconds since 1970."""

    value: str
    reason: str
    expires_at_us: int | None = None


class BulkEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Add these entries to a list, or remove them."""

    list: str
    kind: str
    action: Literal["add", "remove"]
    entries: tuple[Entry, ...]


class LabelDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let all labels of a hold count, or none of them, ever; `labels`: how many they are."""

    hold: Annotated[int, msgspec.Meta(ge=1)]
    labels: int
    source: str
    verdict: Literal["release", "refuse"]


def label_decision(wanted: LabelDecision) -> bytes:
    """Payload of a decision about held labels."""
    return msgspec.json.encode(wanted, order="sorted")


def publication(ruleset: str) -> bytes:
    """Payload of a publication."""
    return msgspec.json.encode(Publication(ruleset), order="sorted")


def rollback(wanted: Rollback) -> bytes:
    """Payload of a rollback."""
    return msgspec.json.encode(wanted, order="sorted")


def bulk_edit(edit: ManyEntries) -> bytes:
    """Payload of a bulk edit."""
    entries = tuple(Entry(one.value, one.reason, one.expires_at_us) for one in edit.entries)
    wanted = BulkEdit(edit.name, edit.kind.value, edit.action.value, entries)  # type: ignore[arg-type]
    return msgspec.json.encode(wanted, order="sorted")


def bulk_edit_of(wanted: BulkEdit) -> ManyEntries:
    """The edit that a payload asks for."""
    entries = tuple(NewEntry(one.value, one.reason, one.expires_at_us) for one in wanted.entries)
    return ManyEntries(wanted.list, ListKind(wanted.kind), EditAction(wanted.action), entries)


class ManyEntries(msgspec.Struct, frozen=True):
    """A bulk edit as the list desk takes it."""

    name: str
    kind: ListKind
    action: EditAction
    entries: tuple[NewEntry, ...]
