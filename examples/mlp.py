"""Learns to read handwritten digits with fully connected layers only.

    python examples/mlp.py

Prints the share of held-out digits that are read correctly; a picture of what the first layer looks
for goes to examples/out. See digits.py for the convolutional network that does better.
"""

import common
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.utils.data import DataLoader, TensorDataset, random_split


def main():
    options = common.options(__doc__, epochs=30, width=64)
    images, digits = common.digits()
    whole = TensorDataset(images.flatten(1) - images.mean(), digits)
    training, held_out = random_split(whole, [1437, 360])
    model = nn.Sequential(
        nn.Linear(64, options.width),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(options.width, options.width),
        nn.ReLU(),
        nn.Linear(options.width, 10),
    )
    optimizer = wg.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    loader = DataLoader(training, batch_size=64, shuffle=True)
    for _ in (bar := trange(options.epochs, desc="training", unit="epoch")):
        total = 0.0
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        bar.set_postfix(loss=f"{total / len(training):.4f}")
    model.eval()
    x, y = next(iter(DataLoader(held_out, batch_size=len(held_out))))
    with wg.no_grad():
        accuracy = (model(x).argmax(1) == y).double().mean().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
        weight = model[0].weight.detach()
        weight = weight / weight.abs().amax(1, keepdim=True) / 2 + 0.5
        common.show_images(axes, weight.reshape(-1, 1, 8, 8), columns=8)
        axes.set_title("what each neuron of the first layer looks for")
        common.save(figure, "mlp")
    print(f"accuracy on {len(held_out)} held-out digits: {accuracy:.2%}")


if __name__ == "__main__":
    main()
