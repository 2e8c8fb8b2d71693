"""docs/reference/openapi-cde.json is what the edge says of itself, and its problems are explained.

`PAYWARDEN_WRITE_GOLDENS=1` (`./run docs`) writes it anew.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import paywarden
from paywarden.cde.edge.problems import CARD_CODES, CODES, POINTERS
from paywarden.core.clock import FixedClock
from paywarden.entrypoints import cde_edge
from paywarden.identity.permissions.table import PERMISSIONS
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.http.openapi import document
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.system import SystemOperations
from paywarden.kit.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "docs" / "reference" / "openapi-cde.json"
SOURCE = ROOT / "src" / "paywarden" / "cde"
REFUSALS = frozenset(
    {
        "InvalidRequest", "LimitExceeded", "NotAuthenticated", "NotFound", "NotPermitted",
        "Unavailable",
    }
)  # fmt: skip


def operations() -> list[Operation]:
    """As the process lists them; nobody calls them here."""
    nothing: Any = object()
    system = SystemOperations(paywarden.__version__, Metrics(), lambda: (), CODES)
    origin = "https://cards.example"
    return cde_edge.operations(nothing, origin, FixedClock(), SystemRandomness(), system)


def test_golden_is_the_document_of_the_edge() -> None:
    made = document(operations(), paywarden.__version__)
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text, "run ./run docs and look at the difference"


def test_permissions_of_the_edge_are_in_the_table() -> None:
    asked = {one.permission for one in operations() if not one.public}
    assert asked == {"cards:tokenise", "cards:describe"}
    assert asked <= PERMISSIONS.keys()


def test_no_operation_with_a_card_digests_its_body() -> None:
    assert not [one.name for one in operations() if one.takes_idempotency_key]


def test_every_code_of_the_edge_is_explained() -> None:
    files = [SOURCE / "callers.py", SOURCE / "frame_client.py"]
    files += [*(SOURCE / "edge").glob("*.py"), *(SOURCE / "fields").glob("*.py")]
    found = {
        node.args[0].value
        for file in files
        if file.name != "page_check.py"  # a command's
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(found) > 10
    assert found <= CODES.keys()
    assert POINTERS.keys() == CARD_CODES
    assert CODES.keys() >= CARD_CODES
