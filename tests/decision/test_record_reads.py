"""A read of a record names whom it told of: provable to them, blinded with their key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decision_room import opened

from paywarden.decision.record_reads import RecordReads
from paywarden.kit.audit_personal import PersonalDetails, Revealed, commitment
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.ports import Erased
from paywarden.kit.http.authenticator import Principal

PERSONS: dict[str, Any] = {
    "payer": {"id": "cus_ann", "name": "Ann Example"},
    "payee": {"id": "acc_bob", "name": "Bob Example"},
}


async def test_persons_shown_are_committed_to_and_blinded_by_erasure(home: Path) -> None:
    async with opened(home) as room:
        own = room.installation
        reads = RecordReads(own.evidence.watch, own.sealer)
        asker = Principal("reader", room.live, frozenset({"decisions:explain"}))
        made = await room.decide(**PERSONS)
        await reads.read(asker, "decision:record:read", made)
        row = own.audit.rows(own.audit.last_id() - 1, 1)[0]
        assert row.action == "decision:record:read" and row.personal and row.sealed
        assert b"cus_ann" not in row.personal + row.sealed and b"acc_bob" not in row.sealed
        details = PersonalDetails(own.key_ring, SystemRandomness())
        found = details.reveal(room.live, row.personal, row.sealed)
        payer = found["payer"]
        assert isinstance(payer, Revealed) and payer.value == "cus_ann"
        assert commitment("payer", "cus_ann", payer.nonce).encode() in row.personal

        subject = next(box.subject for box in made.entry.sealed if "payer" in box.subject)
        key = own.key_ring.key_of(room.live, subject)
        assert key is not None and own.key_ring.erase(room.live, subject, key, 1)
        after = details.reveal(room.live, row.personal, row.sealed)
        assert isinstance(after["payer"], Erased) and isinstance(after["payee"], Revealed)
        await reads.read(asker, "decision:record:read", made)
        again = own.audit.rows(own.audit.last_id() - 1, 1)[0]
        assert again.personal and b"payee" in again.personal and b"payer" not in again.personal
        assert own.key_ring.key_of(room.live, subject) is None, "no new key for who was erased"
