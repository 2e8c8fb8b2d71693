"""Structured logs: an event name and keys from an allow-list, as one JSON object a line.

Guards: a key that is not listed is dropped and counted, so a personal datum or a secret cannot
reach a log by accident; long digit runs in any text are cut, whatever the key. Secrets print as
`<secret>` by their own type. Standard: PCI DSS 4.0.1, 3.3 and 10.2.
"""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "request_id",
        "incident_id",
        "tenant",
        "environment",
        "method",
        "route",
        "status",
        "code",
        "caller",
        "operation",
        "duration_ms",
        "latency_ms",
        "seq",
        "from_seq",
        "to_seq",
        "head",
        "entries",
        "decisions",
        "events",
        "payments",
        "outcome",
        "ruleset",
        "rules",
        "aggregates",
        "lists",
        "list",
        "rows",
        "table",
        "source",
        "sha256",
        "age_days",
        "host",
        "port",
        "pid",
        "process",
        "signal",
        "reason",
        "stage",
        "stages",
        "file",
        "segment",
        "segments",
        "count",
        "bytes",
        "seconds",
        "key_id",
        "permission",
        "error",
        "error_type",
        "place",
        "version",
        "attempt_count",
        "degraded",
        "queue",
        "batch",
        "state",
        "path_name",
        "port_wanted",
        "differences",
        "drained",
        "windows",
        "skipped",
        "memory_bytes",
    }
)
_DIGIT_RUN = re.compile(r"(?:\d[ -]?){11,}\d")
_MAX_TEXT = 512


def allow_listed(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep allowed keys, cut digit runs and long texts, count what was dropped."""
    kept = {key: _safe(value) for key, value in event.items() if key in ALLOWED_KEYS}
    dropped = len(event) - len(kept)
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


def _safe(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value[:50]]
    text = value if isinstance(value, str) else type(value).__name__
    return _DIGIT_RUN.sub("[digits]", text[:_MAX_TEXT])


def configure(stream: TextIO | None = None, level: str = "info") -> None:
    """Send JSON lines to `stream` (standard error by default)."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """The logger of the house; call as `logger().info("decision_recorded", seq=7)`."""
    return structlog.get_logger()
