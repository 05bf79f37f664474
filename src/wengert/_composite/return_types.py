"""Named tuples that operators with several results return: `max(x, 0).values`."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def _make(name: str, *fields: str) -> type:
    base: Any = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        parts = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self, strict=True))
        return f"wengert.return_types.{name}(\n{parts})"

    return type(
        name,
        (base,),
        {
            "__slots__": (),
            "__repr__": __repr__,
            "__module__": "wengert.return_types",
            "__doc__": f"The results of `{name}`: {', '.join(fields)}.",
        },
    )


max = _make("max", "values", "indices")
min = _make("min", "values", "indices")
median = _make("median", "values", "indices")
nanmedian = _make("nanmedian", "values", "indices")
mode = _make("mode", "values", "indices")
sort = _make("sort", "values", "indices")
topk = _make("topk", "values", "indices")
kthvalue = _make("kthvalue", "values", "indices")
cummax = _make("cummax", "values", "indices")
cummin = _make("cummin", "values", "indices")
aminmax = _make("aminmax", "min", "max")
frexp = _make("frexp", "mantissa", "exponent")
