"""Learns to write, character by character, with a recurrent network: RNN, LSTM or GRU.

    python examples/text_rnn.py --cell LSTM

Reads Python's manual, prints how surprised it is by a part that it has not seen (in nats per
character), and writes a few lines of its own.
"""

import common
from text import Text
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

CELLS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}


class Writer(nn.Module):
    def __init__(self, characters, cell, width):
        super().__init__()
        self.embed = nn.Embedding(characters, 32)
        self.recurrent = CELLS[cell](32, width, batch_first=True)
        self.tell = nn.Linear(width, characters)

    def forward(self, numbers, state=None):
        output, state = self.recurrent(self.embed(numbers), state)
        return self.tell(output), state

    @wg.no_grad()
    def write(self, start, count, temperature=0.7):
        """`count` characters that follow the numbers `start`."""
        written, numbers, state = [], start.unsqueeze(0), None
        for _ in range(count):
            logits, state = self(numbers, state)
            chances = F.softmax(logits[0, -1] / temperature, dim=0)
            numbers = wg.multinomial(chances, 1).unsqueeze(0)
            written.append(numbers.item())
        return written


def main():
    parser = common.parser(__doc__, steps=600, width=128)
    parser.add_argument("--cell", choices=sorted(CELLS), default="LSTM")
    options = parser.parse_args()
    wg.manual_seed(options.seed)
    text = Text()
    model = Writer(len(text), options.cell, options.width)
    optimizer = wg.optim.Adam(model.parameters(), lr=5e-3)
    schedule = wg.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    steps, surprises = [], []
    for step in (bar := trange(options.steps, desc=options.cell)):
        numbers, following = text.batch(32, 64)
        logits, _ = model(numbers)
        loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 0:
            steps.append(step)
            surprises.append(loss.item())
            bar.set_postfix(loss=f"{surprises[-1]:.3f}")
    numbers, following = text.held_out_batch(16, 256)
    with wg.no_grad():
        surprise = F.cross_entropy(model(numbers)[0].flatten(0, 1), following.flatten()).item()
    print(text.decode(model.write(text.encode("The "), 300)))
    pairs = text.entropy_of_pairs()
    if not options.no_plot:
        common.save_surprises(steps, surprises, pairs, surprise, "text_rnn")
    print(f"surprise: {surprise:.3f} (table of pairs: {pairs:.3f})")


if __name__ == "__main__":
    main()
