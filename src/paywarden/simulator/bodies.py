"""Bodies: one row of the public table as the JSON that the API accepts.

Dotted column names become nested objects, nulls are left out, instants become RFC 3339 in UTC with
microseconds. A payment row gives the `payment` of `POST /v1/decisions`, any other row one item of
`events` of `POST /v1/events`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from paywarden.core.instants import format_rfc3339, from_datetime

Target = Literal["payment", "events"]


def from_row(row: dict[str, Any]) -> tuple[Target, dict[str, Any]]:
    """The door ("payment" or "events") and the body of a row."""
    paying = row["kind"] == "payment"
    body: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or (paying and name == "kind"):
            continue
        if type(value) is datetime:
            value = format_rfc3339(from_datetime(value))
        place, _, leaf = name.partition(".")
        if leaf:
            body.setdefault(place, {})[leaf] = value
        else:
            body[place] = value
    return ("payment", {"payment": body}) if paying else ("events", body)
