"""The command `wengert`, also `python -m wengert`."""

from __future__ import annotations

import argparse
import sys

import wengert

RUN_HELP = """\
usage: wengert run SCRIPT [ARGUMENT ...]
       wengert run -m MODULE [ARGUMENT ...]
       wengert run -c COMMAND [ARGUMENT ...]

Runs a PyTorch program unchanged: `import torch` finds wengert. Everything else is as `python`
would have it: the arguments, __main__, the paths, tracebacks and the exit status."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["run"]:  # its options are the program's
        from wengert import _run

        if arguments[1:2] in ([], ["-h"], ["--help"]):
            print(RUN_HELP, file=sys.stdout if arguments[1:] else sys.stderr)
            return 0 if arguments[1:] else 2
        _run.run(arguments[1:])
        return 0
    parser = argparse.ArgumentParser(
        prog="wengert", description="Automatic differentiation with PyTorch's vocabulary."
    )
    parser.add_argument("--version", action="version", version=f"wengert {wengert.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="run a PyTorch program unchanged", add_help=False)
    commands.add_parser("info", help="versions, processor and libraries, for a bug report")
    parser.parse_args(arguments)
    from wengert import _info

    print(_info.report())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
