"""`paywarden bench [NAME]`: the benchmarks of a source tree, by name."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from paywarden.cli import output
from paywarden.core.errors import Unavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench`; what follows the name goes to the benchmark."""
    parser.add_argument("name", nargs="?")
    parser.add_argument("--folder", type=Path, default=Path("bench"), help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER)


def run(arguments: argparse.Namespace) -> int:
    """List the benchmarks, or run one."""
    names = sorted(
        path.stem for path in arguments.folder.glob("*.py") if not path.stem.startswith("_")
    )
    if not names:
        raise Unavailable(
            "no_benchmarks", "benchmarks lie in bench/ of a source tree; run it there"
        )
    if arguments.name is None:
        output.answer(arguments, {"benchmarks": names}, "\n".join(names))
        return output.DONE
    if arguments.name not in names:
        output.tell(f"no benchmark {arguments.name}; there are: {', '.join(names)}")
        return output.BAD_USAGE
    path = arguments.folder / f"{arguments.name}.py"
    sys.argv = [str(path), *(["--json"] if arguments.json else []), *arguments.rest]
    runpy.run_path(str(path), run_name="__main__")
    return output.DONE
