"""Forecasts a series of two rhythms and noise with a recurrent network: RNN, LSTM or GRU.

    python examples/time_series.py --cell GRU

Prints the error of the forecast of a stretch that was not trained on, beside that of saying "as
before". A picture goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn

CELLS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
PAST, AHEAD = 60, 10


def make_series(length, noise=0.05):
    """A fast rhythm whose height follows a slow one."""
    t = wg.arange(float(length))
    fast, slow = (2 * math.pi * t / 12).sin(), (2 * math.pi * t / 50).sin()
    return fast * (1 + 0.6 * slow) + 0.5 * slow + noise * wg.randn(length)


class Forecaster(nn.Module):
    """Reads PAST values and tells the next AHEAD ones."""

    def __init__(self, cell, width=24):
        super().__init__()
        self.recurrent = CELLS[cell](1, width, batch_first=True)
        self.tell = nn.Linear(width, AHEAD)

    def forward(self, past):
        output, _ = self.recurrent(past.unsqueeze(-1))
        return self.tell(output[:, -1])


def main():
    parser = common.parser(__doc__, epochs=30)
    parser.add_argument("--cell", choices=sorted(CELLS), default="GRU")
    options = parser.parse_args()
    wg.manual_seed(options.seed)
    series = make_series(1000)
    windows = series.unfold(0, PAST + AHEAD, 1)
    training, held_out = windows[:700], windows[800:]
    model = Forecaster(options.cell)
    optimizer = wg.optim.Adam(model.parameters(), lr=1e-2)
    schedule = wg.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, options.epochs * 14)
    for _ in (bar := trange(options.epochs, desc=options.cell, unit="epoch")):
        total = 0.0
        for batch in training[wg.randperm(len(training))].split(50):
            loss = nn.functional.mse_loss(model(batch[:, :PAST]), batch[:, PAST:])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        bar.set_postfix(loss=f"{total / len(training):.4f}")
    with wg.no_grad():
        forecast = model(held_out[:, :PAST])
    actual, last = held_out[:, PAST:], held_out[:, PAST - 1 : PAST]
    error = (forecast - actual).square().mean().sqrt().item()
    same = (last - actual).square().mean().sqrt().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
        axes.plot(series[800:].tolist(), color="gray", label="series")
        for start in range(0, len(held_out), 2 * AHEAD):
            place = range(start + PAST, start + PAST + AHEAD)
            label = "forecast" if start == 0 else None
            axes.plot(place, forecast[start].tolist(), color="C1", label=label)
        axes.set(xlabel="time", title=f"{AHEAD} steps ahead with a {options.cell}")
        axes.legend()
        common.save(figure, "time_series")
    print(f"error of the forecast: {error:.3f} (as before: {same:.3f}, noise: 0.050)")


if __name__ == "__main__":
    main()
