"""With `PAYWARDEN_NO_SKIPS=1` a skip fails the run and is named; without it, it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPPED = """
import pytest
def test_passes(): pass
def test_skips(): pytest.skip("no such service")
@pytest.mark.xfail(strict=True)
def test_expected_to_fail(): assert False
"""
WHOLE_FILE = """
import pytest
pytest.skip("no such library", allow_module_level=True)
"""
LONG = """
import pytest
def test_short(): pass
@pytest.mark.full
def test_long(): assert False
"""


def run(
    folder: Path, files: dict[str, str], *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = full: long runs\n", encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PAYWARDEN_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        timeout=120,
    )


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")])
def test_a_skip_fails_where_none_is_allowed(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {"test_one.py": SKIPPED, "test_two.py": WHOLE_FILE}
    answer = run(tmp_path, files, *workers, PAYWARDEN_NO_SKIPS="1")
    assert answer.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_one.py::test_skips: Skipped: no such service" in answer.stdout
    assert "test_two.py: Skipped: no such library" in answer.stdout
    assert "test_expected_to_fail:" not in answer.stdout
    assert "1 passed" in answer.stdout.splitlines()[-1]


def test_a_skip_is_fine_elsewhere(tmp_path: Path) -> None:
    answer = run(tmp_path, {"test_one.py": SKIPPED})
    assert answer.returncode == pytest.ExitCode.OK
    assert "skips are failures" not in answer.stdout


def test_nothing_skipped_changes_nothing(tmp_path: Path) -> None:
    answer = run(tmp_path, {"test_one.py": "def test_a(): pass"}, PAYWARDEN_NO_SKIPS="1")
    assert answer.returncode == pytest.ExitCode.OK


def test_a_failure_stays_a_failure(tmp_path: Path) -> None:
    text = SKIPPED + "\ndef test_fails(): assert False\n"
    answer = run(tmp_path, {"test_one.py": text}, PAYWARDEN_NO_SKIPS="1")
    assert answer.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed" in answer.stdout.splitlines()[-1]


@pytest.mark.parametrize(("full", "verdict"), [("", "1 deselected"), ("1", "1 failed")])
def test_long_tests_run_only_on_demand(tmp_path: Path, full: str, verdict: str) -> None:
    answer = run(tmp_path, {"test_one.py": LONG}, PAYWARDEN_FULL=full)
    assert verdict in answer.stdout.splitlines()[-1]
