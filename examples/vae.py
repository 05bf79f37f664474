"""A variational autoencoder (Kingma and Welling, 2013): draws digits that nobody wrote.

    python examples/vae.py

Prints the evidence lower bound on held-out images. A picture of drawn digits, and of digits on the
way from one to another, goes to examples/out.
"""

import common
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


class VAE(nn.Module):
    def __init__(self, code=8, width=128):
        super().__init__()
        self.code = code
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.SiLU())
        self.mean = nn.Linear(width, code)
        self.log_variance = nn.Linear(width, code)
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.SiLU(), nn.Linear(width, 64))

    def forward(self, images):
        hidden = self.encoder(images)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        noise = wg.randn_like(mean)
        return self.decoder(mean + noise * (log_variance / 2).exp()), mean, log_variance

    def draw(self, codes):
        return self.decoder(codes).sigmoid().view(-1, 1, 8, 8)


def negative_bound(logits, images, mean, log_variance):
    """Per image: the cost of telling it given its code, and of telling the code."""
    telling = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="sum")
    code = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
    return (telling + code) / len(images)


def main():
    options = common.options(__doc__, epochs=60)
    images, _ = common.digits()
    images = images[wg.randperm(len(images))]
    training, held_out = images[:1500], images[1500:]
    model = VAE()
    optimizer = wg.optim.Adam(model.parameters(), lr=2e-3)
    for _ in (bar := trange(options.epochs, desc="training", unit="epoch")):
        total = 0.0
        for batch in training[wg.randperm(len(training))].split(100):
            logits, mean, log_variance = model(batch)
            loss = negative_bound(logits, batch, mean, log_variance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        bar.set_postfix(bound=f"{-total / len(training):.2f}")
    with wg.no_grad():
        logits, mean, log_variance = model(held_out)
        bound = -negative_bound(logits, held_out, mean, log_variance).item()
        # What a model knows that gives every pixel its mean, whatever the digit.
        plain = wg.logit(training.mean(0).clamp(1e-3, 1 - 1e-3)).expand(held_out.shape)
        nothing = wg.zeros(len(held_out), 1)
        floor = -negative_bound(plain.flatten(1), held_out, nothing, nothing).item()
        drawn = model.draw(wg.randn(100, model.code))
        way = wg.linspace(0, 1, 10).unsqueeze(1)
        walk = wg.cat([model.draw(mean[i] * (1 - way) + mean[i + 1] * way) for i in range(5)])
    if not options.no_plot:
        plt = common.pyplot()
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
        common.show_images(left, drawn, columns=10)
        left.set_title("drawn")
        common.show_images(right, walk, columns=10)
        right.set_title("from one digit to another")
        common.save(figure, "vae")
    print(f"bound per held-out image: {bound:.2f} (mean image: {floor:.2f})")


if __name__ == "__main__":
    main()
