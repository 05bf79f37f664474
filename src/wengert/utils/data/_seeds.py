"""Random numbers that depend on the sample, not on who loads it, or with which others.

Before a sample is loaded, wengert's default generator, Python's ``random`` and NumPy's global
generator (if NumPy is imported) are seeded from the epoch's seed and the sample's index. So batches
are the same with any number of workers, a sample's augmentation is the same in whatever batch it
is, and a resumed run sees the same augmentations.
"""

from __future__ import annotations

import importlib
import operator
import random
import sys
from typing import Any

import wengert as wg

__all__ = ["Isolated", "index_key", "mix", "sample_seed", "seed_all"]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(seed: int, *numbers: int) -> int:
    """A seed of 64 bits made of several numbers: a polynomial in them, and SplitMix64's finaliser.

    Source: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
    2014.
    """
    for number in numbers:
        seed = (seed + number + 1) * _GOLDEN & _MASK
    seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    seed = (seed ^ seed >> 27) * 0x94D049BB133111EB & _MASK
    return seed ^ seed >> 31


def index_key(index: Any) -> int | None:
    """A number that stands for an index in every process.

    Integers, strings and bytes have one, and tuples and lists of these; others give ``None``.
    """
    try:
        return operator.index(index)
    except TypeError:
        pass
    if isinstance(index, (str, bytes)):
        import hashlib  # few need it, and it takes long to load

        text = index.encode(errors="surrogatepass") if isinstance(index, str) else index
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    if isinstance(index, (tuple, list)):
        keys = [index_key(part) for part in index]
        known = [key for key in keys if key is not None]
        return mix(1 + len(keys), *known) if len(known) == len(keys) else None
    return None


def sample_seed(seed: int, index: Any, occurrence: int, position: int) -> int:
    """The seed of one sample.

    ``occurrence`` says how often the same index came before in this epoch; ``position`` counts the
    samples of the epoch and stands in for an index that has no :func:`index_key`.
    """
    key = index if type(index) is int else index_key(index)
    return mix(seed, 2, position) if key is None else mix(seed, 1, key, occurrence)


def _numpy_random() -> Any:
    """``numpy.random`` if NumPy is loaded.

    NumPy loads it at its first use, which may be by the sample that is about to be loaded.
    """
    found = sys.modules.get("numpy.random")
    if found is None and "numpy" in sys.modules:
        found = importlib.import_module("numpy.random")
    return found


def seed_all(seed: int) -> None:
    """Seeds every global generator."""
    wg.manual_seed(seed)
    random.seed(seed)
    numpy_random = _numpy_random()
    if numpy_random is not None:
        numpy_random.seed(seed & 0xFFFFFFFF)


class Isolated:
    """``with isolated:`` runs on generators of its own; those of the program wait outside.

    Args:
        seed: what its generators start from, at the first time; ``None`` starts from anything.
        everything: Python's and NumPy's generators too, not only wengert's.
    """

    def __init__(self, seed: int | None, everything: bool = True) -> None:
        self._seed = seed
        self._everything = everything
        self._inside: tuple[Any, Any] | None = None
        self._outside: tuple[Any, Any] = (None, None)
        self._numpy_inside: Any = None
        self._numpy_outside: Any = None
        self._numpy_pair: Any = None

    def __enter__(self) -> None:
        self._outside = wg.get_rng_state(), random.getstate() if self._everything else None
        numpy_random = _numpy_random() if self._everything else None
        if numpy_random is not None:
            # Changing places costs far less than copying the state out and in.
            if self._numpy_inside is None:
                self._numpy_inside = numpy_random.MT19937(0)
            self._numpy_outside = numpy_random.get_bit_generator()
            # Normal numbers are made in pairs; one that waits is lost with the change.
            state = numpy_random.get_state(legacy=False)
            self._numpy_pair = state if state["has_gauss"] else None
            numpy_random.set_bit_generator(self._numpy_inside)
        if self._seed is None:
            return
        if self._inside is not None:
            self._set(self._inside)
        elif self._everything:
            seed_all(self._seed)
        else:
            wg.manual_seed(self._seed)

    def __exit__(self, *error: object) -> None:
        if self._seed is not None:
            self._inside = wg.get_rng_state(), random.getstate() if self._everything else None
        self._set(self._outside)
        if self._numpy_outside is not None:
            numpy_random = sys.modules["numpy.random"]
            numpy_random.set_bit_generator(self._numpy_outside)
            self._numpy_outside = None
            if self._numpy_pair is not None:
                numpy_random.set_state(self._numpy_pair)

    @staticmethod
    def _set(states: tuple[Any, Any]) -> None:
        wg.set_rng_state(states[0])
        if states[1] is not None:
            random.setstate(states[1])
