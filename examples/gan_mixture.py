"""A generative adversarial network (Goodfellow et al., 2014) that learns eight clouds on a ring.

    python examples/gan_mixture.py

Such networks like to forget most of the clouds. So the quality is measured: how many clouds are
drawn from, and the sliced Wasserstein distance to the true points. A picture goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

CLOUDS, RADIUS, SPREAD = 8, 2.0, 0.1
ANGLES = wg.arange(CLOUDS) * (2 * math.pi / CLOUDS)
CENTRES = RADIUS * wg.stack([ANGLES.cos(), ANGLES.sin()], 1)


def draw_points(count):
    return CENTRES[wg.randint(0, CLOUDS, (count,))] + SPREAD * wg.randn(count, 2)


def network(inputs, outputs, width=96):
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def clouds_drawn(points):
    """How many clouds get at least a quarter of their share of points within 4 spreads."""
    distance, nearest = wg.cdist(points, CENTRES).min(1)
    counts = wg.bincount(nearest[distance < 4 * SPREAD], minlength=CLOUDS)
    return int((counts > len(points) / CLOUDS / 4).sum())


def sliced_distance(a, b, directions=128):
    """The mean difference of the sorted shadows of equally many points in random directions."""
    way = F.normalize(wg.randn(2, directions), dim=0)
    return ((a @ way).sort(0).values - (b @ way).sort(0).values).abs().mean().item()


def main():
    options = common.options(__doc__, steps=2500, batch=128)
    generator, critic = network(8, 2), network(2, 1)
    optimizer_g = wg.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
    optimizer_c = wg.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    for step in (bar := trange(options.steps, desc="playing")):
        # Noise on all points, less with time, keeps true and drawn ones comparable at first.
        blur = 0.5 * (1 - step / options.steps)
        real = draw_points(options.batch) + blur * wg.randn(options.batch, 2)
        fake = generator(wg.randn(options.batch, 8)) + blur * wg.randn(options.batch, 2)
        # The relativistic loss: a true point should look truer than a drawn one.
        loss_c = F.softplus(critic(fake.detach()) - critic(real)).mean()
        optimizer_c.zero_grad()
        loss_c.backward()
        optimizer_c.step()
        loss_g = F.softplus(critic(real) - critic(fake)).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        if step % 50 == 0:
            bar.set_postfix(critic=f"{loss_c.item():.3f}", generator=f"{loss_g.item():.3f}")
    with wg.no_grad():
        fake = generator(wg.randn(4000, 8))
    real = draw_points(4000)
    distance, floor = sliced_distance(fake, real), sliced_distance(draw_points(4000), real)
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
        for points, name in ((real, "true"), (fake, "drawn")):
            axes.scatter(*points[:1500].T.tolist(), s=3, alpha=0.4, label=name)
        axes.set(title="eight clouds", aspect="equal")
        axes.legend()
        common.save(figure, "gan_mixture")
    print(f"clouds drawn from: {clouds_drawn(fake)} of {CLOUDS}")
    print(f"sliced Wasserstein distance: {distance:.3f} (true points to each other: {floor:.3f})")


if __name__ == "__main__":
    main()
