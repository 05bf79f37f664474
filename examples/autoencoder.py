"""Squeezes images of digits through a few numbers and restores them.

    python examples/autoencoder.py

Prints the share of the pixels' variance that survives, beside what the best linear projection
(principal components) of the same size keeps. A picture goes to examples/out.
"""

import common
from tqdm import trange

import wengert as wg
from wengert import nn


class Autoencoder(nn.Module):
    def __init__(self, code, width=128):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(64, width), nn.SiLU(), nn.Linear(width, code)
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, width), nn.SiLU(), nn.Linear(width, 64), nn.Unflatten(1, (1, 8, 8))
        )

    def forward(self, images):
        return self.decoder(self.encoder(images))


def linear_share(training, held_out, code):
    """The share of variance that the first principal components keep."""
    mean = training.mean(0)
    basis = wg.linalg.svd(training - mean, full_matrices=False).Vh[:code]
    centred = held_out - mean
    rest = centred - centred @ basis.T @ basis
    return 1 - (rest**2).sum().item() / (centred**2).sum().item()


def main():
    options = common.options(__doc__, epochs=60, code=6)
    images, _ = common.digits()
    images = images[wg.randperm(len(images))]
    training, held_out = images[:1500], images[1500:]
    model = Autoencoder(options.code)
    optimizer = wg.optim.Adam(model.parameters(), lr=3e-3)
    for _ in (bar := trange(options.epochs, desc="training", unit="epoch")):
        total = 0.0
        for batch in training[wg.randperm(len(training))].split(100):
            loss = nn.functional.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        bar.set_postfix(loss=f"{total / len(training):.4f}")
    with wg.no_grad():
        restored = model(held_out)
    variance = ((held_out - training.mean(0)) ** 2).mean().item()
    share = 1 - ((restored - held_out) ** 2).mean().item() / variance
    linear = linear_share(training.flatten(1), held_out.flatten(1), options.code)
    if not options.no_plot:
        plt = common.pyplot()
        figure, (top, bottom) = plt.subplots(2, figsize=(8, 3), layout="constrained")
        common.show_images(top, held_out[:20], columns=20)
        top.set_title("held-out digits")
        common.show_images(bottom, restored[:20].clamp(0, 1), columns=20)
        bottom.set_title(f"restored from {options.code} numbers each")
        common.save(figure, "autoencoder")
    print(f"variance kept by {options.code} numbers: {share:.1%} (linear: {linear:.1%})")


if __name__ == "__main__":
    main()
