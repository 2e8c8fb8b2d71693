"""The digest of a program changes with any of its sources."""

from __future__ import annotations

from pathlib import Path

from paywarden.kit.program import digest_of, program_digest


def test_every_source_counts_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("x = 1\n")
    first = digest_of(tmp_path)
    (tmp_path / "notes.txt").write_text("no source")
    assert digest_of(tmp_path) == first
    (tmp_path / "room" / "a.py").write_text("x = 2\n")
    second = digest_of(tmp_path)
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "b.py")
    assert len({first, second, digest_of(tmp_path), program_digest()}) == 4
    assert program_digest() == program_digest()
