"""python -m opgen generate --ops ops --out build/generated | show NAME | docs --out docs/reference"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import derivative_page, documentation, generate, matrix, python_methods
from .model import TableError, load

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="opgen", description="The operator table's generator.")
    parser.add_argument("command", choices=("generate", "show", "docs", "list"))
    parser.add_argument("name", nargs="?", help="operator to show, or matrix: all of them, a line each")
    parser.add_argument("--ops", type=Path, default=ROOT / "ops")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stub", type=Path, default=ROOT / "csrc/bindings/_C.pyi.in")
    parser.add_argument("--package", type=Path, default=ROOT / "src/wengert")
    options = parser.parse_args()
    try:
        table = load(options.ops)
        if options.command == "generate":
            if options.out is None:
                parser.error("generate needs --out")
            methods = python_methods.stub_lines(options.package)
            generate.generate(table, options.out, options.stub.read_text(), methods)
        elif options.command == "docs":
            documentation.write(table, options.out or ROOT / "docs/reference")
            (ROOT / "docs/derivatives.md").write_text(derivative_page.page(table, options.package))
        elif options.command == "list":
            print("\n".join(f"{e.name:24} {e.kind:12} {e.file}:{e.line}" for e in table.entries))
        elif options.name == "matrix":
            sys.stdout.write(matrix.show(table))
        elif options.name is None or options.name not in table:
            print(f"opgen: no operator named {options.name!r}", file=sys.stderr)
            return 2
        else:
            sys.stdout.write(generate.show(table, options.name))
    except TableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
