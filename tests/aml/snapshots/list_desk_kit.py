"""A desk of lists over a temporary folder, and invented lists of any size."""

from __future__ import annotations

from pathlib import Path

from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.aml.screening.snapshots.taking_in import ListDesk
from paywarden.core.clock import FixedClock
from paywarden.core.secret import Secret
from paywarden.evidence.note import SigningKey

NOW_US = 1_795_000_000_000_000


def key(seed: int = 1) -> SigningKey:
    return SigningKey("lists.example", Secret(bytes([seed]) * 32))


def desk(root: Path, clock: FixedClock | None = None, seed: int = 1) -> ListDesk:
    return ListDesk(SnapshotFolder(root, key(seed)), clock or FixedClock(NOW_US))


def un_list(folder: Path, people: dict[int, str], day: str = "2026-10-01") -> Path:
    """A UN list of people by number."""
    entries = "".join(
        f"<INDIVIDUAL><FIRST_NAME>{name}</FIRST_NAME><UN_LIST_TYPE>X</UN_LIST_TYPE>"
        f"<REFERENCE_NUMBER>ZZi.{number}</REFERENCE_NUMBER></INDIVIDUAL>"
        for number, name in people.items()
    )
    path = folder / "un.xml"
    path.write_text(
        f'<CONSOLIDATED_LIST dateGenerated="{day}T00:00:00Z"><INDIVIDUALS>{entries}'
        "</INDIVIDUALS></CONSOLIDATED_LIST>\n"
    )
    return path


def people(count: int) -> dict[int, str]:
    return {number: f"Invented Quillberry {number}" for number in range(count)}
