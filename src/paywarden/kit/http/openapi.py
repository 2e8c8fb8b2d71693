"""The OpenAPI 3.1 document, made from the operations alone, so that it cannot drift from them.

Source: OpenAPI 3.1 uses JSON Schema 2020-12, which `msgspec.json.schema_components` writes.
Every operation declares the problem statuses of the contract (API.md section 1); what is the same
for many operations stands once, among the components.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from paywarden.kit.http import openapi_headers, problem
from paywarden.kit.http.operation import Operation

_PATH_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_REF = "#/components/schemas/{name}"


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The whole document as plain JSON values."""
    listed = tuple(operations)
    kinds = [kind for op in listed for kind in _kinds(op) if _is_schema(kind)]
    kinds.append(problem.Problem)
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    for kind in kinds:
        for name, rules in getattr(kind, "__schema_rules__", {}).items():
            components[name].update(rules)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        path = _PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Paywarden",
            "version": version,
            "summary": "Payment security and risk control",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": _problems(),
            **openapi_headers.components(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _kinds(operation: Operation) -> tuple[Any, ...]:
    others = operation.also_answers.values()
    return (operation.body, operation.answer, operation.query, *others)


def _is_schema(kind: Any) -> bool:
    return kind is not None and kind is not bytes


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def _operation(operation: Operation, components: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, components),
        "responses": _responses(operation),
    }
    made["security"] = [] if operation.public else [{"key": []}]
    if operation.permission:
        made["description"] = f"Needs the permission `{operation.permission}`."
    if operation.body is not None:
        schema = {"type": "string"} if operation.takes_octets else _schema(operation.body)
        content = {operation.body_content_type: {"schema": schema}}
        made["requestBody"] = {"required": not operation.body_optional, "content": content}
    return made


def _parameters(operation: Operation, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    made = []
    for name in _PATH_PARAMETER.findall(operation.path):
        text = operation.path_texts.get(name, "Identifier")
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 128}
        if name in operation.path_patterns:
            schema = {"type": "string", "pattern": operation.path_patterns[name]}
        made.append(
            {"name": name, "in": "path", "required": True, "schema": schema, "description": text}
        )
    if operation.query is not None:
        schema = components[operation.query.__name__]
        for name, shape in schema["properties"].items():
            plain = {key: value for key, value in shape.items() if key != "default"}
            needed = name in schema.get("required", ())
            made.append({"name": name, "in": "query", "required": needed, "schema": plain})
    if operation.takes_idempotency_key:
        made.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[\\x20-\\x7e]+$",
                },
                "description": "Same key and body give the same answer",
            }
        )
    return made + openapi_headers.signing_parameters(operation)


def _responses(operation: Operation) -> dict[str, Any]:
    schema = {"type": "string"} if operation.answer is bytes else _schema(operation.answer)
    done = {
        "description": "Done",
        "headers": openapi_headers.of_answer(operation, operation.status),
        "content": {operation.answer_content_type: {"schema": schema}},
    }
    made: dict[str, Any] = {str(operation.status): done}
    for status, text in operation.also_declares.items():
        made[str(status)] = done | {"description": text}
    for status, kind in operation.also_answers.items():
        content = {"application/json": {"schema": _schema(kind)}}
        headers = openapi_headers.of_answer(operation, status)
        waits = {"description": "Waits for approval", "headers": headers}
        made[str(status)] = waits | {"content": content}
    for status in problem.DECLARED_STATUSES:
        name = _problem_name(status, public=operation.public)
        made.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    return made


def _problems() -> dict[str, Any]:
    content = {problem.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        _problem_name(status, public=public): {
            "description": problem.TITLES[status],
            "headers": openapi_headers.of_refusal(status, public=public),
            "content": content,
        }
        for public in (False, True)
        for status in problem.DECLARED_STATUSES
    }


def _problem_name(status: int, *, public: bool) -> str:
    return f"{'Public' if public else ''}Problem{status}"
