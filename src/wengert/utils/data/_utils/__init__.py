"""Where programs find the pieces of collation."""

from . import collate

__all__ = ["collate"]
