"""`paywarden aml risk-model`: check a model without a server; keep and publish it on a running one.

Guards: `check` runs every example of the file and shows every fault with its place. Exit code 3 for
a model that cannot be accepted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from paywarden.aml.customer_risk.examples import checked_model
from paywarden.aml.customer_risk.model_desk import shipped_text
from paywarden.aml.customer_risk.model_reader import ModelFaults
from paywarden.cli import output, server
from paywarden.cli.aml_reach import connected, reach, text_of

PARTS: Final = ("risk-model",)
Act = Callable[[argparse.Namespace, httpx.Client], int]


def add_parts(parts: Any) -> None:
    """Arguments of `risk-model`."""
    models = parts.add_parser("risk-model", help="models of customer risk")
    _models(models.add_subparsers(dest="task", required=True, metavar="TASK"))


def _models(tasks: Any) -> None:
    check = tasks.add_parser("check", help="read a model and run its examples; needs no server")
    check.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="default: the shipped one"
    )
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    check.set_defaults(act=None)
    shipped = tasks.add_parser("shipped", help="print the shipped model, to begin with")
    shipped.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    shipped.set_defaults(act=None)
    for name, text, act in (
        ("list", "models that are kept", _model_list),
        ("put", "check a model and keep it", _model_put),
        ("publish", "let a model assess, once it is approved", _model_publish),
    ):
        part = tasks.add_parser(name, help=text, description=text)
        if name == "put":
            part.add_argument("file", type=Path, metavar="FILE")
        if name == "publish":
            part.add_argument("model", metavar="MODEL", help="rm_...")
            part.add_argument("--reason", required=True)
        part.set_defaults(act=act)
        reach(part)


def run(arguments: argparse.Namespace) -> int:
    """Run the task that was asked for. Errors: PaywardenError, for the caller to tell."""
    if arguments.act is None:
        return _check(arguments) if arguments.task == "check" else _shipped(arguments)
    act: Act = arguments.act
    with connected(arguments) as http:
        return act(arguments, http)


def _check(arguments: argparse.Namespace) -> int:
    text = shipped_text() if arguments.file is None else text_of(arguments.file)
    try:
        model = checked_model(text, str(arguments.file or "standard.yaml"))
    except ModelFaults as faults:
        items = [one.as_dict() for one in faults.findings.items]
        output.answer(arguments, {"errors": items}, "\n".join(map(str, faults.findings.items)))
        return output.BAD_INPUT
    document = {"model": model.id, "factors": len(model.factors),
                "diligence": len(model.diligence)}  # fmt: skip
    words = f"{model.id}: {len(model.factors)} factors, every example comes out"
    output.answer(arguments, document, words)
    return output.DONE


def _shipped(arguments: argparse.Namespace) -> int:
    output.answer(arguments, {"text": shipped_text()}, shipped_text())
    return output.DONE


def _model_list(arguments: argparse.Namespace, http: httpx.Client) -> int:
    found = server.asked(http, "GET", "/v1/aml/risk-models")
    lines = [
        f"{one['model']}  {one['name']}{'  in force' if one['in_force'] else ''}"
        for one in found["items"]
    ]
    output.answer(arguments, found, "\n".join(lines))
    return output.DONE


def _model_put(arguments: argparse.Namespace, http: httpx.Client) -> int:
    body = {"text": text_of(arguments.file)}
    found = server.asked(http, "POST", "/v1/aml/risk-models", body)
    output.answer(arguments, found, f"{found['model']}  {found['name']}: kept")
    return output.DONE


def _model_publish(arguments: argparse.Namespace, http: httpx.Client) -> int:
    name = server.path_name(arguments.model, "rm_", "risk_model_unknown")
    body = {"reason": arguments.reason}
    found = server.asked(http, "POST", f"/v1/aml/risk-models/{name}/publish", body)
    waits = "log_sequence" not in found
    words = f"waits for approval {found['id']}" if waits else f"{found['model']}: in force"
    output.answer(arguments, found, words)
    return output.DONE
