"""Whether a failed connection failed in TLS: libraries wrap the fault that says so."""

from __future__ import annotations

import ssl


def failed_in_tls(fault: BaseException) -> bool:
    """Whether `fault`, or what it came from, is TLS's; its text is not looked at."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
