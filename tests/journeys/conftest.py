"""Fixtures of the journeys: `server` (each kind in turn), `granian`, and `room` over `own_home`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from test_support_api import granian, server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "decision"))

from decision_room import Room, make_home, opened

__all__ = ["granian", "server"]


@pytest.fixture
def own_home(tmp_path: Path) -> Path:
    """A home of this test alone."""
    return Path(make_home(tmp_path))


@pytest.fixture
async def room(own_home: Path) -> AsyncIterator[Room]:
    """The whole application over it, in this process."""
    async with opened(own_home) as made:
        yield made
