"""An outside tool reads the OpenAPI document and finds nothing: every check, every phase."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_support_api import Server, own_server

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("schemathesis")
PHASES = ("Coverage", "Fuzzing", "Stateful")


def fuzz(server: Server, folder: Path, examples: int) -> str:
    """Run the tool against the server; its report."""
    if not PROGRAM.exists() and shutil.which("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    command = [
        str(PROGRAM), "run", f"{server.url}/openapi.json",
        "--header", f"Authorization: Bearer {server.keys['operator']}",
        "--checks", "all",
        # Replaced by a stricter check of our own: see test_support_schemathesis.
        "--exclude-checks", "positive_data_acceptance",
        "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", str(examples), "--seed", "7", "--continue-on-failure",
        "--generation-database", "none", "--suppress-health-check", "all", "--no-color",
    ]  # fmt: skip
    hooks = {"SCHEMATHESIS_HOOKS": "test_support_schemathesis", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **hooks}, capture_output=True, text=True,
        timeout=3_000,
    )  # fmt: skip
    report = done.stdout + done.stderr
    assert done.returncode == 0, report[-12_000:]
    assert "valid_data_is_taken" not in report
    for phase in PHASES:
        assert re.search(rf"✅\s+{phase}", report), report[-3_000:]
    return report


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with own_server("granian", "schemathesis") as server:
        report = fuzz(server, tmp_path, 5)
        assert int(re.search(r"(\d+) generated", report)[1]) > 1_000
        # The same log is read again afterwards: whatever was sent must not keep it from starting.
        assert server.client().get("/readyz").json()["ready"]
        assert "request_fault" not in server.log.read_text()


@pytest.mark.full
def test_schemathesis_finds_nothing_in_many_examples(tmp_path: Path) -> None:
    with own_server("granian", "schemathesis-full") as server:
        fuzz(server, tmp_path, 200)
        assert "request_fault" not in server.log.read_text()
