"""Finds the slopes and the shift of a noisy plane by gradient descent.

    python examples/linear_regression.py

A picture of the errors and of the found against the true slopes goes to examples/out.
"""

import common
from tqdm import trange

import wengert as wg

SLOPES = wg.tensor([2.0, -3.4, 0.7])
SHIFT = 4.2
NOISE = 0.1


def make_data(count):
    features = wg.randn(count, len(SLOPES))
    return features, features @ SLOPES + SHIFT + NOISE * wg.randn(count)


def main():
    options = common.options(__doc__, steps=200, count=1000)
    features, targets = make_data(options.count)
    model = wg.nn.Linear(len(SLOPES), 1)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)
    history = []
    for _ in (bar := trange(options.steps, desc="descending")):
        loss = wg.nn.functional.mse_loss(model(features).squeeze(1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
        bar.set_postfix(loss=f"{history[-1]:.4f}")
    found = model.weight.detach().squeeze(0)
    error = max((found - SLOPES).abs().max().item(), abs(model.bias.item() - SHIFT))
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(layout="constrained")
        axes.semilogy(history, label="loss")
        axes.axhline(NOISE**2, color="gray", linestyle=":", label="variance of the noise")
        axes.set(xlabel="step", ylabel="mean squared error", title="Linear regression")
        axes.legend()
        common.save(figure, "linear_regression")
    print(f"slopes {[round(s, 3) for s in found.tolist()]}, shift {model.bias.item():.3f}")
    print(f"largest error of a coefficient: {error:.4f}")


if __name__ == "__main__":
    main()
