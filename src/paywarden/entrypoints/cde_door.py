"""Settings of the two processes of the environment that speak HTTP, each in a folder of its own.

    cde/edge/edge.toml        [edge] mode, log_level; [limits]
    cde/egress/egress.toml    [egress], see `cde.egress.settings`; [limits]

Guards: nothing of the API's home is read; a file that says nothing means production; no variable
turns production into development, only limits may come from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from paywarden.cde.places import Places
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.settings import Limits
from paywarden.kit.settings import parse_settings

EDGE_FILE: Final = "edge.toml"
LIMITS: Final = "PAYWARDEN_LIMITS__"


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[edge]: how it runs."""

    mode: Literal["development", "production"] = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class EdgeDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """edge.toml."""

    edge: Edge = Edge()
    limits: Limits = Limits()


EDGE_DEVELOPMENT_TEXT: Final = """\
# The edge of the card data environment; this file is for development.
# See docs/how-to/tokenise.md.

[edge]
mode = "development"   # production wants --origin https://...
"""


def edge_door(places: Places, environ: Mapping[str, str]) -> EdgeDoor:
    """Settings of the edge. Errors: InvalidRequest; Unavailable `cde_missing`."""
    return parse_settings(
        EdgeDoor, door_text(places, places.edge / EDGE_FILE), limits_in(environ), EDGE_FILE
    )


def door_text(places: Places, path: Path) -> str:
    """The settings' text, empty without a file. Errors: Unavailable `cde_missing`."""
    if not places.root.is_dir():
        raise Unavailable("cde_missing", "no card data environment here; run `paywarden cde init`")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def limits_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that set limits: no other one counts."""
    return {name: text for name, text in environ.items() if name.startswith(LIMITS)}
