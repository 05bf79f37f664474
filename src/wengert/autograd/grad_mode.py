"""Which operations are recorded: context managers that are decorators too."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, TypeVar

from wengert._C import (
    Tensor,
    _set_grad_enabled,
    _set_modes,
    _set_version,
    is_inference_mode_enabled,
)

Function = TypeVar("Function", bound=Callable[..., Any])


class _Mode:
    """Sets the mode on entry, restores it on exit; per thread."""

    enabled: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_set_grad_enabled(self.enabled))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _set_grad_enabled(self._before.pop())

    def _fresh(self) -> _Mode:
        return type(self)()

    def __call__(self, function: Function) -> Function:
        if inspect.isclass(function):
            raise TypeError(f"{type(self).__name__} decorates functions, not classes")
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return inside  # type: ignore[return-value]

    def _wrap_generator(self, function: Function) -> Function:
        """The mode holds while the generator's body runs, not while its user does."""

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = lambda: next(generator)  # noqa: E731
            while True:
                try:
                    with self._fresh():
                        value = step()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield value
                    step = functools.partial(generator.send, sent)
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:
                    step = functools.partial(generator.throw, error)

        return inside  # type: ignore[return-value]


class no_grad(_Mode):
    """Nothing is recorded inside; results do not require a gradient.

    >>> x = wg.ones(1, requires_grad=True)
    >>> with wg.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    enabled = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        # @no_grad without parentheses, as PyTorch allows.
        self = super().__new__(cls)
        if function is not None:
            self.__init__()  # type: ignore[misc]
            return self(function)
        return self


class enable_grad(_Mode):
    """Operations are recorded inside, also within ``no_grad``.

    >>> x = wg.ones(1, requires_grad=True)
    >>> with wg.no_grad(), wg.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    enabled = True


class inference_mode(_Mode):
    """Nothing is recorded inside, not even under ``enable_grad``; with ``mode=False`` all is, also
    within another ``inference_mode``.

    What is allocated inside is an inference tensor, and so are its views: ``is_inference()``.
    Outside it raises RuntimeError to write to one in place, to save one for backward, to ask for
    its gradient or for its ``_version``. A ``clone()`` made outside is an ordinary tensor, and so
    is a view of an ordinary tensor, wherever it is made.

    >>> with wg.inference_mode():
    ...     x = wg.ones(2)
    >>> x.is_inference(), x.clone().is_inference()
    (True, False)
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        # @inference_mode without parentheses, as PyTorch allows.
        self = super().__new__(cls)
        if callable(mode):
            self.__init__()  # type: ignore[misc]
            return self(mode)
        return self

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode
        self._outer: list[tuple[bool, bool, bool]] = []

    def _modes(self) -> tuple[bool, bool, bool]:
        return not self.mode, self.mode, False

    def __enter__(self) -> None:
        self._outer.append(_set_modes(*self._modes()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _set_modes(*self._outer.pop())

    def _fresh(self) -> _Mode:
        return inference_mode(self.mode)


class transforming(inference_mode):
    """Operations are recorded inside whatever the caller's mode is, for a derivative that is taken
    before the block ends. Tensors of inference mode then may take part, and stay what they are."""

    def __new__(cls) -> Any:
        return super().__new__(cls)

    def __init__(self) -> None:
        super().__init__()

    def _modes(self) -> tuple[bool, bool, bool]:
        return True, is_inference_mode_enabled(), True

    def _fresh(self) -> _Mode:
        return transforming()


class set_grad_enabled(_Mode):
    """Switches recording on or off at once; as a context manager, until it ends.

    >>> with wg.set_grad_enabled(False):
    ...     wg.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.enabled = bool(mode)
        self._at_once: bool | None = _set_grad_enabled(self.enabled)

    def __enter__(self) -> None:
        before = _set_grad_enabled(self.enabled)
        # The first entry restores what held before the object was made.
        self._before.append(before if self._at_once is None else self._at_once)
        self._at_once = None

    def _fresh(self) -> _Mode:
        return set_grad_enabled(self.enabled)

    def __call__(self, function: Function) -> Function:
        if self._at_once is not None:
            _set_grad_enabled(self._at_once)
            self._at_once = None
        return super().__call__(function)


_multithreading = True


def is_multithreading_enabled() -> bool:
    """What :class:`set_multithreading_enabled` was told last; True at first."""
    return _multithreading


class set_multithreading_enabled(contextlib.ContextDecorator):
    """For PyTorch's programs: remembers the mode, at once and until the ``with`` block ends.

    Backward rules always run in the thread that called ``backward()``, one after the other; kernels
    use several threads in any mode.

    >>> with wg.autograd.set_multithreading_enabled(False):
    ...     wg.autograd.is_multithreading_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        global _multithreading
        self._before, self.mode = _multithreading, bool(mode)
        _multithreading = self.mode

    def __enter__(self) -> None:
        global _multithreading
        _multithreading = self.mode

    def __exit__(self, *error: object) -> None:
        global _multithreading
        _multithreading = self._before


class _unsafe_preserve_version_counter:
    """Writes in place inside of the block leave ``_version`` as it was: values saved before them
    are then used as they are now. For those who know that no rule minds.

    >>> x = wg.ones(1)
    >>> with wg.autograd._unsafe_preserve_version_counter(x):
    ...     y = x.add_(1)
    >>> x._version
    0
    """

    def __init__(self, tensors: Tensor | Iterable[Tensor]) -> None:
        self._tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
        self._versions = [tensor._version for tensor in self._tensors]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        for tensor, version in zip(self._tensors, self._versions, strict=True):
            _set_version(tensor, version)
