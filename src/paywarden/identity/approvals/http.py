"""Operations of approvals: asking, looking, the steps of approvers, doing, the signed grant.

Guards: steps are people's (a key asks, cancels and has done what it asked for, and approves
nothing); whose request it is and whose step is checked below, not here. The payload is shown to
whoever may read approvals, since nobody should sign what they cannot see.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from paywarden.cde_client.assertion import base64url
from paywarden.cde_client.messages import ApprovalGrant, Assertion
from paywarden.core.errors import InvalidRequest, NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.model import Request, State
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation

ROOT, ONE = "/v1/approvals", "/v1/approvals/{id}"
READ, REQUEST, DECIDE = "approvals:read", "approvals:request", "approvals:decide"
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Octets = Annotated[str, Meta(min_length=1, max_length=6_000, pattern="^[A-Za-z0-9_-]+$")]
_PATH: dict[str, Any] = {
    "tag": "approvals",
    "path_texts": {"id": "Approval id, `apr_...`"},
    "path_patterns": {"id": "^apr_[a-z2-7]{26}$"},
}


class ApprovalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/approvals: the payload is signed as canonical JSON."""

    action: Annotated[str, Meta(min_length=1, max_length=64)]
    payload: dict[str, Any]
    reason: Reason


class Because(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; for rejecting, withdrawing and cancelling."""

    reason: Reason


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty body."""


class BrowserAssertion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A WebAuthn assertion as browsers give it; octets in base64url without padding."""

    credential_id: Octets
    authenticator_data: Octets
    client_data: Octets
    signature: Octets


class ApproveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of approve: an assertion over the challenge, or a one-time code for low risk."""

    assertion: BrowserAssertion | None = None
    code: Annotated[str, Meta(pattern="^[0-9]{6}$")] | None = None


class ApprovalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/approvals."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    after: Annotated[str, Meta(pattern="^(apr_[a-z2-7]{26})?$", max_length=30)] = ""
    open: bool = False


class StepView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step."""

    act: str
    actor: str
    at: str
    method: str | None = None
    reason: str = ""


class ApprovalView(msgspec.Struct, frozen=True):
    """A request; `ready_at` says from when it can be done, if it is approved now."""

    id: str
    action: str
    state: str
    payload_sha256: str
    payload: str | None
    maker: str
    reason: str
    created_at: str
    expires_at: str
    approvals_needed: int
    approvals_counting: list[str]
    ready_at: str | None
    steps: list[StepView]


class ApprovalPage(msgspec.Struct, frozen=True):
    """Requests, newest first."""

    items: list[ApprovalView]
    has_more: bool
    next: str | None


class ToSign(msgspec.Struct, frozen=True):
    """What the caller's passkey signs to approve; octets in base64url."""

    challenge: str
    rp_id: str
    credential_ids: list[str]


class Executed(msgspec.Struct, frozen=True):
    """It is done; `result` is the act's own."""

    id: str
    result: Any


class ApprovalOperations:
    """Handlers over approvals."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        view: Any = ApprovalView
        tag: dict[str, Any] = {"tag": "approvals"}
        return [
            Operation("POST", ROOT, "request_approval", "Ask for an act of the catalogue",
                      self.request, view, ApprovalRequest, permission=REQUEST, status=202, **tag),
            Operation("GET", ROOT, "list_approvals", "Requests, newest first", self.listing,
                      ApprovalPage, query=ApprovalsQuery, permission=READ, **tag),
            Operation("GET", ONE, "get_approval", "Read a request", self.read, view,
                      permission=READ, **_PATH),
            Operation("GET", ONE + "/challenge", "approval_challenge", "What a passkey signs",
                      self.challenge, ToSign, permission=DECIDE, **_PATH),
            Operation("GET", ONE + "/grant", "approval_grant", "The signed grant", self.grant,
                      ApprovalGrant, permission=READ, **_PATH),
            Operation("POST", ONE + "/approve", "approve", "Approve", self.approve, view,
                      ApproveRequest, permission=DECIDE, **_PATH),
            Operation("POST", ONE + "/reject", "reject_approval", "Reject it",
                      self.reject, view, Because, permission=DECIDE, **_PATH),
            Operation("POST", ONE + "/withdraw", "withdraw_approval", "Take an approval back",
                      self.withdraw, view, Because, permission=DECIDE, **_PATH),
            Operation("POST", ONE + "/cancel", "cancel_approval", "End it, as who asked",
                      self.cancel, view, Because, permission=REQUEST, **_PATH),
            Operation("POST", ONE + "/execute", "execute_approval", "Have it done, once",
                      self.execute, Executed, Nothing, permission=REQUEST, body_optional=True,
                      idempotent=False, **_PATH),
        ]  # fmt: skip

    async def request(self, call: Call) -> Answer:
        """POST /v1/approvals."""
        body: ApprovalRequest = call.body
        payload = msgspec.json.encode(body.payload, order="sorted")
        asker = call.asker
        found = await self._approvals.request(
            asker.scope, body.action, payload, maker_of(asker), body.reason
        )
        return Answer(self._view(found), 202)

    async def listing(self, call: Call) -> Answer:
        """GET /v1/approvals."""
        query: ApprovalsQuery = call.query
        scope = call.asker.scope
        rows = self._approvals.page(scope, query.after, query.limit + 1, only_open=query.open)
        items = [self._view(one) for one in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(ApprovalPage(items, more, items[-1].id if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/approvals/{id}."""
        return Answer(self._view(self._approvals.find(call.asker.scope, call.path["id"])))

    async def challenge(self, call: Call) -> Answer:
        """GET /v1/approvals/{id}/challenge."""
        wanted, keys = self._approvals.deciding.to_sign(
            call.asker.scope, call.path["id"], _person(call)
        )
        names = [base64url(one) for one in keys]
        return Answer(ToSign(base64url(wanted), self._approvals.party.rp_id, names))

    async def grant(self, call: Call) -> Answer:
        """GET /v1/approvals/{id}/grant."""
        found = self._approvals.find(call.asker.scope, call.path["id"])
        return Answer(self._approvals.grant(found))

    async def approve(self, call: Call) -> Answer:
        """POST /v1/approvals/{id}/approve."""
        return await approving(self._approvals, call, call.path["id"])

    async def reject(self, call: Call) -> Answer:
        """POST /v1/approvals/{id}/reject."""
        return await self._step(call, self._approvals.deciding.reject, _person(call))

    async def withdraw(self, call: Call) -> Answer:
        """POST /v1/approvals/{id}/withdraw."""
        return await self._step(call, self._approvals.deciding.withdraw, _person(call))

    async def cancel(self, call: Call) -> Answer:
        """POST /v1/approvals/{id}/cancel."""
        return await self._step(call, self._approvals.deciding.cancel, maker_of(call.asker).actor)

    async def execute(self, call: Call) -> Answer:
        """POST /v1/approvals/{id}/execute."""
        asker, name = call.asker, call.path["id"]
        result = await self._approvals.execute(asker.scope, name, maker_of(asker).actor)
        return Answer(Executed(name, result))

    async def _step(self, call: Call, step: Any, actor: str) -> Answer:
        found = await step(call.asker.scope, call.path["id"], actor, call.body.reason)
        return Answer(self._view(found))

    def _view(self, request: Request) -> ApprovalView:
        return view_of(self._approvals, request)


async def approving(approvals: Approvals, call: Call, approval_id: str) -> Answer:
    """The step of an approver, by the proof in an `ApproveRequest`: the request after it."""
    body: ApproveRequest = call.body
    scope, person = call.asker.scope, _person(call)
    if body.assertion is not None and body.code is None:
        assertion = _assertion(body.assertion)
        found = await approvals.deciding.approve(scope, approval_id, person, assertion)
    elif body.code is not None and body.assertion is None:
        found = await approvals.deciding.approve_by_code(scope, approval_id, person, body.code)
    else:
        raise InvalidRequest("approval_proof", "send either an assertion or a code")
    return Answer(view_of(approvals, found))


def view_of(approvals: Approvals, request: Request) -> ApprovalView:
    """Wire form of a request as it stands now."""
    asked, stands = request.asked, approvals.standing(request)
    payload = approvals.payload(request) if request.state is State.OPEN else None
    steps = [
        StepView(
            step.act.value,
            step.actor,
            format_rfc3339(step.at_us),
            None if step.method is None else step.method.value,
            step.reason,
        )
        for step in request.steps
    ]
    return ApprovalView(
        asked.approval_id.text,
        asked.action,
        request.state.value,
        asked.payload_hash.hex(),
        None if payload is None else payload.decode(),
        asked.maker,
        asked.reason,
        format_rfc3339(asked.created_at_us),
        format_rfc3339(asked.expires_at_us),
        stands.needed,
        [step.actor for step in stands.counting],
        None if stands.ripe_at_us is None else format_rfc3339(stands.ripe_at_us),
        steps,
    )


def maker_of(asker: Principal) -> Maker:
    """Who asks, as approvals know it: the person behind a session, or the key."""
    return Maker(asker.person.text if asker.person else asker.key_id, asker.roles)


def waiting(approvals: Approvals, found: Waiting) -> Answer:
    """202 with the request that the act now waits for."""
    headers = (("location", f"{ROOT}/{found.request.asked.approval_id.text}"),)
    return Answer(view_of(approvals, found.request), 202, headers)


def _person(call: Call) -> str:
    person = call.asker.person
    if person is None:
        raise NotPermitted("approval_needs_person", "a key approves nothing: sign in as a person")
    return person.text


def _assertion(given: BrowserAssertion) -> Assertion:
    try:
        return Assertion(
            *(_octets(getattr(given, name)) for name in BrowserAssertion.__struct_fields__)
        )
    except ValueError:
        raise InvalidRequest("approval_proof", "octets are base64url without padding") from None


def _octets(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
