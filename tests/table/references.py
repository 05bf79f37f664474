"""NumPy references of the operators whose entry names none: slow, short and independent.

A function has the name and the parameters of the operator; it gets arrays in double precision and
plain values, defaults included. Several results are a tuple.
"""

from tests.table import references_arrays, references_rows, references_spatial  # noqa: F401
from tests.table.references_linalg import PROPERTIES
from tests.table.registry import REFERENCES

__all__ = ["PROPERTIES", "REFERENCES"]
