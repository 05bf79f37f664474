"""What anomaly mode costs a training step: `python -m benchmarks.anomaly [--seconds S]`.

For each network and framework: the time of a step, and how many times as long it takes in anomaly
mode. PyTorch looks at gradients only; ours looks at the forward pass and the optimizer too.
"""

import argparse
import json
import sys
from importlib import import_module

from benchmarks.__main__ import busy, machine
from benchmarks.measure import frameworks, python
from benchmarks.switched import MLP, RESNET, cost, program

PROGRAMS = {
    "MLP 256-256-256-10, batch of 64": MLP,
    "ResNet of 3 blocks, batch of 16x3x32x32": RESNET,
}
LIMIT = 1.15


def measure(framework: str, seconds: float) -> dict[str, tuple[float, float]]:
    switch = import_module(f"{framework}.autograd").set_detect_anomaly
    found = {}
    for name, setup in PROGRAMS.items():
        result = cost(program(framework, setup), switch, seconds)
        found[name] = (result.seconds, result.ratio)
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomaly")
    parser.add_argument("--seconds", type=float, default=5.0, help="time per network")
    parser.add_argument("--worker", help="measure this framework, print JSON")
    options = parser.parse_args(arguments)
    if options.worker:
        print(json.dumps(measure(options.worker, options.seconds)))
        return 0
    print(f"{machine()}\n\n{busy()}| | | step | in anomaly mode |\n|---|---|--:|--:|")
    worst = 0.0
    for framework in [name for name in frameworks() if name in ("wengert", "torch")]:
        answer = python(
            "-m", "benchmarks.anomaly", "--worker", framework, "--seconds", str(options.seconds)
        )
        for name, (seconds, ratio) in json.loads(answer).items():
            print(f"| {name} | {framework} | {seconds * 1e6:.0f} us | {ratio:.2f} times |")
            if framework == "wengert":
                worst = max(worst, ratio)
    verdict = "PASS" if worst <= LIMIT else "FAIL"
    print(f"\n{verdict}  anomaly mode: {worst:.2f} times a step (at most {LIMIT})")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
