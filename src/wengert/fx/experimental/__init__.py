"""See :mod:`wengert.fx`."""
