"""Operators whose arguments are functions."""

from .associative_scan import associative_scan

__all__ = ["associative_scan"]
