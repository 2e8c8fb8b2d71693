"""Every refusal that a caller can get is explained on /docs, where its `type` leads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from paywarden.decision.problems import CODES
from paywarden.kit.http.system import page

SOURCE = Path(__file__).resolve().parents[2] / "src" / "paywarden"
REACHED = (
    "decision",
    "identity",
    "kit/http",
    "kit/db",
    "kit/idempotency.py",
    "kit/audit.py",
    "evidence/proofs.py",
    "risk/lists",
)
NOT_REACHED = frozenset(
    {"checkpointing.py", "checkpoints.py", "importing.py", "migrate.py", "schema.py"}
)
"""Faults of start, checkpoints, imports of history and migration: no request sees them."""
REFUSALS = frozenset(
    {
        "Conflict", "FaultyFiles", "InvalidRequest", "LimitExceeded", "NotAuthenticated",
        "NotFound", "NotYet", "NotPermitted", "TooLarge", "Unavailable", "Unparsable",
    }
)  # fmt: skip


def codes_raised() -> Iterator[tuple[str, str]]:
    for place in REACHED:
        root = SOURCE / place
        for file in [root] if root.is_file() else sorted(root.rglob("*.py")):
            if file.name in NOT_REACHED:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                code = _code(node)
                if code is not None:
                    yield code, f"{file.name}:{getattr(node, 'lineno', 0)}"


def _code(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
    first = node.args[0]
    if name not in REFUSALS or not isinstance(first, ast.Constant):
        return None
    return str(first.value)


def test_every_code_is_explained() -> None:
    raised = dict(codes_raised())
    assert "attempt_conflict" in raised  # the search itself works
    assert {code: place for code, place in raised.items() if code not in CODES} == {}


def test_no_explanation_without_a_code() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    assert [code for code in CODES if text.count(f'"{code}"') < 2] == []


def test_the_page_has_an_anchor_for_each() -> None:
    shown = page((), CODES)
    assert all(f'id="{code}"' in shown for code in CODES)
