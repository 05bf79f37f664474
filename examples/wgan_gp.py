"""A Wasserstein GAN with a gradient penalty (Gulrajani et al., 2017): a loss made of derivatives.

    python examples/wgan_gp.py

The critic's slope is held near 1 by a penalty on its gradient, which is differentiated again. The
points lie on two half moons; a picture of them and of the critic goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn


def draw_points(count, noise=0.05):
    """Two half moons."""
    angle = math.pi * wg.rand(count)
    upper = wg.rand(count) < 0.5
    x = wg.where(upper, angle.cos(), 1 - angle.cos()) - 0.5
    y = wg.where(upper, angle.sin(), 0.5 - angle.sin()) - 0.25
    return wg.stack([x, y], 1) * 1.5 + noise * wg.randn(count, 2)


def network(inputs, outputs, width=64):
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.SiLU(),
        nn.Linear(width, width),
        nn.SiLU(),
        nn.Linear(width, outputs),
    )


def gradient_penalty(critic, real, fake):
    """How far the critic's slope is from 1 at points between true and drawn ones."""
    way = wg.rand(len(real), 1)
    between = (way * real + (1 - way) * fake).requires_grad_()
    (slope,) = wg.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


def wasserstein_1(a, b):
    """The exact distance between equally many points, by the best assignment."""
    from scipy.optimize import linear_sum_assignment

    cost = wg.cdist(a, b)
    rows, columns = linear_sum_assignment(cost.numpy())
    return cost[wg.from_numpy(rows), wg.from_numpy(columns)].mean().item()


def main():
    options = common.options(__doc__, steps=800, batch=128)
    generator, critic = network(4, 2), network(2, 1)
    optimizer_g = wg.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    optimizer_c = wg.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
    for step in (bar := trange(options.steps, desc="playing")):
        for _ in range(3):
            real = draw_points(options.batch)
            with wg.no_grad():
                fake = generator(wg.randn(options.batch, 4))
            difference = critic(real).mean() - critic(fake).mean()
            loss = -difference + 2 * gradient_penalty(critic, real, fake)
            optimizer_c.zero_grad()
            loss.backward()
            optimizer_c.step()
        loss = -critic(generator(wg.randn(options.batch, 4))).mean()
        optimizer_g.zero_grad()
        loss.backward()
        optimizer_g.step()
        if step % 20 == 0:
            bar.set_postfix(distance=f"{difference.item():.3f}")
    with wg.no_grad():
        fake = generator(wg.randn(500, 4))
    real = draw_points(500)
    distance, floor = wasserstein_1(fake, real), wasserstein_1(draw_points(500), real)
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        side = wg.linspace(-3, 3, 80)
        x, y = wg.meshgrid(side, side, indexing="xy")
        with wg.no_grad():
            height = critic(wg.stack([x, y], -1)).squeeze(-1)
        axes.contourf(x.tolist(), y.tolist(), height.tolist(), 20, cmap="Greys", alpha=0.5)
        for points, name in ((real, "true"), (fake, "drawn")):
            axes.scatter(*points.T.tolist(), s=6, label=name)
        axes.set(title="half moons, and the critic's judgement", xlim=(-3, 3), ylim=(-2, 2))
        axes.legend()
        common.save(figure, "wgan_gp")
    print(f"Wasserstein distance: {distance:.3f} (true points to each other: {floor:.3f})")


if __name__ == "__main__":
    main()
