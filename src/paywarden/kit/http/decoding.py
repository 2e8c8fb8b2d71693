"""Typed decoding of JSON bodies, with the place of a fault as a JSON pointer (RFC 6901).

Guards: broken bytes are 400, a wrong shape is 422, and neither message repeats what was sent. A
pointer repeats a name of the caller's only when it looks like a field name; at any other name (it
may be a person's, or a number) the pointer stops at the object that holds it. A name that stands
twice in one object is refused (`repeated_names`), since readers differ in which of both counts.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec

from paywarden.core.errors import InvalidRequest, Unparsable
from paywarden.kit.http.repeated_names import place_of_repeated_name

T = TypeVar("T")
_AT = re.compile(r"(.*) - at `(?:key` in `)?\$(.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `([^`]*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_QUOTED = re.compile(r"(Invalid enum value|Invalid value) .*\Z", re.DOTALL)
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}\Z")
_MANY_DIGITS = re.compile(r"(?:[0-9][^0-9]*){9}")
MAX_POINTER = 200


class BodyDecoder(Generic[T]):
    """Decodes one type of body; one instance per operation."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> T:
        """The typed body; Unparsable for broken bytes, InvalidRequest with pointer otherwise."""
        try:
            decoded = self._decoder.decode(body)
            repeated = place_of_repeated_name(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Unparsable(
                "malformed_json", "the body is not valid JSON in UTF-8 of reasonable depth"
            ) from None
        if repeated is not None:
            raise InvalidRequest(
                "field_repeated",
                "a name stands twice in one object; send each field once",
                pointer=shown_pointer(repeated),
            )
        return decoded


def shown_pointer(steps: tuple[str | int, ...]) -> str:
    """Pointer to the place, up to the first name that may not be repeated."""
    pointer = ""
    for step in steps:
        text = str(step)
        if isinstance(step, str) and not _may_be_shown(step):
            break
        if len(pointer) + len(text) > MAX_POINTER:
            break
        pointer += "/" + _escape(text)
    return pointer


def _invalid(message: str) -> InvalidRequest:
    text, path = _split(message)
    steps = _steps(path)
    unknown = _UNKNOWN.match(text)
    if unknown:
        return InvalidRequest(
            "unknown_field",
            "the object has a field that this operation does not know; remove it",
            pointer=shown_pointer((*steps, unknown[1])),
        )
    missing = _MISSING.match(text)
    if missing:
        detail = f"the required field {missing[1]} is missing"
        return InvalidRequest("field_missing", detail, pointer=shown_pointer((*steps, missing[1])))
    detail = _QUOTED.sub(r"\1", text)
    return InvalidRequest("field_invalid", detail, pointer=shown_pointer(steps))


def _split(message: str) -> tuple[str, str]:
    """(text, path) of a decoder's message; the path is empty at the root."""
    found = _AT.match(message)
    # The name of an unknown field comes from the caller and may imitate a place.
    if found is None or (_UNKNOWN.match(message) and not _UNKNOWN.match(found[1])):
        return message, ""
    return found[1], found[2]


def _steps(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    for name, index, any_key in _STEP.findall(path):
        if any_key:
            break  # the decoder does not say which key of a free object it was
        steps.append(int(index) if index else name)
    return tuple(steps)


def _may_be_shown(name: str) -> bool:
    return bool(_FIELD_NAME.match(name)) and not _MANY_DIGITS.search(name)


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
