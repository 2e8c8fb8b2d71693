"""A decision room for tests of customers, and the way to their kit."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "decision"))

from customer_policy import FILES
from decision_room import Room, copy_home, make_home, opened


@pytest.fixture(scope="session")
def customers_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("customers"), FILES)


@pytest.fixture
def customers_home(customers_template: Path, tmp_path: Path) -> Path:
    return copy_home(customers_template, tmp_path / "home")


@pytest.fixture
async def room(customers_home: Path) -> AsyncIterator[Room]:
    async with opened(customers_home, files=FILES) as made:
        yield made
