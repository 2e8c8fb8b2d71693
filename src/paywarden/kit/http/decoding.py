"""Typed decoding of JSON bodies, with the place of a fault as a JSON pointer (RFC 6901).

Guards: broken bytes are 400, a wrong shape is 422, and neither message repeats what was sent.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec

from paywarden.core.errors import InvalidRequest, Unparsable

T = TypeVar("T")
_PLACE = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_QUOTED = re.compile(r"(Invalid enum value|Invalid value) .*\Z", re.DOTALL)
MAX_POINTER = 200


class BodyDecoder(Generic[T]):
    """Decodes one type of body; one instance per operation."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> T:
        """The typed body; Unparsable for broken bytes, InvalidRequest with pointer otherwise."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unparsable(
                "malformed_json", "the body is not valid JSON in UTF-8 of reasonable depth"
            ) from None


def _invalid(message: str) -> InvalidRequest:
    place = _PLACE.search(message)
    pointer = _pointer(place["path"]) if place else ""
    text = message[: place.start()] if place else message
    unknown = _UNKNOWN.search(text)
    if unknown:
        name = unknown["name"][:64]
        return InvalidRequest(
            "unknown_field",
            "the object has a field that this operation does not know; remove it",
            pointer=(pointer + "/" + _escape(name))[:MAX_POINTER],
        )
    missing = re.match(r"Object missing required field `([^`]*)`", text)
    if missing:
        detail = f"the required field {missing[1]} is missing"
        return InvalidRequest("field_missing", detail, pointer=(pointer + "/" + missing[1]))
    if "surrogate" in text or "UTF-8" in text or "unicode" in text.lower():
        return Unparsable("malformed_json", "the body holds text that is not Unicode")
    return InvalidRequest("field_invalid", _QUOTED.sub(r"\1", text), pointer=pointer or None)


def _pointer(path: str) -> str:
    steps = [name or index for name, index in _STEP.findall(path)]
    return "".join("/" + _escape(step) for step in steps)[:MAX_POINTER]


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
