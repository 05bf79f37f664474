"""Trains a small network so that it may be killed at any time and goes on where it was.

    python examples/resume.py --steps 60

Every few steps one file is replaced that holds all that the rest of the training depends on: the
weights, the optimizer, the schedule, the random numbers and the place in the data. Run it again
after `kill -9`, with more or fewer workers if you like: the final weights are the same, bit by bit.
"""

import argparse
import hashlib
import random
from pathlib import Path

from tqdm import tqdm

import wengert as wg
import wengert.nn as nn
from wengert.utils.data import DataLoader, Dataset


class NoisyWaves(Dataset):
    """Sine waves of eight frequencies: noise, sign and shift are random each time."""

    def __len__(self):
        return 200

    def __getitem__(self, index):
        kind = index % 8
        shift = random.random()
        wave = wg.sin((wg.linspace(0, 1, 32) + shift) * 2 * wg.pi * (kind + 1))
        return wave * random.choice((-1, 1)) + 0.3 * wg.randn(32), kind


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=Path("resume.wg"))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--every", type=int, default=1, help="steps between checkpoints")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    wg.manual_seed(0)
    loader = DataLoader(NoisyWaves(), batch_size=16, shuffle=True, num_workers=options.workers)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 8))
    optimizer = wg.optim.AdamW(model.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()
    step = 0

    if options.checkpoint.exists():
        state = wg.load(options.checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
        wg.set_rng_state(state["random"])  # of dropout, and of the seed of the next epoch
        step = state["step"]
        print(f"goes on after step {step}", flush=True)

    bar = tqdm(total=options.steps, initial=step, desc="learning")
    while step < options.steps:
        for waves, kinds in loader:
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 - step / options.steps)
            optimizer.zero_grad()
            loss = loss_of(model(waves), kinds)
            loss.backward()
            optimizer.step()
            step += 1
            if step % options.every == 0 or step == options.steps:
                state = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "loader": loader.state_dict(),
                    "random": wg.get_rng_state(),
                    "step": step,
                }
                wg.save(state, options.checkpoint)
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
            if step == options.steps:
                break
    bar.close()

    weights = b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())
    print("weights", hashlib.sha256(weights).hexdigest())


if __name__ == "__main__":
    main()
