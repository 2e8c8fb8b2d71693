"""The files of a policy as one octet string: how they are stored, and how they reach the compiler.

Guards: what is opened stays within `FILES_LIMIT`. Compressing and opening take tens of
milliseconds for a large policy: the compiler's process does both (`compile_child.py`), never the
event loop. Form: MessagePack map of path to content, deflated (RFC 1950).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

FILES_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Policy files on their way to the compiler: packed, or a JSON body just as it was sent.

    `ruleset`: the name that they were stored under, empty for files that are not stored.
    """

    octets: bytes
    sent: bool = False
    ruleset: str = ""


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Files by path relative to the policy folder, packed."""
    return zlib.compress(msgspec.msgpack.encode(dict(files)))


def unpack_files(packed: bytes) -> dict[str, bytes]:
    """The files again. Errors: zlib.error, msgspec.DecodeError for octets that are no pack."""
    opened = zlib.decompressobj().decompress(packed, FILES_LIMIT)
    return msgspec.msgpack.decode(opened, type=dict[str, bytes])
