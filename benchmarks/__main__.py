"""Compares wengert with PyTorch and JAX: `python -m benchmarks [--rounds N] [--seconds S] [--write]`.

Every group of workloads runs in fresh processes, the frameworks in turn, several rounds. Reported
are medians over the rounds, and the median of the ratios of neighbouring runs, which the machine's
moods disturb less than the times themselves. A ratio is the rival's time over ours: above 1, we
are faster.
"""

import argparse
import json
import math
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.groups import GROUPS, WORKLOADS
from benchmarks.measure import IMPORT, Results, frameworks, measure, python
from benchmarks.worker import FRAMEWORKS

README = Path(__file__).with_name("README.md")
BASELINE = Path(__file__).with_name("baseline.json")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SCALE = {"ns": 1e9, "us": 1e6, "ms": 1e3, "MB": 1e-6}
NAMES = {
    "wengert": "wengert",
    "torch": "PyTorch",
    "torch.compile": "torch.compile",
    "jax": "jax.jit",
}
WORSE = 1.15  # how much slower than the committed ratio the overhead may be


@dataclass(frozen=True)
class Target:
    """A bar: `value` has to be at most, or at least, `limit`."""

    what: str
    value: float | None
    limit: float
    unit: str = ""
    at_least: bool = False

    def line(self) -> str:
        if self.value is None:
            return f"SKIP  {self.what}: not measured"
        verdict = "FAIL" if self.missed() else "PASS"
        scale = SCALE.get(self.unit, 1)
        value, limit = number(self.value * scale), number(self.limit * scale)
        bar = "at least" if self.at_least else "at most"
        return f"{verdict}  {self.what}: {value} {self.unit}".rstrip() + f" ({bar} {limit})"

    def missed(self) -> bool:
        if self.value is None:
            return False
        return self.value < self.limit if self.at_least else self.value > self.limit


def geometric_mean(values: list[float]) -> float | None:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratios(results: Results, rival: str) -> dict[str, float]:
    """Of the workloads, without memory and sizes."""
    found = {name: results[name].ratio(rival) for name in WORKLOADS if name in results}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def targets(results: Results) -> list[Target]:
    def ours(name: str) -> float | None:
        return results[name].middle("wengert") if name in results else None

    eager = ratios(results, "torch")
    goals = [
        Target("an operation on 4 floats, recorded", ours("x * y, recorded"), 300e-9, "ns"),
        Target(IMPORT, ours(IMPORT), 0.120, "ms"),
    ]
    for name, workload in WORKLOADS.items():
        if name in eager:
            goals.append(Target(name, eager[name], workload.goal or 1.0, at_least=True))
    goals.append(Target("geometric mean over PyTorch", geometric_mean(list(eager.values())), 3.0,
                        at_least=True))  # fmt: skip
    for rival in ("torch.compile", "jax"):
        values = list(ratios(results, rival).values())
        goals.append(Target(f"geometric mean over {NAMES[rival]}", geometric_mean(values), 1.2,
                            at_least=True))  # fmt: skip
    for name, series in results.items():
        if name.startswith("peak memory"):
            goals.append(Target(name, series.ratio(), 1.0, at_least=True))
    return goals


def regressions(results: Results, committed: dict[str, float]) -> list[str]:
    """Overhead that has grown, as a ratio to PyTorch, by more than WORSE."""
    now = ratios(results, "torch")
    return [
        f"WORSE {name}: {number(now[name])} times as fast as PyTorch, was {number(before)}"
        for name, before in committed.items()
        if name in now and now[name] * WORSE < before
    ]


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def shown(value: float | None, unit: str) -> str:
    return "" if value is None else f"{number(value * SCALE[unit])} {unit}"


def times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def table(results: Results) -> str:
    rivals = [name for name in FRAMEWORKS[1:] if any(name in s.values for s in results.values())]
    head = ["", "wengert", *(NAMES[r] for r in rivals), *(f"over {NAMES[r]}" for r in rivals)]
    rates = [WORKLOADS[name].flops / seconds for name, series in results.items()
             if name in WORKLOADS and WORKLOADS[name].flops
             for seconds in (min(v) for v in series.values.values())]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for name, series in results.items():
        label, flops = name, WORKLOADS[name].flops if name in WORKLOADS else None
        mine = series.middle("wengert")
        if flops and mine and rates:
            label += f" ({flops / mine / 1e9:.0f} GFLOP/s, {flops / mine / max(rates):.0%})"
        cells = [shown(series.middle(each), series.unit) for each in ("wengert", *rivals)]
        cells += [times(series.ratio(rival)) for rival in rivals]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    for rival in rivals:
        mean = geometric_mean(list(ratios(results, rival).values()))
        blank = [""] * (1 + len(rivals))
        means = [times(mean) if each == rival else "" for each in rivals]
        lines.append(f"| geometric mean over {NAMES[rival]} | {' | '.join(blank + means)} |")
    return "\n".join(lines)


def processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def version(framework: str) -> str:
    code = f"import {framework}; print({framework}.__version__)"
    return f"{framework} {python('-c', code).strip()}"


def machine() -> str:
    versions = ", ".join(version(name) for name in frameworks() if "." not in name)
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}"
    )


def busy() -> str:
    """A warning where something else is running: two threads on taken cores wait for each other."""
    load = os.getloadavg()[0]
    if load < 0.3 * (os.cpu_count() or 1):
        return ""
    return f"The machine was busy (load {load:.1f}): only the ratios mean anything.\n\n"


def write(text: str, file: Path = README) -> None:
    before, _, rest = file.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def write_baseline(results: Results, file: Path = BASELINE) -> None:
    now = ratios(results, "torch")
    kept = {name: round(now[name], 2) for name in now if WORKLOADS[name].overhead}
    file.write_text(json.dumps(kept, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=5, help="processes per framework and group")
    parser.add_argument("--seconds", type=float, default=0.2, help="time per workload and process")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only this (repeatable)")
    parser.add_argument("--rival", action="append", choices=FRAMEWORKS[1:],
                        help="only this besides wengert (repeatable)")  # fmt: skip
    parser.add_argument("--write", action="store_true",
                        help="put the table into README.md and the ratios into baseline.json")  # fmt: skip
    options = parser.parse_args(arguments)
    warning = busy()
    results = measure(options.rounds, options.seconds, options.group or list(GROUPS), options.rival)
    goals = targets(results)
    worse = regressions(results, json.loads(BASELINE.read_text())) if BASELINE.exists() else []
    report = f"{machine()}\n\n{warning}{table(results)}"
    print(report)
    print(*(goal.line() for goal in goals), *worse, sep="\n")
    if options.write:
        write(report)
        write_baseline(results)
    return 1 if worse or any(goal.missed() for goal in goals) else 0


if __name__ == "__main__":
    sys.exit(main())
