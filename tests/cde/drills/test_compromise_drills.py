"""Each drill runs through, with its proofs; times are measured by the script, not judged here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compromise_drill import DRILLS, Rig


@pytest.mark.parametrize("drill", DRILLS, ids=lambda one: one.__name__)
async def test_drill(drill: Callable[[Rig, int], Any], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = await drill(Rig(home), 300)
    assert done.steps and done.proofs
