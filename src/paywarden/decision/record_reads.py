"""Reads of records, logged before they are shown, with whom they tell of as personal details.

Guards: the log says which persons a reader was shown as commitments, so that it can be proved to
them later and to nobody else; erasing a person blinds it and leaves the log whole. Who was erased
before is not named anew: their identifiers can no longer be read, and no key is made for them.
Standard: PCI DSS 4.0.1, 10.2.1.1; GDPR articles 15 and 17.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.decision.payments import Decided
from paywarden.decision.sealing import Sealer, person_of, strongest
from paywarden.evidence.read_watch import ReadWatch
from paywarden.kit.audit_personal import VALUE_LIMIT, PersonalDetail
from paywarden.kit.http.authenticator import Principal


class RecordReads:
    """Logs reads of records of decisions."""

    def __init__(self, watch: ReadWatch, sealer: Sealer) -> None:
        self._watch = watch
        self._sealer = sealer

    async def read(self, asker: Principal, action: str, decided: Decided) -> None:
        """Durable on return that `asker` reads the record, and of whom. Errors: Unavailable."""
        persons = shown_persons(self._sealer, decided)
        await self._watch.read(asker, action, {"seq": decided.seq}, persons)


def shown_persons(sealer: Sealer, decided: Decided) -> Mapping[str, PersonalDetail]:
    """`payer` and `payee` of a record, as far as it tells of them: their strongest identifiers."""
    entry = decided.entry
    fields, gone = sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)
    erased = {one.person for one in gone}
    found: dict[str, PersonalDetail] = {}
    for box in entry.sealed:
        person = person_of(box.subject)
        value = None if person in erased else strongest(fields, person)
        if value is not None:
            found[person] = PersonalDetail(box.subject, value[:VALUE_LIMIT])
    return found
