"""Operations of policies (API.md section 3): rulesets, lists, and the feature catalogue."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import publication
from paywarden.decision.errors import card_number
from paywarden.decision.intake import instant_of
from paywarden.decision.ledger import Ledger
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.messages import Instant, Wire
from paywarden.decision.policy_desk import PolicyDesk, ruleset_not_found
from paywarden.decision.policy_faults import faulty
from paywarden.decision.policy_upload import RulesetRequest
from paywarden.decision.ports import PolicyCompiler, Records, RulesetRow
from paywarden.decision.screening import refusal_of
from paywarden.decision.snoozes import refuse_reserved
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.risk.features.catalogue import EVENT_FIELDS, FIELDS
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry
from paywarden.risk.lists.named import NamedList
from paywarden.risk.rules.file_pack import PolicyFiles
from paywarden.risk.rules.findings import PolicyErrors

LIST_NAME = "^[a-z][a-z0-9_]{0,62}$"
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


class RulesetsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/rulesets."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: Annotated[str, Meta(max_length=80)] = ""


class ListSummary(msgspec.Struct, frozen=True):
    """A list: what it holds and which content."""

    name: str
    kind: str
    entries: int
    version: int
    sha256: str


class ListPage(msgspec.Struct, frozen=True):
    """Every list of the tenant and environment, by name."""

    items: list[ListSummary]
    has_more: bool
    next: str | None


class EntryRequest(Wire, frozen=True):
    """Body of POST /v1/lists/{name}/entries. `kind` is needed only for a list not yet known."""

    value: Annotated[str, Meta(min_length=1, max_length=200)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    expires_at: Instant | None = None
    action: Literal["add", "remove"] = "add"
    kind: Literal[
        "card", "payer", "payee", "email", "email_domain", "phone", "account", "device", "ip",
        "merchant", "country", "bin", "string",
    ] | None = None  # fmt: skip


class EntryAnswer(msgspec.Struct, frozen=True):
    """The list after the edit, and where the edit stands in the log."""

    name: str
    entries: int
    version: int
    log_sequence: int


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
        lists: ListDesk,
        records: Records,
        ledger: Ledger,
        compiler: PolicyCompiler,
        approvals: Approvals,
    ) -> None:
        self._policies = policies
        self._lists = lists
        self._records = records
        self._ledger = ledger
        self._compiler = compiler
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        named: dict[str, Any] = {
            "path_texts": {"name": "Name of a list"}, "path_patterns": {"name": LIST_NAME},
        }  # fmt: skip
        hashed = {"hash": "Content hash, `rs_...`"}
        return [
            Operation("GET", "/v1/features", "list_features", "The feature catalogue",
                      self.features, FeaturePage, permission="features:read", tag="policy"),
            Operation("GET", "/v1/lists", "list_lists", "Lists of this tenant", self.list_lists,
                      ListPage, permission="lists:read", tag="policy"),
            Operation("POST", "/v1/lists/{name}/entries", "edit_list", "Add or remove an entry",
                      self.edit_list, EntryAnswer, EntryRequest, permission="lists:write",
                      tag="policy", screen=refusal_of, screen_always=True, **named),
            Operation("GET", "/v1/rulesets", "list_rulesets", "Stored rulesets", self.rulesets,
                      RulesetPage, query=RulesetsQuery, permission="rulesets:read", tag="policy"),
            Operation("POST", "/v1/rulesets", "create_ruleset", "Check, compile, store a policy",
                      self.create, Ruleset, RulesetRequest, permission="rulesets:write", status=201,
                      tag="policy", body_limit=POLICY_BODY_LIMIT,
                      also_declares={200: "The same ruleset is stored already"},
                      screen_aside=self._compiler.screen),
            Operation("GET", "/v1/rulesets/{hash}", "get_ruleset", "Read a ruleset", self.ruleset,
                      Ruleset, permission="rulesets:read", tag="policy", path_texts=hashed),
            Operation("POST", "/v1/rulesets/{hash}/publish", "publish_ruleset",
                      "Let a ruleset decide", self.publish, Published,
                      permission="rulesets:publish", tag="policy", path_texts=hashed,
                      also_answers={202: ApprovalView}),
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

    async def list_lists(self, call: Call) -> Answer:
        """GET /v1/lists."""
        held = self._lists.lists(call.asker.scope)
        return Answer(ListPage([_summary(held[name]) for name in sorted(held)], False, None))

    async def edit_list(self, call: Call) -> Answer:
        """POST /v1/lists/{name}/entries."""
        body: EntryRequest = call.body
        scope, name = call.asker.scope, call.path["name"]
        given = body.expires_at
        expires = instant_of(given, "/expires_at") if given is not None else None
        entry = NewEntry(body.value, body.reason, expires)
        kind = self._kind(scope, name, body)
        action = EditAction(body.action)
        if looks_like_card_number(name):
            raise card_number("")
        refuse_reserved(name)
        try:
            maker = maker_of(call.asker).actor
            seq = await self._lists.edit(scope, name, kind, action, (entry,), maker)
        except InvalidRequest as refusal:
            raise _of_one_entry(refusal) from None
        named = self._lists.find(scope, name)
        return Answer(EntryAnswer(name, len(named), named.version, seq))

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
        asker = call.asker
        name = call.path["hash"]
        if self._records.ruleset(asker.scope, name) is None:
            raise ruleset_not_found()
        done = await self._approvals.perform(
            asker.scope, RULESET_PUBLISH, publication(name), maker_of(asker), f"publish {name}"
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(Published(name, True, done.result))

    def _kind(self, scope: Scope, name: str, body: EntryRequest) -> ListKind:
        known = self._lists.lists(scope).get(name)
        if known is not None:
            return known.kind
        if body.kind is None:
            raise NotFound("list_unknown", "no list of this name; to make it, say its `kind`")
        return ListKind(body.kind)

    def _shown(self, scope: Scope, row: RulesetRow) -> Ruleset:
        state = self._ledger.states.get(scope)
        live = state is not None and state.ruleset == row.hash
        created = format_rfc3339(row.created_at_us)
        return Ruleset(row.hash, row.name, row.rules, created, row.created_by, live)


def _of_one_entry(refusal: InvalidRequest) -> InvalidRequest:
    """The same refusal, placed in the body of this operation."""
    pointer = refusal.pointer
    if pointer is not None:
        pointer = pointer.removeprefix("/entries/0")
    return InvalidRequest(refusal.code, refusal.detail, pointer=pointer)


def _summary(named: NamedList) -> ListSummary:
    return ListSummary(named.name, named.kind.value, len(named), named.version, named.digest())
