"""docs/reference/openapi.json is what the application says of itself.

`PAYWARDEN_WRITE_GOLDENS=1` (`./run docs`) writes it anew. The document is made from the operations
alone: no database is opened for it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import paywarden
from paywarden.decision.problems import CODES
from paywarden.entrypoints import api
from paywarden.kit.http.openapi import document
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.problem import DECLARED_STATUSES
from paywarden.kit.http.system import SystemOperations
from paywarden.kit.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "docs" / "reference" / "openapi.json"


class Nothing:
    """Stands for every service: operations are only described here, never called."""

    def __getattr__(self, _name: str) -> Any:
        return self


def operations() -> list[Operation]:
    """The operations of the API process as it lists them itself."""
    nothing: Any = Nothing()
    system = SystemOperations(paywarden.__version__, Metrics(), lambda: (), CODES)
    return api.operations(nothing, system)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    # Through JSON: the golden holds what a client reads.
    text = json.dumps(document(operations(), paywarden.__version__))
    read: dict[str, Any] = json.loads(text)
    return read


def test_golden_is_the_document(made: dict[str, Any]) -> None:
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text, "run ./run docs and look at the difference"


def test_every_operation_declares_the_problems_of_the_contract(made: dict[str, Any]) -> None:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            declared = set(operation["responses"])
            missing = {str(status) for status in DECLARED_STATUSES} - declared
            assert not missing, (method, path, missing)


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    found = _references(made)
    kinds = {reference.split("/")[2] for reference in found}
    assert kinds == {"schemas", "responses", "headers", "parameters"}
    for reference in found:
        _, _, kind, name = reference.split("/")
        assert name in made["components"][kind]


def test_names_of_operations_are_unique(made: dict[str, Any]) -> None:
    names = [one["operationId"] for methods in made["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names)) == len(operations())


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(_references, value))
    return set()
