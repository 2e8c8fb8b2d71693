"""Every command that the documents show is one that the program takes.

Parsed only, nothing runs: sub-commands, options and their values, as `paywarden` reads them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.entrypoints.main import _parser

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SHOWN = re.compile(r"^(?:    |\$ )?(paywarden (?!promises? v1).*)$", re.MULTILINE)
NUMBERS = {"A", "B", "INDEX", "SEQ"}
"""Placeholders of whole numbers."""
SHELL = {"|", ">", ">>", "&", "&&", "<"}


def shown(document: Path) -> Iterator[list[str]]:
    """Words of each command: what a shell would take, up to a pipe, a comment or an aside."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    for found in SHOWN.finditer(text):
        command = re.split(r"  +(?=\S)(?!--)", found[1])[0]  # an aside stands behind two spaces
        words: list[str] = []
        for word in shlex.split(command, comments=True)[1:]:
            if word in SHELL:
                break
            words.append("1" if word in NUMBERS else word)
        yield words


def test_the_search_finds_commands() -> None:
    assert sum(len(list(shown(one))) for one in DOCUMENTS) > 50


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.relative_to(ROOT).as_posix())
def test_commands_are_understood(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in shown(document):
        try:
            _parser(words).parse_args(words)
        except SystemExit as ended:
            told = capsys.readouterr().err
            assert ended.code == 0, f"paywarden {shlex.join(words)}: {told}"
