"""Where list or query does not say who is a person, nobody is missed and few are met by chance."""

from __future__ import annotations

import pytest

from paywarden.aml.screening.comparison import compare
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.party import Party

SCHEMAS = ("", "Person", "LegalEntity")


def listed(number: int, schema: str, *names: str) -> ListedEntity:
    return ListedEntity(
        id=f"e{number}", source="own", schema=schema,
        names=tuple(ListedName(name, "primary") for name in names), birth_dates=(), countries=(),
        genders=(), identifiers=(), programs=(), remarks="",
    )  # fmt: skip


@pytest.mark.parametrize("asked", SCHEMAS)
@pytest.mark.parametrize("kept", ["Person", "LegalEntity"])
def test_a_person_is_found_whoever_says_that_it_is_one(asked: str, kept: str) -> None:
    entity = listed(1, kept, "Igor Ivanovich Sechin")
    index = ScreeningIndex.build([entity])
    [hit] = index.search(Party("SECHIN, Igor Ivanovich", asked))
    assert hit.score == pytest.approx(compare(Party("SECHIN, Igor Ivanovich", asked), entity).score)


@pytest.mark.parametrize("asked", ["", "LegalEntity", "Company"])
@pytest.mark.parametrize("kept", ["Company", "LegalEntity"])
def test_a_company_is_found_by_its_name(asked: str, kept: str) -> None:
    index = ScreeningIndex.build([listed(1, kept, "Банк Россия")])
    assert len(index.search(Party("Bank Rossiya", asked))) == 1


def test_an_entry_is_told_once_with_its_best_reading() -> None:
    index = ScreeningIndex.build([listed(1, "LegalEntity", "Osama bin Laden", "Usama bin Ladin")])
    assert len(index.search(Party("Osama bin Laden", ""))) == 1


@pytest.mark.parametrize("name", ["SRA", "TAMAR", "DENA"])
def test_initials_of_a_person_are_no_company(name: str) -> None:
    entries = [listed(1, "Company", name), listed(2, "Vessel", name)]
    index = ScreeningIndex.build(entries)
    for person in ("Sarah Donna Willis", "Tamara Paulina Diaz", "Sarah R. Adams"):
        assert index.search(Party(person, "")) == ()
    assert {hit.entity.id for hit in index.search(Party(name, ""))} == {"e1", "e2"}
