"""What travels between processes of the card data environment: small frames of msgpack.

    frame    = length (4 octets, big-endian) + body, body at most 256 KiB
    ask      = [id, request]            request: a tagged struct; id 0 is the greeting
    answer   = ["done", id, value] or ["refused", id, code, detail]

Guards: the length is judged before a single octet of the body is read; structs print their name
and nothing that they hold; a body with more or fewer fields than its struct is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

FRAME_LIMIT_OCTETS: Final = 256 << 10
HEADER_OCTETS: Final = 4
GREETING_ID: Final = 0

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for octets that are not what they should be."""

FrameId = Annotated[int, Meta(ge=0, le=2**53)]


class Framed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=True):
    """A struct of the wire; it never prints what it holds."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Hello(Framed, frozen=True, tag="hello"):
    """The first frame of a connection: who calls, and the proof that it shares with the server."""

    caller: Annotated[str, Meta(min_length=1, max_length=32)]
    proof: Annotated[bytes, Meta(max_length=64)] = b""


class Refused(Framed, frozen=True, tag="refused"):
    """The answer is no: a stable `code`, and a detail of our own words."""

    code: str
    detail: str = ""

    def __repr__(self) -> str:
        return f"Refused({self.code}: {self.detail})"

    __str__ = __repr__


class Ask(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A request under way, its body not looked into yet."""

    id: FrameId
    body: msgspec.Raw

    def __repr__(self) -> str:
        return f"<Ask {self.id}>"

    __str__ = __repr__


class DoneFrame(Framed, frozen=True, tag="done"):
    """The answer's value, not looked into yet."""

    id: FrameId
    value: msgspec.Raw


class RefusedFrame(Framed, frozen=True, tag="refused"):
    """A refusal of the request `id`."""

    id: FrameId
    code: Annotated[str, Meta(max_length=64)]
    detail: Annotated[str, Meta(max_length=512)]


AnswerFrame = DoneFrame | RefusedFrame

_packer = msgspec.msgpack.Encoder()
_asks = msgspec.msgpack.Decoder(Ask)
_answers: msgspec.msgpack.Decoder[AnswerFrame] = msgspec.msgpack.Decoder(AnswerFrame)


def packed(value: object) -> bytes:
    """A value in msgpack."""
    return _packer.encode(value)


def frame_of(body: bytes) -> bytes:
    """A body after its length. ValueError when it is over the limit."""
    if len(body) > FRAME_LIMIT_OCTETS:
        raise ValueError("a frame is over its limit")
    return len(body).to_bytes(HEADER_OCTETS, "big") + body


def ask_frame(number: int, request: object) -> bytes:
    """The frame of a request. ValueError when it is over the limit."""
    return frame_of(packed(Ask(number, msgspec.Raw(packed(request)))))


def read_ask(body: bytes) -> Ask:
    """The request in a body. Errors: `UNREADABLE`."""
    return _asks.decode(body)


def read_answer(body: bytes) -> AnswerFrame:
    """The answer in a body. Errors: `UNREADABLE`."""
    return _answers.decode(body)
