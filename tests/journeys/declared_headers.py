"""Each answer carries the headers that the OpenAPI document declares for it, and no other.

Every client of the journeys checks each of its answers by `only_declared`.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import httpx

GOLDEN = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"
OF_THE_SERVER = {"date", "server", "connection", "transfer-encoding", "keep-alive"}
LEFT_OUT = {"content-type", "content-length"}
"""OpenAPI, 4.8.17: headers named so are ignored in the description of a response."""


@functools.cache
def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return read


@functools.cache
def paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    found = []
    for path, methods in sorted(document()["paths"].items(), key=lambda one: "{" in one[0]):
        parts = re.split(r"\{[^}]+\}", path)
        found.append((re.compile("[^/]+".join(map(re.escape, parts))), methods))
    return found


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The declaration of an operation; None for what no operation answers."""
    for pattern, methods in paths():
        if pattern.fullmatch(path):
            found: dict[str, Any] | None = methods.get(method.lower().replace("head", "get"))
            return found
    return None


def declared(operation: dict[str, Any], status: int) -> set[str]:
    """Names of headers that an answer of that status may carry."""
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return {name.lower() for name in response["headers"]}


def only_declared(answer: httpx.Response) -> None:
    """Fail for a header that is not declared; a fault of ours (500) is declared nowhere."""
    operation = operation_of(answer.request.method, answer.request.url.path)
    if operation is None or answer.status_code in (405, 500):
        return
    carried = {name.lower() for name in answer.headers} - OF_THE_SERVER - LEFT_OUT
    more = carried - declared(operation, answer.status_code)
    assert not more, (operation["operationId"], answer.status_code, more)
