"""Frames between the key agent and the process that holds a PKCS#11 module."""

from __future__ import annotations

from typing import Final

from paywarden.cde.frame_format import Framed

ANSWER_LIMIT_OCTETS: Final = 8_192


class Open(Framed, frozen=True, tag="open"):
    """Load the module, log in, find the key (or make it)."""

    module: str
    token: str
    label: str
    pin: str
    create: bool


class Seal(Framed, frozen=True, tag="seal"):
    """AES-256-GCM of `octets`."""

    octets: bytes
    nonce: bytes
    associated: bytes


class Unseal(Framed, frozen=True, tag="unseal"):
    """What `Seal` sealed."""

    octets: bytes
    nonce: bytes
    associated: bytes


class Answer(Framed, frozen=True, tag=False):
    """The octets, or why there are none."""

    octets: bytes
    fault: str = ""


Ask = Open | Seal | Unseal
