"""What is signed when an act of this room is approved, in its one canonical form."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.aml.customer_risk.forms import CUSTOMER_PATTERN
from paywarden.core.errors import InvalidRequest


class LowerRisk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold a customer for less risky than the model says, until a day."""

    customer: Annotated[str, Meta(pattern=CUSTOMER_PATTERN, max_length=128)]
    level: Literal["low", "medium", "high"]
    days: Annotated[int, Meta(ge=1, le=366)]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class ModelPublication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let this model assess customers."""

    model: Annotated[str, Meta(pattern="^rm_[0-9a-f]{64}$", max_length=67)]


def lower_payload(wanted: LowerRisk) -> bytes:
    """Payload of lowering."""
    return msgspec.json.encode(wanted, order="sorted")


def model_payload(model: str) -> bytes:
    """Payload of putting a model in force."""
    return msgspec.json.encode(ModelPublication(model), order="sorted")


def lower_of(payload: bytes) -> LowerRisk:
    """What a payload asks for. Errors: InvalidRequest."""
    try:
        return _LOWER.decode(payload)
    except msgspec.DecodeError:
        raise _invalid() from None


def publication_of(payload: bytes) -> ModelPublication:
    """What a payload asks for. Errors: InvalidRequest."""
    try:
        return _PUBLISH.decode(payload)
    except msgspec.DecodeError:
        raise _invalid() from None


_LOWER: Final = msgspec.json.Decoder(LowerRisk)
_PUBLISH: Final = msgspec.json.Decoder(ModelPublication)


def _invalid() -> InvalidRequest:
    return InvalidRequest("approval_request_invalid", "the payload is not what this action takes")
