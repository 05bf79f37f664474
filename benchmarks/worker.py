"""Runs a group of workloads in one framework, prints JSON: `worker.py FRAMEWORK GROUP SECONDS`."""

import json
import resource
import sys
import timeit
from importlib import import_module

from benchmarks.overhead import GROUPS


def seconds_per_call(statement: str, setup: str, framework: str, budget: float) -> float:
    """The least of several repeats: what disturbs a run only ever makes it slower."""
    namespace = {"torch": import_module(framework)}
    exec(setup, namespace)
    timer = timeit.Timer(statement, globals=namespace)
    timer.timeit(1)
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
        try:
            times[workload.name] = seconds_per_call(
                workload.statement, workload.setup, framework, budget
            )
        except (AttributeError, NotImplementedError) as error:
            missing[workload.name] = str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"times": times, "missing": missing, "peak_bytes": peak}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
