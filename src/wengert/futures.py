"""Values that will be there later, set by any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value, or an exception, that is not known yet.

    Args:
        devices: accepted for PyTorch's sake.

    >>> future = wg.futures.Future()
    >>> doubled = future.then(lambda f: f.value() * 2)
    >>> future.set_result(21)
    >>> doubled.wait()
    42
    """

    def __init__(self, *, devices: Any = None) -> None:
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future], Any]] = []

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def done(self) -> bool:
        """Whether the value, or the exception, is there."""
        return self._set.is_set()

    def wait(self) -> Any:
        """Waits for the value. Raises the exception if there is one instead."""
        self._set.wait()
        return self.value()

    def value(self) -> Any:
        """The value, which must be there.

        Raises:
            RuntimeError: it is not there yet. Or the exception that was set.
        """
        if not self.done():
            raise RuntimeError("Future.value(): the future has no value yet; use wait()")
        if self._error is not None:
            raise self._error
        return self._value

    def _finish(self, value: Any, error: BaseException | None) -> None:
        with self._lock:
            if self.done():
                raise RuntimeError(
                    "Future can only be marked completed once: set_result() or set_exception() was "
                    "called before"
                )
            self._value, self._error = value, error
            self._set.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def set_result(self, result: Any) -> None:
        """Sets the value. Raises RuntimeError if there is one already."""
        self._finish(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Sets an exception that :meth:`wait` raises.

        Raises:
            RuntimeError: there is a value already.
            TypeError: it is no exception.
        """
        if not isinstance(result, BaseException):
            raise TypeError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Calls ``callback(future)`` when the value is there; at once if it is."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """A future of what ``callback(future)`` returns."""
        result = Future()

        def run(future: Future) -> None:
            try:
                value = callback(future)
            except Exception as error:
                result.set_exception(error)
            else:
                result.set_result(value)

        self.add_done_callback(run)
        return result


def collect_all(futures: Sequence[Future]) -> Future:
    """A future of the list of futures, set when all of them are."""
    futures = list(futures)
    result = Future()
    left = len(futures)
    lock = threading.Lock()
    if not futures:
        result.set_result([])

    def count(_: Future) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            result.set_result(futures)

    for future in futures:
        future.add_done_callback(count)
    return result


def wait_all(futures: Sequence[Future]) -> list[Any]:
    """The values of all futures. Raises the first exception among them, in their order."""
    return [future.wait() for future in collect_all(futures).wait()]
