"""Every operation of the OpenAPI document, with objects that exist in another scope.

For each operation with parameters in its path a stranger of another environment, and strangers of
another tenant, name the owner's real object and one that nobody has: both answers are the same in
status, code, text and headers. No listing shows the owner's objects. What has no row in the tables
below fails, so that a new operation is judged here before it ships.
Source: PCI DSS 4.0.1, 7.2.5 and A1.1; OWASP ASVS 5.0, 8.2.2 and 8.4.1.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from tenant_house import POLICY, House, Tenant

# `tenant_house` found the way to these
from decision_room import make_home, opened  # isort: skip

LINKED: Final = {
    **POLICY,
    "rules/links.yaml": b"""\
- id: near-fraud
  title: Somebody connected took part in fraud
  scenario: known
  when: link.bad_neighbours >= 1
  then: {points: 1, reason: KNOWN}
""",
}


class Case(NamedTuple):
    """What an operation names in its path, in order, and a body that it understands."""

    kinds: tuple[str, ...]
    body: Any = None


BECAUSE: Final = {"reason": "because"}
ASSERTION: Final = dict.fromkeys(
    ("credential_id", "authenticator_data", "client_data", "signature"), "AAAA"
)
ENTRY: Final = {"value": "card-1", "reason": "reported"}
HOOK: Final = ("webhook",)
DELIVERY: Final = ("webhook", "delivery")

CASES: Final = {
    "get_decision": Case(("decision",)),
    "get_receipt": Case(("decision",)),
    "continue_decision": Case(("decision",), {"result": "authenticated"}),
    "replay_decision": Case(("decision",), {}),
    "explain_decision": Case(("decision",)),
    "edit_list": Case(("list",), ENTRY),
    "edit_list_entries": Case(("list",), {"entries": [ENTRY], **BECAUSE}),
    "get_ruleset": Case(("ruleset",)),
    "submit_ruleset": Case(("ruleset",), BECAUSE),
    "shadow_ruleset": Case(("ruleset",), BECAUSE),
    "publish_ruleset": Case(("ruleset",)),
    "start_backtest": Case(("ruleset",), {}),
    "get_backtest": Case(("ruleset", "backtest")),
    "roll_back_ruleset": Case(("ruleset",), {}),
    "approve_ruleset": Case(("ruleset",), {"assertion": ASSERTION}),
    "get_label_hold": Case(("hold",)),
    "release_label_hold": Case(("hold",), BECAUSE),
    "refuse_label_hold": Case(("hold",), BECAUSE),
    "snooze_rule": Case(("rule",), {"kind": "payer", "value": "payer-1", **BECAUSE}),
    "end_screening_verdict": Case(("verdict",)),
    "get_rollout": Case(("rollout",)),
    "roll_back_rollout": Case(("rollout",), BECAUSE),
    "get_approval": Case(("approval",)),
    "approval_challenge": Case(("approval",)),
    "approval_grant": Case(("approval",)),
    "approve": Case(("approval",), {"assertion": ASSERTION}),
    "reject_approval": Case(("approval",), BECAUSE),
    "withdraw_approval": Case(("approval",), BECAUSE),
    "execute_approval": Case(("approval",), {}),
    "cancel_approval": Case(("approval",), BECAUSE),
    "get_access_review": Case(("review",)),
    "list_access_review_items": Case(("review",)),
    "get_access_review_evidence": Case(("review",)),
    "decide_access_review_item": Case(("review", "item"), {"verdict": "confirm", **BECAUSE}),
    "close_access_review": Case(("review",), {"statement": "done"}),
    "get_customer": Case(("customer",)),
    "get_customer_history": Case(("customer",)),
    "screen_customer": Case(("customer",), {"pep": "none"}),
    "override_customer": Case(("customer",), {"level": "high", "days": 5, **BECAUSE}),
    "end_customer_override": Case(("customer",), BECAUSE),
    "review_customer": Case(("customer",), {"note": "looked"}),
    "set_customer_diligence": Case(
        ("customer",), {"item": "purpose", "state": "done", "note": "on file"}
    ),
    "get_risk_model": Case(("risk_model",)),
    "publish_risk_model": Case(("risk_model",), BECAUSE),
    "get_aml_alert": Case(("alert",)),
    "get_aml_alert_group": Case(("group",)),
    "get_webhook": Case(HOOK),
    "change_webhook": Case(HOOK, {"description": "stolen"}),
    "rotate_webhook_secret": Case(HOOK, {}),
    "ping_webhook": Case(HOOK),
    "list_webhook_deliveries": Case(HOOK),
    "get_webhook_delivery": Case(DELIVERY),
    "replay_webhook_delivery": Case(DELIVERY),
    "remove_webhook": Case(HOOK),
    "identity_link": Case(("person",)),
    "identity_person_revoke_sessions": Case(("person",)),
    "identity_disable": Case(("person",)),
    "identity_enable": Case(("person",)),
    "identity_remove_passkey": Case(("passkey",)),
    "identity_revoke_session": Case(("session",)),
}
"""In this order for the owner, who does it: what ends an object comes after what reads it."""

LISTINGS: Final = {
    "list_decisions": "decision",
    "list_lists": "list",
    "list_label_holds": "hold",
    "list_rulesets": "ruleset",
    "list_rollouts": "rollout",
    "list_screening_verdicts": "verdict",
    "list_approvals": "approval",
    "list_aml_alerts": "alert",
    "list_aml_alert_groups": "group",
    "list_webhooks": "webhook",
    "list_customers": "customer",
    "list_risk_models": "risk_model",
    "list_access_reviews": "review",
    "list_audit_events": "approval",
    "identity_persons": "person",
    "identity_sessions": "session",
    "identity_factors": "passkey",
    "identity_me": "owner",
}
"""GET without parameters in the path -> which of the owner's objects the owner finds there."""

OF_NOBODY: Final = {
    "get_labels": "named by its payment; see QUERIES",
    "list_features": "fields of payments and the caller's own aggregates",
    "list_webhook_event_types": "types, not events",
    "list_models": "models belong to the home; their role is the caller's own",
    "get_screening_lists": "lists of the house, with the sequence of the caller's own scope",
    "get_drift": "counts of the caller's own scope",
    "get_customer_calendar": "counts of the caller's own scope",
    "list_audit_keys": "public keys",
    "get_checkpoint": "one log for all; a hash",
    "prove_inclusion": "hashes",
    "prove_consistency": "hashes",
    "page_sign_in_html": "a page",
    "page_sign_in_js": "a page",
    "page_sign_in_css": "a page",
    "livez": "the process",
    "readyz": "the process",
    "metrics": "the process",
    "openapi": "the document",
    "docs": "a page",
}
"""GET whose answer belongs to no tenant; the owner's objects are looked for there too."""

OF_THE_HOUSE: Final = {
    "get_model": "one file for all tenants; its role is the caller's own",
    "put_customer": "makes a customer of the caller's own; see the test of equal names below",
    "get_merchant_exposure": "answers for any name, from the caller's own windows",
}
"""Operations that name in their path what no tenant owns."""

QUERIES: Final = {
    ("list_decisions", "after"): "decision",
    ("list_decisions", "payment_id"): "payment",
    ("get_labels", "payment_id"): "payment",
    ("list_rulesets", "after"): "ruleset",
    ("list_approvals", "after"): "approval",
    ("list_rollouts", "after"): "rollout",
    ("list_screening_verdicts", "after"): "verdict",
    ("list_aml_alerts", "after"): "alert",
    ("list_aml_alerts", "group"): "group",
    ("list_aml_alert_groups", "after"): "group",
    ("list_webhooks", "after"): "webhook",
    ("list_access_reviews", "after"): "review",
    ("list_customers", "after"): "reference",
}
"""Query parameters that can name an object; `list_audit_events` counts with a whole number."""
PLAIN: Final = {
    "attempt",
    "limit",
    "open",
    "outcome",
    "state",
    "index",
    "size",
    "from",
    "to",
    "kind",
    "subject",
    "entity_kind",
    "entity_id",
    "interdicted",
    "since",
    "until",
    "level",
    "waiting",
    "mcc",
}
NUMBERS: Final = {("list_audit_events", "after"), ("list_webhook_deliveries", "after"),
           ("list_access_review_items", "after"), ("get_customer_history", "before")}  # fmt: skip


class Known(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    in_path: list[str]
    in_query: list[str]


@pytest.fixture(scope="module")
def home_of_tenants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_home(tmp_path_factory.mktemp("tenants")))


class Scene(NamedTuple):
    """The house, who owns its objects, who does not, and the document."""

    house: House
    owner: Tenant
    strangers: list[Tenant]
    document: dict[str, Known]

    async def call(self, who: Tenant, name: str, *values: str, **query: str) -> httpx.Response:
        """One operation with these values in its path."""
        known = self.document[name]
        path = known.path.format(**dict(zip(known.in_path, values, strict=True)))
        body = CASES[name].body if name in CASES else None
        return await who.http.request(known.method, path, json=body, params=query or None)

    def secrets(self) -> list[str]:
        """Whatever of the owner's must be shown to nobody else."""
        found = self.house.objects
        return [found[kind] for kind in found if kind not in ("delivery", "item", "hold")] + [
            self.owner.person
        ]


@pytest.fixture
async def scene(home_of_tenants: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    home = Path(shutil.copytree(home_of_tenants, tmp_path / "home"))
    async with opened(home) as room:
        house = House(room)
        owner, strangers = await house.open()
        read = (await owner.http.get("/openapi.json")).json()
        yield Scene(house, owner, strangers, _operations(read))
        for one in (owner, *strangers):
            await one.http.aclose()


def _operations(document: dict[str, Any]) -> dict[str, Known]:
    found = {}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            where: dict[str, list[str]] = {"path": [], "query": [], "header": []}
            for given in one.get("parameters", []):
                named = given.get("$ref", "").rpartition("/")[2]
                parameter = document["components"]["parameters"][named] if named else given
                where[parameter["in"]].append(parameter["name"])
            found[one["operationId"]] = Known(method.upper(), path, where["path"], where["query"])
    return found


def told(answer: httpx.Response, *names: str) -> tuple[Any, ...]:
    """All that an answer tells, but for the request's own id and the name that was sent."""
    text = answer.text.replace(answer.headers["request-id"], "<request>")
    for name in names:
        text = text.replace(name, "<name>")
    kept = {"content-type", "www-authenticate", "retry-after", "location", "etag"}
    return answer.status_code, text, {k: v for k, v in answer.headers.items() if k in kept}


async def test_every_operation_has_a_row(scene: Scene) -> None:
    with_path = {name for name, one in scene.document.items() if one.in_path}
    assert with_path == CASES.keys() | OF_THE_HOUSE.keys()
    for name in CASES:
        assert len(scene.document[name].in_path) == len(CASES[name].kinds), name
    plain = {name for name, one in scene.document.items() if one.method == "GET"} - with_path
    assert plain == LISTINGS.keys() | OF_NOBODY.keys()
    queries = {(name, one) for name, known in scene.document.items() for one in known.in_query}
    assert {pair for pair in queries if pair[1] not in PLAIN} == QUERIES.keys() | NUMBERS


async def test_strangers_find_what_nobody_has(scene: Scene) -> None:
    objects, strange = scene.house.objects, scene.house.unknown
    for who in scene.strangers:
        for name, case in CASES.items():
            real = [objects[kind] for kind in case.kinds]
            nobodys = [strange(kind) for kind in case.kinds]
            answer = await scene.call(who, name, *real)
            other = await scene.call(who, name, *nobodys)
            assert answer.status_code in (403, 404), (who.scope.text, name, answer.text)
            assert answer.json()["code"] != "not_permitted", "the gate must not be what refuses"
            assert told(answer, *real) == told(other, *nobodys), (who.scope.text, name)
    # Nothing was changed by asking, and the owner finds what the strangers named.
    for name, case in CASES.items():
        answer = await scene.call(scene.owner, name, *(objects[kind] for kind in case.kinds))
        code = answer.json().get("code", "") if answer.content else ""
        assert answer.status_code != 404, (name, code, answer.text)
        assert not code.endswith(("not_found", "unknown")), (name, code)


async def test_strangers_own_endpoint_shows_no_delivery_of_the_owner(scene: Scene) -> None:
    delivery = scene.house.objects["delivery"]
    for who in scene.strangers:
        made = await scene.house.endpoint_of(who)
        for name in ("get_webhook_delivery", "replay_webhook_delivery"):
            answer = await scene.call(who, name, made, delivery)
            other = await scene.call(who, name, made, scene.house.unknown("delivery"))
            assert answer.status_code == 404
            assert told(answer, delivery) == told(other, scene.house.unknown("delivery"))


async def test_a_colleague_reaches_nobodys_own_factors(scene: Scene) -> None:
    """Within one scope: sessions and passkeys are their person's."""
    colleague = await Tenant(scene.house, scene.owner.scope, "colleague").enter()
    for name, kind in (
        ("identity_remove_passkey", "passkey"), ("identity_revoke_session", "session"),
    ):  # fmt: skip
        real, nobodys = scene.house.objects[kind], scene.house.unknown(kind)
        answer = await scene.call(colleague, name, real)
        assert answer.status_code == 404
        assert told(answer, real) == told(await scene.call(colleague, name, nobodys), nobodys)
    await colleague.http.aclose()


async def test_no_listing_shows_the_owners_objects(scene: Scene) -> None:
    objects = {**scene.house.objects, "owner": scene.owner.person}
    for name, kind in LISTINGS.items():
        mine = await everything(scene, scene.owner, name)
        assert objects[kind] in mine, (name, "the owner's own object is not listed")
    for who in scene.strangers:
        for name in (*LISTINGS, *OF_NOBODY):
            shown = await everything(scene, who, name)
            found = [one for one in scene.secrets() if one in shown]
            assert not found, (who.scope.text, name, found)


async def test_a_neighbourhood_is_of_ones_own_scope(scene: Scene) -> None:
    """The one operation that names an object in its body and is no act on it."""
    room = scene.house.room
    await room.publish(LINKED, scene.owner.scope)
    await room.decide(device={"id": "owners-device"})
    asked = {"kind": "device", "value": "owners-device"}
    nobodys = {"kind": "device", "value": "nobodys-device"}
    mine = await scene.owner.http.post("/v1/links/neighbourhood", json=asked)
    assert [one["kind"] for one in mine.json()["entities"]][:2] == ["device", "payer"]
    for who in scene.strangers:
        await room.publish(LINKED, who.scope)
        answer = await who.http.post("/v1/links/neighbourhood", json=asked)
        assert answer.json() == {"entities": [], "complete": True}
        assert told(answer) == told(await who.http.post("/v1/links/neighbourhood", json=nobodys))


async def test_a_customer_of_the_same_name_is_another_customer(scene: Scene) -> None:
    """Whoever writes under the owner's customer's name changes, reads and learns nothing."""
    name = scene.house.objects["customer"]
    path = f"/v1/aml/customers/{name}"
    before = (await scene.owner.http.get(path)).json()
    for who in scene.strangers:
        made = await who.http.put(path, json={"person": {"name": "Somebody Else"}})
        assert made.status_code == 200
        assert made.json()["summary"]["reference"] != before["summary"]["reference"]
        history = (await who.http.get(path + "/history")).json()
        assert [one["number"] for one in history["items"]] == [1]
        exposed = await who.http.get(f"/v1/aml/merchants/{name}/exposure")
        assert exposed.json()["known"] is False
    assert (await scene.owner.http.get(path)).json() == before


async def test_a_strangers_query_names_nothing(scene: Scene) -> None:
    for who in scene.strangers:
        for (name, parameter), kind in QUERIES.items():
            real = scene.house.objects[kind]
            nobodys = "order-nobody" if kind == "payment" else scene.house.unknown(kind)
            answer = await scene.call(who, name, **{parameter: real})
            other = await scene.call(who, name, **{parameter: nobodys})
            assert told(answer, real) == told(other, nobodys), (who.scope.text, name, parameter)
            assert not [one for one in scene.secrets() if one != real and one in answer.text]


async def everything(scene: Scene, who: Tenant, name: str) -> str:
    """Text of all pages of a listing."""
    pages, query = [], {}
    if name in ("prove_inclusion", "prove_consistency"):
        query = {"index": "0"} if name == "prove_inclusion" else {"from": "1", "to": "1"}
    for _ in range(20):
        answer = await scene.call(who, name, **query)
        pages.append(answer.text)
        more = answer.headers["content-type"] == "application/json" and answer.json()
        if not isinstance(more, dict) or not more.get("has_more"):
            return "\n".join(pages)
        query["after"] = str(more["next"])
    raise AssertionError(f"{name} has no last page")
