"""Runs the workloads in fresh processes, the frameworks in turn, and collects what they print."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from statistics import median

from benchmarks.groups import GROUPS, WORKLOADS
from benchmarks.worker import FRAMEWORKS, applies

ROOT = Path(__file__).resolve().parent.parent
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

    def ratio(self, rival: str = "torch") -> float | None:
        """How many times the rival needs what we need: the median over neighbouring runs."""
        if rival not in self.values or "wengert" not in self.values:
            return None
        pairs = zip(self.values["wengert"], self.values[rival], strict=False)
        return median(theirs / ours for ours, theirs in pairs)


Results = dict[str, Series]


def frameworks() -> list[str]:
    return [name for name in FRAMEWORKS if util.find_spec(name.partition(".")[0])]


def environment() -> dict[str, str]:
    """The same number of threads for all, and our modules on the path of the workers."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(os.cpu_count())}


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    # What a child says on stderr is seen at once: with check=True it would be lost with the error.
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )
    return done.stdout


def in_turn(rounds: int, names: list[str]) -> Iterator[str]:
    for number in range(rounds):
        yield from names if number % 2 == 0 else reversed(names)


def measure_group(
    group: str, rounds: int, seconds: float, results: Results, chosen: list[str]
) -> None:
    names = [f for f in chosen if any(applies(w, f) for w in GROUPS[group])]
    for framework in in_turn(rounds, names):
        answer = json.loads(python("-m", "benchmarks.worker", framework, group, str(seconds)))
        for name, value in answer["times"].items():
            results.setdefault(name, Series(WORKLOADS[name].unit)).add(framework, value)
        for name, reason in answer["missing"].items():
            print(f"  {framework} cannot run {name}: {reason}", file=sys.stderr)
        memory = results.setdefault(f"peak memory: {group}", Series("MB"))
        memory.add(framework, answer["peak_bytes"])


def wall(code: str) -> float:
    start = time.perf_counter()
    python("-c", code)
    return time.perf_counter() - start


def measure_import(rounds: int, results: Results, chosen: list[str]) -> None:
    """What `import` adds to the start of Python, files in the cache."""
    names = [name for name in chosen if "." not in name]
    for framework in names:
        wall(f"import {framework}")
    series = results.setdefault(IMPORT, Series("ms"))
    for framework in in_turn(rounds, names):
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
    for framework in ("wengert", "torch"):
        spec = util.find_spec(framework)
        if spec is not None and spec.origin is not None:
            series.add(framework, folder_size(Path(spec.origin).parent))
    libraries = sum(map(distribution_size, ("onednn-cpu-gomp", "scipy-openblas32")))
    if libraries:
        results["installed size of oneDNN and OpenBLAS"] = Series("MB", {"wengert": [libraries]})
    for wheel in (ROOT / "dist").glob("wengert-*.whl"):
        results["wheel"] = Series("MB", {"wengert": [wheel.stat().st_size]})


def measure(
    rounds: int, seconds: float, groups: list[str], rivals: list[str] | None = None
) -> Results:
    """Against all frameworks that are installed, or only these."""
    chosen = [f for f in frameworks() if rivals is None or f in ("wengert", *rivals)]
    results: Results = {}
    for group in groups:
        print(f"measuring: {group}", file=sys.stderr, flush=True)
        measure_group(group, rounds, seconds, results, chosen)
    measure_import(rounds, results, chosen)
    measure_sizes(results)
    return results
