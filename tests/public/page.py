"""Writes docs/compatibility.md from the tables of packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.public.runner import Package, active

# The data files, and what stands above their tables.
FAMILIES = {
    "programs": "Libraries that people train with, and collections of programs",
    "vision": "Vision models and images",
    "attention": "Attention, quantised codes, diffusion and GANs",
}

_HEAD = """\
# Packages written for PyTorch that run on wengert

Each package was installed from PyPI as it is, without PyTorch, and run by `wengert run`. Its cases train models
for some steps: outputs, losses and the gradients of inputs and weights were compared with those of PyTorch 2.13, from the
same weights and random numbers. `tests/public` holds the programs; `pytest -m slow tests/public` installs the
packages and runs them. This page is written from the tables there.
"""


def text(families: Mapping[str, Sequence[Package]]) -> str:
    """The page."""
    lines = [_HEAD]
    for family, packages in families.items():
        lines += [f"## {FAMILIES[family]}", "", "| package | version | what runs | what does not |"]
        lines.append("|---|---|---|---|")
        for package in packages:
            runs = ", ".join(active(package))
            skips = "; ".join(f"{case}: {why}" for case, why in package.skips.items())
            note = f"{package.note} " if package.note else ""
            lines.append(f"| {package.name} | {package.version} | {note}{runs} | {skips} |")
        lines.append("")
    return "\n".join(lines)
