"""Numbers that are the same wherever a script runs: data, weights and noise by Python's random."""

import math
import random

import torch

torch.set_default_dtype(torch.float64)
_random = random.Random(1)


def normal(*shape):
    values = [_random.gauss(0, 1) for _ in range(math.prod(shape))]
    return torch.tensor(values).view(*shape)


def uniform(*shape):
    values = [_random.random() for _ in range(math.prod(shape))]
    return torch.tensor(values).view(*shape)


def integers(high, *shape):
    values = [_random.randrange(high) for _ in range(math.prod(shape))]
    return torch.tensor(values).view(*shape)


@torch.no_grad()
def fill(model, scale=1.0):
    """Weights of the usual sizes, and small shifts."""
    for parameter in model.parameters():
        bound = scale / math.sqrt(parameter[0].numel()) if parameter.dim() > 1 else 0.1
        parameter.copy_((uniform(*parameter.shape) * 2 - 1) * bound)
        if parameter.dim() == 1:
            parameter.add_(0.2)
    return model


def report(name, value):
    print(f"{name} {float(value):.9g}")


def digits(count):
    """Images (N, 1, 8, 8) in [0, 1] and their digits."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(data.images[:count] / 16.0).unsqueeze(1)
    return images, torch.from_numpy(data.target[:count]).long()
