"""vmap and forward mode against torch.func on programs of several operations."""

import numpy as np
import pytest

import wengert as wg
from wengert.testing import assert_close

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
A, B, C = RNG.standard_normal((4, 3, 5)), RNG.standard_normal((4, 5)), RNG.standard_normal((5,))
INDEX = RNG.integers(0, 3, (4, 2))
IMAGES, KERNELS = RNG.standard_normal((4, 2, 3, 6, 6)), RNG.standard_normal((4, 5, 3, 3, 3))


def _both(name, *arrays):
    """The same program in the two libraries."""
    ours = PROGRAMS[name](wg, wg.func, wg.nn.functional, *map(wg.tensor, arrays))
    theirs = PROGRAMS[name](torch, torch.func, torch.nn.functional, *map(torch.tensor, arrays))
    return ours, theirs


PROGRAMS = {
    "matrix and vector": lambda xp, f, F, a, b, c: f.vmap(xp.mv)(a, b),
    "out_dims": lambda xp, f, F, a, b, c: f.vmap(
        lambda m, v: (m * v, v.sum()), out_dims=(1, 0)
    )(a, b),
    "in_dims": lambda xp, f, F, a, b, c: f.vmap(
        lambda m, v: m.t() @ v, in_dims=(1, None)
    )(a, b[:, 0]),
    "softmax": lambda xp, f, F, a, b, c: f.vmap(lambda m: F.softmax(m, -1).sum(0))(a),
    "statistics": lambda xp, f, F, a, b, c: f.vmap(
        lambda m: (m.var(0), m.std(), m.max(1)[0], m.argmin(), m.median(), m.norm())
    )(a),
    "indexing": lambda xp, f, F, a, b, c: f.vmap(
        lambda m: (m[..., 1:], m[[0, 2]], m[:, [1, 1]], m[[0, 1], [2, 3]], m[None, 0])
    )(a),
    "sorting": lambda xp, f, F, a, b, c: f.vmap(
        lambda m: (m.sort(0)[0], m.topk(2)[1], m.flip(0), m.roll(1), m.cumsum(1))
    )(a),
    "shapes": lambda xp, f, F, a, b, c: f.vmap(
        lambda m: (m.reshape(-1), m.unsqueeze(1), m.expand(2, 3, 5), m.permute(1, 0), m.flatten(),
                   xp.stack([m, m], 1), xp.cat([m, m], -1), m.diagonal(), m.tril(), m.repeat(2, 1))
    )(a),
    "einsum": lambda xp, f, F, a, b, c: f.vmap(
        lambda m, v: xp.einsum("ij,j,k->ik", m, v, c), in_dims=(0, 0)
    )(a, b),
    "jacobians": lambda xp, f, F, a, b, c: (
        f.jacrev(lambda v: (a @ v).sin().sum(0))(c), f.jacfwd(lambda v: (a @ v).tanh())(c)
    ),
    "hessian": lambda xp, f, F, a, b, c: f.hessian(lambda v: (a @ v).exp().sum().log())(c),
    "per-sample": lambda xp, f, F, a, b, c: f.vmap(
        f.grad(lambda w, m: F.gelu(m @ w).sum()), in_dims=(None, 0)
    )(c, a),
    "jvp": lambda xp, f, F, a, b, c: f.jvp(
        lambda a, b: xp.logsumexp(a @ b.t(), 1).prod(), (a, b), (a.cos(), b.sin())
    ),
    "nested": lambda xp, f, F, a, b, c: f.vmap(
        f.vmap(lambda x, y: x * y, in_dims=(0, None)), in_dims=(0, 0)
    )(a, b[:, 0]),
    "solve": lambda xp, f, F, a, b, c: f.vmap(
        lambda m, v: xp.linalg.solve(m @ m.t() + xp.eye(3, dtype=m.dtype), m @ v)
    )(a, b),
}  # fmt: skip


def _same(ours, theirs):
    if isinstance(ours, tuple | list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            _same(a, b)
        return
    assert_close(ours, wg.tensor(theirs.detach().numpy()), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name):
    _same(*_both(name, A, B, C))


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0)])
def test_convolutions(dims, groups):
    images = IMAGES if dims[0] == 0 else IMAGES[0]
    kernels = RNG.standard_normal((4, 6, 3 // groups, 3, 3))
    kernels = kernels if dims[1] == 0 else kernels[0]

    def run(xp, functional, func, x, w):
        def conv(x, w):
            return functional.conv2d(x, w, stride=2, padding=1, groups=groups)

        value = func.vmap(conv, in_dims=dims)(x, w)
        loss = lambda x, w: (conv(x, w) ** 2).sum()  # noqa: E731
        return value, *func.vmap(func.grad(loss, argnums=(0, 1)), in_dims=dims)(x, w)

    ours = run(wg, wg.nn.functional, wg.func, wg.tensor(images), wg.tensor(kernels))
    theirs = run(
        torch, torch.nn.functional, torch.func, torch.tensor(images), torch.tensor(kernels)
    )
    _same(ours, theirs)
