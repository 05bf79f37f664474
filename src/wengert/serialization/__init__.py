"""Saving and loading objects without pickles.

A file of :func:`save` is a safetensors file (https://huggingface.co/docs/safetensors): its tensors
can be read by other programs, and its metadata holds the rest of the object as JSON. :func:`load`
reads these files, safetensors files of others and PyTorch's checkpoints, and never runs code of a
file.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any

from wengert import _C
from wengert._storage import UntypedStorage

from ._allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from ._files import CorruptedError, Source, write

__all__ = [
    "FILE_LIKE",
    "MAP_LOCATION",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "safe_globals",
    "save",
]

FILE_LIKE = str | os.PathLike[str] | IO[bytes]
MAP_LOCATION = Callable[[Any, str], Any] | _C.device | str | dict[str, str] | None


# What reading a damaged file can raise besides CorruptedError.
_DAMAGE = (
    CorruptedError, EOFError, IndexError, KeyError, OverflowError, RecursionError, TypeError,
    UnicodeError, ValueError, AttributeError, MemoryError, RuntimeError,
)  # fmt: skip


class _Refused(Exception):
    """Wraps an error that is about the request, not about the file."""


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int | None = None,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Saves an object of plain data and tensors.

    Args:
        obj: nested dictionaries (also ``OrderedDict``, ``defaultdict``, ``Counter``), lists,
            tuples, sets and deques of tensors, parameters, numbers, strings, bytes, ``None``,
            slices, ranges, dtypes, sizes, devices, generators, paths, dates and times, namespaces
            (as of ``argparse``), NumPy arrays and scalars. The state dicts of modules, optimizers,
            schedulers and data loaders are made of these. Named tuples, dataclasses and members of
            enumerations too, where :func:`add_safe_globals` allows their class.
        f: a path, or a file object with ``write``. A path is replaced in one step once all is on
            the disk: who is interrupted finds the old file or the new one, never a half.
        pickle_module, pickle_protocol and the rest: accepted for PyTorch's sake; nothing is
            pickled.

    Tensors keep their dtype, strides, class and ``requires_grad``. Tensors that overlap in memory
    still do after loading; of a tensor that is a part of a larger one only the part is saved. A
    list or dictionary that occurs twice is saved twice.

    Raises:
        TypeError: there is something in the object that is not plain data; the message lists all
            such places.
        ValueError: the object is nested too deeply, or describing it takes more than 100 MB.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "state.wg")
    >>> wg.save({"step": 3, "weight": wg.ones(2)}, path)
    >>> wg.load(path)
    {'step': 3, 'weight': tensor([1., 1.])}
    """
    from . import _safetensors, _tree  # not before they are needed: importing wengert is quick

    entries, metadata = _tree.encode(obj)
    write(f, _safetensors.pack(entries, metadata))


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads a file of :func:`save`, a safetensors file, or a checkpoint of ``torch.save``.

    No code of a file is ever run, whatever ``weights_only`` says: a PyTorch checkpoint is read by
    an interpreter that knows tensors, plain data and what :func:`add_safe_globals` allows, and
    lists the names of anything else.

    Args:
        f: a path, or a file object with ``read``.
        map_location: where the tensors go: a device, its name, a dictionary of names, or a
            function of a storage and its name. Needed for checkpoints that were saved on a GPU.
        pickle_module: None or :mod:`pickle`; neither is used.
        weights_only: accepted; the answer is the same.
        mmap: map the file into memory instead of reading it, so that parts that are not used are
            never read. Writing to the tensors leaves the file as it is. ``f`` must be a path.

    Returns:
        the object; of a safetensors file that another program wrote, a dictionary of tensors.

    Raises:
        pickle.UnpicklingError: the file holds more than plain data and what is allowed.
        RuntimeError: the file is damaged, is of no known format, or is for another device.
        EOFError: the file is empty.
    """
    if pickle_module not in (None, pickle):
        raise ValueError(
            "load(): pickle_module must be None, as load() never runs a pickle\n"
            f"  pickle_module: {pickle_module!r}"
        )
    moved = _mover(map_location)
    source = Source(f, bool(mmap))
    try:
        if source.size == 0:
            raise EOFError(f"Ran out of input: {source.name!r} is empty")
        return _load(source, moved)
    except (pickle.UnpicklingError, FileNotFoundError):
        raise
    except _Refused as refused:
        raise refused.args[0] from None
    except _DAMAGE as error:
        if source.size == 0:
            raise  # the EOFError from above
        reason = str(error) or type(error).__name__
        raise RuntimeError(f"load(): cannot read {source.name!r}: {reason}") from error
    finally:
        source.close()


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names that a file asks for and that are neither plain data nor allowed.

    Args:
        f: a path, or a file object with ``read``.
    """
    from ._unpickler import UnknownNames

    try:
        load(f, map_location="cpu")
    except UnknownNames as error:
        return list(error.names)
    return []


def _load(source: Source, moved: Callable[[UntypedStorage, str], UntypedStorage]) -> Any:
    from . import _safetensors, _torch_files, _tree

    start = source.read(0, min(16, source.size))
    if _safetensors.looks_like(start):
        return _tree.decode(source, _safetensors.parse(source))
    if _torch_files.is_zip(start):
        return _torch_files.load_zip(source, moved)
    if _torch_files.is_pickle(start):
        return _torch_files.load_legacy(source, moved)
    raise CorruptedError(
        "it is neither a file of save(), nor a safetensors file, nor a checkpoint of torch.save "
        f"(it starts with {start!r})"
    )


def _mover(map_location: Any) -> Callable[[UntypedStorage, str], UntypedStorage]:
    """Brings a storage from the place that it was saved at to the place where it is wanted."""
    if isinstance(map_location, (str, _C.device)):
        _C.empty(0, device=map_location)  # raises where there is no such device

    def place(location: str) -> None:
        if location.partition(":")[0] != "cpu":
            raise _Refused(
                RuntimeError(
                    f"Attempting to deserialize object on {location!r}, and this build of wengert "
                    "has the CPU only. Use load(..., map_location='cpu') to bring the tensors to "
                    "the CPU."
                )
            )

    def moved(storage: UntypedStorage, location: str) -> UntypedStorage:
        if map_location is None:
            place(location)
        elif isinstance(map_location, Mapping):
            place(str(map_location.get(location, location)))
        elif callable(map_location):
            try:
                result = map_location(storage, location)
            except Exception as error:
                raise _Refused(error) from error
            if result is None:
                place(location)
            elif isinstance(result, UntypedStorage):
                return result
            else:
                raise _Refused(
                    TypeError(
                        "load(): map_location must return a storage or None, not "
                        f"{type(result).__name__}"
                    )
                )
        return storage

    if not (
        map_location is None
        or isinstance(map_location, (str, _C.device, Mapping))
        or callable(map_location)
    ):
        raise TypeError(
            "load(): map_location must be a device, a string, a dict or a function, not "
            f"{type(map_location).__name__}"
        )
    return moved
