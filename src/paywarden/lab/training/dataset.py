"""The training set of a file: inputs of payments as they could be known when each was decided.

Guards: point in time by construction. The file runs through the engine in order of time; a label
reaches the windows `delay` after its payment and never earlier, so no input holds what was not
known, and training days end a delay before the judged ones (`splitting.py`). The rules of the
policy run in the same pass. Shapes: n payments in order of time.
Not done here: fitting (`fitting.py`), the same from a log (`log_history.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.deciding import Deciding, Progress
from paywarden.lab.file_lists import FileLists
from paywarden.lab.files import open_file
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN, reported
from paywarden.lab.mapping import LabelMap
from paywarden.lab.mapping import Mapping as FileMapping
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.observations import Observations, possible_filters
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import Prepared, conditions_of, prepare, reports_of
from paywarden.lab.sources import Given, read_given
from paywarden.lab.training.collecting import Bools, Collecting, Dataset
from paywarden.lab.training.filling import fitting_recipe
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.column_program import FiredRules
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.reader import read_policy
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.scoring.inputs import InputColumns
from paywarden.risk.scoring.recipe import Input


@dataclass(frozen=True, slots=True)
class Material:
    """A mapped file and a policy, read once; sets of several delays are built from it.

    `files`: payments and mapping.
    """

    policy: Policy
    folder: Path
    mapping: FileMapping
    prepared: Prepared
    key: Secret[bytes]
    files: tuple[Path, Path]

    @property
    def label(self) -> LabelMap:
        """How labels are mapped. Errors: InvalidRequest `labels_needed`."""
        found = self.mapping.label
        if found is None or not (self.prepared.marks != UNKNOWN).any():
            detail = "the mapping names no column of labels; add a section [label]"
            raise InvalidRequest("labels_needed", detail, pointer=self.mapping.name)
        return found

    @property
    def source(self) -> Mapping[str, str]:
        """Names and digests of file, mapping and policy."""
        digest = hashlib.sha256()
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return {
            "file": self.files[0].name,
            "file sha256": _sha256(self.files[0]),
            "mapping": self.files[1].name,
            "mapping sha256": _sha256(self.files[1]),
            "policy sha256": digest.hexdigest(),
        }

    @property
    def reported_marks(self) -> npt.NDArray[np.int8]:
        """Labels that come to be known, [n]: a fraud that is never reported passes for genuine.

        Whatever learns reads these; only what judges reads the truth.
        """
        marks = self.prepared.marks
        found = np.where(marks == FRAUD, np.int8(GENUINE), marks)
        told = reported(marks, self.prepared.ids, self.label.reported_share)
        found[told] = marks[told]
        return found

    def ever(self, filters: FilterSet) -> Sequence[bool]:
        """Per filter, whether a payment or a label of this file could pass it."""
        source = self._label_source
        marks = [possible_filters(filters, mark, source) for mark in (None, FRAUD, GENUINE)]
        return [any(held) for held in zip(*marks, strict=True)]

    def known_at(self, _at_us: int) -> npt.NDArray[np.int8]:
        """Reported marks: their delay is kept by the split, which ends training before it."""
        return self.reported_marks

    @property
    def _label_source(self) -> str:
        return self.mapping.label.source if self.mapping.label is not None else ""

    def build(
        self, inputs: Sequence[Input], delay_us: int, keep: Bools, progress: Progress
    ) -> Dataset:
        """One pass over the file; `keep` [n]: payments whose inputs are wanted."""
        policy, label = self.policy, self.mapping.label
        texts = [*conditions_of(policy), *(one.text for one in inputs)]
        prepared = with_posteriors(self.prepared, label, delay_us, self.key, texts)
        recipe = fitting_recipe(replace(self, prepared=prepared), inputs)
        served = replace(policy, aggregates=(*policy.aggregates, *recipe.windows))
        runtime = PolicyRuntime(compile_policy(served))
        table, filters, plan = prepared.table, runtime.compiled.filters, runtime.plan
        types = condition_types(served.aggregates, policy.lists)
        collecting = Collecting(InputColumns(recipe.inputs, types), table, keep)
        reports = reports_of(prepared, label, delay_us, filters, plan)
        observations = Observations(table, plan, Digester(self.key), reports, self._label_source)
        engine = Deciding(runtime, table, FileLists(policy.lists, self.folder))

        def watch(start: int, features: FeatureColumns, _fired: FiredRules) -> None:
            collecting.take(start, features)

        decided = engine.run(observations, progress, watch)
        words = np.array([case.outcome for case in decided.verdicts.cases], np.int8)
        return collecting.dataset(words[decided.numbers], delay_us)


def read_material(
    file: Path, mapping_path: Path, folder: Path, key: Secret[bytes], limit: int | None = None
) -> Material:
    """Read policy, mapping and file. Errors: as `decide_file`."""
    if not folder.is_dir():
        detail = "there is no such folder"
        raise InvalidRequest("policy_folder_missing", detail, pointer=str(folder))
    policy = read_policy(folder)
    mapping = read_mapping(mapping_path)
    given = read_given(mapping, open_file(file, mapping.separator), limit, CardScreen(key))
    policy, taken = _in_currency(policy, mapping, given)
    prepared = prepare(given, mapping, [policy])
    prepared.degraded.update(taken)
    return Material(policy, folder, mapping, prepared, key, (file, mapping_path))


def _in_currency(
    policy: Policy, mapping: FileMapping, given: Given
) -> tuple[Policy, dict[str, int]]:
    """The policy in the file's one currency where no rate leads to its own, and that it was so.

    Without it no amount would be an input. A model made so is served in that currency alone.
    """
    known: list[str] = []
    if "payment.currency" in given.fields:
        known = given.fields["payment.currency"].drop_nulls().unique().to_list()
    if mapping.rates is not None or len(known) != 1 or known[0] == policy.base_currency:
        return policy, {}
    word = f"amounts_taken_in_{known[0]}"
    return replace(policy, base_currency=known[0]), {word: len(given.time_us)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
