"""A mapped file as back-test material.

Guards: the same reading, mapping and derived fields as `paywarden decide`; a label reaches windows
`delay` after its payment. Keyed hashes are made under a key that follows from the file's content
alone, so that a second run over the same file finds its windows again and nobody without the file
can make them. Lists are those of the policy's folder, with their expiry.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.lab.backtest.customers import customers_of, values_of
from paywarden.lab.backtest.material import Block, Material
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.file_lists import FileLists
from paywarden.lab.files import open_file
from paywarden.lab.mapping import LabelMap
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.observations import Observations
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import Prepared, conditions_of, prepare, reports_of
from paywarden.lab.sources import read_given
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy

BLOCK = 32_768
_STEP = 1 << 22


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file and its mapping. `label_delay_us` stands before the mapping's; `limit`: first rows."""

    file: Path
    mapping: Path
    label_delay_us: int | None = None
    limit: int | None = None


def file_material(source: FileSource, policies: Sequence[Policy]) -> Material:
    """The payments of a file, with what `policies` read. Errors: those of `decide_file`."""
    bases = {one.base_currency for one in policies}
    if len(bases) > 1:
        detail = "policies of different base currencies cannot be compared on a file"
        raise InvalidRequest("base_currency_differs", detail)
    if source.limit is not None and source.limit < 1:
        raise InvalidRequest("limit_out_of_range", "limit is at least 1")
    mapping = read_mapping(source.mapping)
    file = open_file(source.file, mapping.separator)
    content = _content(source)
    key = Secret(hashlib.blake2b(content, person=b"lab-file-key").digest())
    given = read_given(mapping, file, source.limit, CardScreen(key))
    prepared = prepare(given, mapping, policies)
    label = mapping.label
    delay = source.label_delay_us
    if delay is None and label is not None:
        delay = label.delay_us
    texts = [text for one in policies for text in conditions_of(one)]
    prepared = with_posteriors(prepared, label, delay, key, texts)
    name = hashlib.blake2b(
        content + msgspec.json.encode([delay, sorted(bases)]),
        digest_size=16,
        person=b"lab-file-name",
    ).hexdigest()
    stream = FileStream(prepared, label, delay, key, name)
    table = prepared.table
    amount, valued, currency = values_of(table, policies[0].base_currency)
    return Material(
        source=file.path.name,
        digest=name,
        table=table,
        stream=stream,
        marks=prepared.marks,
        ids=_Ids(prepared),
        amount_minor=amount,
        valued=valued,
        currency=currency,
        customer=customers_of(table),
        history_start_us=int(table.time_us[0]),
        label_delay_us=delay,
    )


class FileStream:
    """Payments in order of time with the label reports that fall among them."""

    def __init__(
        self,
        prepared: Prepared,
        label: LabelMap | None,
        delay_us: int | None,
        key: Secret[bytes],
        digest: str,
    ) -> None:
        self._prepared = prepared
        self._label = label
        self._delay_us = delay_us
        self._key = key
        self.digest = digest
        self._lock = threading.Lock()
        self._digests: dict[str, npt.NDArray[np.uint64]] = {}

    def blocks(self, plan: WindowPlan, filters: FilterSet) -> Iterator[Block]:
        """Observations block by block, labels that no window of the plan counts left out."""
        table = self._prepared.table
        reports = reports_of(self._prepared, self._label, self._delay_us, filters, plan)
        source = self._label.source if self._label else ""
        with self._lock:
            made = Observations(table, plan, Digester(self._key), reports, source, self._digests)
        for start in range(0, len(table), BLOCK):
            yield made.block(start, min(start + BLOCK, len(table)))


class FileTimeline:
    """The lists of a policy folder over the payments of a file."""

    def __init__(self, policy: Policy, folder: Path, time_us: npt.NDArray[np.int64]) -> None:
        self._lists = FileLists(policy.lists, folder)
        self._files = policy.list_files
        self._kinds = policy.lists
        self._time_us = time_us
        cuts = np.searchsorted(time_us, self._lists.turns).tolist()
        self.cuts = sorted(set(cuts) - {0, len(time_us)})

    @property
    def names(self) -> Collection[str]:
        """The lists that the policy declares."""
        return self._kinds

    def at(self, position: int) -> Mapping[str, Any]:
        """Members for payments from `position` on."""
        return self._lists.at(int(self._time_us[position]))

    def digest(self, name: str) -> str:
        """Content of the list's file."""
        return next(
            (
                sha
                for path, sha in self._files.items()
                if path.split("/")[-1].startswith(f"{name}.")
            ),
            "",
        )


class _Ids(Sequence[str]):
    """Identifiers of payments, made into text only when one is shown."""

    def __init__(self, prepared: Prepared) -> None:
        self._ids = prepared.ids

    def __getitem__(self, place: Any) -> Any:
        return self._ids[place]

    def __len__(self) -> int:
        return len(self._ids)


def _content(source: FileSource) -> bytes:
    """Digest of file, mapping and limit."""
    hasher = hashlib.blake2b(digest_size=32)
    for path in (source.file, source.mapping):
        with path.open("rb") as opened:
            while part := opened.read(_STEP):
                hasher.update(part)
        hasher.update(b"\0")
    hasher.update(str(source.limit).encode())
    return hasher.digest()
