"""Runs the cases of one package; the runner starts it, on wengert or on PyTorch.

Usage: harness.py PROGRAM.json FOLDER. Each case leaves FOLDER/case.npz, or case.txt with an error.

The names below are what a case can use. Random numbers of all kinds come from NumPy, so that they are
the same in both worlds: `install_randomness` replaces the functions of the module `torch` that draw.
"""

import dataclasses
import gc
import importlib.util
import json
import math
import random
import sys
import traceback
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

KEEP = 256  # elements of a recorded tensor

_records = {}
# Of the inputs, and of what models draw: initial values, of which fill() leaves little, take other
# numbers of draws in the two worlds.
_inputs = np.random.default_rng(0)
_numbers = np.random.default_rng(0)


def images(*shape, dtype=torch.float32):
    """Normal numbers."""
    return torch.from_numpy(np.asarray(_inputs.standard_normal(shape))).to(dtype)


floats = images


def uniform(*shape):
    """In [0, 1)."""
    return torch.from_numpy(np.asarray(_inputs.random(shape))).float()


def integers(high, *shape, low=0):
    """int64."""
    return torch.from_numpy(np.asarray(_inputs.integers(low, high, shape)))


def true(*shape):
    """A mask of ones."""
    return torch.ones(shape, dtype=torch.bool)


def tensors_of(value):
    """All tensors in a result, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [each for item in value.values() for each in tensors_of(item)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in tensors_of(item)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tensors_of([getattr(value, each.name) for each in dataclasses.fields(value)])
    if hasattr(value, "mean") and hasattr(value, "rsample"):
        return [value.mean]
    return []


def record(name, value):
    """Keeps numbers for the comparison: some of the elements, and the norm."""
    for number, tensor in enumerate(tensors_of(value) or [torch.as_tensor(value)]):
        tensor = tensor.detach()
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor)
        array = tensor.contiguous().cpu()
        array = array.float().numpy() if array.dtype == torch.bfloat16 else array.numpy()
        flat = array.reshape(-1)
        some = flat[:: max(1, len(flat) // KEEP)][: 2 * KEEP]
        key = f"{name}" if number == 0 else f"{name} {number}"
        assert key not in _records, f"{key} is recorded twice"
        _records[key] = some.copy()
        _records[f"shape of {key}"] = np.array(array.shape, dtype=np.int64)
        if array.dtype.kind == "f" and array.size:
            _records[f"{key}, norm"] = np.array(np.linalg.norm(flat.astype(np.float64)))


@torch.no_grad()
def fill(model, scale=1.0):
    """Gives parameters and buffers that hold random numbers values of the usual sizes.

    They depend on the name and the shape only.
    """
    for name, parameter in model.named_parameters():
        seeded = np.random.default_rng(zlib.crc32(f"{name}{tuple(parameter.shape)}".encode()))
        if not parameter.is_floating_point() and not parameter.is_complex():
            continue
        fan = max(1, math.prod(parameter.shape[1:]))
        if parameter.dim() > 1:
            values = seeded.standard_normal(parameter.shape) * scale / math.sqrt(fan)
        else:
            values = 0.1 * seeded.standard_normal(parameter.shape)
            if "bias" not in name and parameter.dim() == 1:
                values += 1.0
        parameter.copy_(torch.from_numpy(np.asarray(values)).to(parameter.dtype))
    return model


def default_loss(result):
    """A number from whatever a model returns: its own loss, or distances to fixed numbers."""
    total = 0.0
    for tensor in tensors_of(result):
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor)
        if not tensor.is_floating_point() or not tensor.requires_grad:
            continue
        if tensor.dim() == 0:
            total = total + tensor
            continue
        seeded = np.random.default_rng(tensor.numel())
        goal = torch.from_numpy(seeded.standard_normal(tuple(tensor.shape))).to(tensor.dtype)
        total = total + ((tensor - goal) ** 2).mean()
    return total


def train(
    model,
    *inputs,
    loss=default_loss,
    steps=2,
    rate=1e-3,
    optimizer=None,
    filled=True,
    mode=True,
    call=None,
    name="",
    **options,
):
    """Records outputs, the loss, and the gradients of inputs and weights, over some steps of training.

    call: used in place of the model. optimizer: made from the parameters.
    """
    if filled:
        fill(model)
    reseed(inputs=False)
    model.train(mode)
    parameters = [each for each in model.parameters() if each.requires_grad]
    make = optimizer or (lambda weights: torch.optim.SGD(weights, lr=rate, momentum=0.9))
    stepper = make(parameters) if parameters else None
    watched = [each for each in tensors_of(list(inputs)) if each.is_floating_point()]
    for each in watched:
        each.requires_grad_(True)
    for step in range(steps):
        result = (call or model)(*inputs, **options)
        if step == 0:
            record(f"{name}output", result)
        value = loss(result)
        record(f"{name}loss {step}", value)
        if stepper:
            stepper.zero_grad()
        value.backward()
        if step == 0:
            for number, each in enumerate(watched):
                if each.grad is not None:
                    record(f"gradient of {name}input {number}", each.grad)
            for key, each in model.named_parameters():
                if each.grad is not None:
                    record(f"gradient of {name}{key}", each.grad)
        if stepper:
            stepper.step()
    return model


@torch.no_grad()
def predict(model, *inputs, filled=True, name="", **options):
    """Records outputs in evaluation mode."""
    if filled:
        fill(model)
    reseed(inputs=False)
    model.eval()
    result = model(*inputs, **options)
    record(f"{name}prediction", result)
    return result


def _sizes(sizes):
    if len(sizes) == 1 and isinstance(sizes[0], (list, tuple, torch.Size)):
        sizes = sizes[0]
    return tuple(int(each) for each in sizes)


def install_randomness():
    """Replaces torch's random functions by ones that draw from NumPy."""
    normal, flat = _numbers_of("standard_normal"), _numbers_of("random")

    def made(draw):
        def function(*sizes, dtype=None, device=None, requires_grad=False, size=None, **_):
            values = torch.from_numpy(np.asarray(draw(_sizes(sizes if size is None else (size,)))))
            values = values.to(dtype or torch.get_default_dtype())
            return values.requires_grad_(requires_grad)

        return function

    def like(draw):
        def function(tensor, dtype=None, **_):
            values = torch.from_numpy(np.asarray(draw(tuple(tensor.shape))))
            return values.to(dtype or tensor.dtype)

        return function

    def randint(*arguments, dtype=None, size=None, low=None, high=None, **_):
        arguments = list(arguments)
        if size is None:
            size = arguments.pop()
        if high is None:
            high = arguments.pop()
        low = low or (arguments.pop() if arguments else 0)
        values = torch.from_numpy(np.asarray(_numbers.integers(low, high, _sizes((size,)))))
        return values.to(dtype or torch.int64)

    def randperm(count, dtype=None, **_):
        return torch.from_numpy(_numbers.permutation(count)).to(dtype or torch.int64)

    def filler(draw):
        def function(self, *arguments, **options):
            with torch.no_grad():
                values = draw(tuple(self.shape), *arguments, **options)
                return self.copy_(torch.from_numpy(np.asarray(values)).to(self.dtype))

        return function

    def uniform_(shape, low=0.0, high=1.0, generator=None, **named):
        low, high = named.get("from", low), named.get("to", high)
        return low + (high - low) * _numbers.random(shape)

    def normal_(shape, mean=0.0, std=1.0, generator=None):
        return mean + std * _numbers.standard_normal(shape)

    def bernoulli(tensor, p=None, generator=None):
        chance = tensor.detach().double().numpy() if p is None else p
        return torch.from_numpy(_numbers.random(tuple(tensor.shape)) < chance).to(tensor.dtype)

    def dropout(input, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return input
        keep = torch.from_numpy(_numbers.random(tuple(input.shape)) >= p)
        return input * keep.to(input.dtype) / (1 - p) if p < 1 else input * 0

    def dropout_channels(input, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return input
        shape = (*input.shape[:2], *[1] * (input.dim() - 2))
        return input * torch.from_numpy(_numbers.random(shape) >= p).to(input.dtype) / (1 - p)

    torch.randn, torch.rand = made(normal), made(flat)
    torch.randn_like, torch.rand_like = like(normal), like(flat)
    torch.randint, torch.randperm, torch.bernoulli = randint, randperm, bernoulli
    torch.Tensor.uniform_, torch.Tensor.normal_ = filler(uniform_), filler(normal_)
    torch.Tensor.bernoulli = bernoulli
    torch.Tensor.bernoulli_ = filler(
        lambda shape, p=0.5, **_: (_numbers.random(shape) < p).astype(np.float64)
    )
    nn.functional.dropout = dropout
    for name in ("dropout1d", "dropout2d", "dropout3d"):
        setattr(nn.functional, name, dropout_channels)


def _numbers_of(method):
    return lambda size: getattr(_numbers, method)(size)


def _name_operators_of_torchvision():
    """PyTorch's CPU build cannot load torchvision's library for CUDA, and misses its operators."""
    if "wengert" in torch.__version__ or importlib.util.find_spec("torchvision") is None:
        return
    _kept.append(torch.library.Library("torchvision", "DEF"))
    for name in ("nms", "qnms"):
        _kept[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_kept = []


def reseed(inputs=True):
    """The same numbers from here on."""
    global _inputs, _numbers
    if inputs:
        _inputs = np.random.default_rng(0)
    _numbers = np.random.default_rng(0)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def main(program, folder):
    warnings.simplefilter("ignore")
    work = json.loads(Path(program).read_text())
    install_randomness()
    _name_operators_of_torchvision()
    shared = {name: value for name, value in globals().items() if not name.startswith("_")}
    failure = None
    try:
        exec(compile(work["setup"], "<setup>", "exec"), shared)
    except Exception:
        failure = traceback.format_exc()
    for name, text in work["cases"].items():
        _records.clear()
        reseed()
        log = Path(folder, f"{name}.txt")
        log.unlink(missing_ok=True)
        if failure:
            log.write_text(failure)
            continue
        try:
            exec(compile(text, f"<{name}>", "exec"), dict(shared))
        except Exception:
            log.write_text(traceback.format_exc())
        else:
            np.savez(Path(folder, f"{name}.npz"), **_records)
        gc.collect()


if __name__ == "__main__":
    main(*sys.argv[1:])
