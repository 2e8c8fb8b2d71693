"""Both clients have the same methods, signatures and texts, and those are the operations' own."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_kit import KEY, ok

from paywarden.client import AsyncClient, Client, operations
from paywarden.client.calls import Call, Choice, Pages
from paywarden.client.faces import dressed

GOLDEN = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"
BUILDERS = {
    name: one
    for name, one in inspect.getmembers(operations, inspect.isfunction)
    if one.__module__ == operations.__name__ and not name.startswith("_")
}
OWN = {Client: {"close"}, AsyncClient: {"aclose"}}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "decide": ({"id": "o", "attempt": "1"},), "decide_batch": ([{"id": "o"}],),
    "continue_decision": ("dec_1", "failed"), "get_decision": ("dec_1",),
    "get_receipt": ("dec_1",), "send_events": ([],), "edit_list": ("stolen_cards", "c", "r"),
    "get_ruleset": ("rs_1",), "create_ruleset": ({},), "publish_ruleset": ("rs_1",),
    "roll_back_ruleset": ("rs_1",), "get_approval": ("apr_1",), "cancel_approval": ("apr_1", "r"),
    "execute_approval": ("apr_1",), "label": ("ev_1", "o", "fraud"),
}  # fmt: skip
KEYWORDS: dict[str, dict[str, Any]] = {
    "label": {"source": "chargeback", "occurred_at": "2026-11-22T01:02:03Z"}
}


def methods(kind: type) -> dict[str, Any]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: one for name, one in found if name[0] != "_" and name not in OWN[kind]}


def test_both_have_every_operation_and_nothing_else() -> None:
    assert set(methods(Client)) == set(methods(AsyncClient)) == set(BUILDERS)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_signatures_and_texts_are_the_operations(name: str) -> None:
    wanted = inspect.signature(BUILDERS[name])
    parameters = list(wanted.parameters.values())[1:]
    answers = set()
    for kind in (Client, AsyncClient):
        method = methods(kind)[name]
        assert method.__doc__ == BUILDERS[name].__doc__ and method.__doc__
        assert method.__name__ == name
        found = inspect.signature(method)
        assert list(found.parameters.values())[1:] == parameters
        answers.add(found.return_annotation.removeprefix("Async"))
    (answer,) = answers
    assert not answer.startswith(("Call", "Choice", "Pages"))
    kept = wanted.return_annotation.partition("[")[2].removesuffix("]")
    assert answer in (kept, f"Iterator[{kept}]")


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_what_is_sent_exists_in_the_contract(name: str) -> None:
    """Method and path of each operation stand in the OpenAPI document."""
    client = Client("https://risk.example", KEY)
    made = BUILDERS[name](client._setup, *ARGUMENTS.get(name, ()), **KEYWORDS.get(name, {}))
    assert isinstance(made, Call | Choice | Pages)
    call = made.ask(None) if isinstance(made, Pages) else made.call
    paths = json.loads(GOLDEN.read_text(encoding="utf-8"))["paths"]
    parts = call.path.split("/")
    assert any(
        call.method.lower() in operations_of
        and len(parts) == len(path.split("/"))
        and all(a == b or b[0] == "{" for a, b in zip(parts[1:], path.split("/")[1:], strict=True))
        for path, operations_of in paths.items()
    ), call.path
    client.close()


APPROVAL = {
    "id": "apr_1", "action": "list.bulk_edit", "state": "open", "payload": "{}", "maker": "key_a",
    "reason": "r", "created_at": "t", "expires_at": "t", "approvals_needed": 2,
    "approvals_counting": [], "ready_at": None, "steps": [], "payload_sha256": "00",
}  # fmt: skip


async def test_approvals_labels_and_what_waits_in_both() -> None:
    seen: list[tuple[str, str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, request.url.raw_path.decode(), body))
        match request.url.path.rsplit("/", 1)[-1]:
            case "approvals":
                more = request.url.params.get("after") is None
                page = {"items": [APPROVAL], "has_more": more, "next": "apr_1" if more else None}
                return ok(page)
            case "events":
                return ok({"results": [{"id": "ev_1", "status": "recorded"}]})
            case "execute":
                return ok({"id": "apr_1", "result": 7})
            case "entries" | "rollback":
                return ok(APPROVAL, 202)
        return ok(APPROVAL)

    told: list[list[Any]] = []
    with Client("https://risk.example", KEY, transport=httpx.MockTransport(answer)) as client:
        told.append([
            [one.id for one in client.approvals()], client.cancel_approval("apr_1", "no").state,
            client.execute_approval("apr_1").result, client.roll_back_ruleset("rs_1", model="").id,
            client.edit_list("l", "v", "r").id,
            client.label("ev_1", "o", "fraud", **KEYWORDS["label"]).status,
        ])  # fmt: skip
    sync, seen = seen, []
    async with AsyncClient(
        "https://risk.example", KEY, transport=httpx.MockTransport(answer)
    ) as other:
        told.append([
            [one.id async for one in other.approvals()],
            (await other.cancel_approval("apr_1", "no")).state,
            (await other.execute_approval("apr_1")).result,
            (await other.roll_back_ruleset("rs_1", model="")).id,
            (await other.edit_list("l", "v", "r")).id,
            (await other.label("ev_1", "o", "fraud", **KEYWORDS["label"])).status,
        ])  # fmt: skip
    assert told[0] == told[1] == [["apr_1", "apr_1"], "open", 7, "apr_1", "apr_1", "recorded"]
    assert sync == seen and len(seen) == 7
    assert seen[0][1] == "/v1/approvals?limit=50&open=true"
    assert ("POST", "/v1/rulesets/rs_1/rollback", {"model": ""}) in seen
    assert seen[-1][2]["events"][0]["kind"] == "label"


def test_an_operation_that_gives_no_call_is_a_mistake() -> None:
    def careless(setup: Any) -> int:
        return 1

    with pytest.raises(TypeError, match="gives no call"):
        dressed(careless, careless)
