"""The index: what it finds, what speaks for and against, and that it equals comparing all."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.screening.batch import screen_all
from paywarden.aml.screening.comparison import compare
from paywarden.aml.screening.index import DEFAULT_THRESHOLD, ScreeningIndex
from paywarden.aml.screening.model import Identifier, ListedEntity, ListedName, PartialDate
from paywarden.aml.screening.party import Party

WALLET = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
PERSONS = (
    ("Muhammad Qasim Mir Wali Khudai Rahim", 1975),
    ("Abdul Rahman Agha", 1958),
    ("Igor Ivanovich Sechin", 1960),
    ("Ramzi Mohamed Abdullah Binalshibh", 1972),
    ("Fitiwi Abdelrazak", 1980),
    ("Choe Song Il", 1970),
    ("Leodomir Mugaragu", 1954),
)


def person(number: int, name: str, year: int) -> ListedEntity:
    return ListedEntity(
        f"x-{number}", "x", "Person", (ListedName(name),), (PartialDate(year),), ("RU",), ("male",)
    )


@pytest.fixture(scope="module")
def index() -> ScreeningIndex:
    persons = [person(number, name, year) for number, (name, year) in enumerate(PERSONS)]
    number, address = Identifier("imo", "9187629"), Identifier("wallet", WALLET)
    ship = ListedEntity("v-1", "x", "Vessel", (ListedName("Lady Leila"),), identifiers=(number,))
    wallet = ListedEntity("w-1", "x", "CryptoWallet", (), identifiers=(address,))
    firm = ListedEntity("f-1", "x", "Company", (ListedName("Crystalord LLC"), ListedName("LLC")))
    return ScreeningIndex.build([*persons, ship, wallet, firm])


def best(index: ScreeningIndex, party: Party) -> str:
    hits = index.search(party)
    return hits[0].entity.id if hits else ""


@pytest.mark.parametrize(
    ("asked", "entry"),
    [
        ("mohammed qasim mir wali rahim", "x-0"),
        ("agha abd al-rahman", "x-1"),
        ("abdulrahman agha", "x-1"),
        ("Сечин Игорь", "x-2"),
        ("igr ivanovich sechin", "x-2"),
        ("ramzi mohamed binalshibh", "x-3"),
        ("fitiwiabdelrazak", "x-4"),
        ("fitiwi badelrazak", "x-4"),
        ("choe songil", "x-5"),
        ("l. mugaragu", "x-6"),
    ],
)
def test_distorted_names_find_their_entry(index: ScreeningIndex, asked: str, entry: str) -> None:
    assert best(index, Party(asked)) == entry


@pytest.mark.parametrize("asked", ["John Miller", "Qasim Ahmed", "Igor Petrov", "김민준", ""])
def test_clean_names_find_nothing(index: ScreeningIndex, asked: str) -> None:
    assert index.search(Party(asked)) == ()


def test_a_birth_year_far_away_lowers_and_the_same_raises(index: ScreeningIndex) -> None:
    name = "Igor Sechin"
    bare, same, other = (
        index.search(Party(name, birth_date=date), 0.01)[0].score
        for date in (None, PartialDate(1960), PartialDate(1991))
    )
    assert other < bare < same


def test_what_a_list_leaves_out_costs_nothing() -> None:
    bare = ListedEntity("a", "x", "Person", (ListedName("Igor Sechin"),))
    asked = Party("Igor Sechin", birth_date=PartialDate(1960), countries=("RU",), gender="male")
    assert compare(asked, bare).score == compare(Party("Igor Sechin"), bare).score


def test_an_identifier_finds_without_a_name(index: ScreeningIndex) -> None:
    ship = Party("", "Vessel", identifiers=(Identifier("imo", "IMO 9187629"),))
    wallet = Party(
        "", "CryptoWallet",
        identifiers=(Identifier("unknown", WALLET),),
    )  # fmt: skip
    assert best(index, ship) == "v-1"
    assert best(index, wallet) == "w-1"


def test_a_wallet_in_other_case_is_another_wallet(index: ScreeningIndex) -> None:
    value = WALLET.lower()
    assert best(index, Party("", "CryptoWallet", identifiers=(Identifier("w", value),))) == ""


def test_a_legal_form_is_no_name(index: ScreeningIndex) -> None:
    assert best(index, Party("Emma LLC", "Company")) == ""
    assert best(index, Party("Crystalord Limited Liability Company", "Company")) == "f-1"


def test_every_hit_adds_up_to_its_score(index: ScreeningIndex) -> None:
    from paywarden.aml.screening.comparison import logistic

    for hit in index.search(Party("igor sechin", birth_date=PartialDate(1960, 9, 7)), 0.1):
        total = sum(part.contribution for part in hit.judgement.contributions)
        assert hit.score == pytest.approx(logistic(total))
        assert "sechin" in hit.judgement.text


def test_the_index_answers_as_comparing_with_each_does(index: ScreeningIndex) -> None:
    entities = [index.entity(number) for number in range(index.entities)]
    for name in ("igor ivanovic sechin", "abdurrahman aga", "leodomir mugarago"):
        party = Party(name)
        scores = [compare(party, one).score for one in entities if one.schema == "Person"]
        assert index.search(party)[0].score == pytest.approx(max(scores))


def test_two_hundred_aliases_are_all_found() -> None:
    rnd = random.Random(4)
    texts = ["".join(rnd.choices("abdeghiklmnorstu", k=9)) + " mugaragu" for _ in range(200)]
    index = ScreeningIndex.build([ListedEntity("m", "x", "Person", tuple(map(ListedName, texts)))])
    assert all(index.search(Party(text)) for text in texts)


@given(st.text(max_size=10_000))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_search(index: ScreeningIndex, text: str) -> None:
    assert all(hit.score >= DEFAULT_THRESHOLD for hit in index.search(Party(text)))


def test_several_processes_answer_as_one_does(index: ScreeningIndex) -> None:
    parties = [Party(name) for name, _ in PERSONS] * 300
    alone = [index.search(party) for party in parties[: len(PERSONS)]]
    assert screen_all(index, parties, processes=2) == alone * 300


def test_an_empty_index_finds_nothing() -> None:
    assert ScreeningIndex.build([]).search(Party("Igor Sechin")) == ()
