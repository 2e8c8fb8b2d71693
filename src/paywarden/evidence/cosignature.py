"""Time-stamped signatures of witnesses (C2SP tlog-cosignature, cosignature/v1).

Guards: a cosignature says that its witness saw this checkpoint, at that second, as the largest
consistent one. The signed message carries its own header, so that it passes for nothing else.
"""

from __future__ import annotations

from typing import Final

from paywarden.evidence.note import COSIGNATURE, Note, SigningKey, VerifierKey

_STAMP_OCTETS: Final = 8


def cosign(text: str, key: SigningKey, at_seconds: int) -> str:
    """The signature line (without its end) of `key` under the checkpoint text at `at_seconds`."""
    if key.verifier.kind != COSIGNATURE:
        raise ValueError("a witness signs with a key of kind cosignature/v1")
    signature = key.sign(_message(text, at_seconds))
    return key.line(at_seconds.to_bytes(_STAMP_OCTETS, "big") + signature)


def cosigned_at(note: Note, key: VerifierKey) -> int | None:
    """The second at which `key` cosigned the note; None when it did not, or wrongly."""
    for one in note.of(key):
        if key.kind != COSIGNATURE or len(one.octets) != _STAMP_OCTETS + 64:
            continue
        at_seconds = int.from_bytes(one.octets[:_STAMP_OCTETS], "big")
        if key.verifies(one.octets[_STAMP_OCTETS:], _message(note.text, at_seconds)):
            return at_seconds
    return None


def _message(text: str, at_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {at_seconds}\n{text}".encode()
