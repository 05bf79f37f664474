"""Compares wengert with PyTorch: `python -m benchmarks [--rounds N] [--seconds S] [--write]`.

Every group of workloads runs in fresh processes, the two frameworks in turn, several rounds.
Reported are medians over the rounds, and the median of the ratios of neighbouring runs, which the
machine's moods disturb less than the times themselves.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from statistics import median

from benchmarks.overhead import CHAIN_BOTH, CHAIN_FORWARD, GROUPS, Workload

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SCALE = {"ns": 1e9, "us": 1e6, "ms": 1e3, "MB": 1e-6}
IMPORT = "import time"


@dataclass
class Series:
    """One quantity: what each framework gave, round by round."""

    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, framework: str, value: float) -> None:
        self.values.setdefault(framework, []).append(value)

    def middle(self, framework: str) -> float | None:
        return median(self.values[framework]) if framework in self.values else None

    def ratio(self) -> float | None:
        if len(self.values) < 2:
            return None
        pairs = zip(self.values["wengert"], self.values["torch"], strict=False)
        return median(ours / theirs for ours, theirs in pairs)


Results = dict[str, Series]


def frameworks() -> list[str]:
    return ["wengert", "torch"] if util.find_spec("torch") else ["wengert"]


def environment() -> dict[str, str]:
    """The same number of threads for both, and our modules on the path of the workers."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(os.cpu_count())}


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    # What a child says on stderr is seen at once: with check=True it would be lost with the error.
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )
    return done.stdout


# ---- measuring ----------------------------------------------------------------------------------


def in_turn(rounds: int, names: list[str]) -> Iterator[str]:
    for number in range(rounds):
        yield from names if number % 2 == 0 else reversed(names)


def measure_group(group: str, rounds: int, seconds: float, results: Results) -> None:
    units: dict[str, Workload] = {workload.name: workload for workload in GROUPS[group]}
    for framework in in_turn(rounds, frameworks()):
        answer = json.loads(python("-m", "benchmarks.worker", framework, group, str(seconds)))
        for name, value in answer["times"].items():
            results.setdefault(name, Series(units[name].unit)).add(framework, value)
        memory = results.setdefault(f"peak memory: {group}", Series("MB"))
        memory.add(framework, answer["peak_bytes"])


def wall(code: str) -> float:
    start = time.perf_counter()
    python("-c", code)
    return time.perf_counter() - start


def measure_import(rounds: int, results: Results) -> None:
    """What `import` adds to the start of Python, files in the cache."""
    for framework in frameworks():
        wall(f"import {framework}")
    series = results.setdefault(IMPORT, Series("ms"))
    for framework in in_turn(rounds, frameworks()):
        repeats = range(5 if framework == "wengert" else 2)
        bare = min(wall("pass") for _ in repeats)
        series.add(framework, min(wall(f"import {framework}") for _ in repeats) - bare)


def folder_size(folder: Path) -> int:
    files = (f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    return sum(file.stat().st_size for file in files)


def distribution_size(name: str) -> int:
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        return 0
    return sum(Path(f.locate()).stat().st_size for f in files if Path(f.locate()).is_file())


def measure_sizes(results: Results) -> None:
    series = results.setdefault("installed size, without dependencies", Series("MB"))
    for framework in frameworks():
        spec = util.find_spec(framework)
        if spec is not None and spec.origin is not None:
            series.add(framework, folder_size(Path(spec.origin).parent))
    libraries = sum(map(distribution_size, ("onednn-cpu-gomp", "scipy-openblas32")))
    if libraries:
        results["installed size of oneDNN and OpenBLAS"] = Series("MB", {"wengert": [libraries]})
    for wheel in (ROOT / "dist").glob("wengert-*.whl"):
        results["wheel"] = Series("MB", {"wengert": [wheel.stat().st_size]})


def measure(rounds: int, seconds: float, groups: list[str]) -> Results:
    results: Results = {}
    for group in groups:
        print(f"measuring: {group}", file=sys.stderr, flush=True)
        measure_group(group, rounds, seconds, results)
    measure_import(rounds, results)
    measure_sizes(results)
    return results


# ---- reporting ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    what: str
    value: float | None
    limit: float
    unit: str

    def line(self) -> str:
        if self.value is None:
            return f"SKIP  {self.what}: not measured"
        verdict = "PASS" if self.value <= self.limit else "FAIL"
        scale = SCALE.get(self.unit, 1)
        value, limit = number(self.value * scale), number(self.limit * scale)
        return f"{verdict}  {self.what}: {value} {self.unit} (at most {limit})"

    def missed(self) -> bool:
        return self.value is not None and self.value > self.limit


def targets(results: Results) -> list[Target]:
    def ours(name: str) -> float | None:
        return results[name].middle("wengert") if name in results else None

    def ratio(name: str) -> float | None:
        return results[name].ratio() if name in results else None

    return [
        Target("an operation on 4 floats, recorded", ours("x * y, recorded"), 300e-9, "ns"),
        Target("chain forward", ratio(CHAIN_FORWARD), 0.25, "of PyTorch's time"),
        Target("chain forward and backward", ratio(CHAIN_BOTH), 0.25, "of PyTorch's time"),
        Target(IMPORT, ours(IMPORT), 0.120, "ms"),
    ]


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def shown(value: float | None, unit: str) -> str:
    return "" if value is None else f"{number(value * SCALE[unit])} {unit}"


def table(results: Results) -> str:
    lines = ["| | wengert | PyTorch | ratio |", "|---|--:|--:|--:|"]
    for name, series in results.items():
        ratio = series.ratio()
        cells = [shown(series.middle(each), series.unit) for each in ("wengert", "torch")]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {'' if ratio is None else f'{ratio:.2f}'} |"
        )
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
    versions = ", ".join(map(version, frameworks()))
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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=5, help="processes per framework and group")
    parser.add_argument("--seconds", type=float, default=0.2, help="time per workload and process")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only this (repeatable)")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    options = parser.parse_args(arguments)
    warning = busy()
    results = measure(options.rounds, options.seconds, options.group or list(GROUPS))
    goals = targets(results)
    report = f"{machine()}\n\n{warning}{table(results)}"
    print(report)
    print(*(goal.line() for goal in goals), sep="\n")
    if options.write:
        write(report)
    return 1 if any(goal.missed() for goal in goals) else 0


if __name__ == "__main__":
    sys.exit(main())
