"""Folder of evaluation data, or a skip by name."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def lists_folder() -> Path:
    default = Path(__file__).parents[2] / ".." / "shared" / "data"
    folder = Path(os.environ.get("PAYWARDEN_DATA", default)) / "lists"
    if not folder.is_dir():
        pytest.skip("evaluation data (PAYWARDEN_DATA) is absent")
    return folder
