"""The script at the root: plain shell, lists itself, refuses what it does not know.

Installing is not tried here; it is tried on a bare system by hand, and by every clean run of
continuous integration.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "run"


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        timeout=60,
    )


def commands() -> set[str]:
    """Commands that the script dispatches on."""
    dispatch = SCRIPT.read_text("utf-8").split("case $command in")[1]
    return set(re.findall(r"^    ([a-z]+)(?: \| [^)]*)?\)", dispatch, re.M))


def test_help_lists_every_command(tmp_path: Path) -> None:
    answer = run("help", cwd=tmp_path)
    listed = set(re.findall(r"^  ([a-z]+) ", answer.stdout, re.M))
    assert answer.returncode == 0
    assert listed == commands() >= {"demo", "test", "check", "bench", "docs", "setup", "help"}
    assert run().stdout == answer.stdout


def test_an_unknown_command_fails_with_the_list() -> None:
    answer = run("dmeo")
    assert answer.returncode == 1
    assert "no such command: dmeo" in answer.stderr
    assert "demo" in answer.stderr
    assert answer.stdout == ""


def test_unknown_requirements_are_refused() -> None:
    answer = run("setup", "everything")
    assert answer.returncode == 1
    assert "no such requirements: everything" in answer.stderr


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_can_read_it(shell: str) -> None:
    file = ROOT / ".ci" / "run" if shell == "bash" else SCRIPT
    assert subprocess.run([shell, "-n", str(file)], check=False).returncode == 0


def test_without_an_interpreter_it_says_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "sed"):
        target = next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists())
        (tools / name).symlink_to(target)
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "run").write_bytes(SCRIPT.read_bytes())
    answer = subprocess.run(
        [str(tools / "sh"), str(folder / "run"), "setup"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tools)},
        timeout=60,
    )
    assert answer.returncode == 1
    assert "apt-get install -y python3 python3-venv" in answer.stderr
    assert not (folder / ".venv").exists()
