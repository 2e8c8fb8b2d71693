"""A decision room for every test, over a copy of one home that is made once per run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from decision_room import Room, copy_home, make_home, opened


@pytest.fixture(scope="session")
def home_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("decision"))


@pytest.fixture
def home(home_template: Path, tmp_path: Path) -> Path:
    return copy_home(home_template, tmp_path / "home")


@pytest.fixture
async def room(home: Path) -> AsyncIterator[Room]:
    async with opened(home) as made:
        yield made
