"""Lists: state is a fold of the log; membership depends on content and instant alone."""

import hashlib
import hmac
import ipaddress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, PaywardenError
from paywarden.core.scope import Environment, Scope
from paywarden.risk.lists.model import (
    EditAction,
    ListEdit,
    ListKind,
    NewEntry,
    canonical_value,
    describe_network,
)
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.store import Lists, unhashed

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

TEST = Scope("acme", Environment.TEST)
LIVE = Scope("acme", Environment.LIVE)
ADD, REMOVE, REPLACE = EditAction.ADD, EditAction.REMOVE, EditAction.REPLACE


def keyed(scope: Scope, kind: ListKind, canonical: str) -> str:
    return hmac.digest(scope.text.encode(), f"{kind}:{canonical}".encode(), "sha256").hex()


def edit(
    *values: str | NewEntry,
    action: EditAction = ADD,
    kind: ListKind = ListKind.EMAIL,
    scope: Scope = TEST,
    name: str = "bad",
    at_us: int = 10,
) -> ListEdit:
    entries = tuple(v if isinstance(v, NewEntry) else NewEntry(v, "fraud") for v in values)
    return ListEdit(scope, name, kind, action, entries, "case 7", "ann", at_us)


def folded(*edits: ListEdit, digest=keyed) -> Lists:
    lists = Lists(digest)
    for seq, one in enumerate(edits, start=1):
        lists.apply(lists.seal(one), seq)
    return lists


def the(lists: Lists, name: str = "bad", scope: Scope = TEST) -> NamedList:
    found = lists.get(scope, name)
    assert found is not None
    return found


def test_membership_in_any_spelling() -> None:
    bad = the(folded(edit("Ann.B@GoogleMail.com", "x@example.org")))
    assert bad.contains("annb+7@gmail.com", 0) and bad.contains("X@EXAMPLE.org ", 0)
    for other in ("ann@example.org", "", None, 5, b"x@example.org", "x@"):
        assert not bad.contains(other, 0)


def test_personal_values_are_kept_as_digests_only() -> None:
    lists = folded(edit("ann@example.org"), edit("DE", kind=ListKind.COUNTRY, name="lands"))
    sealed = lists.seal(edit("bob@example.org"))
    assert sealed.entries[0].value == keyed(TEST, ListKind.EMAIL, "bob@example.org")
    assert list(the(lists).entries) == [keyed(TEST, ListKind.EMAIL, "ann@example.org")]
    assert list(the(lists, "lands").entries) == ["DE"]
    personal = {"card", "payer", "payee", "email", "phone", "account", "device"}
    assert {k.value for k in ListKind if k.personal} == personal


def test_expiry_is_exclusive_and_needs_no_clock() -> None:
    bad = the(folded(edit(NewEntry("a@b.org", "", 100), "c@d.org")))
    assert bad.contains("a@b.org", 99) and not bad.contains("a@b.org", 100)
    assert bad.contains("c@d.org", 2**62)
    assert len(bad) == 2
    found = bad.find("a@b.org", 0)
    assert found is not None
    assert (found.expires_at_us, found.added_at_us, found.added_by) == (100, 10, "ann")


def test_edits() -> None:
    lists = folded(
        edit("a@b.org", "c@d.org"),
        edit("a@b.org", action=REMOVE),
        edit("never@there.org", action=REMOVE),
    )
    bad = the(lists)
    assert not bad.contains("a@b.org", 0) and bad.contains("c@d.org", 0)
    lists.apply(lists.seal(edit("e@f.org", action=REPLACE)), 4)
    assert not bad.contains("c@d.org", 0) and bad.contains("e@f.org", 0)
    lists.apply(lists.seal(edit(NewEntry("e@f.org", "again", 50))), 5)
    lists.apply(lists.seal(edit(action=EditAction.PURGE, at_us=50)), 6)
    assert len(bad) == 0 and bad.version == 6
    lists.apply(lists.seal(edit(action=EditAction.DROP)), 7)
    assert lists.get(TEST, "bad") is None and lists.of(TEST) == {}
    lists.apply(lists.seal(edit("DE", kind=ListKind.COUNTRY)), 8)
    assert the(lists).version == 8 and the(lists).kind is ListKind.COUNTRY


def test_scopes_never_meet() -> None:
    lists = folded(edit("a@b.org"))
    assert lists.get(LIVE, "bad") is None
    lists.apply(lists.seal(edit("c@d.org", scope=LIVE)), 1)
    assert not the(lists, scope=LIVE).contains("a@b.org", 0)
    assert the(lists, scope=LIVE).contains("c@d.org", 0)
    assert not the(lists).contains("c@d.org", 0)


def test_order_of_the_log_is_kept() -> None:
    lists = folded(edit("a@b.org"))
    sealed = lists.seal(edit("c@d.org"))
    for seq in (1, 0, -5):
        with pytest.raises(Conflict, match="list_edit_out_of_order"):
            lists.apply(sealed, seq)
    assert len(the(lists)) == 1 and lists.applied(TEST) == 1
    lists.apply(sealed, 9)
    assert lists.applied(TEST) == 9


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (edit("not mail"), "list_bad_value"),
        (edit("a@b.org", "A@B.org"), "list_value_repeated"),
        (edit(NewEntry("a@b.org", "x" * 201)), "list_bad_text"),
        (edit(NewEntry("a@b.org", "x\n")), "list_bad_text"),
        (edit(NewEntry("a@b.org", "", -1)), "list_bad_expiry"),
        (edit(NewEntry("a@b.org", "", 2**63)), "list_bad_expiry"),
        (edit("a@b.org", name="Bad"), "list_bad_name"),
        (edit("a@b.org", name="x" * 64), "list_bad_name"),
        (edit("a@b.org", name="a\n"), "list_bad_name"),
        (edit("a@b.org", action=EditAction.PURGE), "list_entries_unwanted"),
        (edit(action=EditAction.DROP, name="none"), "list_unknown"),
        (edit("a@b.org", action=REMOVE, name="none"), "list_unknown"),
        (edit("DE", kind=ListKind.COUNTRY, name="bad"), "list_kind_differs"),
        (edit("x" * 201, kind=ListKind.STRING, name="s"), "list_bad_value"),
        (edit("4111 1111 1111 1111", kind=ListKind.STRING, name="s"), "card_number_not_accepted"),
        (edit("4111111111111111", kind=ListKind.CARD, name="s"), "card_number_not_accepted"),
        (edit("10.0.0.1/8", kind=ListKind.IP, name="s"), "list_bad_value"),
        (edit("1.1.1.1-1.1.1.3", kind=ListKind.IP, name="s"), "list_bad_value"),
    ],
)
def test_bad_edits_change_nothing(bad: ListEdit, code: str) -> None:
    lists = folded(edit("first@b.org"))
    before = the(lists).facts()
    with pytest.raises(PaywardenError) as caught:
        lists.seal(bad)
    assert caught.value.code == code
    assert the(lists).facts() == before and list(lists.of(TEST)) == ["bad"]
    assert all(e.value not in str(caught.value) for e in bad.entries if len(e.value) > 3)


def test_only_sealed_edits_are_applied_and_only_once_sealed() -> None:
    lists = Lists(keyed)
    with pytest.raises(InvalidRequest, match="list_edit_unsealed"):
        lists.apply(edit("a@b.org"), 1)
    with pytest.raises(InvalidRequest, match="list_edit_sealed"):
        lists.seal(lists.seal(edit("a@b.org")))


def test_limits() -> None:
    lists = Lists(unhashed, max_lists=2, max_entries=3)
    lists.apply(lists.seal(edit("a@b.org", "c@d.org", "e@f.org")), 1)
    with pytest.raises(LimitExceeded, match="list_too_long"):
        lists.seal(edit("g@h.org"))
    lists.apply(lists.seal(edit("a@b.org")), 2)
    lists.apply(lists.seal(edit("a@b.org", name="second")), 3)
    with pytest.raises(LimitExceeded, match="list_too_many"):
        lists.seal(edit("a@b.org", name="third"))
    with pytest.raises(LimitExceeded, match="list_too_long"):
        lists.seal(edit(*(f"{n}@b.org" for n in range(4)), action=REPLACE))
    with pytest.raises(NotFound):
        lists.seal(edit(action=EditAction.PURGE, name="third"))


def test_networks() -> None:
    networks = ("10.0.0.0/8", "10.1.0.0/16", "1.2.3.4", "2001:db8::/32", "::ffff:9.9.9.0/120")
    bad = the(folded(edit(*networks, kind=ListKind.IP)))
    for inside in ("10.9.9.9", "1.2.3.4", "::ffff:1.2.3.4", "2001:db8:5::1", "9.9.9.200"):
        assert bad.contains(inside, 0)
    for outside in ("11.0.0.0", "1.2.3.5", "2001:db9::1", "10.0.0.0/8", "", None):
        assert not bad.contains(outside, 0)
    assert sorted(map(describe_network, bad.entries)) == [
        "1.2.3.4/32",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "2001:db8::/32",
        "9.9.9.0/24",
    ]


def test_the_most_specific_network_answers_and_expiry_uncovers_the_wider() -> None:
    bad = the(
        folded(
            edit(
                NewEntry("10.0.0.0/8", "wide"),
                NewEntry("10.1.0.0/16", "near", 50),
                kind=ListKind.IP,
            )
        )
    )
    near, wide = bad.find("10.1.1.1", 0), bad.find("10.1.1.1", 50)
    assert near is not None and near.reason == "near"
    assert wide is not None and wide.reason == "wide"


@CALM
@given(st.lists(st.ip_addresses(v=4), max_size=6), st.integers(0, 32), st.ip_addresses(v=4))
def test_network_lists_equal_the_standard_library(addresses, length: int, probe) -> None:
    networks = {ipaddress.ip_network(f"{a}/{length}", strict=False) for a in addresses}
    networks |= {ipaddress.ip_network(a) for a in addresses}
    bad = the(folded(edit(*map(str, networks), kind=ListKind.IP)))
    for address in [*addresses, probe]:
        assert bad.contains(str(address), 0) is any(address in n for n in networks)


def test_bin_lists_cover_longer_bins() -> None:
    bad = the(folded(edit("411111", "55500011", kind=ListKind.BIN)))
    assert bad.contains("411111", 0) and bad.contains("41111122", 0) and bad.contains("55500011", 0)
    assert not bad.contains("555000", 0) and not bad.contains("411112", 0)
    assert bad.contains(411111, 0)


VALUES = st.sampled_from([f"user{n}@example.org" for n in range(8)])
ENTRIES = st.builds(NewEntry, VALUES, st.sampled_from(["", "r"]), st.none() | st.integers(0, 40))
EDITS = st.builds(
    lambda action, entries, at: edit(
        *({e.value: e for e in entries}.values() if action in (ADD, REMOVE, REPLACE) else ()),
        action=action,
        at_us=at,
    ),
    st.sampled_from([ADD, ADD, REMOVE, REPLACE, EditAction.PURGE]),
    st.lists(ENTRIES, max_size=5),
    st.integers(0, 40),
)


@settings(CALM, max_examples=80)
@given(st.lists(EDITS, max_size=10))
def test_the_fold_equals_a_plain_model_and_the_digest_its_content(edits: list[ListEdit]) -> None:
    model: dict[str, NewEntry] = {}
    lists = folded(edit(action=REPLACE))
    for seq, one in enumerate(edits, start=2):
        lists.apply(lists.seal(one), seq)
        given_entries = {e.value: e for e in one.entries}
        if one.action is REPLACE:
            model = given_entries
        elif one.action is ADD:
            model |= given_entries
        elif one.action is REMOVE:
            model = {k: v for k, v in model.items() if k not in given_entries}
        else:
            model = {
                k: v
                for k, v in model.items()
                if v.expires_at_us is None or v.expires_at_us > one.at_us
            }
        bad = the(lists)
        for n in range(8):
            for t_us in (0, 20, 40):
                held = model.get(f"user{n}@example.org")
                expected = held is not None and (
                    held.expires_at_us is None or t_us < held.expires_at_us
                )
                assert bad.contains(f"user{n}@example.org", t_us) is expected
        fresh = the(folded(edit(*reversed(model.values()), action=REPLACE)))
        assert bad.digest() == fresh.digest() and len(bad) == len(model)


def test_digest_tells_contents_apart() -> None:
    contents = [
        [NewEntry("a@b.org")],
        [NewEntry("a@b.org", "why")],
        [NewEntry("a@b.org", "", 5)],
        [NewEntry("a@b.org"), NewEntry("c@d.org")],
        [],
    ]
    digests = {the(folded(edit(*c, action=REPLACE))).digest() for c in contents}
    digests.add(the(folded(edit(action=REPLACE, kind=ListKind.PHONE))).digest())
    assert len(digests) == 6


def test_an_edit_survives_the_journal() -> None:
    lists = Lists(keyed)
    sealed = lists.seal(edit(NewEntry("a@b.org", "why", 7)))
    octets = msgspec.json.encode(sealed)
    assert b"a@b.org" not in octets
    read = msgspec.json.decode(octets, type=ListEdit)
    assert read == sealed
    lists.apply(read, 1)
    facts = the(lists).facts()
    assert facts == {
        "name": "bad",
        "kind": "email",
        "version": 1,
        "entries": 1,
        "digest": the(lists).digest(),
    }
    assert len(str(facts["digest"])) == hashlib.sha256().digest_size * 2


@CALM
@given(st.sampled_from(list(ListKind)), st.text(max_size=40) | st.integers() | st.none())
def test_canonical_values_are_total_and_stable(kind: ListKind, value: object) -> None:
    found = canonical_value(kind, value)
    assert found is None or 0 < len(found) <= 254
    if found is not None and kind is not ListKind.IP:
        assert canonical_value(kind, found) == found
