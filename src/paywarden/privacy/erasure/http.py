"""Operations on the people that payments speak of: /v1/subjects.

Guards: finding out whether somebody is known is written to the audit log before it is told;
identifiers come in the body, never in a path or query, which proxies log; they are kept nowhere.
Erasing waits for approval; asked again while it waits, the same request is shown.
"""

from __future__ import annotations

from typing import Final

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.identity.approvals.catalogue import SUBJECT_ERASE
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.privacy.erasure.messages import (
    EraseRequest,
    ErasureView,
    FindRequest,
    PersonNamed,
    erasure_view,
)
from paywarden.privacy.erasure.model import ErasurePayload, Standing, State
from paywarden.privacy.erasure.ports import SubjectNames
from paywarden.privacy.erasure.reading import Readings
from paywarden.privacy.erasure.service import Erasures

READ: Final = "subjects:read"
ERASE: Final = "subjects:erase"
TAG: Final = "subjects"


class ErasureOperations:
    """Handlers over the erasures."""

    def __init__(
        self, erasures: Erasures, names: SubjectNames, approvals: Approvals, readings: Readings
    ) -> None:
        self._erasures = erasures
        self._names = names
        self._approvals = approvals
        self._readings = readings

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("POST", "/v1/subjects/find", "find_subjects",
                      "The subjects of a person, and whether they are known or erased",
                      self.find, ErasureView, body=FindRequest, permission=READ, tag=TAG,
                      idempotent=False),
            Operation("POST", "/v1/subjects/erase", "erase_subjects",
                      "Erase a person: destroy the keys of their data, once it is approved",
                      self.erase, ErasureView, body=EraseRequest, permission=ERASE, tag=TAG,
                      also_answers={202: ApprovalView}),
        ]  # fmt: skip

    async def find(self, call: Call) -> Answer:
        """POST /v1/subjects/find."""
        found = self._standings(call.asker, call.body.person)
        await self._readings.found(call.asker, found)
        return Answer(erasure_view(found))

    async def erase(self, call: Call) -> Answer:
        """POST /v1/subjects/erase. Errors: NotFound `subject_unknown`."""
        asker, body = call.asker, call.body
        found = self._standings(asker, body.person)
        known = tuple(one.subject for one in found if one.state is State.KNOWN)
        if not known:
            await self._readings.found(asker, found)
            if any(one.state is not State.UNKNOWN for one in found):
                return Answer(erasure_view(found))  # done before: nothing is left to do
            raise NotFound("subject_unknown", "nothing is sealed for this person here")
        payload = ErasurePayload(known).payload()
        standing = self._approvals.open_for(asker.scope, SUBJECT_ERASE, payload)
        done = Waiting(standing) if standing is not None else await self._approvals.perform(
            asker.scope, SUBJECT_ERASE, payload, maker_of(asker), body.reason
        )  # fmt: skip
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(done.result)

    def _standings(self, asker: Principal, person: PersonNamed) -> list[Standing]:
        given = person.given()
        if not given:
            raise InvalidRequest(
                "subject_not_named", "give at least one identifier", pointer="/person"
            )
        return self._erasures.standings(asker.scope, self._names(asker.scope, given))
