"""Tables that come with the package, each verified against the manifest when it is read.

Guards: a shipped file that was altered, truncated or swapped is never used: its SHA-256 and row
count must equal `tables/manifest.toml`, else `Corrupt`. The manifest also holds source, licence,
date and age limit. Not done here: the meaning of the rows (currencies, countries, ...).
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from paywarden.core.errors import Corrupt
from paywarden.reference.provenance import Provenance
from paywarden.reference.reading import check_width, csv_rows, numbered_lines, parse_text


@dataclass(frozen=True, slots=True)
class ShippedTable:
    """Rows without the header, each as wide as the header; text tables have one cell a row."""

    provenance: Provenance
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def load_shipped(name: str, folder: Traversable | None = None) -> ShippedTable:
    """Read and verify one shipped table.

    Errors: Corrupt `table_digest_mismatch`, `table_rows_mismatch`, `table_manifest_broken`,
    `table_file_missing`.
    """
    place = folder or _folder()
    entry = _entry(name, place)
    pointer = f"reference/tables/{entry['file']}"
    try:
        raw = place.joinpath(entry["file"]).read_bytes()
    except OSError as error:
        raise Corrupt("table_file_missing", "reinstall the package", pointer=pointer) from error
    if not hmac.compare_digest(hashlib.sha256(raw).hexdigest(), entry["sha256"]):
        detail = "the file is not the one that the manifest describes; reinstall the package"
        raise Corrupt("table_digest_mismatch", detail, pointer=pointer)
    header, rows = _parse(raw, pointer)
    if len(rows) != entry["rows"]:
        raise Corrupt("table_rows_mismatch", "row count differs from the manifest", pointer=pointer)
    return ShippedTable(_provenance(name, entry), header, rows)


def shipped_names() -> tuple[str, ...]:
    """Names of all shipped tables, sorted."""
    return tuple(sorted(_manifest(_folder())))


@cache
def shipped_provenance() -> tuple[Provenance, ...]:
    """Provenance of every shipped table, all verified; by name."""
    return tuple(load_shipped(name).provenance for name in shipped_names())


def _folder() -> Traversable:
    return files("paywarden.reference").joinpath("tables")


def _manifest(folder: Traversable) -> dict[str, Any]:
    try:
        text = folder.joinpath("manifest.toml").read_text("utf-8")
        return dict(tomllib.loads(text)["tables"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = "the manifest of shipped tables is unreadable; reinstall the package"
        raise Corrupt("table_manifest_broken", detail) from error


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "file": str,
    "source": str,
    "licence": str,
    "as_of": date,
    "sha256": str,
    "rows": int,
}


def _entry(name: str, folder: Traversable) -> dict[str, Any]:
    entry = _manifest(folder).get(name)
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), kind) for key, kind in _FIELDS.items()
    ):
        detail = "the manifest does not describe this table fully; reinstall the package"
        raise Corrupt("table_manifest_broken", detail, pointer=name)
    return entry


def _provenance(name: str, entry: dict[str, Any]) -> Provenance:
    return Provenance(
        name=name,
        source=entry["source"],
        licence=entry["licence"],
        as_of=entry["as_of"],
        sha256=entry["sha256"],
        rows=entry["rows"],
        max_age_days=entry.get("max_age_days"),
    )


def _parse(raw: bytes, place: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table = parse_text(raw, place)
    if place.endswith(".txt"):
        return ("value",), tuple((line,) for _number, line in numbered_lines(table))
    rows = csv_rows(table)
    _line, header = next(rows, (0, []))
    body = []
    for line, cells in rows:
        check_width(table, cells, len(header), line)
        body.append(tuple(cells))
    return tuple(header), tuple(body)
