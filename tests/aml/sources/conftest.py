"""A folder that is filled and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from paywarden.aml.screening.sources.reading import FolderOfLists, read_folder

ReadFiles = Callable[..., FolderOfLists]


@pytest.fixture
def read_files(tmp_path: Path) -> ReadFiles:
    def read(**files: bytes) -> FolderOfLists:
        for old in tmp_path.iterdir():
            old.unlink()
        for name, octets in files.items():
            (tmp_path / name).write_bytes(octets)
        return read_folder(tmp_path)

    return read
