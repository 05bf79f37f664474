"""What the modules of devices that this build has not have in common."""

from __future__ import annotations


class Unavailable(AssertionError, RuntimeError):
    """A device is asked for that is not there. An AssertionError, as PyTorch raises, and the
    RuntimeError that the conversion to such a device raises.
    """
