"""Objects as a tree of JSON and tensors, and back.

Lists, strings, numbers, booleans, None and dictionaries with string keys are themselves; all else
is an object whose "$" names its kind. Tensors are numbers of entries in a list of their own.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import enum
import json
import math
import sys
from collections.abc import Callable
from typing import Any

from wengert import _C
from wengert._C import Tensor

from . import _allowed, _plain
from ._files import Source, need
from ._numpy import decode_numpy, encode_numpy
from ._safetensors import Entry, Header
from ._tensors import decode_tensors, encode_tensors
from ._unpickler import refused

__all__ = ["TREE", "decode", "encode"]

TREE = "wengert.tree"  # the key in the metadata
VERSION = 1
_INLINE_BYTES = 4096
_MOST_PROBLEMS = 20
_FACTORIES: dict[str, Any] = {
    factory.__name__: factory
    for factory in (dict, list, tuple, set, int, float, complex, str, bytes, bool)
}
_SEQUENCES = {"tuple": tuple, "set": set, "frozenset": frozenset}
_DTYPES = {str(dtype).rpartition(".")[2]: dtype for dtype in (
    _C.float64, _C.float32, _C.float16, _C.bfloat16, _C.complex128, _C.complex64, _C.int64,
    _C.int32, _C.int16, _C.int8, _C.uint8, _C.bool)}  # fmt: skip


def _is_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray))


# --- to the tree ---


class _Attributes(str):
    """A step of a path that is no key."""


# The keys that lead to a part of the object.
Path = tuple[Any, ...]


def _shown(path: Path) -> str:
    return "obj" + "".join(
        f".{step}" if isinstance(step, _Attributes) else f"[{step!r}]" for step in path
    )


class _Encoder:
    def __init__(self) -> None:
        self.tensors: list[tuple[Tensor, Path]] = []
        self.numbers: dict[int, int] = {}  # of tensors, by identity
        self.blobs: list[tuple[bytes, Path]] = []
        self.tensor_attributes: dict[int, Any] = {}
        self.problems: list[str] = []
        self.open: set[int] = set()  # containers that are being encoded

    def node(self, value: Any, path: Path) -> Any:
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind is int:
            # Beyond this, other readers of JSON would round.
            return value if abs(value) < 1 << 53 else {"$": "int", "hex": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"$": "float", "value": repr(value)}
        if isinstance(value, Tensor):
            return self.tensor(value, path)
        if kind in _CONTAINERS:
            return self.container(value, path)
        encoder = _LEAVES.get(kind)
        if encoder is not None:
            encoded = encoder(value)
            if encoded is not None:
                return encoded
        if kind in (bytes, bytearray):
            return self.bytes_node(value, path)
        if _is_numpy(value):
            encoded, data = encode_numpy(value)
            if encoded is not None:
                if data is not None:
                    encoded["blob"] = self.blob(data, path)
                return encoded
        if kind is _C.Generator:
            return {"$": "generator", "state": value.get_state().tolist()}
        if _allowed.is_allowed(kind):
            encoded = self.object(value, path)
            if encoded is not None:
                return encoded
        self.problem(path, value)
        return None

    def object(self, value: Any, path: Path) -> Any:
        """Of an allowed class, if it is one whose objects are plain."""
        node: dict[str, Any] = {"$": "object", "class": _allowed.name_of(type(value))}
        if isinstance(value, enum.Enum):
            node["member"] = value.name
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            node["items"] = self.sequence(tuple(value), path)["items"]
        elif dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            node["fields"] = {
                name: self.node(getattr(value, name), (*path, _Attributes(name))) for name in names
            }
        else:
            return None
        return node

    def problem(self, path: Path, value: Any) -> None:
        text = f"{_shown(path)}: {_kind_name(value)}"
        if hasattr(value, "state_dict") and not isinstance(value, type):
            text += "   save its state_dict() instead"
        elif _is_plain_class(type(value)):
            text += "   allow it by serialization.add_safe_globals, or save it as a tuple or a dict"
        self.problems.append(text)

    def container(self, value: Any, path: Path) -> Any:
        if id(value) in self.open:
            self.problems.append(f"{_shown(path)}: {type(value).__name__} that contains itself")
            return None
        self.open.add(id(value))
        try:
            return _CONTAINERS[type(value)](self, value, path)
        finally:
            self.open.remove(id(value))

    def items(self, value: Any, path: Path) -> list[Any]:
        return [self.node(item, (*path, i)) for i, item in enumerate(value)]

    def pairs(self, value: Any, path: Path) -> list[list[Any]]:
        return [
            [self.node(key, (*path, _Attributes("keys()"))), self.node(item, (*path, key))]
            for key, item in value.items()
        ]

    def sequence(self, value: Any, path: Path) -> Any:
        return {"$": type(value).__name__, "items": self.items(value, path)}

    def unordered(self, value: Any, path: Path) -> Any:
        items = self.items(value, path)
        # The same set makes the same file.
        return {"$": type(value).__name__, "items": sorted(items, key=json.dumps)}

    def deque(self, value: Any, path: Path) -> Any:
        return {"$": "deque", "items": self.items(value, path), "maxlen": value.maxlen}

    def dictionary(self, value: Any, path: Path) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: self.node(item, (*path, key)) for key, item in value.items()}
        return {"$": "dict", "items": self.pairs(value, path)}

    def special_dictionary(self, value: Any, path: Path) -> Any:
        result = {"$": type(value).__name__, "items": self.pairs(value, path)}
        if vars_of := getattr(value, "__dict__", None):  # the _metadata of a module's state
            result["attributes"] = self.dictionary(vars_of, (*path, _Attributes("__dict__")))
        return result

    def default_dictionary(self, value: Any, path: Path) -> Any:
        factory = value.default_factory
        name = None if factory is None else str(getattr(factory, "__name__", ""))
        if name is not None and _FACTORIES.get(name) is not factory:
            self.problems.append(f"{_shown(path)}.default_factory: {_kind_name(factory)}")
        return {"$": "defaultdict", "factory": name, "items": self.pairs(value, path)}

    def namespace(self, value: Any, path: Path) -> Any:
        return {"$": type(value).__name__, "items": self.pairs(vars(value), path)}

    def bytes_node(self, value: Any, path: Path) -> Any:
        result: dict[str, Any] = {"$": type(value).__name__}
        if len(value) <= _INLINE_BYTES:
            result["base64"] = base64.b64encode(value).decode()
        else:
            result["blob"] = self.blob(bytes(value), path)
        return result

    def blob(self, data: bytes, path: Path) -> int:
        self.blobs.append((data, path))
        return len(self.blobs) - 1

    def tensor(self, value: Tensor, path: Path) -> Any:
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.tensors)
            if _class_name(value) is None:
                self.problem(path, value)
            self.tensors.append((value, path))
            if value.__dict__:
                self.tensor_attributes[number] = self.container(
                    value.__dict__, (*path, _Attributes("__dict__"))
                )
        return {"$": "tensor", "index": number}


_CONTAINERS: dict[type, Callable[[_Encoder, Any, Path], Any]] = {
    list: _Encoder.items,
    tuple: _Encoder.sequence,
    set: _Encoder.unordered,
    frozenset: _Encoder.unordered,
    collections.deque: _Encoder.deque,
    dict: _Encoder.dictionary,
    collections.OrderedDict: _Encoder.special_dictionary,
    collections.Counter: _Encoder.special_dictionary,
    collections.defaultdict: _Encoder.default_dictionary,
    **dict.fromkeys(_plain.NAMESPACES.values(), _Encoder.namespace),
}
_LEAVES: dict[type, Callable[[Any], Any]] = {
    **_plain.LEAVES,
    complex: lambda z: {"$": "complex", "value": [z.real.hex(), z.imag.hex()]},
    range: lambda r: {"$": "range", "value": [r.start, r.stop, r.step]},
    slice: lambda s: {"$": "slice", "value": [_bound(s.start), _bound(s.stop), _bound(s.step)]},
    type(Ellipsis): lambda _: {"$": "ellipsis"},
    _C.dtype: lambda d: {"$": "dtype", "name": str(d).rpartition(".")[2]},
    _C.device: lambda d: {"$": "device", "name": str(d)},
    _C.Size: lambda s: {"$": "Size", "value": list(s)},
}


def _bound(value: Any) -> int | None:
    return None if value is None else value.__index__()


def _is_plain_class(kind: type) -> bool:
    return issubclass(kind, (tuple, enum.Enum)) or dataclasses.is_dataclass(kind)


def _kind_name(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    called = getattr(value, "__qualname__", None)
    return f"{name} {called}" if isinstance(called, str) else name


def _class_name(value: Tensor) -> str | None:
    from wengert.nn.parameter import Buffer, Parameter

    return {Tensor: "Tensor", Parameter: "Parameter", Buffer: "Buffer"}.get(type(value))


def encode(value: Any) -> tuple[dict[str, tuple[Entry, Any]], dict[str, str]]:
    """What a file has to hold: its tensors by name, and its metadata."""
    encoder = _Encoder()
    try:
        root = encoder.node(value, ())
    except RecursionError:
        raise ValueError("save(): the object is nested too deeply") from None
    if encoder.problems:
        _refuse(encoder.problems)
    files, places, blob_names = encode_tensors(encoder.tensors, encoder.blobs)
    for number, (tensor, _) in enumerate(encoder.tensors):
        places[number]["class"] = _class_name(tensor)
        if tensor.requires_grad:
            places[number]["requires_grad"] = True
        if number in encoder.tensor_attributes:
            places[number]["attributes"] = encoder.tensor_attributes[number]
    tree = {"version": VERSION, "root": root, "tensors": places, "blobs": blob_names}
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False)
    # "pt" says that names and layouts are PyTorch's, which is what other readers ask for.
    return files, {"format": "pt", TREE: text}


def _refuse(problems: list[str]) -> None:
    shown = "".join(f"\n  {problem}" for problem in problems[:_MOST_PROBLEMS])
    if len(problems) > _MOST_PROBLEMS:
        shown += f"\n  and {len(problems) - _MOST_PROBLEMS} more"
    what = "1 object" if len(problems) == 1 else f"{len(problems)} objects"
    raise TypeError(
        f"save(): {what} cannot be saved, because a file holds plain data and tensors, never code"
        + shown
    )


# --- from the tree ---


class _Decoder:
    def __init__(self, tensors: list[Tensor], blobs: list[Callable[[], bytes]]) -> None:
        self.tensors = tensors
        self.blobs = blobs
        self.refused: dict[str, None] = {}  # names of classes that are not allowed

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$" not in node:
            return {key: self.value(item) for key, item in node.items()}
        kind = node["$"]
        need(isinstance(kind, str) and kind in _DECODERS, f"the tree has the unknown kind {kind!r}")
        return _DECODERS[kind](self, node)

    def items(self, node: dict) -> list[Any]:
        items = node.get("items")
        need(isinstance(items, list), "the tree has a container without items")
        return [self.value(item) for item in items]  # type: ignore[union-attr]

    def pairs(self, node: dict) -> list[Any]:
        pairs = node.get("items")
        need(
            isinstance(pairs, list) and all(isinstance(p, list) and len(p) == 2 for p in pairs),
            "the tree has a dictionary without items",
        )
        return [(self.value(key), self.value(item)) for key, item in pairs]  # type: ignore[union-attr]

    def data(self, node: dict) -> bytes:
        if "base64" in node:
            return base64.b64decode(node["base64"], validate=True)
        number = node.get("blob")
        need(type(number) is int and 0 <= number < len(self.blobs), "the tree has no such bytes")
        return self.blobs[number]()  # type: ignore[index]

    def sequence(self, node: dict) -> Any:
        return _SEQUENCES[node["$"]](self.items(node))

    def special_dictionary(self, node: dict) -> Any:
        if node["$"] == "OrderedDict":
            result: Any = collections.OrderedDict(self.pairs(node))
        else:
            result = collections.Counter()
            result.update(dict(self.pairs(node)))
        if "attributes" in node:
            result.__dict__.update(self.value(node["attributes"]))
        return result

    def default_dictionary(self, node: dict) -> Any:
        name = node.get("factory")
        need(name is None or name in _FACTORIES, f"the tree has the unknown factory {name!r}")
        factory = None if name is None else _FACTORIES[name]
        return collections.defaultdict(factory, self.pairs(node))

    def namespace(self, node: dict) -> Any:
        pairs = self.pairs(node)
        need(all(isinstance(key, str) for key, _ in pairs), "an attribute has no name")
        return _plain.NAMESPACES[node["$"]](**dict(pairs))

    def object(self, node: dict) -> Any:
        cls: Any = _allowed.find(node["class"])
        if cls is None:
            self.refused[node["class"]] = None
            return None
        need(isinstance(cls, type), "an object has no class")
        if "member" in node:
            need(issubclass(cls, enum.Enum), f"{cls.__name__} has no members")
            return cls[node["member"]]
        if "items" in node:
            need(issubclass(cls, tuple), f"{cls.__name__} is no tuple")
            return cls(*self.items(node))
        need(dataclasses.is_dataclass(cls), f"{cls.__name__} is no dataclass")
        result = cls.__new__(cls)
        for name, value in node["fields"].items():
            object.__setattr__(result, name, self.value(value))
        return result

    def tensor(self, node: dict) -> Tensor:
        number = node.get("index")
        need(type(number) is int and 0 <= number < len(self.tensors), "the tree has no such tensor")
        return self.tensors[number]  # type: ignore[index]

    def generator(self, node: dict) -> Any:
        result = _C.Generator()
        return result.set_state(_C.tensor(node["state"], dtype=_C.uint8))


def _float(_: _Decoder, node: dict) -> float:
    need(node["value"] in ("inf", "-inf", "nan"), "the tree has an unknown float")
    return float(node["value"])


_DECODERS: dict[str, Callable[[_Decoder, dict], Any]] = {
    "int": lambda _, node: int(node["hex"], 16),
    "float": _float,
    "tensor": _Decoder.tensor,
    "tuple": _Decoder.sequence,
    "set": _Decoder.sequence,
    "frozenset": _Decoder.sequence,
    "deque": lambda self, node: collections.deque(self.items(node), node["maxlen"]),
    "dict": lambda self, node: dict(self.pairs(node)),
    "OrderedDict": _Decoder.special_dictionary,
    "Counter": _Decoder.special_dictionary,
    "defaultdict": _Decoder.default_dictionary,
    "bytes": lambda self, node: bytes(self.data(node)),
    "bytearray": lambda self, node: bytearray(self.data(node)),
    "complex": lambda _, node: complex(*map(float.fromhex, node["value"])),
    "range": lambda _, node: range(*node["value"]),
    "slice": lambda _, node: slice(*node["value"]),
    "ellipsis": lambda *_: Ellipsis,
    "dtype": lambda _, node: _DTYPES[node["name"]],
    "device": lambda _, node: _C.device(node["name"]),
    "Size": lambda _, node: _C.Size(node["value"]),
    "generator": _Decoder.generator,
    "object": _Decoder.object,
    **dict.fromkeys(_plain.NAMESPACES, _Decoder.namespace),
    **dict.fromkeys(_plain.DECODERS, lambda _, node: _plain.DECODERS[node["$"]](node)),
    "numpy.scalar": lambda self, node: decode_numpy(node, self.data(node)),
    "numpy.ndarray": lambda self, node: decode_numpy(node, self.data(node)),
}


def decode(source: Source, header: Header) -> Any:
    """The object that a file holds: what was saved, or a dictionary of another writer's tensors."""
    text = header.metadata.get(TREE)
    if text is None:
        places = [{"entry": name, "dtype": None} for name in header.entries]
        tensors, _ = decode_tensors(source, header, places, [])
        return dict(zip(header.entries, tensors, strict=True))
    tree = json.loads(text)
    need(isinstance(tree, dict), "the tree is no JSON object")
    need(
        tree.get("version") == VERSION,
        f"the tree has version {tree.get('version')!r}, and this wengert reads {VERSION}",
    )
    places, blob_names = tree.get("tensors"), tree.get("blobs")
    need(
        isinstance(places, list) and all(isinstance(place, dict) for place in places),
        "the tree has no list of tensors",
    )
    need(
        isinstance(blob_names, list) and all(isinstance(name, str) for name in blob_names),
        "the tree has no list of bytes",
    )
    tensors, blobs = decode_tensors(source, header, places, blob_names)
    decoder = _Decoder(tensors, blobs)
    for place, tensor in zip(places, tensors, strict=True):
        if "attributes" in place:
            attributes = decoder.value(place["attributes"])
            need(isinstance(attributes, dict), "a tensor's attributes are no dictionary")
            tensor.__dict__.update(attributes)
    result = decoder.value(tree.get("root"))
    if decoder.refused:
        raise refused(decoder.refused)
    return result
