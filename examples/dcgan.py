"""A convolutional GAN (Radford et al., 2015) that draws digits.

    python examples/dcgan.py

A classifier that was trained on true digits judges: how sure it is of a drawn digit, and how many
of the ten digits are drawn. A picture of drawn digits goes to examples/out.
"""

import common
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

NOISE = 16


def generator(width=32):
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, 2 * width, 2, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        nn.Sigmoid(),
    )


def discriminator(width=32):
    return nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 2),
        nn.Flatten(0),
    )


def initialise(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.05)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.05)


def judge(images, digits, epochs=12):
    """A classifier of digits."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = wg.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for places in wg.randperm(len(images)).split(100):
            loss = F.cross_entropy(model(images[places]), digits[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def main():
    options = common.options(__doc__, epochs=60, batch=64)
    images, digits = common.digits()
    draw, tell = generator().apply(initialise), discriminator().apply(initialise)
    optimizer_d = wg.optim.Adam(draw.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optimizer_t = wg.optim.Adam(tell.parameters(), lr=1e-3, betas=(0.5, 0.999))
    for _ in (bar := trange(options.epochs, desc="playing", unit="epoch")):
        for places in wg.randperm(len(images)).split(options.batch):
            real = images[places]
            fake = draw(wg.randn(len(real), NOISE, 1, 1))
            scores, fake_scores = tell(real), tell(fake.detach())
            # Labels are softened, so that the discriminator is never quite sure.
            loss_t = F.binary_cross_entropy_with_logits(scores, wg.full_like(scores, 0.9))
            loss_t = loss_t + F.softplus(fake_scores).mean()
            optimizer_t.zero_grad()
            loss_t.backward()
            optimizer_t.step()
            loss_d = F.softplus(-tell(fake)).mean()
            optimizer_d.zero_grad()
            loss_d.backward()
            optimizer_d.step()
        bar.set_postfix(discriminator=f"{loss_t.item():.3f}", generator=f"{loss_d.item():.3f}")
    classifier = judge(images, digits)
    draw.eval()
    with wg.no_grad():
        drawn = draw(wg.randn(1000, NOISE, 1, 1))
        chances = F.softmax(classifier(drawn), dim=1)
        sure = chances.max(1).values.mean().item()
        kinds = int((wg.bincount(chances.argmax(1), minlength=10) >= 20).sum())
        blank = wg.rand(1000, 1, 8, 8) * images.mean((0,)) * 2
        unsure = F.softmax(classifier(blank), dim=1).max(1).values.mean().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
        common.show_images(axes, drawn[:100], columns=10)
        axes.set_title("drawn digits")
        common.save(figure, "dcgan")
    print(f"digits drawn: {kinds} of 10")
    print(f"certainty of the judge: {sure:.1%} (of noise: {unsure:.1%})")


if __name__ == "__main__":
    main()
