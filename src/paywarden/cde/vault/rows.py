"""A group as statements with their rows, in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paywarden.cde.vault import sql
from paywarden.cde.vault.model import RECORD_COLUMNS, Group, Head, Record, WrappedKey

Writes = list[tuple[str, Sequence[Sequence[Any]]]]


def group_writes(group: Group, head: Head | None) -> Writes:
    """What goes before what comes, the head last."""
    writes: Writes = [
        (sql.DROP_RECORD, [(record.record_id,) for record in group.removed]),
        (sql.DROP_SPENT, [(mark.token,) for mark in group.unmarked]),
        (sql.PUT_RECORD, [record_row(record) for record in group.records]),
        (
            sql.PUT_INDEX,
            [(row.scope, row.version, row.digest, row.fingerprint) for row in group.index],
        ),
        (
            sql.PUT_SPENT,
            [(one.token, one.scope, one.merchant, one.record_id, one.at_us) for one in group.spent],
        ),
        (
            sql.PUT_TOMBSTONE,
            [(one.record_id, one.scope, one.why, one.at_us) for one in group.tombstones],
        ),
        (
            sql.PUT_SIGHTING,
            [(one.scope, one.caller, one.card, one.look, one.at_us) for one in group.sightings],
        ),
    ]
    if head is not None:
        writes.append((sql.PUT_HEAD, [(1, head.revision, head.root, head.state)]))
    return [(text, rows) for text, rows in writes if rows]


def record_row(record: Record) -> tuple[Any, ...]:
    """A record's columns."""
    return tuple(getattr(record, name) for name in RECORD_COLUMNS)


def key_row(key: WrappedKey) -> tuple[Any, ...]:
    """A data key's columns."""
    return (key.record_id, key.scope, key.period, key.kek_version, key.wrapped)
