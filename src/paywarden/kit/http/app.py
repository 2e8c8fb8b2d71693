"""The ASGI application: operations as Starlette routes, and problems for what no route answers.

Guards: an unknown path is 404 and a wrong method 405 with `Allow`, both as problems; start and
stop of the process are the `lifespan` that the entry point gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paywarden.core.identifiers import RequestId
from paywarden.kit.http import problem
from paywarden.kit.http.endpoint import Endpoint
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.surroundings import Surroundings

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def build(
    operations: Iterable[Operation], surroundings: Surroundings, lifespan: Lifespan | None = None
) -> Application:
    """The application of a process."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = Endpoint(operation, surroundings)
    routes = [
        Route(path, _Methods(methods), methods=_allowed(methods))
        for path, methods in by_path.items()
    ]

    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        status = status if status in (404, 405) else 500
        request_id = RequestId.new(surroundings.randomness).text
        code = {404: "no_such_path", 405: "method_not_allowed"}.get(status, "internal_fault")
        text = {404: "nothing lives at this path", 405: "this path does not take this method"}
        body = problem.make(status, code, text.get(status, "an unexpected fault"), request_id)
        headers = {"request-id": request_id, **(getattr(error, "headers", None) or {})}
        return Response(msgspec.json.encode(body), status, headers, problem.CONTENT_TYPE)

    made = Application(routes=routes, exception_handlers={HTTPException: refuse}, lifespan=lifespan)
    made.direct = {
        (method, path): endpoint
        for path, methods in by_path.items()
        if "{" not in path
        for method, endpoint in methods.items()
    }
    made.router.redirect_slashes = False  # a path with a slash too many does not exist
    return made


class Application(Starlette):
    """Starlette, with a short way to operations whose path has no parameter.

    An `Endpoint` ends every exception itself and needs nothing of the layers in between, which cost
    a tenth of a decision.
    """

    direct: dict[tuple[str, str], Endpoint]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or run the lifespan."""
        if scope["type"] == "http":
            endpoint = self.direct.get((scope["method"], scope["path"]))
            if endpoint is not None:
                await endpoint(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def _allowed(methods: dict[str, Endpoint]) -> list[str]:
    return sorted(methods)


class _Methods:
    """Chooses the operation by method; Starlette has checked that it exists."""

    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        method = scope["method"]
        endpoint = self._endpoints.get(method) or self._endpoints["GET"]
        await endpoint(scope, receive, send)
