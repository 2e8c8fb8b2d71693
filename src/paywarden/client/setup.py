"""What a client was made with: address, keys, time limits, choice; checked once.

Guards: the API key goes over TLS or to this machine only, and prints nowhere; what happens when no
answer comes is one of three words. Not done here: calls (`calls.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

from paywarden.client.retrying import RetryPolicy
from paywarden.client.signing import ServerKey, SignedRequest, Signing, SigningKey
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret

OnFailure = Literal["raise", "fail_open", "fail_closed"]
DECIDE_SECONDS = 2.0
OTHER_SECONDS = 30.0
CHOICES = ("raise", "fail_open", "fail_closed")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a client was made with. `on_failure` and time limits may be given per call as well."""

    base_url: str
    api_key: Secret[str]
    on_failure: OnFailure
    decide_seconds: float
    other_seconds: float
    retries: RetryPolicy
    clock: Clock
    randomness: Randomness
    signing_key: SigningKey | None = None
    server_key: ServerKey | None = None

    def __post_init__(self) -> None:
        check_url(self.base_url)
        check_choice(self.on_failure)
        if min(self.decide_seconds, self.other_seconds) <= 0:
            raise ValueError("time limits are above 0 seconds")
        if self.server_key is not None and self.signing_key is None:
            raise ValueError("answers are signed to signed requests: give a signing_key as well")

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        given = {
            "authorization": f"Bearer {self.api_key.expose()}",
            "accept": "application/json",
            "user-agent": "paywarden-client",
        }
        if self.signing_key is not None:
            given["accept-encoding"] = "identity"  # what is signed is what goes over the wire
        return given

    def sign(self, request: httpx.Request) -> SignedRequest | None:
        """Sign one try in place; None when this client signs nothing."""
        if self.signing_key is None:
            return None
        signing = Signing(self.signing_key, self.server_key, self.clock, self.randomness)
        signed = signing.sign(
            request.method,
            request.url.netloc.decode("ascii"),
            request.url.raw_path.decode("ascii"),
            request.headers,
            request.content,
        )
        request.headers.update(signed.headers)
        return signed

    def idempotency_key(self) -> str:
        """A key for one logical call."""
        return self.randomness.octets(16).hex()


def check_url(base_url: str) -> None:
    """ValueError for an address that would send the key over an open wire."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url is an address such as https://risk.example")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("base_url holds no user, query or fragment")
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not loopback:
        raise ValueError("the API key goes over TLS only: use https, or http to this machine")


def check_choice(choice: str) -> None:
    """ValueError for a word that is none of the three."""
    if choice not in CHOICES:
        raise ValueError("on_failure is raise, fail_open or fail_closed")


def chosen(setup: Setup, on_failure: OnFailure | None) -> OnFailure:
    """What to do when no answer comes: the call's choice, else the client's; ValueError."""
    choice = on_failure or setup.on_failure
    check_choice(choice)
    return choice
