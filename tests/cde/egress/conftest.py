"""The kits for passkeys and for TLS lie beside the tests of other rooms."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
for folder in ("identity", "kit", "cde/egress"):
    sys.path.insert(0, str(TESTS / folder))
