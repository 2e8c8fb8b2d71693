"""Reading a policy's `lists/*.csv`: columns value, reason, expires_at.

Guards: a bad line is named by file and line, its content never echoed; two spellings of one value
are one value and the second is refused. Leading comments may say what the list holds:
`# kind: email` (a word of `ListKind`; `string` when left out) and `# title: ...`. Not done here:
sealing and folding (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paywarden.core.errors import InvalidRequest, TooLarge
from paywarden.core.instants import parse_rfc3339
from paywarden.reference.reading import (
    TableText,
    check_width,
    columns,
    csv_rows,
    parse_text,
    read_text,
    refuse,
)
from paywarden.risk.lists.model import (
    MAX_ENTRIES,
    MAX_REASON_CHARS,
    MAX_VALUE_CHARS,
    ListKind,
    NewEntry,
    canonical_value,
    check_name,
    holds_card_number,
)

MAX_LIST_FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ListFile:
    """One file: name (of the file), kind, title, entries as written, and the file's SHA-256."""

    name: str
    kind: ListKind
    title: str
    entries: tuple[NewEntry, ...]
    sha256: str


def read_list(path: Path, kind: ListKind | None = None) -> ListFile:
    """Read one list file; its name is the file's name without `.csv` (or `.csv.gz`).

    Errors: InvalidRequest `list_bad_name`, `list_bad_kind`, `list_bad_value`, `list_bad_reason`,
    `list_bad_expiry`, `list_value_repeated`, `card_number_not_accepted`, all with
    file:line; TooLarge; those of
    `paywarden.reference.reading`.
    """
    name = check_name(path.name.removesuffix(".gz").removesuffix(".csv"))
    return _parse(name, read_text(path, max_bytes=MAX_LIST_FILE_BYTES), kind)


def parse_list(name: str, raw: bytes, kind: ListKind | None = None) -> ListFile:
    """The same from octets at hand (an upload); places are `name.csv:line`."""
    check_name(name)
    if len(raw) > MAX_LIST_FILE_BYTES:
        raise TooLarge("table_too_large", f"over {MAX_LIST_FILE_BYTES} bytes", pointer=name)
    return _parse(name, parse_text(raw, f"{name}.csv", max_bytes=MAX_LIST_FILE_BYTES), kind)


def _parse(name: str, table: TableText, kind: ListKind | None) -> ListFile:
    kind = kind or _kind(table)
    rows = csv_rows(table, max_rows=MAX_ENTRIES + 1)
    line, header = next(rows, (1, []))
    where = columns(table, header, line, ("value",), ("reason", "expires_at"))
    entries: list[NewEntry] = []
    seen: dict[str, int] = {}
    for line, cells in rows:
        check_width(table, cells, len(header), line)
        entry = _entry(table, line, {key: cells[n].strip() for key, n in where.items()})
        _check_value(table, line, kind, entry.value, seen)
        entries.append(entry)
    title = table.notes.get("title", "")[:MAX_REASON_CHARS]
    return ListFile(name, kind, title, tuple(entries), table.sha256)


def _kind(table: TableText) -> ListKind:
    word = table.notes.get("kind", ListKind.STRING.value)
    try:
        return ListKind(word)
    except ValueError as error:
        detail = "kind must be one of " + ", ".join(kind.value for kind in ListKind)
        raise InvalidRequest("list_bad_kind", detail, pointer=table.place) from error


def _entry(table: TableText, line: int, row: dict[str, str]) -> NewEntry:
    reason, expires = row.get("reason", ""), row.get("expires_at", "")
    if len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        detail = f"reason must be at most {MAX_REASON_CHARS} printable characters"
        raise refuse(table, line, "list_bad_reason", detail)
    try:
        expires_at_us = parse_rfc3339(expires) if expires else None
    except (ValueError, OverflowError) as error:
        detail = "expires_at must be an RFC 3339 time with a zone, or blank"
        raise refuse(table, line, "list_bad_expiry", detail) from error
    if expires_at_us is not None and expires_at_us < 0:
        raise refuse(table, line, "list_bad_expiry", "expires_at must be after 1970")
    return NewEntry(row["value"], reason, expires_at_us)


def _check_value(
    table: TableText, line: int, kind: ListKind, value: str, seen: dict[str, int]
) -> None:
    canonical = canonical_value(kind, value) if len(value) <= MAX_VALUE_CHARS else None
    if canonical is None:
        detail = f"not a value that a list of kind {kind.value} can hold"
        raise refuse(table, line, "list_bad_value", detail)
    if holds_card_number(kind, value):
        detail = "a card number is never kept; list the card's fingerprint or token"
        raise refuse(table, line, "card_number_not_accepted", detail)
    if canonical in seen:
        detail = f"the same value stands in line {seen[canonical]}"
        raise refuse(table, line, "list_value_repeated", detail)
    seen[canonical] = line
