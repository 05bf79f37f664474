"""What a measured program is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A statement to be timed, after a setup. `torch` in them is the framework that is measured.

    ``jax`` holds the same program for JAX: a statement and its setup. With ``compiled``, the
    function that the statement calls is also measured under torch.compile.
    """

    name: str
    statement: str
    setup: str = ""
    unit: str = "ns"  # what the report prints: ns, us or ms
    jax: tuple[str, str] | None = None
    compiled: str | None = None
    flops: float | None = None  # per run, where the fraction of the machine's peak is of interest
    goal: float | None = None  # PyTorch's time over ours has to reach this
    overhead: bool = False  # part of the gate against regressions


IMPORTS = """
from importlib import import_module
nn, optim, F = (
    import_module(f"{torch.__name__}.{part}") for part in ("nn", "optim", "nn.functional")
)
torch.manual_seed(0)
"""
