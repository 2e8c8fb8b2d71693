"""Problems: the one place where an error becomes an HTTP status (RFC 9457).

Guards: `detail` is our own text, never an echo of the request; anything unmapped becomes an
anonymous 500 that carries only an incident id. `type` is a URL path that `/docs` resolves.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paywarden.core import errors

CONTENT_TYPE = "application/problem+json"


class Fault(msgspec.Struct, frozen=True):
    """One fault of a text file that was sent: its place (from 1) and what to do."""

    file: str
    line: int
    column: int
    code: str
    message: str
    remedy: str


class FaultyFiles(errors.InvalidRequest):
    """Text files with faults; `faults` holds every one."""

    def __init__(
        self, code: str, detail: str, faults: Sequence[Fault], *, pointer: str | None = None
    ) -> None:
        super().__init__(code, detail, pointer=pointer)
        self.faults = tuple(faults)


class Problem(msgspec.Struct, omit_defaults=True, rename=None):
    """RFC 9457 problem details, with a stable `code` and the `request_id`.

    `errors` lists the faults of files that were sent; `pointer` names the first place.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    pointer: str | None = None
    errors: tuple[Fault, ...] = ()


_STATUS: tuple[tuple[type[errors.PaywardenError], int, str], ...] = (
    (errors.Unparsable, 400, "Request cannot be read"),
    (errors.TooLarge, 413, "Request is too large"),
    (errors.InvalidRequest, 422, "Request is not acceptable"),
    (errors.NotAuthenticated, 401, "Not authenticated"),
    (errors.NotPermitted, 403, "Not permitted"),
    (errors.NotFound, 404, "Not found"),
    (errors.Conflict, 409, "Conflict with what is recorded"),
    (errors.LimitExceeded, 429, "Too much at once"),
    (errors.Unavailable, 503, "Not available now"),
)
DECLARED_STATUSES: tuple[int, ...] = (400, 401, 403, 404, 409, 413, 422, 429, 503)
TITLES = {status: title for _, status, title in _STATUS} | {
    405: "Method not allowed",
    500: "Fault on our side",
}


def status_of(error: errors.PaywardenError) -> int:
    """HTTP status of an error; 500 for one that is a fault (Corrupt, root)."""
    for kind, status, _ in _STATUS:
        if isinstance(error, kind):
            return status
    return 500


def problem_of(error: errors.PaywardenError, request_id: str) -> Problem:
    """The problem of a deliberate error."""
    status = status_of(error)
    made = make(status, error.code, error.detail, request_id, error.pointer)
    if isinstance(error, FaultyFiles):
        made.errors = error.faults
    return made


def make(
    status: int, code: str, detail: str, request_id: str, pointer: str | None = None
) -> Problem:
    """A problem whose type URL names its code."""
    return Problem(f"/docs#{code}", TITLES[status], status, code, detail, request_id, pointer)
