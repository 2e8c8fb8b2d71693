"""`decide_file`: a file of payments through the engine, without a server, home or database.

Order: policy, mapping, file, derived fields, order of time, windows and rules, results. The whole
file is read first (only the mapped columns); then memory is bounded by the block.
Not done here: arguments and words (`paywarden.cli.decide`), the live path (`paywarden.decision`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.deciding import Decided, Deciding, Watch
from paywarden.lab.file_lists import FileLists
from paywarden.lab.files import open_file
from paywarden.lab.labels import UNKNOWN
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.observations import Observations
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import Prepared, conditions_of, prepare, reports_of
from paywarden.lab.results import check_out, results_frame, write_results
from paywarden.lab.sources import Given, read_given
from paywarden.lab.summary import (
    FileSummary,
    Labelled,
    case_counts,
    labelled_of,
    outcomes_of,
)
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What to decide and by what.

    `policy`: a policy folder. `out`: result file or None. `limit`: first payments of the file.
    `key`: 16-64 octets for keyed hashes; results do not depend on it.
    """

    file: Path
    mapping: Path
    policy: Path
    key: Secret[bytes]
    out: Path | None = None
    limit: int | None = None


Progress = Callable[[int, int], None]


def decide_file(
    request: FileRequest, progress: Progress, clock: Clock, watch: Watch | None = None
) -> FileSummary:
    """Decide every payment of the file; `progress(done, total)` in payments.

    Errors: PolicyErrors; InvalidRequest with file, line and column; TooLarge; Unparsable.
    """
    marks = [("start", clock.monotonic_ns())]

    def mark(name: str) -> None:
        marks.append((name, clock.monotonic_ns()))

    if request.limit is not None and request.limit < 1:
        raise InvalidRequest("limit_out_of_range", "limit is at least 1")
    if request.out is not None:
        check_out(request.out)
    if not request.policy.is_dir():
        detail = "there is no such folder"
        raise InvalidRequest("policy_folder_missing", detail, pointer=str(request.policy))
    runtime = PolicyRuntime(compile_policy(read_policy(request.policy)))
    mark("policy")
    mapping = read_mapping(request.mapping)
    file = open_file(request.file, mapping.separator)
    given = read_given(mapping, file, request.limit, CardScreen(request.key))
    mark("read")
    prepared = prepare(given, mapping, [runtime.policy])
    delay_us = mapping.label.delay_us if mapping.label else None
    texts = conditions_of(runtime.policy)
    prepared = with_posteriors(prepared, mapping.label, delay_us, request.key, texts)
    mark("prepare")
    lists = FileLists(runtime.policy.lists, request.policy)
    engine = Deciding(runtime, prepared.table, lists)
    observations = Observations(
        prepared.table,
        runtime.plan,
        Digester(request.key),
        reports_of(prepared, mapping.label, delay_us, runtime.compiled.filters, runtime.plan),
        mapping.label.source if mapping.label else "",
    )
    decided = engine.run(observations, progress, watch)
    mark("decide")
    numbers = _in_file_order(decided, prepared.table.rows, given.repeats)
    if request.out is not None:
        ids = given.fields["payment.id"]
        write_results(request.out, results_frame(ids, numbers, decided.verdicts.cases))
    mark("write")
    stages = {name: (ended - began) / 1e9 for (_, began), (name, ended) in pairwise(marks)}
    return _summary(runtime, given, prepared, decided, numbers, stages)


def _in_file_order(
    decided: Decided, rows: npt.NDArray[np.int64], repeats: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.int32]:
    """Verdict numbers by row of the file; a repeated payment has the verdict of the first."""
    total = len(rows) if repeats is None else len(repeats)
    numbers = np.zeros(total, np.int32)
    numbers[rows] = decided.numbers
    return numbers if repeats is None else numbers[repeats]


def _summary(
    runtime: PolicyRuntime,
    given: Given,
    prepared: Prepared,
    decided: Decided,
    numbers: npt.NDArray[np.int32],
    stages: dict[str, float],
) -> FileSummary:
    cases = decided.verdicts.cases
    words = np.array([case.outcome for case in cases], np.int8)
    names = [row.id for row in runtime.rows]
    return FileSummary(
        payments=len(numbers),
        seconds=sum(stages.values()),
        outcomes=outcomes_of(words[numbers]),
        labelled=_labelled(prepared, words[decided.numbers], runtime.policy.base_currency),
        ruleset=runtime.ruleset,
        degraded=prepared.degraded,
        repeated=len(numbers) - len(decided.numbers),
        cases=case_counts(decided.verdicts, decided.numbers, prepared.marks, names),
        stages=stages,
    )


def _labelled(prepared: Prepared, outcomes: npt.NDArray[np.int8], base: str) -> Labelled | None:
    marks, columns = prepared.marks, prepared.table.columns
    if not (marks != UNKNOWN).any():
        return None
    codes = columns.get("payment.currency")
    one = codes is not None and len(codes.dictionary) == 1
    amounts = columns.get("payment.amount_minor" if one else "payment.amount_base_minor")
    currency = codes.dictionary[0] if one and codes is not None else base
    if amounts is None:
        nothing = np.zeros(len(marks), np.int64)
        return labelled_of(outcomes, marks, nothing, nothing > 0, currency)
    return labelled_of(outcomes, marks, amounts.data, amounts.present(), currency)
