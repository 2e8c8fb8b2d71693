"""A fresh identity room per test, over a copy of a database migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from people_room import Room, template


@pytest.fixture(scope="session")
def identity_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def people_room(identity_template: Path, tmp_path: Path) -> Iterator[Room]:
    room = Room(Path(shutil.copy(identity_template, tmp_path / "paywarden.sqlite")))
    yield room
    room.close()
