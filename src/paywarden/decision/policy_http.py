"""Operations of policies (API.md section 3): rulesets and the feature catalogue.

Guards: publishing waits for approval in live; rolling back to what decided not long ago is an act
of its own, lighter (docs/reference/approvals.md).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import publication, rollback
from paywarden.decision.decider import Decider, ModelName
from paywarden.decision.ledger import Ledger
from paywarden.decision.policy_desk import PolicyDesk, ruleset_not_found
from paywarden.decision.policy_faults import faulty
from paywarden.decision.policy_upload import RulesetRequest
from paywarden.decision.ports import PolicyCompiler, Records, RulesetRow
from paywarden.decision.ruleset_approvals import open_request
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH, RULESET_ROLLBACK
from paywarden.identity.approvals.http import (
    DECIDE,
    ApprovalView,
    ApproveRequest,
    approving,
    maker_of,
    waiting,
)
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.risk.features.catalogue import EVENT_FIELDS, FIELDS
from paywarden.risk.rules.file_pack import PolicyFiles
from paywarden.risk.rules.findings import PolicyErrors

POLICY_BODY_LIMIT = 16 * 1024 * 1024


class Ruleset(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored ruleset; `files` only when one is read."""

    hash: str
    name: str
    rules: int
    created_at: str
    created_by: str
    live: bool
    files: dict[str, str] | None = None


class RulesetPage(msgspec.Struct, frozen=True):
    """A page of rulesets, by hash."""

    items: list[Ruleset]
    has_more: bool
    next: str | None


class Published(msgspec.Struct, frozen=True):
    """A ruleset decides from this log sequence on."""

    hash: str
    live: bool
    log_sequence: int


class RollbackRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/rulesets/{hash}/rollback, or none.

    `model`: the one that decided beside it, empty for none; absent: the one that serves stays.
    """

    model: ModelName | None = None


class RulesetsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/rulesets."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: Annotated[str, Meta(max_length=80)] = ""


class Feature(msgspec.Struct, frozen=True):
    """One name that conditions or window filters may use."""

    path: str
    type: str
    text: str
    personal: bool
    in_windows: bool
    derived: bool


class FeaturePage(msgspec.Struct, frozen=True):
    """The feature catalogue: fields, then the aggregates of the live ruleset."""

    items: list[Feature]
    has_more: bool
    next: str | None


class PolicyOperations:
    """The operations, over the desks of the decision room."""

    def __init__(
        self,
        policies: PolicyDesk,
        records: Records,
        ledger: Ledger,
        compiler: PolicyCompiler,
        approvals: Approvals,
    ) -> None:
        self._policies = policies
        self._records = records
        self._ledger = ledger
        self._compiler = compiler
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        hashed = {"hash": "Content hash, `rs_...`"}
        switching: dict[str, Any] = {
            "permission": "rulesets:publish", "tag": "policy", "path_texts": hashed,
            "also_answers": {202: ApprovalView}, "weight": 50,
        }  # fmt: skip
        return [
            Operation("GET", "/v1/features", "list_features", "The feature catalogue",
                      self.features, FeaturePage, permission="features:read", tag="policy"),
            Operation("GET", "/v1/rulesets", "list_rulesets", "Stored rulesets", self.rulesets,
                      RulesetPage, query=RulesetsQuery, permission="rulesets:read", tag="policy"),
            Operation("POST", "/v1/rulesets", "create_ruleset", "Check, compile, store a policy",
                      self.create, Ruleset, RulesetRequest, permission="rulesets:write", status=201,
                      tag="policy", body_limit=POLICY_BODY_LIMIT,
                      also_declares={200: "The same ruleset is stored already"},
                      screen_aside=self._compiler.screen, weight=50),
            Operation("GET", "/v1/rulesets/{hash}", "get_ruleset", "Read a ruleset", self.ruleset,
                      Ruleset, permission="rulesets:read", tag="policy", path_texts=hashed,
                      weight=10),
            Operation("POST", "/v1/rulesets/{hash}/publish", "publish_ruleset",
                      "Let a ruleset decide", self.publish, Published,
                      **switching),
            Operation("POST", "/v1/rulesets/{hash}/rollback", "roll_back_ruleset",
                      "Let a ruleset decide again that did within the last 30 days",
                      self.roll_back, Published, RollbackRequest, body_optional=True,
                      **switching),
            Operation("POST", "/v1/rulesets/{hash}/approve", "approve_ruleset",
                      "Approve the open request that would let a ruleset decide", self.approve,
                      ApprovalView, ApproveRequest, permission=DECIDE, tag="policy",
                      path_texts=hashed, weight=10),
        ]  # fmt: skip

    async def features(self, call: Call) -> Answer:
        """GET /v1/features."""
        fields = (*FIELDS.values(), *EVENT_FIELDS.values())
        items = [
            Feature(f.path, f.type, f.text, f.sealed, f.storage is not None, f.derived)
            for f in fields
        ]
        runtime = self._ledger.ready(call.asker.scope).runtime
        if runtime is not None:
            plan = runtime.plan
            items += [
                Feature(f"agg.{name}", kind, "Aggregate of the live ruleset", False, False, True)
                for name, kind in zip(plan.names, plan.kinds, strict=True)
            ]
        return Answer(FeaturePage(items, False, None))

    async def rulesets(self, call: Call) -> Answer:
        """GET /v1/rulesets."""
        query: RulesetsQuery = call.query
        scope = call.asker.scope
        rows = self._records.rulesets(scope, after=query.after, limit=query.limit + 1)
        items = [self._shown(scope, row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(RulesetPage(items, more, items[-1].hash if more else None))

    async def create(self, call: Call) -> Answer:
        """POST /v1/rulesets."""
        files = PolicyFiles(call.raw_body, sent=True)
        scope = call.asker.scope
        try:
            row, fresh = await self._policies.create(scope, files, maker_of(call.asker).actor)
        except PolicyErrors as found:
            raise faulty(found) from None
        return Answer(self._shown(scope, row), 201 if fresh else 200)

    async def ruleset(self, call: Call) -> Answer:
        """GET /v1/rulesets/{hash}."""
        scope = call.asker.scope
        row = self._records.ruleset(scope, call.path["hash"])
        if row is None:
            raise ruleset_not_found()
        held = await asyncio.to_thread(row.files)
        files = {path: content.decode("utf-8", "replace") for path, content in held.items()}
        return Answer(msgspec.structs.replace(self._shown(scope, row), files=files))

    async def publish(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/publish."""
        name = call.path["hash"]
        if self._records.ruleset(call.asker.scope, name) is None:
            raise ruleset_not_found()
        payload = publication(name)
        return await self._switch(call, RULESET_PUBLISH, payload, f"publish {name}")

    async def roll_back(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/rollback."""
        name = call.path["hash"]
        body: RollbackRequest = call.body
        wanted = self._policies.rollback_to(call.asker.scope, name, body.model)
        reason = f"roll back to {Decider(name, body.model or '')}"
        return await self._switch(call, RULESET_ROLLBACK, rollback(wanted), reason)

    async def approve(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/approve."""
        now_us, by_code = self._ledger.clock.now_us(), call.body.code is not None
        found = open_request(
            self._approvals, call.asker.scope, call.path["hash"], now_us, only=by_code
        )
        return await approving(self._approvals, call, found)

    async def _switch(self, call: Call, action: str, payload: bytes, reason: str) -> Answer:
        asker = call.asker
        done = await self._approvals.perform(asker.scope, action, payload, maker_of(asker), reason)
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(Published(call.path["hash"], True, done.result))

    def _shown(self, scope: Scope, row: RulesetRow) -> Ruleset:
        state = self._ledger.states.get(scope)
        live = state is not None and state.ruleset == row.hash
        created = format_rfc3339(row.created_at_us)
        return Ruleset(row.hash, row.name, row.rules, created, row.created_by, live)
