"""Signature version 4 of requests to a cloud service, as AWS publishes it.

Guards: the signature covers method, path, query, the signed headers with the host and the date, and
the digest of the body. Source: AWS General Reference, "Signature Version 4 signing process"; its
published example is a test.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from paywarden.core.secret import Secret

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key, and the session's token where there is one."""

    access_key: str
    secret_key: Secret[str]
    session_token: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one region and service."""

    credentials: Credentials
    region: str
    service: str

    def headers(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes,
        now_us: int,
    ) -> dict[str, str]:  # fmt: skip
        """All headers to send; `headers` holds the host; `query` is in canonical order already."""
        instant = datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        given = {**headers, "X-Amz-Date": instant}
        if self.credentials.session_token is not None:
            given["X-Amz-Security-Token"] = self.credentials.session_token.expose()
        lowered = {name.lower(): " ".join(value.split()) for name, value in given.items()}
        names = ";".join(sorted(lowered))
        request = canonical_request(method, path, query, lowered, body)
        scope = f"{instant[:8]}/{self.region}/{self.service}/aws4_request"
        signature = hmac.new(
            signing_key(self.credentials.secret_key, scope).expose(),
            string_to_sign(instant, scope, request).encode(),
            "sha256",
        ).hexdigest()
        credential = f"{self.credentials.access_key}/{scope}"
        text = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**given, "Authorization": text}


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> str:
    """The request in its canonical form; header names are in lower case."""
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    names, digest = ";".join(sorted(headers)), hashlib.sha256(body).hexdigest()
    return "\n".join([method, path, query, *lines, "", names, digest])


def string_to_sign(instant: str, scope: str, request: str) -> str:
    """What is signed of a canonical request."""
    return "\n".join([ALGORITHM, instant, scope, hashlib.sha256(request.encode()).hexdigest()])


def signing_key(secret_key: Secret[str], scope: str) -> Secret[bytes]:
    """The derived key of a scope `date/region/service/aws4_request`."""
    key = f"AWS4{secret_key.expose()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return Secret(key)
