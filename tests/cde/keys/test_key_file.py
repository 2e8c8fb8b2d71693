"""The sealed key file: whole or refused, durable, bound to its root."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from key_agent_kit import RANDOMNESS, root_of_test

from paywarden.cde.keys.key_file import create_ring, read_ring, root_of, write_ring
from paywarden.cde.keys.making import first_ring
from paywarden.core.errors import Conflict, Corrupt, PaywardenError, Unavailable
from paywarden.core.secret import Secret

RING = first_ring(RANDOMNESS, 1)


class GoneRoot:
    """A root whose back end does not answer."""

    name, kind = "hsm", "pkcs11"

    def seal(self, _key: bytes, _context: bytes) -> bytes:
        raise Unavailable("key_backend_gone", "the module does not answer")

    def unseal(self, _sealed: bytes, _context: bytes) -> Secret[bytes]:
        raise Unavailable("key_backend_gone", "the module does not answer")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "keys.sealed"
    create_ring(path, RING, root_of_test(), RANDOMNESS)
    return path


def test_a_ring_is_read_back_whole(written: Path) -> None:
    assert read_ring(written, root_of_test()) == RING
    assert root_of(written) == ("test-root", "file")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    octets = written.read_bytes()
    assert not any(key.material in octets for key in RING.keys)


def test_keys_are_never_replaced_by_new_ones(written: Path) -> None:
    with pytest.raises(Conflict):
        create_ring(written, RING, root_of_test(), RANDOMNESS)


def test_another_root_does_not_open_it(written: Path) -> None:
    with pytest.raises(Corrupt):
        read_ring(written, root_of_test(b"s" * 32))


def test_a_root_that_is_gone_fails_closed(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(Unavailable) as gone:
        read_ring(written, GoneRoot())
    assert gone.value.code == "key_backend_gone"
    with pytest.raises(Unavailable):
        write_ring(written, RING, GoneRoot(), RANDOMNESS)
    assert written.read_bytes() == before


@settings(max_examples=300)
@given(st.data())
def test_a_changed_file_never_opens(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys.sealed"
    write_ring(path, RING, root_of_test(), RANDOMNESS)
    octets = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(octets) - 1))
    cut = data.draw(st.booleans())
    if cut:
        octets = octets[:place]
    else:
        octets[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(octets)
    with pytest.raises(Corrupt):
        read_ring(path, root_of_test())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read_is_refused(written: Path, mode: int) -> None:
    written.chmod(mode)
    with pytest.raises(Unavailable) as refused:
        read_ring(written, root_of_test())
    assert refused.value.code == "key_file_unsafe"


def test_a_link_and_a_missing_file_are_refused(written: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written)
    for path, code in ((link, "key_file_unsafe"), (tmp_path / "none", "key_file_missing")):
        with pytest.raises(PaywardenError) as refused:
            read_ring(path, root_of_test())
        assert refused.value.code == code


def test_what_a_cut_short_write_left_is_no_hindrance(written: Path) -> None:
    written.with_name("keys.sealed.new").write_bytes(b"half of a f")
    write_ring(written, RING, root_of_test(), RANDOMNESS)
    assert read_ring(written, root_of_test()) == RING
