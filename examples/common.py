"""What the examples share: their command line, and where pictures go."""

import argparse
from pathlib import Path

import wengert as wg

OUT = Path(__file__).parent / "out"


def parser(description, **defaults):
    """A command line with --seed, --no-plot and a number for each of `defaults`."""
    result = argparse.ArgumentParser(description=description.splitlines()[0])
    for name, value in defaults.items():
        result.add_argument(
            f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"default: {value}"
        )
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--no-plot", action="store_true", help="do not draw the picture")
    return result


def options(description, **defaults):
    """The command line, read; random numbers begin at --seed."""
    result = parser(description, **defaults).parse_args()
    wg.manual_seed(result.seed)
    return result


def pyplot():
    """matplotlib.pyplot, drawing into files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save(figure, name):
    """Saves the picture as examples/out/<name>.png and says where."""
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.png"
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


def save_surprises(steps, surprises, pairs, held_out, name):
    """A picture of how a text becomes less surprising, beside what a table of pairs achieves."""
    figure, axes = pyplot().subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(steps, surprises, label="while learning")
    axes.axhline(held_out, color="C1", label="held-out text")
    axes.axhline(pairs, color="gray", linestyle="--", label="table of pairs")
    axes.set(xlabel="step", ylabel="surprise per character")
    axes.legend()
    save(figure, name)


def digits():
    """1,797 handwritten digits: images (N, 1, 8, 8) in [0, 1], and which digit each is."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = wg.tensor(data.images / 16, dtype=wg.float32).unsqueeze(1)
    return images, wg.tensor(data.target)


def show_images(axes, images, columns):
    """Draws images (N, 1, H, W) in [0, 1] as one large one."""
    count, _, height, width = images.shape
    rows = count // columns
    grid = images[: rows * columns].reshape(rows, columns, height, width)
    whole = grid.permute(0, 2, 1, 3).reshape(rows * height, columns * width)
    axes.imshow(whole.tolist(), cmap="gray_r", vmin=0, vmax=1)
    axes.set_axis_off()
