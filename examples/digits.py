"""Learns to read handwritten digits: 1,797 real images of 8x8 pixels, a fifth of them held out.

    python examples/digits.py

trains a small convolutional network for a few seconds and prints the share of held-out digits that
it reads correctly. A picture of the training and of the mistakes goes to examples/out/digits.png.
Needs scikit-learn (for the data), tqdm and, for the picture, matplotlib.
"""

import argparse
import math
import time
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import wengert as wg
import wengert.nn as nn
import wengert.nn.functional as F
from wengert.utils.data import DataLoader, TensorDataset

PICTURE = Path(__file__).parent / "out" / "digits.png"


class Network(nn.Module):
    """Two stages of convolutions, 8x8 to 4x4 to 2x2 pixels, and a linear layer on top."""

    def __init__(self, width=32):
        super().__init__()
        self.features = nn.Sequential(
            *self.stage(1, width),
            *self.stage(width, width),
            nn.MaxPool2d(2),
            *self.stage(width, 2 * width),
            *self.stage(2 * width, 2 * width),
            nn.MaxPool2d(2),
        )
        self.classify = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(2 * width * 2 * 2, 10)
        )

    @staticmethod
    def stage(inputs, outputs):
        # Batch normalisation has a shift of its own, so the convolution needs no bias.
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return convolution, nn.BatchNorm2d(outputs), nn.ReLU()

    def forward(self, images):
        return self.classify(self.features(images))


def load():
    """Images in [0, 1] of shape (N, 1, 8, 8) and their digits: for training, and held out."""
    digits = load_digits()
    parts = train_test_split(
        digits.images / 16, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )
    train_x, test_x, train_y, test_y = parts
    return (
        TensorDataset(wg.tensor(train_x, dtype=wg.float32).unsqueeze(1), wg.tensor(train_y)),
        TensorDataset(wg.tensor(test_x, dtype=wg.float32).unsqueeze(1), wg.tensor(test_y)),
    )


def shifted(images):
    """The images moved by at most one pixel in a random direction: the digits stay the same."""
    down, right = wg.randint(0, 3, (2,)).tolist()
    return F.pad(images, (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]


def train(network, data, epochs, batch_size=64, lr=3e-3):
    """Trains the network and returns the mean loss of every epoch."""
    optimizer = wg.optim.Adam(network.parameters(), lr=lr)
    loader = DataLoader(data, batch_size, shuffle=True)
    history = []
    bar = tqdm(range(epochs), desc="training", unit="epoch")
    for epoch in bar:
        # From the full step size to nothing along half a cosine wave.
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 + math.cos(math.pi * epoch / epochs)) / 2
        network.train()
        total = correct = 0.0
        for images, digits in loader:
            scores = network(shifted(images))
            loss = F.cross_entropy(scores, digits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(digits)
            correct += (scores.argmax(1) == digits).sum().item()
        history.append(total / len(data))
        bar.set_postfix(loss=f"{history[-1]:.4f}", accuracy=f"{correct / len(data):.2%}")
    return history


def predict(network, images):
    """The digit that the network sees in every image."""
    network.eval()
    with wg.no_grad():
        return network(images).argmax(1)


def draw(history, images, digits, predicted):
    """Saves the loss curve and the first held-out digits that were read wrongly."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    wrong = [i for i in range(len(digits)) if predicted[i].item() != digits[i].item()][:8]
    figure = plt.figure(figsize=(10, 4), layout="constrained")
    grid = figure.add_gridspec(2, 8)
    curve = figure.add_subplot(grid[:, :4])
    curve.semilogy(range(1, len(history) + 1), history)
    curve.set(xlabel="epoch", ylabel="training loss (cross entropy)", title="Learning the digits")
    for place, i in enumerate(wrong):
        axes = figure.add_subplot(grid[place // 4, 4 + place % 4])
        axes.imshow(images[i, 0].tolist(), cmap="gray_r")
        axes.set_title(f"{digits[i].item()}, read as {predicted[i].item()}", fontsize=9)
        axes.set_axis_off()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)
    print(f"picture: {PICTURE}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-plot", action="store_true", help="do not draw the picture")
    options = parser.parse_args()

    wg.manual_seed(options.seed)
    training_data, held_out = load()
    network = Network()
    start = time.perf_counter()
    history = train(network, training_data, options.epochs)
    seconds = time.perf_counter() - start

    images, digits = held_out.tensors
    predicted = predict(network, images)
    accuracy = (predicted == digits).to(wg.float32).mean().item()
    if not options.no_plot:
        draw(history, images, digits, predicted)
    print(f"accuracy on {len(held_out)} held-out digits: {accuracy:.2%}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
