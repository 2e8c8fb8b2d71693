"""`paywarden explain DECISION`: why a model said what it said of a recorded decision, exactly.

Guards: opens the databases for reading only, so it runs beside a server; shows inputs of the model,
which are numbers, and no field. Exit code 1 when the model gives another answer now than is
recorded. Not done here: the explanation (`decision.explaining`).
"""

from __future__ import annotations

import argparse
import os

from paywarden.cli import output
from paywarden.decision.explaining import ExplanationAnswer, document_of, explanation
from paywarden.decision.payments import Decided
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.replay import recorded_decision
from paywarden.entrypoints.stored_runtimes import StoredRuntimes
from paywarden.kit.clock import SystemClock, SystemRandomness

SHOWN = 20


def explain(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command. Errors: NotFound `decision_not_found`, Conflict `nothing_to_explain`."""
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    return explain_decision(arguments, installation)


def explain_decision(arguments: argparse.Namespace, installation: Installation) -> int:
    """Explain and print."""
    scope, seq, body = recorded_decision(installation, arguments.decision)
    runtime = StoredRuntimes(installation)(scope, body.decider)
    answer = explanation(Decided(scope, seq, body), runtime, installation.sealer)
    document = {"decision": arguments.decision, **document_of(answer)}
    output.answer(arguments, document, words_of(answer))
    return output.DONE if answer.identical else output.NOT_SO


def words_of(answer: ExplanationAnswer) -> str:
    """The explanation for people."""
    said = "" if answer.probability is None else f", probability {answer.probability:.5f}"
    unlike = "" if answer.anomaly is None else f", more unlike than {100 * answer.anomaly:.2f} %"
    lines = [
        f"{answer.model}{said}{unlike}",
        f"{answer.method}, in {answer.unit}: base {answer.base:+.4f}, score {answer.score:+.4f}",
    ]
    lines += [f"{one.weight:+.4f} {one.code}: {one.text}" for one in answer.reasons]
    lines += ["", f"{'input':40} {'value':>14} {'exact':>9} {'inline':>9}"]
    for one in answer.contributions[:SHOWN]:
        value = "missing" if one.value is None else f"{one.value:.6g}"
        lines.append(f"{one.input:40} {value:>14} {one.exact:+9.4f} {one.inline:+9.4f}")
    if not answer.identical:
        lines.append("the model gives another answer now: a person was erased, or its file changed")
    return "\n".join(lines)
