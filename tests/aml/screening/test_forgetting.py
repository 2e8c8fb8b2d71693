"""What matching keeps at hand of names is gone when somebody is erased."""

from __future__ import annotations

from paywarden.aml.screening import parsing
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.serving.forgetting import forget_names

RARE = "Wolpertinger Quastenflosser"


def test_nothing_of_a_name_stays() -> None:
    index = ScreeningIndex.build([ListedEntity("x", "x", "Person", (ListedName("Zoltan Quarz"),))])
    index.search(Party(RARE, ""))
    assert index.shelf("person").vocabulary._remembered
    assert forget_names(index) >= 8
    for kind in ("person", "organisation", "vessel"):
        assert not index.shelf(kind).vocabulary._remembered
    assert parsing.parse.cache_info().currsize == 0
    assert index.search(Party("Zoltan Quarz", "")), "it still finds"
