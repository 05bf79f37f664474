"""Check a built wheel: at most 15 MB, with the core, its stub and the type marker inside."""

import sys
import zipfile
from pathlib import Path

LIMIT_MB = 15

for path in map(Path, sys.argv[1:]):
    size = path.stat().st_size / 1e6
    names = zipfile.ZipFile(path).namelist()
    cores = [name for name in names if name.startswith("wengert/_C.") and name.endswith(".so")]
    if size > LIMIT_MB:
        sys.exit(f"{path}: {size:.1f} MB, the limit is {LIMIT_MB}")
    if len(cores) != 1:
        sys.exit(f"{path}: expected one wengert/_C.*.so, found {cores}")
    for name in ("wengert/_C.pyi", "wengert/py.typed"):
        if name not in names:
            sys.exit(f"{path}: {name} is missing")
    print(f"{path}: {size:.1f} MB, {len(names)} files")
