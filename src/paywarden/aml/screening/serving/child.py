"""The process that holds the lists: has their index, says so, then answers what it is asked.

Guards: reads frames of its parent alone and ends with it; it dumps no core, since names pass
through its memory. A question that cannot be read ends the process, which the parent replaces; a
name never can. Not done here: which lists, and where they lie (`entrypoints.screening_child`).
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import msgspec

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.serving.answering import Answering
from paywarden.aml.screening.serving.forgetting import forget_names
from paywarden.aml.screening.serving.free_text import KINDS
from paywarden.aml.screening.serving.kept_index import Held
from paywarden.aml.screening.serving.messages import (
    FRAME_LIMIT_OCTETS,
    HEADER,
    Question,
    Reply,
    Started,
    Wanted,
    framed,
)
from paywarden.core.errors import PaywardenError

Indexes = Callable[[Wanted], Held]
_Message = TypeVar("_Message", bound=msgspec.Struct)
_WARMING = ("Warm Up Exampleson", "Varm Upp", "")


def serve(source: BinaryIO, sink: BinaryIO, indexes: Indexes) -> int:
    """Do all of it; the exit code: 0 when the parent closed its end, 3 for lists not readable."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    wanted = _message(source, Wanted)
    if wanted is None:
        return 0
    began = time.monotonic()
    try:
        held = indexes(wanted)
    except PaywardenError as fault:
        _send(sink, Started(fault.code, fault.detail))
        return 3
    index = held.index
    answering = Answering(index)
    warm_up(index)
    gc.collect()
    gc.freeze()
    seconds = round(time.monotonic() - began, 3)
    _send(sink, Started("", "", index.entities, index.names, seconds, held.mapped, held.fault))
    while (question := _message(source, Question)) is not None:
        if not question.parties:
            forget_names(index)
        found = tuple(answering.answer(party) for party in question.parties)
        _send(sink, Reply(question.number, found, _octets()))
    return 0


def warm_up(index: ScreeningIndex) -> None:
    """Run every compiled loop over this index's own arrays before a payment waits for them.

    A name that is like no listed word stops before names are gathered, so each kind is also asked
    for a listed name, as written and with a letter less.
    """
    listed = [index.shelf(kind).text(0) for kind in KINDS if len(index.shelf(kind))]
    for name in (*_WARMING, *listed, *(text[:-1] for text in listed)):
        index.search(Party(name, ""))


def _message(source: BinaryIO, kind: type[_Message]) -> _Message | None:
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    if length > FRAME_LIMIT_OCTETS:
        raise ValueError("a frame of the parent is too large")
    return msgspec.msgpack.decode(source.read(length), type=kind)


def _send(sink: BinaryIO, message: msgspec.Struct) -> None:
    sink.write(framed(message))
    sink.flush()


def _octets() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
