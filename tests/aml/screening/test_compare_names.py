"""compare_names: laws, spellings of one name, people that are not each other, hostile input."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.screening import compare_names

SAME = [
    ("Usama bin Laden", "Osama bin Ladin"),
    ("Putin, Vladimir", "Vladimir Putin"),
    ("Владимир Путин", "Vladimir Putin"),
    ("Mohammed bin Salman", "Muhammad bin Salman"),
    ("Abd al-Rahman al-Qaduli", "Abdurrahman al Qaduli"),
    ("Kim Jong-un", "KIM Jong Un"),
    ("Jean-Marie Fournier", "J.-M. Fournier"),
    ("Ig0r Sech1n", "Igor Sechin"),
    ("Барак Обама", "Barack Obama"),
    ("AlisherUsmanov", "Alisher Usmanov"),
]
OTHERS = [
    ("Boris Netanyahu", "Benjamin Netanyahu"),
    ("Angelo Cruz", "Angela Merkel"),
    ("Raúl Castillo", "Fidel Castro"),
    ("Viktor Yakunin", "Vladimir Petrov"),
    ("이재형", "김정은"),
    ("习近平", "马云"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_spellings_of_one_name_match(a: str, b: str) -> None:
    assert compare_names(a, b) >= 0.5


@pytest.mark.parametrize(("a", "b"), OTHERS)
def test_other_people_do_not_match(a: str, b: str) -> None:
    assert compare_names(a, b) < 0.5


@pytest.mark.parametrize("form", ["Corp.", "LLC", "GmbH", "Limited", "OOO", "S.A."])
def test_a_legal_form_alone_never_matches(form: str) -> None:
    assert compare_names(f"11420 {form}", f"Emma {form}", "Company") < 0.5
    assert compare_names(form, f"Nordwind {form}", "Company") < 0.5


def test_legal_forms_of_one_class_agree_and_of_two_do_not() -> None:
    assert compare_names("OAO Gazprom", "Gazprom JSC", "Company") > 0.8
    same = compare_names("Stripe LLC", "Stripe Limited Liability Company", "Company")
    other = compare_names("Stripe LLC", "Stripe AG", "Company")
    assert same > other


@pytest.mark.parametrize("mark", ["\u202e", "\u200f", "\u200b", "\ufeff", "\u2066"])
def test_invisible_characters_change_nothing(mark: str) -> None:
    plain = compare_names("Igor Sechin", "Igor Sechin")
    assert compare_names(f"Ig{mark}or Sec{mark}hin{mark}", "Igor Sechin") == plain


def test_look_alike_letters_of_another_alphabet_are_seen_through() -> None:
    assert compare_names("Igоr Sеchin", "Igor Sechin") == compare_names(
        "Igor Sechin", "Igor Sechin"
    )


@pytest.mark.parametrize("empty", ["", "   ", "---", "\u202e", "💥"])
def test_a_name_without_letters_matches_nothing(empty: str) -> None:
    assert compare_names(empty, "Igor Sechin") == 0.0
    assert compare_names(empty, empty) == 0.0


def test_ten_thousand_characters_are_answered() -> None:
    long = "muhammad " * 1_200
    assert 0.0 <= compare_names(long, long[::-1]) <= 1.0
    assert 0.0 <= compare_names("x" * 10_000, "y" * 10_000) < 0.5


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["Person", "Company", "Vessel"]))
@settings(max_examples=300, deadline=None)
def test_symmetric_and_between_nought_and_one(a: str, b: str, schema: str) -> None:
    score = compare_names(a, b, schema)
    assert 0.0 <= score <= 1.0
    assert score == pytest.approx(compare_names(b, a, schema), abs=1e-9)


@given(st.text(alphabet="abdeghiklmnorstu", min_size=4, max_size=9), st.text(
    alphabet="abdeghiklmnorstu", min_size=4, max_size=9))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_a_name_is_itself_in_any_order(first: str, second: str) -> None:
    assert compare_names(f"{first} {second}", f"{second.upper()}, {first}") >= 0.5


@given(st.text(max_size=80), st.sampled_from(["Person", "Company", "Vessel", ""]))
@settings(max_examples=300, deadline=None)
def test_a_name_is_itself_or_no_name(name: str, schema: str) -> None:
    assert compare_names(name, name, schema) in (0.0, 1.0)


WORD = st.text(alphabet="abdeghiklmnorstuz", min_size=2, max_size=9)
WORDS = st.lists(WORD, min_size=1, max_size=4)


@given(WORDS, WORDS)
@settings(max_examples=200, deadline=None)
def test_case_blanks_and_unseen_marks_change_nothing(one: list[str], other: list[str]) -> None:
    plain = compare_names(" ".join(one), " ".join(other))
    assert compare_names("  ".join(one).upper(), " ".join(other)) == plain
    assert compare_names("\u200f ".join(one) + "\u202c", "\u00a0".join(other)) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [("José Núñez", "Jose Nunez"), ("IGOR SECHIN", "igor sechin"),
     ("Ｉｇｏｒ Ｓｅｃｈｉｎ", "Igor Sechin"), ("Łukasz Żółć", "Lukasz Zolc"),
     ("O'Brien, Sean", "OBrien Sean")],
)  # fmt: skip
def test_marks_and_widths_are_no_difference(one: str, other: str) -> None:
    assert compare_names(one, other) == 1.0


def test_an_unknown_schema_is_read_as_some_organisation() -> None:
    assert compare_names("Igor Sechin", "Sechin Igor", "Whatever") > 0.5
    assert compare_names("Igor Sechin", "Igor Sechin", "") == 1.0
