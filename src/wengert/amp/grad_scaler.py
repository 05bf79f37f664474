"""Scaling of losses, so that small gradients survive in float16."""

from __future__ import annotations

import math
import struct
import warnings
from collections import defaultdict
from typing import Any

import wengert as wg

__all__ = ["GradScaler"]

_READY, _UNSCALED, _STEPPED = "ready", "unscaled", "stepped"


def _single(value: float) -> float:
    """Rounded to float32, the dtype in which scales are kept."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf


class GradScaler:
    """Multiplies losses by a scale, divides gradients by it, and adapts it to overflow.

    ::

        with wg.autocast("cpu", dtype=wg.float16):
            loss = loss_fn(model(input), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)      # left out where a gradient is not finite
        scaler.update()

    Args:
        device: "cpu"; "cuda" is known, but not available: it disables the scaler with a warning.
        init_scale: the scale at first.
        growth_factor: the scale is multiplied by it after ``growth_interval`` finite steps.
        backoff_factor: the scale is multiplied by it after a step with infinity or NaN.
        growth_interval: see above.
        enabled: False makes all methods pass through.

    Source: Micikevicius et al. (2018), https://arxiv.org/abs/1710.03740.

    >>> import wengert as wg
    >>> scaler = wg.amp.GradScaler("cpu", init_scale=4.0)
    >>> scaler.scale(wg.tensor(0.5)).item()
    2.0
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device != "cpu":
            warnings.warn(
                f"GradScaler is enabled for device '{device}', but it is not available. "
                "Disabling; on the CPU use GradScaler('cpu').",
                UserWarning,
                stacklevel=2,
            )
            enabled = False
        if enabled and not growth_factor > 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and not backoff_factor < 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._device = device
        self._enabled = enabled
        self._init_scale = init_scale
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._scale: float | None = None  # unknown until the first use
        self._per_optimizer_states = _fresh_states()

    # ---- the four steps ----

    def scale(self, outputs: Any) -> Any:
        """The outputs (a tensor, or a list or tuple of them) times the scale."""
        if not self._enabled:
            return outputs
        if self._scale is None:
            self._scale = _single(self._init_scale)
        if isinstance(outputs, wg.Tensor):
            # A tensor of no shape, not a number: the product of two such tensors is float32, where
            # a float16 loss times the scale would often be infinite.
            return outputs * wg.tensor(self._scale, dtype=wg.float32)
        if isinstance(outputs, list | tuple):
            return type(outputs)(self.scale(output) for output in outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    @wg.no_grad()
    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of the optimizer's parameters by the scale, in place.

        Only needed to look at gradients, or to clip them, before :meth:`step`; which calls it.
        """
        if not self._enabled:
            return
        self._check_scale("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] == _UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state["stage"] == _STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = _single(1.0 / self._scale)  # type: ignore[operator]
        found, any_gradient = False, False
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                if grad.dtype == wg.float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                any_gradient = True
                found = found or not bool(grad.isfinite().all())
                grad.mul_(inverse)
        state["found_inf"] = found if any_gradient else None
        state["stage"] = _UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls ``optimizer.step(*args, **kwargs)`` if all gradients are finite.

        Unscales them first, where :meth:`unscale_` has not. Returns what the step returned, None
        if it was left out.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] == _STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] == _READY:
            self.unscale_(optimizer)
        if state["found_inf"] is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if state["found_inf"] else optimizer.step(*args, **kwargs)
        state["stage"] = _STEPPED
        return result

    def update(self, new_scale: Any = None) -> None:
        """Adapts the scale to what the steps of this iteration have met, or sets a new one."""
        if not self._enabled:
            return
        self._check_scale("update")
        scale: float = self._scale  # type: ignore[assignment]
        if new_scale is not None:
            self._scale = _single(float(new_scale))
        else:
            found = [
                state["found_inf"]
                for state in self._per_optimizer_states.values()
                if state["found_inf"] is not None
            ]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(found):
                self._scale = _single(scale * self._backoff_factor)
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    grown = _single(scale * self._growth_factor)
                    if math.isfinite(grown):
                        self._scale = grown
                    self._growth_tracker = 0
        self._per_optimizer_states = _fresh_states()

    def _check_scale(self, what: str) -> None:
        if self._scale is None:
            raise AssertionError(
                f"Attempted {what} but _scale is None. This may indicate your script did not use "
                "scaler.scale(loss or outputs) earlier in the iteration."
            )

    # ---- settings and state ----

    def is_enabled(self) -> bool:
        """Does the scaler scale?"""
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1 if disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale

    def get_growth_factor(self) -> float:
        """The factor by which the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets the factor by which the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """The factor by which the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets the factor by which the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many finite steps make the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets how many finite steps make the scale grow."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The scale and the settings; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken.

        Raises:
            RuntimeError: the state is that of a disabled scaler.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale = _single(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]

    def __getstate__(self) -> dict[str, Any]:
        if self._enabled and self._per_optimizer_states:
            raise RuntimeError(
                "A GradScaler instance may only be pickled at the beginning of an iteration, or at "
                "the end after scaler.update()."
            )
        state = dict(self.__dict__)
        del state["_per_optimizer_states"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._per_optimizer_states = _fresh_states()


def _fresh_states() -> dict[int, dict[str, Any]]:
    return defaultdict(lambda: {"stage": _READY, "found_inf": None})
