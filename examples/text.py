"""A text to learn from, by characters: the manual that comes with Python's help()."""

import wengert as wg


class Text:
    """Characters as numbers; `training` and `held_out` are long vectors of them."""

    def __init__(self, length=200_000):
        from pydoc_data.topics import topics

        whole = "\n".join(topics[name] for name in sorted(topics))
        whole = "".join(c for c in whole if c.isascii() and (c.isprintable() or c == "\n"))
        whole = whole[:length]
        self.characters = sorted(set(whole))
        self.numbers = {c: i for i, c in enumerate(self.characters)}
        data = self.encode(whole)
        cut = len(data) * 9 // 10
        self.training, self.held_out = data[:cut], data[cut:]

    def __len__(self):
        return len(self.characters)

    def encode(self, text):
        return wg.tensor([self.numbers[c] for c in text])

    def decode(self, numbers):
        return "".join(self.characters[i] for i in numbers)

    def batch(self, count, length):
        """Random pieces (count, length) and the same moved on by one character."""
        start = wg.randint(0, len(self.training) - length - 1, (count, 1))
        places = start + wg.arange(length + 1)
        pieces = self.training[places]
        return pieces[:, :-1], pieces[:, 1:]

    def held_out_batch(self, count, length):
        """The first pieces of the held-out part."""
        pieces = self.held_out[: count * (length + 1)].view(count, length + 1)
        return pieces[:, :-1], pieces[:, 1:]

    def entropy_of_pairs(self):
        """The loss of a table that knows, for each character, how often which one follows."""
        table = wg.ones(len(self), len(self))
        ones = wg.ones(len(self.training) - 1)
        table.index_put_((self.training[:-1], self.training[1:]), ones, accumulate=True)
        logits = (table / table.sum(1, keepdim=True)).log()
        return -logits[self.held_out[:-1], self.held_out[1:]].mean().item()
