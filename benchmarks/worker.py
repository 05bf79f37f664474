"""Runs a group of workloads in one framework, prints JSON: `worker.py FRAMEWORK GROUP SECONDS`."""

import json
import resource
import sys
import timeit
from importlib import import_module
from typing import Any

from benchmarks.groups import GROUPS
from benchmarks.workload import Workload

FRAMEWORKS = ("wengert", "torch", "torch.compile", "jax")


def applies(workload: Workload, framework: str) -> bool:
    if framework == "jax":
        return workload.jax is not None
    return framework != "torch.compile" or workload.compiled is not None


def prepare(workload: Workload, framework: str) -> tuple[str, dict[str, Any]]:
    """The statement and the names that it uses."""
    if framework == "jax":
        assert workload.jax is not None
        statement, setup = workload.jax
        namespace: dict[str, Any] = {}
        exec(setup, namespace)
        return statement, namespace
    library = import_module(framework.partition(".")[0])
    namespace = {"torch": library}
    exec(workload.setup, namespace)
    if framework == "torch.compile":
        assert workload.compiled is not None
        namespace[workload.compiled] = library.compile(namespace[workload.compiled])
    return workload.statement, namespace


def seconds_per_call(workload: Workload, framework: str, budget: float) -> float:
    """The least of several repeats: what disturbs a run only ever makes it slower."""
    statement, namespace = prepare(workload, framework)
    timer = timeit.Timer(statement, globals=namespace)
    warm = 3 if framework in ("jax", "torch.compile") else 1
    timer.timeit(warm)
    calls, spent = 1, timer.timeit(1)
    while spent < budget / 20:
        calls *= 2
        spent = timer.timeit(calls)
    repeats = max(2, min(20, round(budget / max(spent, 1e-9))))
    return min(timer.repeat(repeats, calls)) / calls


def run(framework: str, group: str, budget: float) -> dict[str, object]:
    times: dict[str, float] = {}
    missing: dict[str, str] = {}
    for workload in GROUPS[group]:
        if not applies(workload, framework):
            continue
        try:
            times[workload.name] = seconds_per_call(workload, framework, budget)
        except (AttributeError, NotImplementedError) as error:
            missing[workload.name] = str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"times": times, "missing": missing, "peak_bytes": peak}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
