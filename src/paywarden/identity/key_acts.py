"""Making a key that may assert card facts or change policy: carried out once others approved.

Guards: the payload names everything about the key but its secret, which is told once, to who asked.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.identity.approvals.catalogue import API_KEY_CREATE
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.key_desk import KeyDesk, KeyWanted


class KeyActs:
    """Executor over the key desk."""

    def __init__(self, desk: KeyDesk) -> None:
        self._desk = desk

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries this act out."""
        approvals.register(API_KEY_CREATE, self.make)

    async def make(self, approved: Approved, payload: bytes) -> dict[str, str]:
        """Make the key; its text, once. Errors: InvalidRequest, Conflict."""
        try:
            wanted = _WANTED.decode(payload)
        except msgspec.DecodeError:
            raise InvalidRequest("approval_request_invalid", "name the role of the key") from None
        if payload != wanted.payload():
            raise InvalidRequest("approval_request_invalid", "name every field of the key, sorted")
        secret, record = await self._desk.make_approved(wanted, approved)
        return {"api_key": secret.expose(), "key_id": record.key_id, "role": record.role}


_WANTED: Final = msgspec.json.Decoder(KeyWanted)
