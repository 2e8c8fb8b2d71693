"""What is sent and told about erasures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from paywarden.core.instants import format_rfc3339
from paywarden.privacy.erasure.model import Standing

Word = Annotated[str, Meta(min_length=1, max_length=320)]


class PersonNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person by their identifiers, as payments carry them; each is a subject of its own."""

    payer_id: Word | None = None
    email: Word | None = None
    card_reference: Word | None = None
    device_id: Word | None = None
    payment_id: Word | None = None
    payee_id: Word | None = None
    payee_account: Word | None = None

    def given(self) -> dict[str, str]:
        """What was given, by name."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in found.items() if value is not None}


class FindRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/subjects/find."""

    person: PersonNamed


class EraseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/subjects/erase. `reason` is shown to approvers: name no person in it."""

    person: PersonNamed
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class SubjectView(msgspec.Struct, frozen=True):
    """A subject; `erased_at` may stand beside `known`, for somebody who came back."""

    subject: str
    state: str
    erased_at: str | None


class ErasureView(msgspec.Struct, frozen=True):
    """How subjects stand, in rising order."""

    subjects: list[SubjectView]


def erasure_view(found: Iterable[Standing]) -> ErasureView:
    """Standings as they are told."""
    return ErasureView([_view(one) for one in found])


def _view(one: Standing) -> SubjectView:
    at = None if one.last is None else format_rfc3339(one.last.at_us)
    return SubjectView(one.subject, one.state, at)
