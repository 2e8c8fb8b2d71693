"""Settings of egress: `<home>/cde/egress/egress.toml`, never the environment.

Guards: in production no destination counts without two signatures, whatever stands beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.cde_client.card_acts import Destination
from paywarden.core.errors import InvalidRequest
from paywarden.kit.settings import parse_settings

FILE: Final = "egress.toml"


class Egress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`development_destinations_file`: unapproved ones that reach loopback only.

    `trust_file`: PEM of the roots that sign destinations' certificates (empty: the system's).
    `reveals_per_day`: of one tenant and environment.
    """

    mode: Literal["development", "production"] = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    development_destinations_file: str = ""
    trust_file: str = ""
    reveals_per_day: Annotated[int, Meta(ge=0, le=10_000)] = 20


class EgressSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    egress: Egress = msgspec.field(default_factory=Egress)


def read_settings(folder: Path) -> Egress:
    """The settings; defaults where there is no file. Errors: InvalidRequest."""
    path = folder / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return checked(parse_settings(EgressSettings, text, {}, FILE).egress)


def checked(found: Egress) -> Egress:
    """The same settings. Errors: InvalidRequest `destination_unapproved`."""
    if found.mode == "production" and found.development_destinations_file:
        raise InvalidRequest(
            "destination_unapproved",
            "production takes approved destinations only; empty development_destinations_file",
            pointer=FILE,
        )
    return found


def development_destinations(folder: Path, settings: Egress) -> list[Destination]:
    """Destinations of the development file: a JSON list. Errors: InvalidRequest."""
    if not settings.development_destinations_file:
        return []
    path = folder / settings.development_destinations_file
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Destination])
    except (OSError, msgspec.MsgspecError):
        raise InvalidRequest(
            "destination_invalid", "the development destinations cannot be read", pointer=path.name
        ) from None
