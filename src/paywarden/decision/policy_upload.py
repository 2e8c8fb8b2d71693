"""A policy folder as one JSON body, and its form.

Guards: this is read in the compiler's process (`entrypoints.policy_compiler`), never on the event
loop: a body of 16 MiB takes too long to search and to decode. Order: the search for card numbers
(`screening.refusal_of_files`), then the typed form, then the reader of policies.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from paywarden.decision.messages import Wire
from paywarden.kit.http.decoding import BodyDecoder

FilePath = Annotated[str, Meta(min_length=1, max_length=200)]
FileText = Annotated[str, Meta(max_length=12 * 1024 * 1024)]


class RulesetRequest(Wire, frozen=True):
    """Body of POST /v1/rulesets: the files of a policy folder by path."""

    files: Annotated[dict[FilePath, FileText], Meta(min_length=1, max_length=5_000)]


_DECODER: BodyDecoder[RulesetRequest] = BodyDecoder(RulesetRequest)


def files_of_body(raw: bytes) -> dict[str, bytes]:
    """Files by path. Errors: Unparsable for broken bytes, InvalidRequest with pointer."""
    return {path: text.encode() for path, text in _DECODER.decode(raw).files.items()}
