"""What it costs to remember source lines, which is always on: `python -m benchmarks.sites`.

Lines are switched off for the comparison only; programs cannot do that.
"""

import argparse
import sys

from benchmarks.__main__ import busy, machine
from benchmarks.switched import MLP_SMALL, cost, program
from wengert._C import _record_sites

LIMIT = 1.03
OPERATION = """
x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)

def step():
    for _ in range(100):
        x * x
"""


def measure(seconds: float) -> tuple[float, float, float, float]:
    """Of a training step: seconds and ratio; of one operation: seconds and what lines add."""
    try:
        network = cost(program("wengert", MLP_SMALL), _record_sites, seconds)
        operation = cost(program("wengert", OPERATION), _record_sites, seconds)
    finally:
        _record_sites(True)
    each = operation.seconds / 100
    return network.seconds, network.ratio, each, each * (operation.ratio - 1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sites")
    parser.add_argument("--seconds", type=float, default=5.0, help="time per measurement")
    step, ratio, each, added = measure(parser.parse_args(arguments).seconds)
    print(f"{machine()}\n\n{busy()}an operation: {each * 1e9:.0f} ns without lines, ", end="")
    print(f"{added * 1e9:+.0f} ns with them")
    verdict = "PASS" if ratio <= LIMIT else "FAIL"
    print(
        f"{verdict}  lines in a step of an MLP 64-64-10, batch of 32 ({step * 1e6:.0f} us): "
        f"{ratio:.3f} times (at most {LIMIT})"
    )
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
