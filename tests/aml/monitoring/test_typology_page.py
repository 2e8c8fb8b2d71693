"""The reference pages of typologies are current, and the comparison names what there is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from paywarden.aml.monitoring.typology_page import typology_page
from paywarden.aml.monitoring.typology_reader import shipped_typologies

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
TAZAMA = {
    "001", "002", "003", "004", "006", "007", "008", "010", "011", "016", "017", "018", "020",
    "021", "024", "025", "026", "027", "028", "030", "044", "045", "048", "054", "063", "074",
    "075", "076", "078", "083", "084", "090", "091",
}  # fmt: skip
"""The 33 rules of the public full configuration."""


def test_the_page_of_typologies_is_current() -> None:
    page = REFERENCE / "typologies.md"
    made = typology_page(shipped_typologies())
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made, "PAYWARDEN_WRITE_GOLDENS=1 writes it"


def test_there_are_at_least_forty_and_most_run_in_payments() -> None:
    typologies = shipped_typologies()
    assert len(typologies) >= 40
    assert sum(one.runs == "payment" for one in typologies) >= 25
    assert all(one.examples and one.sources and one.explanation for one in typologies)


def test_every_rule_of_the_peer_is_compared_with_typologies_that_exist() -> None:
    assert len(TAZAMA) == 33
    text = (REFERENCE / "tazama-rules.md").read_text(encoding="utf-8")
    rows = {row[0]: row[1] for row in re.findall(r"^\| (\d{3}) \|[^|]*\| ([^|]*)\|", text, re.M)}
    assert rows.keys() == TAZAMA
    known = {one.id for one in shipped_typologies()}
    for number, ours in rows.items():
        named = re.findall(r"`([a-z0-9-]+)`", ours)
        assert set(named) <= known, number
    cited = {
        found
        for one in shipped_typologies()
        for source in one.sources
        for found in re.findall(r"Tazama (\d{3})", source)
    }
    assert cited <= TAZAMA
