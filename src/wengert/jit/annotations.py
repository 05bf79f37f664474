"""Types that TorchScript reads in annotations. Nothing reads them here."""

from __future__ import annotations

from typing import (  # noqa: UP035 - programs take them from here
    Any,
    Dict,  # noqa: F401
    List,  # noqa: F401
    Optional,  # noqa: F401
    Tuple,  # noqa: F401
    Union,  # noqa: F401
)


class BroadcastingListCls:
    """``BroadcastingList2[int]``: two numbers, or one that stands for both."""

    def __getitem__(self, types: Any) -> Any:
        return Any


BroadcastingList1 = BroadcastingListCls()
BroadcastingList2 = BroadcastingListCls()
BroadcastingList3 = BroadcastingListCls()
BroadcastingList4 = BroadcastingListCls()
BroadcastingList5 = BroadcastingListCls()
BroadcastingList6 = BroadcastingListCls()
