"""The compiler's process of an installation: policies as they are stored, and as they are sent.

Guards: as `risk.rules.compile_child`, whose tasks it extends by two over bodies of
`POST /v1/rulesets`: the search for card numbers, and compiling. Started by `compiling.py` with a
key on its standard input; it opens no file, no socket and no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from paywarden.decision.policy_upload import files_of_body
from paywarden.decision.screening import refusal_of_files
from paywarden.risk.rules.compile_child import Task, Workshop, run
from paywarden.risk.rules.compile_frames import SCREEN, UPLOAD
from paywarden.risk.rules.file_pack import pack_files
from paywarden.risk.rules.image_parts import packed_parts


def tasks(workshop: Workshop) -> Mapping[bytes, Task]:
    """Every task of this process."""

    def upload(raw: bytes) -> Iterator[bytes]:
        files = files_of_body(raw)
        yield from workshop.compile(files)
        yield from packed_parts(pack_files(files))

    return {**workshop.tasks(), UPLOAD: upload, SCREEN: screen}


def screen(raw: bytes) -> Iterator[bytes]:
    """No parts. Errors: InvalidRequest for a body that holds a card number."""
    refusal = refusal_of_files(raw)
    if refusal is not None:
        raise refusal
    return iter(())


if __name__ == "__main__":
    run(tasks(Workshop()))
