"""Fits the coefficients of a polynomial to a sine, with nothing but tensors and backward().

    python examples/polynomial.py

A picture of the fit goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg


def evaluate(coefficients, x):
    """Horner's rule, lowest power first."""
    result = wg.zeros_like(x)
    for coefficient in coefficients.flip(0):
        result = result * x + coefficient
    return result


def main():
    options = common.options(__doc__, steps=1500, degree=5)
    x = wg.linspace(-math.pi, math.pi, 500, dtype=wg.float64)
    y = x.sin()
    # In z = x / pi the powers are all between -1 and 1, so one step size suits all coefficients.
    z = x / math.pi
    coefficients = wg.zeros(options.degree + 1, dtype=wg.float64, requires_grad=True)
    velocity = wg.zeros_like(coefficients)
    for _ in (bar := trange(options.steps, desc="fitting")):
        loss = ((evaluate(coefficients, z) - y) ** 2).mean()
        (gradient,) = wg.autograd.grad(loss, coefficients)
        with wg.no_grad():
            velocity.mul_(0.97).sub_(0.05 * gradient)
            coefficients += velocity
        bar.set_postfix(loss=f"{loss.item():.2e}")
    fit = evaluate(coefficients.detach(), z)
    worst = (fit - y).abs().max().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, (top, bottom) = plt.subplots(2, sharex=True, layout="constrained")
        top.plot(x.tolist(), y.tolist(), label="sin(x)")
        top.plot(x.tolist(), fit.tolist(), "--", label=f"polynomial of degree {options.degree}")
        top.set(ylabel="y")
        top.legend()
        bottom.plot(x.tolist(), (fit - y).tolist())
        bottom.set(xlabel="x", ylabel="error")
        common.save(figure, "polynomial")
    terms = [c / math.pi**k for k, c in enumerate(coefficients.tolist())]
    print("y =", " ".join(f"{term:+.4f} x^{k}" for k, term in enumerate(terms)))
    print(f"largest error: {worst:.4f}")


if __name__ == "__main__":
    main()
