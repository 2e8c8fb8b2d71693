"""Operations of the process itself: alive, ready, metrics, its own description.

Guards: liveness says only that the loop turns; readiness names each dependency; the pages ask
nothing of the outside and allow no script (Content-Security-Policy).
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from paywarden.kit.http import openapi, problem
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.metrics import CONTENT_TYPE, Metrics

HTML = "text/html; charset=utf-8"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:3px}dt{margin-top:1rem}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}"
)


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


class Dependency(msgspec.Struct, frozen=True):
    """One thing that the process needs."""

    name: str
    state: str
    ready: bool


class Readiness(msgspec.Struct, frozen=True):
    """Whether payments may be sent here now, and why not."""

    ready: bool
    dependencies: list[Dependency]


class SystemOperations:
    """The operations of a process; `check` lists its dependencies."""

    def __init__(
        self,
        version: str,
        metrics: Metrics,
        check: Callable[[], Sequence[Dependency]],
        codes: Mapping[str, str],
    ) -> None:
        self._version = version
        self._metrics = metrics
        self._check = check
        self._codes = codes
        self._document: dict[str, Any] = {}
        self._page = b""

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            _public("/livez", "livez", "The process is alive", self.livez, Alive),
            Operation(
                "GET", "/readyz", "readyz", "The process is ready", self.readyz, Readiness,
                public=True, tag="health", also_declares={503: "Not ready; see dependencies"},
            ),
            _public("/metrics", "metrics", "Prometheus metrics", self.metrics, bytes, CONTENT_TYPE),
            _public("/openapi.json", "openapi", "This document", self.openapi, dict[str, Any]),
            _public("/docs", "docs", "Operations and problems to read", self.docs, bytes, HTML,
                    {"Content-Security-Policy": "No script", "Referrer-Policy": "`no-referrer`"}),
        ]  # fmt: skip

    def describe(self, operations: Iterable[Operation]) -> dict[str, Any]:
        """Take note of all operations of the process; the OpenAPI document."""
        listed = tuple(operations)
        self._document = openapi.document(listed, self._version)
        self._page = page(listed, self._codes).encode()
        return self._document

    async def livez(self, _call: Call) -> Answer:
        """GET /livez."""
        return Answer(Alive("alive"))

    async def readyz(self, _call: Call) -> Answer:
        """GET /readyz."""
        found = list(self._check())
        ready = all(one.ready for one in found)
        return Answer(Readiness(ready, found), 200 if ready else 503)

    async def metrics(self, _call: Call) -> Answer:
        """GET /metrics."""
        return Answer(self._metrics.text(), content_type=CONTENT_TYPE)

    async def openapi(self, _call: Call) -> Answer:
        """GET /openapi.json."""
        return Answer(self._document)

    async def docs(self, _call: Call) -> Answer:
        """GET /docs."""
        headers = (("content-security-policy", _POLICY), ("referrer-policy", "no-referrer"))
        return Answer(self._page, headers=headers, content_type=HTML)


def _public(
    path: str,
    name: str,
    text: str,
    handler: Any,
    answer: Any,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Operation:
    return Operation(
        "GET",
        path,
        name,
        text,
        handler,
        answer,
        public=True,
        tag="health",
        answer_content_type=kind,
        answer_headers=headers or {},
    )


def page(operations: Iterable[Operation], codes: Mapping[str, str]) -> str:
    """A page without scripts: each operation, and each problem code under its own anchor."""
    rows = "".join(
        f"<li><code>{op.method} {html.escape(op.path)}</code> {html.escape(op.summary)}</li>"
        for op in operations
    )
    problems = "".join(
        f'<dt id="{html.escape(code)}"><code>{html.escape(code)}</code></dt>'
        f"<dd>{html.escape(text)}</dd>"
        for code, text in sorted(codes.items())
    )
    statuses = ", ".join(map(str, problem.DECLARED_STATUSES))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Paywarden API</title>"
        f"<style>{_STYLE}</style><h1>Paywarden API</h1>"
        "<p>The whole contract: <a href=/openapi.json>openapi.json</a>.</p>"
        f"<h2>Operations</h2><ul>{rows}</ul>"
        f"<h2>Problems</h2><p>Problem statuses: {statuses}.</p><dl>{problems}</dl></html>"
    )
