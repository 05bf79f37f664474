"""All groups of workloads, in the order in which they are measured."""

from benchmarks import kernels, overhead, training
from benchmarks.workload import Workload

GROUPS: dict[str, list[Workload]] = {**overhead.GROUPS, **training.GROUPS, **kernels.GROUPS}
WORKLOADS: dict[str, Workload] = {w.name: w for group in GROUPS.values() for w in group}
