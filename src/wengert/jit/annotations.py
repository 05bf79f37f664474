"""Types that TorchScript reads in annotations. Nothing reads them here."""

from __future__ import annotations

from typing import (  # noqa: UP035 - programs take them from here
    Any,
    Dict,  # noqa: F401
    Generic,
    List,  # noqa: F401
    Optional,  # noqa: F401
    Tuple,  # noqa: F401
    TypeVar,
    Union,  # noqa: F401
)

_T = TypeVar("_T")


class BroadcastingList(Generic[_T]):
    """A list of so many elements, or one number that stands for all of them."""

    @staticmethod
    def of(count: int) -> Any:
        """The type for lists of `count` elements."""
        return type(f"BroadcastingList{count}", (BroadcastingList,), {})


BroadcastingList1 = BroadcastingList.of(1)
BroadcastingList2 = BroadcastingList.of(2)
BroadcastingList3 = BroadcastingList.of(3)
BroadcastingList4 = BroadcastingList.of(4)
BroadcastingList5 = BroadcastingList.of(5)
BroadcastingList6 = BroadcastingList.of(6)
