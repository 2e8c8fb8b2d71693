"""The child's side of `reading_process`: one message in, one answer out, until the pipe ends.

Guards: a refusal is an answer; anything else ends the process, which its parent replaces.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from paywarden.core.errors import PaywardenError
from paywarden.decision.iso20022.reading_process import KINDS, LENGTH
from paywarden.decision.iso20022.taking_in import take_in


def serve_messages(source: BinaryIO, sink: BinaryIO) -> None:
    """The child's loop: one message, one answer, until the pipe ends."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        length, limit = LENGTH.unpack(head)
        refused, answer = _answer(source.read(length), limit)
        sink.write(LENGTH.pack(len(answer), refused) + answer)
        sink.flush()


def _answer(octets: bytes, limit: int) -> tuple[int, bytes]:
    try:
        return 0, msgspec.msgpack.encode(take_in(octets, limit))
    except PaywardenError as error:
        name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in KINDS)
        return 1, msgspec.msgpack.encode((name, error.code, error.detail, error.pointer))
