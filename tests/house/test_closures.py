"""What each process really loads: `sys.modules` of a fresh interpreter against a golden file.

Static contracts cannot see what a package's `__init__` pulls in; this list can. The list of a
process is its attack surface, so a changed golden is a scope review. `./run docs` (or
`PAYWARDEN_WRITE_GOLDENS=1`) writes the files again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTRYPOINTS = ROOT / "src" / "paywarden" / "entrypoints"
GOLDENS = Path(__file__).parent / "closures"
# Parts that several processes share; any other file beside them is a process and owes a golden.
SHARED = {
    "backtest_jobs",
    "cde_door",
    "__init__",
    "access_wiring",
    "cde_commands",
    "checkpoint_schedule",
    "compiling",
    "evidence",
    "home",
    "housekeeping",
    "key_commands",
    "listening",
    "local_door",
    "installation",
    "stored_runtimes",
    "people_commands",
    "people_operations",
    "approvals_wiring",
    "people_wiring",
    "limits",
    "settings",
    "start_report",
    "tables",
    "warming",
    "webhooks",
}
LIST_MODULES = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
from importlib.metadata import packages_distributions
owners = packages_distributions()
names = set(sys.modules) - before
foreign = {n.split(".")[0] for n in names} - set(sys.stdlib_module_names) - {"paywarden"}
print(json.dumps({
    "house": sorted(n for n in names if n.split(".")[0] == "paywarden"),
    "distributions": sorted({d for top in foreign for d in owners.get(top, [])}),
}))
"""


def processes() -> list[str]:
    """Names of the entry points, main included."""
    return sorted({path.stem for path in ENTRYPOINTS.glob("*.py")} - SHARED)


def closure_of(process: str) -> str:
    """Sorted distributions, then sorted modules of ours, one per line."""
    answer = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, f"paywarden.entrypoints.{process}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    loaded = json.loads(answer.stdout)
    lines = [f"distribution {name.lower()}" for name in loaded["distributions"]]
    return "\n".join([*lines, *loaded["house"], ""])


@pytest.mark.parametrize("process", processes())
def test_a_process_loads_what_its_golden_lists(process: str) -> None:
    golden = GOLDENS / f"{process}.txt"
    loaded = closure_of(process)
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        golden.write_text(loaded, encoding="utf-8")
    assert golden.is_file(), f"no golden for {process}: ./run docs writes it"
    listed = golden.read_text(encoding="utf-8")
    more = sorted(set(loaded.split("\n")) - set(listed.split("\n")))
    less = sorted(set(listed.split("\n")) - set(loaded.split("\n")))
    assert loaded == listed, (
        f"newly loaded {more}, no longer loaded {less}: ./run docs, then review"
    )


def test_no_golden_outlives_its_process() -> None:
    assert sorted(path.stem for path in GOLDENS.glob("*.txt")) == processes()
