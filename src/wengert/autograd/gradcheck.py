"""Checks derivatives against finite differences.

A Jacobian is seen as a matrix over the reals: a complex element counts as two, its real and its
imaginary part. So one comparison serves real and complex functions, holomorphic or not; a gradient
of a real L with respect to a complex z is dL/dRe z + i dL/dIm z.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import wengert as wg
from wengert._C import _set_version

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

_Tensors = wg.Tensor | Sequence[wg.Tensor]


class GradcheckError(RuntimeError):
    """A derivative is not what finite differences say."""


def gradcheck(
    func: Callable[..., _Tensors],
    inputs: _Tensors,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-4,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compares the derivatives of ``func`` with central differences; True if they agree.

    They are compared for the floating and complex inputs that require a gradient, and for the
    outputs that depend on them. Inputs of less than double precision are replaced by copies in
    float64 or complex128, because differences of float32 values say nothing; what ``func`` uses
    besides its arguments must be in double precision, too. An element ``n`` of the numerical and
    ``a`` of the analytical Jacobian agree if ``|a - n| <= atol + rtol * |n|``. (PyTorch's ``rtol``
    is 1e-3 by default, with which a derivative that is wrong by a factor of 1.001 passes.)

    Args:
        func: takes the inputs, gives a tensor or several; a function of its inputs alone.
        inputs: a tensor or several; other objects are passed on as they are.
        eps: the step of the differences.
        atol, rtol: the tolerances.
        raise_exception: False to return False instead.
        nondet_tol: how far two backward passes may be apart.
        check_undefined_grad: also check that gradients of outputs may be missing.
        check_grad_dtypes: also check that gradients have the dtypes of the inputs.
        check_batched_grad: also check backward passes under ``vmap``.
        check_batched_forward_grad: also check forward mode under ``vmap``.
        check_forward_ad, check_backward_ad: which modes are checked.
        fast_mode: compare one random linear combination of the Jacobian's elements.
        masked: accepted for sparse tensors, which do not exist.

    Raises:
        GradcheckError: they disagree. The message names the worst element of the Jacobian, shows
            both values, and says so if the differences to the left and to the right disagree.
        ValueError: no input requires a gradient.
        RuntimeError: an input's elements share memory.

    >>> x = wg.tensor([0.5, 2.0], dtype=wg.float64, requires_grad=True)
    >>> wg.autograd.gradcheck(lambda x: x.exp() * x[0], x)
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    subject = _Subject(func, _as_tuple(inputs), eps, atol, rtol)
    try:
        if not subject.output_numbers:
            subject.check_constant()
            return True
        modes = [(_Backward(subject), check_backward_ad), (_Forward(subject), check_forward_ad)]
        for mode, wanted in modes:
            if wanted:
                subject.check(mode, fast_mode)
        if check_backward_ad:
            backward = modes[0][0]
            assert isinstance(backward, _Backward)
            backward.check_repeats(nondet_tol)
            backward.check_scaling()
            if check_grad_dtypes:
                backward.check_dtypes()
            if check_undefined_grad:
                backward.check_undefined()
            if check_batched_grad:
                backward.check_batched()
        if check_batched_forward_grad:
            modes[1][0].check_batched()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., _Tensors],
    inputs: _Tensors,
    grad_outputs: _Tensors | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-4,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compares second derivatives of ``func`` with differences of first ones; True if they agree.

    The function that :func:`gradcheck` is given here is the gradient: it takes the inputs and the
    gradients of the outputs. Those are ``grad_outputs``, or random (with gaps in memory if
    ``gen_non_contig_grad_outputs``). ``check_rev_over_rev`` checks its derivative in reverse,
    ``check_fwd_over_rev`` in forward mode. The other arguments, the result and the errors are those
    of :func:`gradcheck`.

    >>> x = wg.tensor([0.5, 2.0], dtype=wg.float64, requires_grad=True)
    >>> wg.autograd.gradgradcheck(lambda x: x.exp() * x[0], x)
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    for name, wanted in (("undefined", check_undefined_grad), ("batched", check_batched_grad)):
        if wanted and not check_rev_over_rev:
            raise AssertionError(
                f"Setting check_{name}_grad=True requires check_rev_over_rev to be True"
            )
    given = tuple(_promoted(value) for value in _as_tuple(inputs))
    if grad_outputs is None:
        outputs = [y for y in _as_tuple(func(*given)) if _differentiable(y)]
        cotangents = tuple(
            wg.testing.make_tensor(
                y.shape,
                dtype=y.dtype,
                low=-1,
                high=1,
                requires_grad=True,
                noncontiguous=gen_non_contig_grad_outputs,
            )
            for y in outputs
        )
    else:
        cotangents = _as_tuple(grad_outputs)
    wanted_inputs = [_differentiable(x) for x in given]
    wanted_cotangents = [_differentiable(g) for g in cotangents]

    def gradient(*args: Any) -> tuple[wg.Tensor, ...]:
        # Forward mode hands in tensors that do not require a gradient.
        xs = _requiring(args[: len(given)], wanted_inputs)
        gs = _requiring(args[len(given) :], wanted_cotangents)
        ys = [y for y in _as_tuple(func(*xs)) if _differentiable(y)]
        targets = [x for x, wanted in zip(xs, wanted_inputs, strict=True) if wanted]
        found = wg.autograd.grad(ys, targets, gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient,
        (*given, *cotangents),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


# ---- small pieces ----


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _differentiable(value: Any) -> bool:
    return isinstance(value, wg.Tensor) and value.requires_grad


def _requiring(values: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    return [
        value.view_as(value).requires_grad_() if need and not value.requires_grad else value
        for value, need in zip(values, wanted, strict=True)
    ]


def _promoted(value: Any) -> Any:
    """The tensor in double precision: itself, or a copy with a history of its own."""
    if not isinstance(value, wg.Tensor):
        return value
    if value.is_complex():
        double = wg.complex128
    elif value.is_floating_point():
        double = wg.float64
    else:
        return value
    if value.dtype == double:
        return value
    return value.detach().to(double).requires_grad_(value.requires_grad)


def _real(tensor: wg.Tensor) -> wg.Tensor:
    """A copy of the values: flat, float64, complex ones as pairs."""
    values = tensor.detach().clone().reshape(-1)
    if values.is_complex():
        return wg.view_as_real(values.to(wg.complex128)).reshape(-1)
    return values.to(wg.float64)


def _from_real(values: wg.Tensor, like: wg.Tensor) -> wg.Tensor:
    """A tensor of shape and dtype of ``like`` with these values."""
    if like.is_complex():
        values = wg.view_as_complex(values.reshape((*like.shape, 2)))
    return values.reshape(like.shape).to(like.dtype)


def _unit(like: wg.Tensor, number: int) -> wg.Tensor:
    values = wg.zeros(_real_count(like), dtype=wg.float64)
    values[number] = 1
    return _from_real(values, like)


def _real_count(tensor: wg.Tensor) -> int:
    return tensor.numel() * (2 if tensor.is_complex() else 1)


def _stacked(rows: Sequence[wg.Tensor], width: int) -> wg.Tensor:
    return wg.stack(list(rows)) if rows else wg.zeros(0, width, dtype=wg.float64)


def _place(tensor: wg.Tensor, number: int) -> str:
    """Where real element ``number`` is, in words."""
    part = ""
    if tensor.is_complex():
        number, imaginary = divmod(number, 2)
        part = ", imaginary part" if imaginary else ", real part"
    index: list[int] = []
    for size in reversed(tensor.shape):
        number, rest = divmod(number, size)
        index.insert(0, rest)
    return f"element {tuple(index)}{part}"


# ---- the function that is checked, and its differences ----


class _Subject:
    """A function at a point, and what finite differences say about it."""

    def __init__(
        self,
        func: Callable[..., Any],
        inputs: tuple[Any, ...],
        eps: float,
        atol: float,
        rtol: float,
    ) -> None:
        self.func, self.eps, self.atol, self.rtol = func, eps, atol, rtol
        self.inputs = tuple(_promoted(value) for value in inputs)
        self.input_numbers = [i for i, x in enumerate(self.inputs) if _differentiable(x)]
        if not self.input_numbers:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of "
                "them have requires_grad=True."
            )
        for i in self.input_numbers:
            x = self.inputs[i]
            if any(
                stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape, strict=True)
            ):
                raise RuntimeError(
                    f"The {i}th input has a dimension with stride 0. gradcheck only supports "
                    "inputs that are non-overlapping to be able to compute the numerical "
                    "gradients correctly. You should call .contiguous on the input before passing "
                    "it to gradcheck."
                )
        outputs = _as_tuple(func(*self.inputs))
        self.output_numbers = [i for i, y in enumerate(outputs) if _differentiable(y)]
        self.tensors = [i for i, y in enumerate(outputs) if isinstance(y, wg.Tensor)]
        self.outputs = [outputs[i] for i in self.output_numbers]
        self.targets = [self.inputs[i] for i in self.input_numbers]

    def values(self, numbers: Sequence[int], like: Sequence[wg.Tensor]) -> list[wg.Tensor]:
        """The outputs with these numbers, for the inputs as they are now."""
        outputs = _as_tuple(self.func(*self.inputs))
        result = [outputs[i] for i in numbers]
        for y, before in zip(result, like, strict=True):
            for what in ("shape", "dtype"):
                if getattr(y, what) != getattr(before, what):
                    raise RuntimeError(
                        f"Expected `func` to return outputs with the same {what} when inputs are "
                        f"perturbed by {self.eps}, but got: {what}s {getattr(before, what)} and "
                        f"{getattr(y, what)}."
                    )
        return [_real(y) for y in result]

    @contextmanager
    def moved(self, target: wg.Tensor, direction: wg.Tensor, step: float) -> Iterator[None]:
        """While it lasts, the input is ``target + step * direction``."""
        values = target.detach()  # the same memory: what else holds the tensor sees it move, too
        before, version = values.clone(), values._version
        try:
            values.add_(direction, alpha=step)
            # Views are not to be told of a write that is taken back.
            _set_version(values, version)
            yield
        finally:
            values.copy_(before)
            _set_version(values, version)

    def differences(self, target: wg.Tensor, direction: wg.Tensor) -> list[wg.Tensor]:
        """The central difference of each output."""
        with self.moved(target, direction, self.eps):
            above = self.values(self.output_numbers, self.outputs)
        with self.moved(target, direction, -self.eps):
            below = self.values(self.output_numbers, self.outputs)
        return [(a - b) / (2 * self.eps) for a, b in zip(above, below, strict=True)]

    def numerical(self, target: wg.Tensor) -> list[wg.Tensor]:
        """One Jacobian per output, each (input elements, output elements)."""
        rows = [self.differences(target, _unit(target, n)) for n in range(_real_count(target))]
        return [
            _stacked([row[o] for row in rows], _real_count(y)) for o, y in enumerate(self.outputs)
        ]

    def one_sided(self, target: wg.Tensor, number: int, output: int, element: int) -> list[float]:
        """The differences to the left and to the right."""
        points = []
        for step in (-self.eps, 0.0, self.eps):
            with self.moved(target, _unit(target, number), step):
                values = self.values(self.output_numbers, self.outputs)
            points.append(values[output][element].item())
        return [(points[i + 1] - points[i]) / self.eps for i in (0, 1)]

    def check_constant(self) -> None:
        """Without a differentiable output, nothing may change."""
        outputs = _as_tuple(self.func(*self.inputs))
        like = [outputs[i] for i in self.tensors]
        for target in self.targets:
            for n in range(_real_count(target)):
                values = []
                for step in (self.eps, -self.eps):
                    with self.moved(target, _unit(target, n), step):
                        values.append(self.values(self.tensors, like))
                if any((a != b).any() for a, b in zip(*values, strict=True)):
                    raise GradcheckError("Numerical gradient for function expected to be zero")

    # ---- comparing ----

    def check(self, mode: _Mode, fast: bool) -> None:
        if fast:
            suspects = self.suspects(mode)
            if not suspects:
                return
        for i, target in enumerate(self.targets):
            numerical = self.numerical(target)
            analytical = mode.jacobians(i)
            for o in range(len(self.outputs)):
                worst = self.worst(numerical[o], analytical[o])
                if worst is not None:
                    raise GradcheckError(self.report(mode, i, o, worst))
        if fast:
            raise GradcheckError(
                "\n".join(suspects) + "\nThe above quantities relating the numerical and "
                "analytical jacobians are computed in fast mode. Element by element they agree."
            )

    def suspects(self, mode: _Mode) -> list[str]:
        """Compares v^T J u for random u and v."""
        found = []
        for i, target in enumerate(self.targets):
            u = wg.rand(_real_count(target), dtype=wg.float64)
            u = u / u.norm().clamp(min=1e-300)
            numerical = self.differences(target, _from_real(u, target))
            for o, y in enumerate(self.outputs):
                v = wg.rand(_real_count(y), dtype=wg.float64)
                v = v / v.norm().clamp(min=1e-300)
                n = (numerical[o] * v).sum().item()
                a = mode.product(i, o, u, v)
                allowed = self.atol * u.sum().item() * v.sum().item() + self.rtol * abs(n)
                if not abs(a - n) <= allowed:
                    found.append(
                        f"{mode.title} for output {self.output_numbers[o]} with respect to input "
                        f"{self.input_numbers[i]},\nnumerical:{n}\nanalytical:{a}"
                    )
        return found

    def worst(self, numerical: wg.Tensor, analytical: wg.Tensor) -> _Worst | None:
        excess = (analytical - numerical).abs() - (self.atol + self.rtol * numerical.abs())
        wrong = ~(excess <= 0)  # NaN is wrong
        count = int(wrong.sum())
        if count == 0:
            return None
        ranked = excess.masked_fill(excess.isnan(), math.inf).reshape(-1)
        position = int(ranked.argmax())
        row, column = divmod(position, numerical.shape[1])
        return _Worst(
            row,
            column,
            numerical[row, column].item(),
            analytical[row, column].item(),
            count,
            numerical.numel(),
        )

    def report(self, mode: _Mode, i: int, o: int, worst: _Worst) -> str:
        target, output = self.targets[i], self.outputs[o]
        allowed = self.atol + self.rtol * abs(worst.numerical)
        text = (
            f"{mode.title} for output {self.output_numbers[o]} with respect to input "
            f"{self.input_numbers[i]},\n"
            f"numerical:{worst.numerical}\n"
            f"analytical:{worst.analytical}\n"
            f"  this is the worst of {worst.count} wrong among {worst.total}: "
            f"output {self.output_numbers[o]} {_place(output, worst.column)}, "
            f"input {self.input_numbers[i]} {_place(target, worst.row)}\n"
            f"  difference: {abs(worst.analytical - worst.numerical):.6g} "
            f"(up to {allowed:.6g} allowed)"
        )
        left, right = self.one_sided(target, worst.row, o, worst.column)
        # A smooth function's differ by a second derivative times eps.
        if abs(right - left) > 1e-3 * (abs(left) + abs(right)) + self.atol:
            text += (
                f"\n  suspected kink: the difference to the left is {left:.6g}, to the right "
                f"{right:.6g}; choose inputs further away from it"
            )
        return text


@dataclass
class _Worst:
    """The element of a Jacobian that is off by most."""

    row: int
    column: int
    numerical: float
    analytical: float
    count: int
    total: int


class _Mode:
    """One way to the analytical Jacobian."""

    title: str

    def __init__(self, subject: _Subject) -> None:
        self.subject = subject

    def jacobians(self, i: int) -> list[wg.Tensor]:
        """Of each output with respect to target ``i``; each (input elements, output elements)."""
        raise NotImplementedError

    def product(self, i: int, o: int, u: wg.Tensor, v: wg.Tensor) -> float:
        """v^T J u."""
        raise NotImplementedError

    def check_batched(self) -> None:
        """The mode under ``vmap`` gives what a loop gives."""
        raise NotImplementedError

    def _same_batched(self, function: Callable[..., Any], like: wg.Tensor, what: str) -> None:
        batch = wg.stack([_from_real(_random_real(like), like) for _ in range(2)])
        expected = [wg.stack(column) for column in zip(*map(function, batch), strict=True)]
        try:
            actual = wg.func.vmap(function)(batch)
        except RuntimeError as error:
            raise GradcheckError(
                f"While computing batched gradients, got: {error}\n\n"
                f"gradcheck or gradgradcheck failed while testing {what}."
            ) from error
        for a, e in zip(actual, expected, strict=True):
            if not wg.allclose(a, e, rtol=self.subject.rtol, atol=self.subject.atol):
                worst = (a - e).abs().max().item()
                raise GradcheckError(
                    f"Batched gradients differ from those of a loop by up to {worst:.6g}.\n\n"
                    f"gradcheck or gradgradcheck failed while testing {what}."
                )


def _random_real(like: wg.Tensor) -> wg.Tensor:
    return wg.rand(_real_count(like), dtype=wg.float64)


class _Backward(_Mode):
    title = "Jacobian mismatch"

    def gradients(
        self,
        outputs: Sequence[wg.Tensor],
        cotangents: Sequence[wg.Tensor],
        targets: Sequence[wg.Tensor] | None = None,
    ) -> list[wg.Tensor | None]:
        return list(
            wg.autograd.grad(
                outputs,
                self.subject.targets if targets is None else targets,
                cotangents,
                retain_graph=True,
                allow_unused=True,
            )
        )

    def _column(self, i: int, output: wg.Tensor, cotangent: wg.Tensor) -> wg.Tensor:
        target = self.subject.targets[i]
        (found,) = self.gradients([output], [cotangent], [target])
        if found is None:
            return wg.zeros(_real_count(target), dtype=wg.float64)
        return _real(found)

    def jacobians(self, i: int) -> list[wg.Tensor]:
        width = _real_count(self.subject.targets[i])
        return [
            _stacked([self._column(i, y, _unit(y, n)) for n in range(_real_count(y))], width).t()
            for y in self.subject.outputs
        ]

    def product(self, i: int, o: int, u: wg.Tensor, v: wg.Tensor) -> float:
        y = self.subject.outputs[o]
        return (self._column(i, y, _from_real(v, y)) * u).sum().item()

    def _cotangents(self) -> list[wg.Tensor]:
        return [_from_real(_random_real(y), y) for y in self.subject.outputs]

    def check_repeats(self, tolerance: float) -> None:
        given = self._cotangents()
        first, second = (self.gradients(self.subject.outputs, given) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            if a is not None and b is not None and (a - b).abs().gt(tolerance).any():
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {tolerance}."
                )

    def check_scaling(self) -> None:
        zeros = [wg.zeros_like(y) for y in self.subject.outputs]
        for found in self.gradients(self.subject.outputs, zeros):
            if found is not None and not (found == 0).all():
                raise GradcheckError("backward not multiplied by grad_output")

    def check_dtypes(self) -> None:
        found = self.gradients(self.subject.outputs, self._cotangents())
        for gradient, target in zip(found, self.subject.targets, strict=True):
            if gradient is not None and gradient.dtype != target.dtype:
                raise GradcheckError("Gradient has dtype mismatch")

    def check_undefined(self) -> None:
        """An output whose gradient is missing counts as one whose gradient is zero."""
        outputs = self.subject.outputs
        if len(outputs) < 2:
            return
        for missing in range(len(outputs)):
            given = self._cotangents()
            given[missing] = wg.zeros_like(outputs[missing])
            expected = self.gradients(outputs, given)
            kept = [o for o in range(len(outputs)) if o != missing]
            try:
                actual = self.gradients([outputs[o] for o in kept], [given[o] for o in kept])
            except RuntimeError as error:
                raise GradcheckError(
                    f"Expected backward function to handle undefined output grads. {error}"
                ) from error
            for a, e, target in zip(actual, expected, self.subject.targets, strict=True):
                a = wg.zeros_like(target) if a is None else a
                e = wg.zeros_like(target) if e is None else e
                if not wg.allclose(a, e, rtol=self.subject.rtol, atol=self.subject.atol):
                    raise GradcheckError(
                        "Expected backward function to handle undefined output grads. Without "
                        f"the gradient of output {self.subject.output_numbers[missing]} the "
                        "result is another than with zeros."
                    )

    def check_batched(self) -> None:
        for output in self.subject.outputs:

            def pull(cotangent: wg.Tensor, output: wg.Tensor = output) -> list[wg.Tensor]:
                found = self.gradients([output], [cotangent])
                return [g for g in found if g is not None]

            self._same_batched(pull, output, "batched gradient computation")


class _Forward(_Mode):
    title = "Jacobian computed with forward mode mismatch"

    def tangents(self, i: int, tangent: wg.Tensor) -> list[wg.Tensor]:
        """Of the outputs, where target ``i`` moves."""
        forward_ad = wg.autograd.forward_ad
        subject = self.subject
        with forward_ad.dual_level():
            args = [x.detach() if isinstance(x, wg.Tensor) else x for x in subject.inputs]
            number = subject.input_numbers[i]
            args[number] = forward_ad.make_dual(args[number], tangent)
            outputs = _as_tuple(subject.func(*args))
            result = []
            for o in subject.output_numbers:
                primal, slope = forward_ad.unpack_dual(outputs[o])
                result.append(wg.zeros_like(primal) if slope is None else slope)
        return result

    def jacobians(self, i: int) -> list[wg.Tensor]:
        target = self.subject.targets[i]
        rows = [
            [_real(slope) for slope in self.tangents(i, _unit(target, n))]
            for n in range(_real_count(target))
        ]
        return [
            _stacked([row[o] for row in rows], _real_count(y))
            for o, y in enumerate(self.subject.outputs)
        ]

    def product(self, i: int, o: int, u: wg.Tensor, v: wg.Tensor) -> float:
        target = self.subject.targets[i]
        return (_real(self.tangents(i, _from_real(u, target))[o]) * v).sum().item()

    def check_batched(self) -> None:
        for i, target in enumerate(self.subject.targets):
            self._same_batched(
                lambda tangent, i=i: self.tangents(i, tangent),
                target,
                "batched forward gradient computation",
            )
