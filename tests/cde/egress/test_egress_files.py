"""What egress reads at its start: roster, settings, canaries, unapproved destinations."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from egress_kit import Egress, roster
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.egress.canaries import Canaries
from paywarden.cde.egress.pointers import parsed, span_of
from paywarden.cde.egress.roster_file import load_roster
from paywarden.cde.egress.settings import development_destinations, read_settings
from paywarden.cde.roster_form import octets_of
from paywarden.core.errors import InvalidRequest, Unavailable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3),
    max_leaves=12,
)


def test_a_roster_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "roster.json"
    assert load_roster(path).members == {}
    path.write_bytes(octets_of(roster()))
    path.chmod(0o600)
    assert load_roster(path) == roster()


@pytest.mark.parametrize("kind", ["writable", "link", "other"])
def test_a_roster_that_others_may_write_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "roster.json"
    path.write_bytes(b"{}" if kind == "other" else octets_of(roster()))
    path.chmod(0o622 if kind == "writable" else 0o600)
    if kind == "link":
        path.rename(tmp_path / "real.json")
        path.symlink_to(tmp_path / "real.json")
    with pytest.raises(Unavailable, match="roster_"):
        load_roster(path)


def test_production_takes_no_unapproved_destination(tmp_path: Path) -> None:
    file = tmp_path / "egress.toml"
    assert read_settings(tmp_path).mode == "production"
    file.write_text('[egress]\ndevelopment_destinations_file = "d.json"\n')
    with pytest.raises(InvalidRequest, match="destination_unapproved"):
        read_settings(tmp_path)
    file.write_text('[egress]\nmode = "development"\ndevelopment_destinations_file = "d.json"\n')
    with pytest.raises(InvalidRequest, match="destination_invalid"):
        development_destinations(tmp_path, read_settings(tmp_path))
    kit = Egress(tmp_path)
    one = kit.destination(443)
    kit.events.close()
    (tmp_path / "d.json").write_bytes(msgspec.json.encode([one]))
    assert development_destinations(tmp_path, read_settings(tmp_path)) == [one]


def test_canaries_are_read_or_the_start_fails(tmp_path: Path) -> None:
    path = tmp_path / "canaries.json"
    assert Canaries.load(path) == Canaries()
    path.write_text('{"tokens": ["tk_test_a"]}')
    assert Canaries.load(path).tokens == {"tk_test_a"}
    path.write_text('{"numbers": ["x"]}')
    with pytest.raises(Unavailable, match="canaries_unreadable"):
        Canaries.load(path)


@given(JSON, st.data())
def test_a_pointer_finds_what_a_parser_finds(tree: object, data: st.DataObject) -> None:
    import json

    text = json.dumps(tree, indent=data.draw(st.sampled_from([None, 1])))
    here, pointer = tree, ""
    while isinstance(here, dict | list) and here and data.draw(st.booleans()):
        if isinstance(here, dict):
            name = data.draw(st.sampled_from(sorted(here)))
            pointer += "/" + name.replace("~", "~0").replace("/", "~1")
            here = here[name]
        else:
            at = data.draw(st.integers(0, len(here) - 1))
            pointer, here = f"{pointer}/{at}", here[at]
    steps = parsed(pointer)
    assert steps is not None
    span = span_of(text, steps)
    assert span is not None
    assert json.loads(text[slice(*span)]) == here
    assert span_of(text, (*steps, "absent")) is None
