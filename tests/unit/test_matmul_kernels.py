"""Products large enough for the kernels that lay their operands out, against float64."""

import numpy as np
import pytest

import wengert as wg

# Rows a power of two apart are where the kernel of our own is used; the others go to oneDNN.
SHAPES = [(33, 40, 256), (96, 300, 512), (128, 1024, 1024), (512, 130, 264), (64, 16, 1024),
          (300, 77, 256), (1024, 64, 40), (40, 520, 1100)]  # fmt: skip


def operands(m: int, k: int, n: int, transposed: bool, batch: tuple[int, ...] = ()):
    rng = np.random.default_rng(m + k + n)
    a = rng.standard_normal((*batch, k, m) if transposed else (*batch, m, k)).astype(np.float32)
    b = rng.standard_normal((*batch, k, n)).astype(np.float32)
    ours = wg.tensor(a)
    if transposed:
        ours, a = ours.transpose(-1, -2), np.swapaxes(a, -1, -2)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    size = np.abs(a).astype(np.float64) @ np.abs(b)
    return ours, wg.tensor(b), exact, size


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_large_products_are_exact_to_rounding(shape, transposed):
    a, b, exact, size = operands(*shape, transposed)
    assert np.max(np.abs((a @ b).numpy() - exact) / size) < 1e-6
    rng = np.random.default_rng(0)
    bias = rng.standard_normal(shape[2]).astype(np.float32)
    with_bias = wg.addmm(wg.tensor(bias), a, b).numpy()
    assert np.max(np.abs(with_bias - (exact + bias)) / (size + 1)) < 1e-6
    old = rng.standard_normal(exact.shape).astype(np.float32)
    scaled = wg.addmm(wg.tensor(old), a, b, beta=0.5, alpha=2.0).numpy()
    assert np.max(np.abs(scaled - (0.5 * old + 2 * exact)) / (2 * size + 1)) < 1e-6


@pytest.mark.parametrize("columns", [300, 511])
def test_a_part_of_rows_that_are_far_apart(columns):
    a, b, _, _ = operands(50, 1024, 512, False)
    a, b = a[:, :columns], b[:columns]
    exact = a.numpy().astype(np.float64) @ b.numpy()
    assert np.max(np.abs((a @ b).numpy() - exact)) < 1e-3


@pytest.mark.parametrize("transposed", [False, True])
def test_batches_of_large_products(transposed):
    a, b, exact, size = operands(64, 48, 256, transposed, (3,))
    assert np.max(np.abs((a @ b).numpy() - exact) / size) < 1e-6


def test_large_products_keep_infinity_and_nan_to_their_rows():
    a, b, _, _ = operands(64, 32, 256, False)
    a[3, 5], a[40, 1] = float("inf"), float("nan")
    finite = np.isfinite((a @ b).numpy()).all(axis=1)
    assert finite.nonzero()[0].tolist() == [i for i in range(64) if i not in (3, 40)]
