"""Plain objects of the standard library that files may hold: paths, times, namespaces."""

from __future__ import annotations

import argparse
import datetime
import pathlib
import types
from collections.abc import Callable
from typing import Any

from ._files import need

__all__ = ["DECODERS", "FUNCTIONS", "LEAVES", "NAMESPACES"]

NAMESPACES = {"Namespace": argparse.Namespace, "SimpleNamespace": types.SimpleNamespace}

_PATHS = {
    kind.__name__: kind
    for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))
}


def _path(node: dict) -> Any:
    need(isinstance(node["value"], str), "the tree has a path that is no text")
    # A path of the other system can only be written down here.
    kind = _PATHS.get(node["class"]) or _PATHS[f"Pure{node['class']}"]
    return kind(node["value"])


def _delta(value: datetime.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _zone(node: dict) -> datetime.timezone:
    offset = datetime.timedelta(*node["value"])
    return datetime.timezone(offset, node["name"]) if "name" in node else datetime.timezone(offset)


def _zone_node(zone: datetime.timezone) -> dict[str, Any]:
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return {"value": _delta(offset), **({"name": name[0]} if name else {})}


def _time_node(kind: str) -> Callable[[Any], dict[str, Any] | None]:
    def encode(value: Any) -> dict[str, Any] | None:
        node = {"$": kind, "value": value.replace(tzinfo=None).isoformat(), "fold": value.fold}
        if value.tzinfo is not None:
            if type(value.tzinfo) is not datetime.timezone:
                return None  # its rules are not in the file
            node["zone"] = _zone_node(value.tzinfo)
        return node

    return encode


def _time(make: Any) -> Callable[[dict], Any]:
    def decode(node: dict) -> Any:
        zone = _zone(node["zone"]) if "zone" in node else None
        return make.fromisoformat(node["value"]).replace(tzinfo=zone, fold=node["fold"])

    return decode


# To nodes of the tree; None for what cannot be written.
LEAVES: dict[type, Callable[[Any], dict[str, Any] | None]] = {
    **{
        kind: lambda path: {"$": "path", "class": type(path).__name__, "value": str(path)}
        for kind in _PATHS.values()
    },
    datetime.date: lambda date: {"$": "date", "value": date.isoformat()},
    datetime.datetime: _time_node("datetime"),
    datetime.time: _time_node("time"),
    datetime.timedelta: lambda delta: {"$": "timedelta", "value": _delta(delta)},
    datetime.timezone: lambda zone: {"$": "timezone", **_zone_node(zone)},
}
# And back.
DECODERS: dict[str, Callable[[dict], Any]] = {
    "path": _path,
    "date": lambda node: datetime.date.fromisoformat(node["value"]),
    "datetime": _time(datetime.datetime),
    "time": _time(datetime.time),
    "timedelta": lambda node: datetime.timedelta(*node["value"]),
    "timezone": _zone,
}


def _checked(make: Any, *kinds: type) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        need(all(isinstance(a, kinds) for a in arguments), f"no valid {make.__name__}")
        return make(*arguments)

    return checked


def _foreign_path(name: str) -> Callable[..., Any]:
    return _checked(_PATHS.get(name) or _PATHS[f"Pure{name}"], str)


# What PyTorch's pickles call.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "argparse Namespace": _checked(argparse.Namespace),
    "types SimpleNamespace": _checked(types.SimpleNamespace),
    **{
        f"{module} {name}": _foreign_path(name)
        for module in ("pathlib", "pathlib._local")
        for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
    },
    "datetime date": _checked(datetime.date, bytes),
    "datetime datetime": _checked(datetime.datetime, bytes, datetime.timezone),
    "datetime time": _checked(datetime.time, bytes, datetime.timezone),
    "datetime timedelta": _checked(datetime.timedelta, int),
    "datetime timezone": _checked(datetime.timezone, datetime.timedelta, str),
}
