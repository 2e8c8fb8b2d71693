"""Opens the kit of egress' own tests to the attacks on it; import before `egress_kit`."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in ("identity", "kit", "cde/egress"):
    if str(TESTS / folder) not in sys.path:
        sys.path.insert(0, str(TESTS / folder))
