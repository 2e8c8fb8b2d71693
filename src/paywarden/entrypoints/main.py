"""The program `paywarden`: one sub-command per process and task, each loaded when it is asked for.

Guards: what a command does not need is not imported, so that `version` answers at once and each
process loads only its own rooms. Wired services are made here and handed to `paywarden.cli`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Sequence

import paywarden
from paywarden.cli import output
from paywarden.entrypoints.home import Home, find_home

Run = Callable[[argparse.Namespace, Home], int]

OF_CLI = {
    "decide": "decide a file of payments without a server",
    "mine": "draft rules from labels or from a burst",
    "labels": "send files of chargebacks, issuers' notices and verdicts",
    "models": "sign a model from elsewhere, in ONNX form",
    "evaluate": "judge policy and model on later days of a file",
    "policy": "check, try and publish policies",
    "rollout": "roll a ruleset out in steps, watch it, take it back",
    "approvals": "list, show and cancel requests for approval on a running server",
    "access-review": "open, judge and close reviews of access on a running server",
    "subjects": "find and erase people that payments speak of, on a running server",
    "aml": "alerts, customers' risk, merchants' exposure, typologies over tables",
    "simulate": "make a synthetic world with attacks",
    "doctor": "judge a TLS endpoint",
    "bench": "run a benchmark of a source tree",
    "iso20022": "map and decide the transfers of a pacs.008 or pain.001 message",
    "screen": "hold parties of a file against lists of sanctions",
    "sign": "sign a request, or explain a refused signature",
}
"""Commands that need no installation: modules of `paywarden.cli` with add_arguments and run."""


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if given is None else given)
    parser = _parser(words)
    arguments = parser.parse_args(words)
    home = find_home(arguments.home, os.environ)
    arguments.home_root = str(home.root)
    run: Run = arguments.run
    return output.guarded(arguments, lambda: run(arguments, home))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="paywarden", description="Payment security and risk control, self-hosted."
    )
    parser.add_argument("--home", metavar="DIR", help="home folder (default ./paywarden-home)")
    parts = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in OF_CLI.items():
        sub = _command(parts, name, text, _from_cli(name) if name != "policy" else _policy)
        if name in words:
            importlib.import_module(_module(name)).add_arguments(sub)
    tried = _command(parts, "backtest", "what a policy would have done on history", _backtest)
    if "backtest" in words:
        importlib.import_module("paywarden.cli.backtest").add_arguments(tried)
    taught = _command(parts, "train", "train a model on a file, or on the log of this home", _train)
    if "train" in words:
        importlib.import_module("paywarden.cli.train").add_arguments(taught)
    init = _command(parts, "init", "make the home folder: settings, keys, log, policy", _init)
    init.add_argument("--demo", action="store_true", help="for the demonstration")
    serve = _command(parts, "serve", "the API on the embedded default", _serve)
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    _command(parts, "worker", "deliver webhooks", _worker)
    demo = _command(parts, "demo", "server, simulated traffic and a live view", _demo)
    demo.add_argument("--seconds", type=float, help="end after so long (default: until a key)")
    demo.add_argument("--speed", type=float, help="simulated seconds per second")
    demo.add_argument("--seed", type=int, default=7)
    replay = _command(parts, "replay", "make recorded decisions again and compare", _replay)
    replay.add_argument("--from", dest="from_seq", type=int, default=1, metavar="SEQ")
    replay.add_argument("--to", dest="to_seq", type=int, metavar="SEQ")
    replay.add_argument("--policy", metavar="DIR", help="decide with this policy instead")
    replay.add_argument("decision", nargs="?", metavar="DECISION", help="one decision, `dec_...`")
    replay.add_argument(
        "--with", dest="with_policy", metavar="DIR", help="of one decision: what a draft changes"
    )
    why = _command(parts, "explain", "why a model said what it said of a decision", _explain)
    why.add_argument("decision", metavar="DECISION", help="one decision, `dec_...`")
    past = _command(parts, "import", "take in history of one's own", _import)
    if "import" in words:
        importlib.import_module("paywarden.entrypoints.import_history").add_arguments(past)
    checkpoint = _command(parts, "checkpoint", "write down the state of the windows", _checkpoint)
    checkpoint.add_argument("--to", dest="to_seq", type=int, metavar="SEQ")
    keys = _command(parts, "keys", "make, list, rotate and revoke API keys", _keys)
    keys.add_argument(
        "act", nargs="?", choices=("make", "list", "revoke", "rotate"), default="make"
    )
    keys.add_argument("--key", metavar="KEY_ID", help="the key to revoke or rotate")
    keys.add_argument("--name", default="", help="what a new key is for; unique among live keys")
    keys.add_argument("--owner", default="", help="who answers for a new key")
    keys.add_argument("--days", type=int, help="a new key ends after so many days")
    keys.add_argument("--overlap-hours", type=int, default=24, help="both live when rotating")
    keys.add_argument("--environment", choices=("test", "live"), default="test")
    keys.add_argument("--role", choices=("merchant", "operator", "auditor"), default="merchant")
    keys.add_argument("--merchant", help="bind a merchant's key to its id")
    people = _command(parts, "people", "list, invite and disable persons", _people)
    people.add_argument(
        "act", choices=("list", "invite", "link", "disable", "enable", "revoke-sessions")
    )
    people.add_argument("--environment", choices=("test", "live"), default="test")
    people.add_argument("--person", metavar="PSN", help="the person meant")
    people.add_argument("--login", help="login name of an invited person")
    people.add_argument("--name", help="display name of an invited person")
    people.add_argument("--email", help="e-mail of an invited person")
    people.add_argument("--first", action="store_true", help="one of the first three persons")
    people.add_argument("--role", action="append", help="a role, with --first only")
    audit = _command(parts, "audit", "export, verify and prove the audit log", _audit)
    if "audit" in words:
        importlib.import_module("paywarden.cli.audit").add_arguments(audit)
    cards = _command(parts, "cde", "the card data environment", _cde)
    if "cde" in words:
        importlib.import_module("paywarden.entrypoints.cde_commands").add_arguments(cards, words)
    witness = _command(parts, "witness", "cosign audit logs of others", _witness)
    witness.add_argument("--state", required=True, metavar="DIR", help="the witness' own folder")
    witness.add_argument("--host", default="127.0.0.1")
    witness.add_argument("--port", type=int, default=8090)
    witness.add_argument("--trust", action="append", default=[], metavar="KEY", help="a log's key")
    witness.add_argument("--name", help="name of a new witness' key")
    signing = _command(parts, "signing-keys", "clients' signing keys", _signing_keys)
    if "signing-keys" in words:
        importlib.import_module("paywarden.entrypoints.signing_keys").add_arguments(signing)
    bound = _command(parts, "certificates", "bind keys to client certificates", _certificates)
    if "certificates" in words:
        importlib.import_module("paywarden.entrypoints.certificates").add_arguments(bound)
    screened = _command(parts, "screening", "lists of sanctions: take in, approve", _screening)
    if "screening" in words:
        importlib.import_module("paywarden.cli.screening_lists").add_arguments(screened)
    _command(parts, "version", "the version of this program", _version)
    return parser


def _command(
    parts: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: Run
) -> argparse.ArgumentParser:
    sub = parts.add_parser(name, help=text, description=text)
    sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
    sub.set_defaults(run=run)
    return sub


def _module(name: str) -> str:
    return "paywarden.cli." + name.replace("-", "_")


def _from_cli(name: str) -> Run:
    def run(arguments: argparse.Namespace, _home: Home) -> int:
        module = importlib.import_module(_module(name))
        code: int = module.run(arguments)
        return code

    return run


def _policy(arguments: argparse.Namespace, home: Home) -> int:
    if arguments.policy_command == "changes":
        from paywarden.entrypoints.policy_changes import policy_changes

        return policy_changes(arguments, home)
    return _from_cli("policy")(arguments, home)


def _init(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.init import initialise
    from paywarden.kit.log import configure

    configure(level="error")
    done = asyncio.run(initialise(home))
    document = {"home": str(home.root), "api_key": done.api_key, "changed": done.changed}
    if done.changed:
        words = f"{home.root}: made {', '.join(done.changed)}"
    else:
        words = f"{home.root}: everything is there already, nothing was changed"
    output.answer(arguments, document, f"{words}\nAPI key (test, operator): {done.api_key}")
    return output.DONE


def _serve(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.serve import serve

    home.require()
    settings = home.settings(os.environ).server
    return serve(home, arguments.host or settings.host, arguments.port or settings.port)


def _worker(_arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.worker import work

    return work(home)


def _demo(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.demo import demo

    return demo(arguments, home)


def _replay(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.replay import replay

    return replay(arguments, home)


def _explain(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.explain import explain

    return explain(arguments, home)


def _backtest(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.backtest import backtest

    return backtest(arguments, home)


def _train(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.train import train

    return train(arguments, home)


def _import(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.import_history import import_history

    return import_history(arguments, home)


def _checkpoint(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.checkpoint import checkpoint

    return checkpoint(arguments, home)


def _keys(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.keys import keys

    return keys(arguments, home)


def _audit(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.audit import audit

    return audit(arguments, home)


def _cde(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.cde_commands import run

    return run(arguments, home)


def _witness(arguments: argparse.Namespace, _home: Home) -> int:
    from paywarden.entrypoints.witness import witness

    return witness(arguments)


def _signing_keys(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.signing_keys import run

    return run(arguments, home)


def _certificates(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.certificates import certificates

    return certificates(arguments, home)


def _people(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.people import people

    return people(arguments, home)


def _screening(arguments: argparse.Namespace, home: Home) -> int:
    from paywarden.entrypoints.screening_lists import screening

    return screening(arguments, home)


def _version(arguments: argparse.Namespace, _home: Home) -> int:
    document = {"version": paywarden.__version__, "python": sys.version.split()[0]}
    output.answer(arguments, document, f"paywarden {paywarden.__version__}")
    return output.DONE


if __name__ == "__main__":
    sys.exit(main())
