"""No committed file names a package registry's host, a machine's folder, or tools of its making.

Locked requirements carry names, versions and hashes only, so that a mirror or an offline copy
serves them; a path of one machine is wrong on every other. The words are written in pieces here,
since this file is searched as well.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {"build", "dist", "paywarden-home", "__pycache__"}  # and what begins with a dot
LARGEST_BYTES = 5_000_000
HOSTS = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("crates", "io"),
    ("registry.npmjs", "org"),
    ("proxy.golang", "org"),
    ("deb.debian", "org"),
    ("repo1.maven", "org"),
    ("pkg", "dev"),
]
FOLDERS = ["work/", "root/", "home/[a-z]", "Users/"]
WORDS = ["clau" + "de", "anthro" + "pic", "sub" + "agent", "work" + "place"]
FORBIDDEN = re.compile(
    "|".join(
        [r"\b" + re.escape(f"{name}.{end}") + r"\b" for name, end in HOSTS]
        + [r"(?<![\w./~*-])/" + folder for folder in FOLDERS]
        + [r"\b" + word for word in WORDS]
    ),
    re.IGNORECASE,
)


def committed_files() -> list[Path]:
    """Files under version control, or all of them where git cannot tell."""
    try:
        if not (ROOT / ".git").exists():
            raise FileNotFoundError("not a clone")
        answer = subprocess.run(
            ["git", "ls-files", "-z"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            timeout=60,
        )
        found = [ROOT / name for name in answer.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not _left_out(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def _left_out(parts: tuple[str, ...]) -> bool:
    hidden = any(part.startswith(".") and part not in (".ci", ".gitignore") for part in parts)
    return hidden or not LEFT_OUT.isdisjoint(parts)


def findings(text: str) -> list[str]:
    """Every line that must not be committed, as `line number: match`."""
    return [
        f"{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in FORBIDDEN.finditer(line)
    ]


def test_no_committed_file_names_hosts_folders_or_makers() -> None:
    files = committed_files()
    assert len(files) > 50
    wrong = [
        f"{path.relative_to(ROOT)}:{finding}"
        for path in files
        for finding in findings(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert wrong == []


def test_no_committed_file_is_huge() -> None:
    huge = [str(path) for path in committed_files() if path.stat().st_size > LARGEST_BYTES]
    assert huge == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://" + "pypi" + ".org/simple",
        "see " + "/wo" + "rk/main/run",
        "-e file://" + 'x "/ro' + 'ot/thing"',
        "cd /ho" + "me/ann/paywarden",
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert findings(line)


@pytest.mark.parametrize("line", ["pip install paywarden", "docs/work/x", "src/root/file", "/v1/x"])
def test_the_search_leaves_harmless_text_alone(line: str) -> None:
    assert not findings(line)


def test_locked_requirements_are_hashed_and_bare() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [path.stem for path in locks] == ["bench", "build", "dev", "runtime"]
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*==[\w.+!-]+( ; .+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    for path in locks:
        lines = path.read_text(encoding="utf-8").splitlines()
        wrong = [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)]
        assert wrong == [], path.name
        assert sum(1 for line in lines if pin.fullmatch(line)) > 3


def test_files_agree_on_versions() -> None:
    seen: dict[str, str] = {}
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text("utf-8"), re.M):
            assert seen.setdefault(name, version) == version, f"{name} in {path.name}"
