"""Every refusal that a caller can get is explained on /docs, where its `type` leads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from paywarden.decision.problems import CODES
from paywarden.kit.http.system import page

SOURCE = Path(__file__).resolve().parents[2] / "src" / "paywarden"
SERVING = Path(__file__).parent / "closures" / "api.txt"
"""Every module that the process of the API loads."""
NOT_REACHED = {
    "aml/monitoring/functions.py": "settings of a typology's file, told with file and line",
    "entrypoints/": "start, and commands beside the server",
    "decision/checkpoint": "checkpoints of the state",
    "evidence/log": "the log's own checks, at its start",
    "evidence/note.py": "checkpoints of witnesses",
    "aml/screening/snapshots/": "taking lists in, by the command",
    "aml/screening/serving/process.py": "screening skipped: the fail policy decides",
    "entrypoints/screening_desk.py": "start of the process of lists: an alarm",
    "evidence/checkpoint.py": "checkpoints of witnesses",
    "evidence/submission.py": "what witnesses answer",
    "evidence/witness": "a process of its own",
    "kit/settings.py": "start",
    "kit/crypto/master.py": "start",
    "kit/db/schema.py": "start",
    "kit/journal/": "the ledger numbers entries: never a fault of who asks",
    "kit/stores/sqlite_journal.py": "the ledger numbers entries: never a fault of who asks",
    "reference/bins.py": "tables of the operator, at start",
    "reference/email_domains.py": "tables of the operator, at start",
    "reference/ip_ranges.py": "tables of the operator, at start",
    "reference/shipped.py": "start",
    "risk/enrichment/rates.py": "tables of the operator, at start",
    "risk/features/plan.py": "faults of a policy's text, told with file and line",
    "risk/features/plain.py": "the twin that tests compare with",
    "risk/rules/column": "training and evaluation",
}
INSIDE = frozenset(
    {
        # training
        "model_row", "model_unwritable", "one_class", "too_few_rows",
        # what the house made itself has another shape than it wrote
        "observation_order", "observation_shape", "observation_value",
        # tables of the operator, at start
        "table_bad_as_of", "table_unreadable",
        # screening skipped: the fail policy decides
        "screening_down", "screening_late",
        # commands
        "erasure_not_folded", "policy_folder_not_found", "subject_key_exists",
        # a folder of the home, looked for before
        "typology_folder_not_found",
    }
)  # fmt: skip
"""Codes that no request sees, beside reached ones in the same module."""
GIVEN = {
    "decision/lists_http.py": "a refusal with another pointer",
    "decision/snoozes_http.py": "a refusal with another pointer",
    "decision/policy_faults.py": "PolicyErrors, as the problem that lists them",
    "decision/policy_desk.py": "Corrupt of a model, as the conflict that it is for who asks",
    "identity/passwords.py": "of `_refused`",
    "reference/reading.py": "of `refuse`",
}
"""Where a code is no literal: it is given on, or is an argument of a helper seen below."""
REFUSALS = frozenset(
    {
        "Conflict", "FaultyFiles", "InvalidRequest", "LimitExceeded", "NotAuthenticated",
        "NotFound", "NotYet", "NotPermitted", "TooLarge", "Unavailable", "Unparsable",
    }
)  # fmt: skip


def served() -> Iterator[tuple[str, ast.Module]]:
    """(path, tree) of every module whose refusals a request can see."""
    for name in SERVING.read_text(encoding="utf-8").split():
        if not name.startswith("paywarden."):
            continue
        path = name.removeprefix("paywarden.").replace(".", "/") + ".py"
        file = SOURCE / path
        if file.is_file() and not path.startswith(tuple(NOT_REACHED)):
            yield path, ast.parse(file.read_text(encoding="utf-8"))


def refusals(path: str, tree: ast.Module) -> Iterator[ast.expr]:
    """The code of each refusal that is made there."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if name in REFUSALS or (path, name) == ("identity/passwords.py", "_refused"):
            yield node.args[0]
        elif name == "refuse" and len(node.args) == 4:  # of a cell, in `reference.reading`
            yield node.args[2]


def codes_raised() -> Iterator[tuple[str, str]]:
    for path, tree in served():
        for code in refusals(path, tree):
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value, f"{path}:{code.lineno}"


def test_every_code_is_explained() -> None:
    raised = dict(codes_raised())
    assert "attempt_conflict" in raised  # the search itself works
    known = CODES.keys() | INSIDE
    assert {code: place for code, place in raised.items() if code not in known} == {}


def test_what_is_inside_is_nobodys_remedy() -> None:
    assert dict(codes_raised()).keys() - CODES.keys() >= INSIDE


def test_a_code_is_a_literal_where_a_refusal_is_made() -> None:
    computed = {
        path for path, tree in served() for code in refusals(path, tree)
        if not isinstance(code, ast.Constant)
    }  # fmt: skip
    assert computed == GIVEN.keys()


def test_no_explanation_without_a_code() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    assert [code for code in CODES if text.count(f'"{code}"') < 2] == []


def test_the_page_has_an_anchor_for_each() -> None:
    shown = page((), CODES)
    assert all(f'id="{code}"' in shown for code in CODES)
