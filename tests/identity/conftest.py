"""Rooms of people and of approvals, each over a copy of a database migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import approval_kit
import people_room as people
import pytest


@pytest.fixture(scope="session")
def approvals_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return approval_kit.make_template(tmp_path_factory.mktemp("approvals"))


@pytest.fixture
def room(approvals_template: Path, tmp_path: Path) -> Iterator[approval_kit.Room]:
    made = approval_kit.Room(approval_kit.copy_of(approvals_template, tmp_path)).open()
    yield made
    made.close()


@pytest.fixture(scope="session")
def identity_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return people.template(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def people_room(identity_template: Path, tmp_path: Path) -> Iterator[people.Room]:
    made = people.Room(Path(shutil.copy(identity_template, tmp_path / "paywarden.sqlite")))
    yield made
    made.close()
