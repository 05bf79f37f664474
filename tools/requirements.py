"""Print the requirements of pyproject.toml, one per line: `requirements.py build run test`.

"build" is what the build backend needs, "run" what an install needs, any other word an extra.
"""

import sys
import tomllib
from pathlib import Path

with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as file:
    config = tomllib.load(file)

extras: dict[str, list[str]] = config["project"]["optional-dependencies"]
groups = {
    "build": [*config["build-system"]["requires"], "cmake>=3.26", "ninja>=1.11"],
    "run": config["project"]["dependencies"],
    **extras,
}
for word in sys.argv[1:]:
    print(*groups[word], sep="\n")
