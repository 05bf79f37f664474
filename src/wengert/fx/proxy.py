"""See :mod:`wengert.fx`."""

from wengert.fx import Proxy

__all__ = ["Proxy"]
