"""Runs a program as the interpreter would, with `import torch` finding wengert."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import multiprocessing.spawn
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, TracebackType
from typing import Any

from wengert._torch_view import as_torch


def _new_main(**names: Any) -> ModuleType:
    """An empty `__main__` in place of the command's own."""
    main = ModuleType("__main__")
    main.__dict__.update({"__builtins__": builtins, **names})
    if "__annotations__" in vars(sys.modules["__main__"]):  # some versions of Python put it there
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main


def _set_first_path(directory: str) -> None:
    """Replaces what Python put at the front of sys.path for the command itself."""
    if sys.flags.safe_path:
        return
    sys.path[0] = directory


class _Activate:
    """Unpickles into a call of `as_torch`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return as_torch, ()


def _prepare_spawned_processes() -> None:
    """Lets processes that multiprocessing starts afresh find wengert as torch, too: what they are
    told first contains something that switches it on as it is read.
    """
    original = multiprocessing.spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {"wengert": _Activate(), **original(name)}

    multiprocessing.spawn.get_preparation_data = get_preparation_data


def _user_part(error: BaseException, codes: set[str]) -> TracebackType | None:
    """The traceback from the first frame of the program on; None if it did not get there."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename not in codes:
        place = place.tb_next
    return place


@contextmanager
def _errors_as_usual(*files: str) -> Iterator[None]:
    """An error ends the process as it does without us: the same traceback, the same exit status."""
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _user_part(error, set(files))
        sys.last_type, sys.last_value = type(error), error
        sys.last_traceback = error.__traceback__
        try:
            sys.excepthook(type(error), error, error.__traceback__)
        except Exception:  # of a hook of the program's: say so, as the interpreter does
            print("Error in sys.excepthook:", file=sys.stderr)
            traceback.print_exc()
        sys.stdout.flush()
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        raise SystemExit(1) from None


def run_command(text: str, arguments: list[str]) -> None:
    """As `python -c text`."""
    sys.argv = ["-c", *arguments]
    _set_first_path("")
    main = _new_main(__loader__=importlib.machinery.BuiltinImporter)
    with _errors_as_usual("<string>"):
        exec(compile(text, "<string>", "exec", dont_inherit=True), main.__dict__)


def run_module(name: str, arguments: list[str]) -> None:
    """As `python -m name`."""
    sys.argv = ["-m", *arguments]
    _set_first_path(os.getcwd())
    _new_main()
    as_main: Callable[..., Any] = runpy._run_module_as_main  # type: ignore[attr-defined]
    with _errors_as_usual(runpy.__file__, as_main.__code__.co_filename):
        as_main(name)


def run_script(path: str, arguments: list[str]) -> None:
    """As `python path`; a directory or an archive with a `__main__.py` will do, too."""
    sys.argv = [path, *arguments]
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        if not sys.flags.safe_path:
            del sys.path[0]  # run_path puts the archive there
        with _errors_as_usual(runpy.__file__, runpy.run_path.__code__.co_filename):
            runpy.run_path(path, run_name="__main__")
        return
    full = os.path.abspath(path)
    try:
        with io.open_code(full) as file:
            source = file.read()
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {full!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    loader = importlib.machinery.SourceFileLoader("__main__", full)
    main = _new_main(__file__=full, __cached__=None, __loader__=loader)
    with _errors_as_usual(full):
        code = compile(source, full, "exec", dont_inherit=True)
        exec(code, main.__dict__)


def run(arguments: list[str]) -> None:
    """What `wengert run` does with the rest of its command line."""
    as_torch()
    _prepare_spawned_processes()
    first, rest = arguments[0], arguments[1:]
    if first in ("-m", "-c"):
        if not rest:
            print(f"Argument expected for the {first} option", file=sys.stderr)
            raise SystemExit(2)
        (run_module if first == "-m" else run_command)(rest[0], rest[1:])
    else:
        run_script(first, rest)
