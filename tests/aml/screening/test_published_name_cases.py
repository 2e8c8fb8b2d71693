"""Names that users of other screeners published as wrongly met or missed, and laws of scripts."""

from __future__ import annotations

import pytest

from paywarden.aml.screening import compare_names
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName, NameKind, Schema
from paywarden.aml.screening.party import Party

OTHERS = [
    ("emma daniels", "EMMA LLC"),
    ("George Bush", "George Habbash"),
    ("Nico Maduro", "Nicola Medoro"),
]
SAME = [
    ("习近平", "Xi Jinping"),
    ("習近平", "习近平"),
    ("김정은", "Kim Jong Un"),
    ("박근혜", "Park Geun-hye"),
    ("صدام حسين", "Saddam Hussein"),
    ("بشار الأسد", "Bashar al-Assad"),
    ("محمد بن سلمان", "Mohammed bin Salman"),
    ("ולדימיר פוטין", "Vladimir Putin"),
    ("Βλαντίμιρ Πούτιν", "Vladimir Putin"),
    ("ვლადიმერ პუტინი", "Vladimir Putin"),
    ("Վլադիմիր Պուտին", "Vladimir Putin"),
    ("व्लादिमीर पुतिन", "Vladimir Putin"),
    ("วลาดิมีร์ ปูติน", "Vladimir Putin"),
    ("Володимир Зеленський", "Volodymyr Zelenskyy"),
    ("Bjørn Ødegård", "Bjorn Odegard"),
    ("Nguyễn Phú Trọng", "Nguyen Phu Trong"),
    ("J. R. R. Tolkien", "John Ronald Reuel Tolkien"),
    ("Bill Clinton", "William Clinton"),
    ("Mr John Smith Jr.", "John Smith"),
]


def listed(name: str, schema: Schema = "Person", kind: NameKind = "primary") -> ListedEntity:
    return ListedEntity("e", "own", schema, (ListedName(name, kind),))


@pytest.mark.parametrize("schema", ["", "Person", "Company"])
@pytest.mark.parametrize(("asked", "other"), OTHERS)
def test_what_others_met_wrongly_is_not_met(asked: str, other: str, schema: str) -> None:
    assert compare_names(asked, other, schema or "Person") < 0.5
    for kept in ("Person", "Company"):
        assert ScreeningIndex.build([listed(other, kept)]).search(Party(asked, schema)) == ()


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_name_in_two_scripts_or_manners_is_met(one: str, other: str) -> None:
    assert compare_names(one, other) >= 0.5
    assert compare_names(one, one) == compare_names(other, other) == 1.0


def test_a_company_of_a_number_is_found_by_its_number() -> None:
    index = ScreeningIndex.build([listed("11420 CORP.", "Company")])
    assert index.search(Party("Acme Corp.", "Company")) == ()
    assert len(index.search(Party("11420 Corporation", "Company"))) == 1


def test_father_and_son_are_two() -> None:
    assert compare_names("Ahmad bin Hasan al-Ubaidi", "Hasan bin Ahmad al-Ubaidi") < 0.5
    assert compare_names("Ahmad bin Hasan", "Ahmed ben Hassan") >= 0.5


@pytest.mark.parametrize(
    ("one", "other"), [("김정은", "김정일"), ("习近平", "习近朋"), ("高石早苗", "高市早苗")]
)
def test_another_syllable_is_another_person(one: str, other: str) -> None:
    assert compare_names(one, other) < 0.5


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("Seabrass imited", "SEABRASS LIMITED"), ("seabrasslimited", "SEABRASS LIMITED"),
     ("华为技术有限公司", "Huawei Technologies Co., Ltd.")],
)  # fmt: skip
def test_a_form_misspelt_glued_or_in_han_hides_no_company(asked: str, kept: str) -> None:
    assert len(ScreeningIndex.build([listed(kept, "Company")]).search(Party(asked, "Company"))) == 1


def test_ships_of_other_numbers_are_other_ships() -> None:
    index = ScreeningIndex.build([listed("Ocean Star III", "Vessel")])
    assert index.search(Party("MV Ocean Star II", "Vessel")) == ()
    assert [hit.entity.id for hit in index.search(Party("Ocean Star 3", "Vessel"))] == ["e"]
    assert len(index.search(Party("oceanstar3", "Vessel"))) == 1


@pytest.mark.parametrize("asked", ["George Lee", "Irene Lie", "Israel Cruz", "Catalina Diaz"])
def test_a_common_name_alone_meets_nobody_who_has_more(asked: str) -> None:
    index = ScreeningIndex.build([listed(asked.split()[0])])
    assert index.search(Party(asked)) == ()


def test_the_rarer_the_words_the_more_they_tell() -> None:
    """One word is missing in both; `Mohamed Ali` says less than two words that nobody bears."""
    common = ScreeningIndex.build([listed("Mohamed Ali Hassan")])
    rare = ScreeningIndex.build([listed("Leodomir Mugaragu Hassan")])
    [less] = common.search(Party("Mohamed Ali"), 0.0001)
    [more] = rare.search(Party("Leodomir Mugaragu"), 0.0001)
    assert less.score < more.score


def test_more_of_the_name_never_speaks_against_it() -> None:
    index = ScreeningIndex.build([listed("Leodomir Farid Mugaragu")])
    asked = ("leodomir", "leodomir farid", "leodomir farid mugaragu")
    hits = [index.search(Party(name), 0.0001) for name in asked]
    scores = [found[0].score if found else 0.0 for found in hits]
    assert scores == sorted(scores)


def test_a_weak_alias_counts_less_and_says_so() -> None:
    [strong] = ScreeningIndex.build([listed("Leodomir Mugaragu")]).search(Party("L. Mugaragu"))
    weak = ScreeningIndex.build([listed("Leodomir Mugaragu", kind="weak")])
    [hit] = weak.search(Party("L. Mugaragu"), 0.01)
    assert hit.score < strong.score
    assert "weak_alias" in {part.feature for part in hit.judgement.contributions}


def test_who_was_born_is_no_ship() -> None:
    from paywarden.aml.screening.model import PartialDate

    index = ScreeningIndex.build([listed("TAMAR", "Vessel"), listed("Tamar LLC", "Company")])
    born = PartialDate(1980, 4, 2)
    assert index.search(Party("Tamar", "", born)) == ()
    assert len(index.search(Party("Tamar LLC", "", born))) == 1
