"""How time grows with size, and what a second thread gives: `python -m benchmarks.scaling`.

Sizes go over three decades. A size may cost at most LINEAR times as much per unit as the cheapest
smaller one; a large kernel must gain at least GAIN from a second thread, and a small one may lose
at most LOSS.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import wengert as wg
from benchmarks.__main__ import busy, machine
from wengert import nn

LINEAR, GAIN, LOSS = 1.5, 1.7, 1.1
Step = Callable[[], object]


def seconds_of(step: Step, seconds: float) -> float:
    """The median time of a step, of at least five and as many as fit into ``seconds``."""
    step()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return median(taken)


def repeated(step: Step, count: int) -> Step:
    def steps() -> None:
        for _ in range(count):
            step()

    return steps


# ---- sizes ----------------------------------------------------------------------------------


def graph(length: int) -> Step:
    x = wg.ones(4, requires_grad=True)

    def step() -> None:
        y = x
        for _ in range(length):
            y = y * 1.0
        y.sum().backward()

    return step


def training(model: nn.Module, batch: int) -> Step:
    optimizer = wg.optim.SGD(model.parameters(), lr=1e-3)
    inputs, targets = wg.randn(batch, 64), wg.randint(0, 10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


def batch(rows: int) -> Step:
    return training(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), rows)


def depth(layers: int) -> Step:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(64, 64), nn.Tanh()]
    return training(nn.Sequential(*parts, nn.Linear(64, 10)), 32)


SERIES = {
    "nodes of a graph, forward and backward": (graph, (1_000, 10_000, 100_000, 1_000_000)),
    "rows of a batch, an MLP 64-64-10 with SGD": (batch, (64, 640, 6_400, 64_000)),
    "layers of 64, batch of 32, with SGD": (depth, (2, 20, 200, 2_000)),
}


@dataclass
class Point:
    size: int
    seconds: float
    allowed: float | None  # seconds; None for the first

    @property
    def ok(self) -> bool:
        return self.allowed is None or self.seconds <= self.allowed


def growth(make: Callable[[int], Step], sizes: tuple[int, ...], seconds: float) -> Iterator[Point]:
    """The times of growing sizes, each beside what linear growth allows it."""
    least: float | None = None
    for size in sizes:
        taken = seconds_of(make(size), seconds)
        yield Point(size, taken, None if least is None else LINEAR * least * size)
        least = taken / size if least is None else min(least, taken / size)


# ---- threads --------------------------------------------------------------------------------


def kernels() -> tuple[dict[str, Step], dict[str, Step]]:
    """Large ones and small ones."""
    functional = nn.functional
    wide, image = wg.randn(1000, 1000), wg.randn(32, 16, 32, 32)
    square, weight = wg.randn(1024, 1024), wg.randn(32, 16, 3, 3)
    large: dict[str, Step] = {
        "exp of 1M": wide.exp,
        "x * y of 1M": lambda: wide * wide,
        "sum of 1M": wide.sum,
        "sum of rows of 1000x1000": lambda: wide.sum(1),
        "softmax of 1000x1000": lambda: functional.softmax(wide, 1),
        "layer norm of 1000x1000": lambda: functional.layer_norm(wide, (1000,)),
        "1024x1024 @ 1024x1024": lambda: square @ square,
        "conv 32x16x32x32, 32 of 3x3": lambda: functional.conv2d(image, weight, padding=1),
    }
    few, rows, matrix = wg.randn(64), wg.randn(32, 64), wg.randn(64, 64)
    small: dict[str, Step] = {
        "exp of 64": few.exp,
        "x * y of 64": lambda: few * few,
        "sum of 32x64": rows.sum,
        "softmax of 32x64": lambda: functional.softmax(rows, 1),
        "32x64 @ 64x64": lambda: rows @ matrix,
        "x * y of 64x64": lambda: matrix * matrix,
    }
    return large, {name: repeated(step, 100) for name, step in small.items()}


def ratio(step: Step, seconds: float) -> float:
    """The time on one thread over that on two, each measured several times in turn."""
    times: dict[int, list[float]] = {1: [], 2: []}
    before = wg.get_num_threads()
    try:
        for _ in range(5):
            for threads, taken in times.items():
                wg.set_num_threads(threads)
                taken.append(seconds_of(step, seconds / 10))
    finally:
        wg.set_num_threads(before)
    return median(times[1]) / median(times[2])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--seconds", type=float, default=1.0, help="time per measurement")
    seconds = parser.parse_args(arguments).seconds
    print(f"{machine()}\n\n{busy()}", end="")
    good = True
    for name, (make, sizes) in SERIES.items():
        points = list(growth(make, sizes, seconds))
        each = ", ".join(f"{p.size:,}: {p.seconds / p.size * 1e9:.0f} ns" for p in points)
        ok = all(p.ok for p in points)
        print(f"{'PASS' if ok else 'FAIL'}  {name}: {each} each")
        good &= ok
    large, small = kernels()
    for group, limit in ((large, GAIN), (small, 1 / LOSS)):
        for name, step in group.items():
            found = ratio(step, seconds)
            print(f"{'PASS' if found >= limit else 'FAIL'}  a second thread: {name}, {found:.2f}x")
            good &= found >= limit
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
