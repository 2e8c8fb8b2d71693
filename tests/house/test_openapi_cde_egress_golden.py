"""docs/reference/openapi-cde-egress.json is what egress says of itself; its problems are explained.

`PAYWARDEN_WRITE_GOLDENS=1` (`./run docs`) writes it anew.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import paywarden
from paywarden.cde.egress import book, destinations, revealing
from paywarden.cde.egress.http import EgressOperations
from paywarden.cde.egress.problems import CODES
from paywarden.entrypoints import cde_egress
from paywarden.identity.approvals.catalogue import CATALOGUE, Executor
from paywarden.kit.http.openapi import document
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.system import SystemOperations
from paywarden.kit.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "docs" / "reference" / "openapi-cde-egress.json"
SOURCE = ROOT / "src" / "paywarden" / "cde"
REFUSALS = frozenset(
    {
        "Conflict", "InvalidRequest", "LimitExceeded", "NotAuthenticated", "NotFound",
        "NotPermitted", "Unavailable",
    }
)  # fmt: skip
AT_START = frozenset(
    {"canaries_unreadable", "destination_unapproved", "roster_unreadable", "roster_unsafe"}
)


def operations() -> list[Operation]:
    """As the process lists them; nobody calls them here."""
    nothing: Any = object()
    system = SystemOperations(paywarden.__version__, Metrics(), lambda: (), CODES)
    return cde_egress.operations(EgressOperations(nothing, nothing, nothing, nothing), system)


def test_golden_is_the_document_of_egress() -> None:
    made = document(operations(), paywarden.__version__)
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text, "run ./run docs and look at the difference"


def test_no_operation_of_egress_keeps_a_body() -> None:
    assert not [one.name for one in operations() if one.takes_idempotency_key]
    asked = {one.permission for one in operations() if not one.public}
    assert asked == {"cards:destinations", "cards:forward", "cards:reveal"}


def test_every_code_of_egress_is_explained() -> None:
    files = [*(SOURCE / "egress").rglob("*.py"), SOURCE / "events.py", SOURCE / "callers.py",
             SOURCE / "frame_client.py"]  # fmt: skip
    found = {
        node.args[0].value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS
        if len(node.args) == 2 and isinstance(node.args[0], ast.Constant)
    }
    assert len(found) > 30
    verdicts = {"grant_too_long"}  # of a grant: told in the detail of `grant_refused`
    assert found - AT_START - verdicts <= CODES.keys()


def test_what_egress_expects_of_approvals_stands_in_the_catalogue() -> None:
    for room in (revealing, destinations):
        row = CATALOGUE[room.ACTION]
        assert row.executor is Executor.CARD_DATA_ENVIRONMENT
        assert row.approvals == room.APPROVALS == 2
        assert {role.value for role in row.approvers} == room.APPROVER_ROLES
    assert book.APPROVALS == 2
