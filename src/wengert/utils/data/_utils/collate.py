"""The pieces of collation: the function of each type, and the one that asks for it."""

from .._collate import collate, default_collate, default_collate_fn_map, default_convert

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]
