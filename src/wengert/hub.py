"""Models from repositories of programs: only from directories on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import urlparse

from wengert import _missing, serialization

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url",
           "set_dir"]  # fmt: skip

_directory: str | None = None

# The part of a file's name that says what its contents hash to: resnet18-bfd8deac.pth.
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")


def _get_torch_home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return os.path.expanduser(os.environ.get("TORCH_HOME") or os.path.join(cache, "torch"))


def get_dir() -> str:
    """Where models are kept: set by `set_dir`, else $TORCH_HOME/hub or ~/.cache/torch/hub."""
    return os.path.join(_get_torch_home(), "hub") if _directory is None else _directory


def set_dir(d: str | os.PathLike[str]) -> None:
    """Says where models are kept."""
    global _directory
    _directory = os.path.expanduser(os.fspath(d))


def _entries(repo_or_dir: str, source: str) -> ModuleType:
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source != "local":
        raise RuntimeError(
            f"hub: wengert downloads nothing; clone {repo_or_dir} and load it with source='local'"
        )
    path = os.path.join(os.path.expanduser(repo_or_dir), "hubconf.py")
    spec = importlib.util.spec_from_file_location("hubconf", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(module: ModuleType, model: str) -> Any:
    function = getattr(module, model, None)
    if function is None or not callable(function):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    return function


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """Calls the entry `model` of `hubconf.py` in a directory (``source="local"``).

    Raises RuntimeError for another source: nothing is downloaded.
    """
    for name in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(name, None)
    return _entry(_entries(repo_or_dir, source), model)(*args, **kwargs)


def list(github: str, *args: Any, source: str = "local", **kwargs: Any) -> Any:
    """The entries of `hubconf.py` in a directory."""
    module = _entries(github, source)
    return [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]


def help(github: str, model: str, *args: Any, source: str = "local", **kwargs: Any) -> Any:
    """The documentation of an entry of `hubconf.py` in a directory."""
    return _entry(_entries(github, source), model).__doc__


class _Silent:
    """What programs use as a progress bar where tqdm is not installed: it shows nothing."""

    def __init__(self, iterable: Any = None, total: Any = None, **options: Any) -> None:
        self.iterable, self.total, self.n = iterable, total, 0

    def __iter__(self) -> Any:
        return iter(self.iterable)

    def update(self, n: int = 1) -> None:
        """Counts on."""
        self.n += n

    def set_description(self, *args: Any, **options: Any) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """Ends nothing."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def __getattr__(name: str) -> Any:
    if name == "tqdm":  # the progress bar of downloads, which programs take from here
        try:
            return importlib.import_module("tqdm.auto").tqdm
        except ModuleNotFoundError:
            return _Silent
    _missing.raise_missing(sys.modules[__name__], name)


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> NoReturn:
    """Raises RuntimeError: nothing is downloaded."""
    raise RuntimeError(f"hub: wengert downloads nothing; fetch {url} and put it at {dst}")


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Loads the file of that name from `model_dir`, which is `get_dir()/checkpoints` if not given.

    Raises RuntimeError if it is not there: nothing is downloaded.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, file_name or os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        raise RuntimeError(f"hub: wengert downloads nothing; fetch {url} and put it at {path}")
    return serialization.load(path, map_location=map_location, weights_only=weights_only)
