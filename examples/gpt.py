"""A small GPT: attention over the last characters tells the next one.

    python examples/gpt.py

Reads Python's manual, prints how surprised it is by a part that it has not seen (in nats per
character), and writes a few lines of its own.
"""

import common
from text import Text
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


class Attention(nn.Module):
    """Every place looks at itself and at what came before."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_all = nn.Linear(width, 3 * width)
        self.back = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        query, key, value = (
            part.view(shape).transpose(1, 2) for part in self.to_all(x).chunk(3, dim=-1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.back(mixed.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.think(x)


class GPT(nn.Module):
    def __init__(self, characters, length, width, heads, layers):
        super().__init__()
        self.length = length
        self.embed = nn.Embedding(characters, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.tell = nn.Linear(width, characters, bias=False)
        self.tell.weight = self.embed.weight
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, numbers):
        x = self.embed(numbers) + self.places(wg.arange(numbers.shape[1]))
        return self.tell(self.norm(self.blocks(x)))

    @wg.no_grad()
    def write(self, start, count, temperature=0.8, best=20):
        """`count` characters that follow the numbers `start`, each among the `best` likeliest."""
        numbers = start.unsqueeze(0)
        for _ in range(count):
            logits = self(numbers[:, -self.length :])[:, -1] / temperature
            logits[logits < logits.topk(best).values[:, -1:]] = -wg.inf
            numbers = wg.cat([numbers, wg.multinomial(F.softmax(logits, dim=-1), 1)], 1)
        return numbers[0].tolist()


def main():
    options = common.options(__doc__, steps=800, width=96, heads=4, layers=3, length=64, batch=32)
    text = Text()
    model = GPT(len(text), options.length, options.width, options.heads, options.layers)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(text)} characters")
    optimizer = wg.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = wg.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, options.steps, pct_start=0.1)
    steps, surprises = [], []
    for step in (bar := trange(options.steps, desc="reading")):
        numbers, following = text.batch(options.batch, options.length)
        loss = F.cross_entropy(model(numbers).flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 0:
            steps.append(step)
            surprises.append(loss.item())
            bar.set_postfix(loss=f"{surprises[-1]:.3f}")
    numbers, following = text.held_out_batch(64, options.length)
    with wg.no_grad():
        surprise = F.cross_entropy(model(numbers).flatten(0, 1), following.flatten()).item()
    print(text.decode(model.write(text.encode("The "), 300)))
    pairs = text.entropy_of_pairs()
    if not options.no_plot:
        common.save_surprises(steps, surprises, pairs, surprise, "gpt")
    print(f"surprise: {surprise:.3f} (table of pairs: {pairs:.3f})")


if __name__ == "__main__":
    main()
