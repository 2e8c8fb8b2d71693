"""Rooms for approvals over a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from approval_kit import Room, copy_of, make_template


@pytest.fixture(scope="session")
def approvals_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("approvals"))


@pytest.fixture
def room(approvals_template: Path, tmp_path: Path) -> Iterator[Room]:
    made = Room(copy_of(approvals_template, tmp_path)).open()
    yield made
    made.close()
