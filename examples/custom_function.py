"""Functions with derivatives of one's own: a network whose neurons are either on or off.

    python examples/custom_function.py

The step function has the derivative 0 almost everywhere, so no gradient would pass it. Its backward
is replaced by that of a soft step (a "surrogate gradient"), and the network learns to tell two
spirals apart. A picture of its decision goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn


class Step(wg.autograd.Function):
    """1 above 0, else 0; backward as if it were a sigmoid of the given steepness."""

    @staticmethod
    def forward(ctx, x, steepness):
        ctx.save_for_backward(x)
        ctx.steepness = steepness
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        soft = (ctx.steepness * x).sigmoid()
        return grad * ctx.steepness * soft * (1 - soft), None


class OnOff(nn.Module):
    def forward(self, x):
        return Step.apply(x, 2.0)


def spirals(count, noise=0.08):
    """Points of two spirals, and which one each belongs to."""
    which = wg.randint(0, 2, (count,))
    turn = wg.rand(count).sqrt() * 3 * math.pi
    angle = turn + math.pi * which
    points = wg.stack([turn * angle.cos(), turn * angle.sin()], 1) / (3 * math.pi)
    return points * 2 + noise * wg.randn(count, 2), which


def main():
    options = common.options(__doc__, steps=1500, width=128)
    model = nn.Sequential(
        nn.Linear(2, options.width),
        OnOff(),
        nn.Linear(options.width, options.width),
        OnOff(),
        nn.Linear(options.width, 2),
    )
    optimizer = wg.optim.Adam(model.parameters(), lr=5e-3)
    schedule = wg.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    for step in (bar := trange(options.steps, desc="learning")):
        points, which = spirals(256)
        loss = nn.functional.cross_entropy(model(points), which)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    points, which = spirals(2000)
    with wg.no_grad():
        accuracy = (model(points).argmax(1) == which).double().mean().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
        side = wg.linspace(-2.3, 2.3, 200)
        x, y = wg.meshgrid(side, side, indexing="xy")
        with wg.no_grad():
            chance = model(wg.stack([x, y], -1)).softmax(-1)[..., 1]
        axes.contourf(x.tolist(), y.tolist(), chance.tolist(), 20, cmap="coolwarm", alpha=0.6)
        axes.scatter(*points[:600].T.tolist(), c=which[:600].tolist(), s=5, cmap="coolwarm")
        axes.set(title="neurons that are on or off", aspect="equal")
        common.save(figure, "custom_function")
    print(f"accuracy: {accuracy:.1%}")


if __name__ == "__main__":
    main()
