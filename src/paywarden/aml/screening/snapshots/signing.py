"""Manifests and states as signed notes: a line that says what it is, one line of JSON, a signature.

Guards: nobody without the installation's list key can put a list in force by writing files; a
manifest cannot be shown as a state, nor one source's as another's. Source: C2SP signed-note.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest
from paywarden.evidence.note import NOTE_LIMIT_OCTETS, SigningKey, parse_note

T = TypeVar("T", bound=msgspec.Struct)
MANIFEST: Final = "paywarden/screening-list-manifest/v1"
STATE: Final = "paywarden/screening-list-state/v1"


def sealed(key: SigningKey, what: str, value: msgspec.Struct) -> bytes:
    """The signed note of a value. Errors: InvalidRequest when it is too large for a note."""
    note = key.note(f"{what}\n{msgspec.json.encode(value).decode()}\n").encode()
    if len(note) > NOTE_LIMIT_OCTETS:
        raise InvalidRequest("list_too_many_files", "a snapshot of so many files cannot be signed")
    return note


def unsealed(key: SigningKey, what: str, kind: type[T], octets: bytes, place: str) -> T:
    """Inverse of `sealed`. Errors: Corrupt `list_record_damaged`."""
    try:
        note = parse_note(octets.decode("utf-8"))
        head, _, body = note.text.partition("\n")
        if head == what and note.signed_by(key.verifier):
            return msgspec.json.decode(body, type=kind)
    except (InvalidRequest, UnicodeDecodeError, msgspec.DecodeError) as fault:
        raise _damaged(place) from fault
    raise _damaged(place)


def _damaged(place: str) -> Corrupt:
    return Corrupt(
        "list_record_damaged",
        "a record of lists is damaged or was not signed here; restore it from a backup",
        pointer=place,
    )
