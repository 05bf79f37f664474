"""The example programs learn what they are to learn, with fewer steps than they take.

The limits hold for seeds 0 to 5, with a margin.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("tqdm", reason="the examples show their progress")


def run(root: Path, name: str, *options: str) -> str:
    result = subprocess.run(
        [sys.executable, root / "examples" / name, *options],
        capture_output=True,
        text=True,
        timeout=500,
        env={"PYTHONPATH": str(root / "src"), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(output: str, *patterns: str) -> list[float]:
    """The numbers that stand where the patterns have a group."""
    found = []
    for pattern in patterns:
        match = re.search(pattern, output)
        assert match is not None, output
        found += [float(group) for group in match.groups()]
    return found


def test_digits(root: Path) -> None:
    """A third of the demo's epochs; seeds differ by six digits of 360."""
    output = run(root, "digits.py", "--no-plot", "--epochs", "8")
    (accuracy,) = numbers(output, r"accuracy on 360 held-out digits: ([\d.]+)%, [\d.]+ s")
    assert accuracy > 97.5


def test_linear_regression(root: Path) -> None:
    output = run(root, "linear_regression.py", "--no-plot")
    assert numbers(output, r"error of a coefficient: ([\d.]+)")[0] < 0.02


def test_polynomial(root: Path) -> None:
    output = run(root, "polynomial.py", "--no-plot")
    assert numbers(output, r"largest error: ([\d.]+)")[0] < 0.03


def test_mlp(root: Path) -> None:
    output = run(root, "mlp.py", "--no-plot", "--epochs", "12")
    assert numbers(output, r"held-out digits: ([\d.]+)%")[0] > 93


def test_autoencoder(root: Path) -> None:
    """Better than the best linear one."""
    output = run(root, "autoencoder.py", "--no-plot", "--epochs", "25")
    share, linear = numbers(output, r"numbers: ([\d.]+)% \(linear: ([\d.]+)%")
    assert share > linear + 7


def test_vae(root: Path) -> None:
    output = run(root, "vae.py", "--no-plot", "--epochs", "30")
    bound, floor = numbers(output, r"image: (-[\d.]+) \(mean image: (-[\d.]+)")
    assert bound > floor + 1.5


def test_gan_mixture(root: Path) -> None:
    """A ring drawn from one cloud only would be 1.3 away."""
    output = run(root, "gan_mixture.py", "--no-plot", "--steps", "1500")
    clouds, distance = numbers(output, r"from: (\d+) of 8", r"distance: ([\d.]+)")
    assert clouds >= 7
    assert distance < 0.25


def test_wgan_gp(root: Path) -> None:
    output = run(root, "wgan_gp.py", "--no-plot")
    assert numbers(output, r"Wasserstein distance: ([\d.]+)")[0] < 0.65


def test_dcgan(root: Path) -> None:
    output = run(root, "dcgan.py", "--no-plot", "--epochs", "20")
    kinds, sure, noise = numbers(
        output, r"drawn: (\d+) of 10", r"judge: ([\d.]+)% \(of noise: ([\d.]+)%"
    )
    assert kinds >= 7
    assert sure > noise + 10


def test_pinn(root: Path) -> None:
    output = run(root, "pinn.py", "--no-plot", "--steps", "600")
    assert numbers(output, r"relative error at t = 0.6: ([\d.]+)%")[0] < 8


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_time_series(root: Path, cell: str) -> None:
    output = run(root, "time_series.py", "--no-plot", "--epochs", "15", "--cell", cell)
    error, same = numbers(output, r"forecast: ([\d.]+) \(as before: ([\d.]+)")
    assert error < 0.5 * same


@pytest.mark.parametrize(("cell", "better"), [("RNN", 0.25), ("LSTM", 0.08), ("GRU", 0.4)])
def test_text_rnn(root: Path, cell: str, better: float) -> None:
    pytest.importorskip("pydoc_data.topics", reason="it is the text that is read")
    output = run(root, "text_rnn.py", "--no-plot", "--steps", "150", "--cell", cell)
    surprise, pairs = numbers(output, r"surprise: ([\d.]+) \(table of pairs: ([\d.]+)")
    assert surprise < pairs - better
    assert len(output) > 300


def test_gpt(root: Path) -> None:
    pytest.importorskip("pydoc_data.topics", reason="it is the text that is read")
    small = ("--width", "48", "--layers", "2", "--length", "48", "--batch", "16")
    output = run(root, "gpt.py", "--no-plot", "--steps", "700", *small)
    surprise, pairs = numbers(output, r"surprise: ([\d.]+) \(table of pairs: ([\d.]+)")
    assert surprise < pairs - 0.05
    assert len(output) > 300


def test_custom_function(root: Path) -> None:
    output = run(root, "custom_function.py", "--no-plot", "--steps", "500")
    assert numbers(output, r"accuracy: ([\d.]+)%")[0] > 98


def test_cartpole(root: Path) -> None:
    output = run(root, "cartpole.py", "--no-plot")
    assert numbers(output, r"stays up: ([\d.]+) of 200")[0] > 150


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("linear_regression.py", "--steps", "10"), ("polynomial.py", "--steps", "10"),
        ("mlp.py", "--epochs", "1"), ("autoencoder.py", "--epochs", "1"),
        ("vae.py", "--epochs", "1"), ("gan_mixture.py", "--steps", "5"),
        ("wgan_gp.py", "--steps", "3"), ("dcgan.py", "--epochs", "1"),
        ("pinn.py", "--steps", "5"), ("time_series.py", "--epochs", "1"),
        ("custom_function.py", "--steps", "5"),
        ("cartpole.py", "--updates", "2"), ("text_rnn.py", "--steps", "11", "--width", "16"),
        ("gpt.py", "--steps", "11", "--width", "16", "--heads", "2", "--layers", "1"),
    ],
    ids=lambda options: options[0],
)  # fmt: skip
def test_pictures(root: Path, options: tuple[str, ...]) -> None:
    pytest.importorskip("matplotlib", reason="it draws the pictures")
    output = run(root, *options)
    path = re.search(r"^picture: (.*)$", output, re.MULTILINE)
    assert path is not None
    assert Path(path[1]).read_bytes().startswith(b"\x89PNG")
