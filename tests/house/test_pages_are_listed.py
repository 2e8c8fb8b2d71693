"""Every page under docs/ can be found: the index lists it, the front page nearly all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path != DOCS / "README.md")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def linked(page: Path) -> set[Path]:
    """Files that a page links to."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in found if "://" not in target}


def test_the_index_lists_every_page() -> None:
    assert not set(PAGES) - linked(DOCS / "README.md")


def test_the_front_page_lists_every_page_but_decisions() -> None:
    decisions = DOCS / "decisions"
    others = {page for page in PAGES if decisions not in page.parents}
    assert not others - linked(ROOT / "README.md")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", DOCS / "README.md", *PAGES], ids=lambda page: str(page.name)
)
def test_links_lead_to_files(page: Path) -> None:
    assert not [target for target in linked(page) if not target.exists()]
