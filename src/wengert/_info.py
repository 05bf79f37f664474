"""What a bug report should say about the machine and the installation."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import wengert
from wengert import _C

# Extensions that decide how fast kernels are; others would only fill the line.
_FEATURES = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512vl", "avx512_bf16", "avx512_vnni",
    "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "sve",
)  # fmt: skip
_VARIABLES = ("OMP_", "OPENBLAS_", "DNNL_", "ONEDNN_", "WENGERT_", "KMP_", "GOMP_", "MKL_")
_PACKAGES = ("numpy", "onednn-cpu-gomp", "scipy-openblas32")


class _OneDnnVersion(ctypes.Structure):
    """dnnl_version_t of oneDNN's C interface."""

    _fields_ = (
        ("major", ctypes.c_int),
        ("minor", ctypes.c_int),
        ("patch", ctypes.c_int),
        ("hash", ctypes.c_char_p),
        ("cpu_runtime", ctypes.c_uint),
        ("gpu_runtime", ctypes.c_uint),
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # another system, or no right to look
        return ""


def _loaded(part: str) -> str | None:
    """The file of the library that this process has loaded and whose name has `part` in it."""
    for line in _read("/proc/self/maps").splitlines():
        path = line.partition("/")[2]
        if part in path.rpartition("/")[2] and ".so" in path:
            return "/" + path
    return None


def _use_libraries() -> None:
    """Both are loaded when first needed: need them."""
    x = wengert.ones(1, 1, 32, 32)
    wengert.nn.functional.conv2d(x, wengert.ones(4, 1, 3, 3))
    y = wengert.eye(8, dtype=wengert.float64)
    wengert.linalg.inv(y)


def _onednn() -> str:
    path = _loaded("libdnnl")
    if path is None:
        return "not in use"
    version = ctypes.CDLL(path).dnnl_version
    version.restype = ctypes.POINTER(_OneDnnVersion)
    found = version().contents
    return f"{found.major}.{found.minor}.{found.patch} from {path}"


def _openblas() -> str:
    path = _loaded("openblas")
    if path is None:
        return "not in use"
    library = ctypes.CDLL(path)
    for prefix in ("scipy_", ""):
        config = getattr(library, f"{prefix}openblas_get_config", None)
        if config is not None:
            config.restype = ctypes.c_char_p
            text = config().decode().strip().removeprefix("OpenBLAS").strip()
            return f"{text}\n{'':18}from {path}"
    return f"of unknown version from {path}"


def _processor() -> tuple[str, str]:
    """Its name, and those of its features that matter."""
    fields: dict[str, str] = {}
    for line in _read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    return name, " ".join(each for each in _FEATURES if each in flags) or "unknown"


def _cores() -> str:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    text = f"{os.cpu_count()} processors"
    return text if allowed in (None, os.cpu_count()) else f"{text}, {allowed} allowed"


def _memory() -> str:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 2**20:.1f} GiB"
    return "unknown"


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def report() -> str:
    """Lines of `what: how it is`."""
    name, features = _processor()
    lines = {
        "wengert": f"{wengert.__version__} from {os.path.dirname(wengert.__file__)}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()}) from "
        f"{sys.executable}",
        "system": platform.platform(),
        "processor": name,
        "features": features,
        "instructions": f"x86-64-v{_C._isa_level()} kernels are used"
        if platform.machine() in ("x86_64", "AMD64")
        else platform.machine(),
        "threads": f"{wengert.get_num_threads()} are used; {_cores()}",
        "memory": _memory(),
        "devices": "cpu",
    }
    try:
        _use_libraries()
    except RuntimeError as error:  # that is what the report is for
        lines["libraries"] = str(error)
    lines["oneDNN"] = _onednn()
    lines["OpenBLAS"] = _openblas()
    lines.update({package: _package(package) for package in _PACKAGES})
    settings = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith(_VARIABLES)]
    lines["environment"] = " ".join(settings) or "no variables that matter"
    return "\n".join(f"{what + ':':<17} {text}" for what, text in lines.items())
