"""The doors between rooms hold, and each contract refuses what it is there to refuse."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = [
    "Rooms only look down",
    "No cycles between siblings",
    "Only entry points import stores",
    "Only its own entry points import the card data environment",
    "Core and models do no input or output",
]
WRONGS = {
    "core/planted.py": "import paywarden.kit.log\n",
    "lab/planted.py": "import paywarden.cde.keys.wire\n",
    "fraud/planted.py": "import paywarden.kit.stores.memory_journal\n",
    "risk/planted/__init__.py": "",
    "risk/planted/one/__init__.py": "import paywarden.risk.planted.two\n",
    "risk/planted/two/__init__.py": "import paywarden.risk.planted.one\n",
    "risk/planted/model.py": "import socket\n",
    "unknown_room/__init__.py": "",
}


def lint(folder: Path) -> dict[str, str]:
    """Verdict of every contract on the tree in `folder`: KEPT or BROKEN."""
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        timeout=120,
    )
    text = answer.stdout + answer.stderr
    verdicts = {
        name: line.removeprefix(name).split()[0]
        for name in CONTRACTS
        for line in text.splitlines()
        if line.startswith((f"{name} KEPT", f"{name} BROKEN"))
    }
    assert sorted(verdicts) == sorted(CONTRACTS), text
    assert (answer.returncode == 0) == (set(verdicts.values()) == {"KEPT"}), text
    return verdicts


@pytest.fixture
def copy_of_the_house(tmp_path: Path) -> Path:
    """Configuration and sources, to break without harm."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__", "tables")
    shutil.copytree(ROOT / "src" / "paywarden", tmp_path / "src" / "paywarden", ignore=ignore)
    return tmp_path


def test_every_door_holds(copy_of_the_house: Path) -> None:
    assert lint(copy_of_the_house) == dict.fromkeys(CONTRACTS, "KEPT")


def test_each_door_refuses_what_it_should(copy_of_the_house: Path) -> None:
    for place, text in WRONGS.items():
        file = copy_of_the_house / "src" / "paywarden" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert lint(copy_of_the_house) == dict.fromkeys(CONTRACTS, "BROKEN")


def test_a_new_room_must_be_put_on_the_map(copy_of_the_house: Path) -> None:
    room = copy_of_the_house / "src" / "paywarden" / "annex"
    room.mkdir()
    (room / "__init__.py").write_text("", encoding="utf-8")
    broken = [name for name, verdict in lint(copy_of_the_house).items() if verdict == "BROKEN"]
    assert broken == ["Rooms only look down"]


def importers_of_cde(folder: Path) -> set[str]:
    """Entry points that import the card data environment, anywhere in their text."""
    found = set()
    for path in (folder / "src" / "paywarden" / "entrypoints").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(f"{name}.".startswith("paywarden.cde.") for name in names):
                found.add(path.stem)
    return found


def test_of_entry_points_only_its_own_import_the_card_data_environment(
    copy_of_the_house: Path,
) -> None:
    found = importers_of_cde(ROOT)
    assert "key_agent" in found
    assert {one for one in found if one != "key_agent" and not one.startswith("cde_")} == set()
    planted = copy_of_the_house / "src" / "paywarden" / "entrypoints" / "planted.py"
    for text in ("from paywarden import cde", "def f():\n    import paywarden.cde.keys.wire"):
        planted.write_text(text + "\n", encoding="utf-8")
        assert "planted" in importers_of_cde(copy_of_the_house)
