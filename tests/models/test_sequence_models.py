"""Sequence models learn small tasks: the layers work together, forwards and backwards."""

import wengert as wg
from wengert import nn


def _train(parameters, loss_of, steps, lr):
    optimizer = wg.optim.Adam(parameters, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return loss.item()


def test_transformer_learns_to_reverse():
    symbols, length = 6, 5
    embedding = nn.Embedding(symbols + 1, 16)  # the last one starts the output
    places = nn.Parameter(0.1 * wg.randn(length, 16))
    body = nn.Transformer(
        16, 2, 1, 1, 32, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
    )
    head = nn.Linear(16, symbols)
    mask = nn.Transformer.generate_square_subsequent_mask(length)
    parameters = [places, *embedding.parameters(), *body.parameters(), *head.parameters()]

    def scores(source, target):
        start = wg.full((len(source), 1), symbols)
        given = wg.cat([start, target[:, :-1]], 1)
        out = body(embedding(source) + places, embedding(given) + places, tgt_mask=mask)
        return head(out)

    def loss_of():
        source = wg.randint(0, symbols, (32, length))
        target = source.flip(1)
        return nn.functional.cross_entropy(scores(source, target).flatten(0, 1), target.flatten())

    assert _train(parameters, loss_of, 250, 0.01) < 0.1
    source = wg.randint(0, symbols, (20, length))
    # Step by step, from its own output.
    output = wg.zeros_like(source)
    with wg.no_grad():
        for i in range(length):
            output[:, i] = scores(source, output)[:, i].argmax(-1)
    assert (output == source.flip(1)).float().mean().item() > 0.9


def test_ctc_learns_to_spell():
    """A bidirectional LSTM reads runs of symbols, and CTC finds where they are."""
    net = nn.LSTM(4, 12, bidirectional=True)
    head = nn.Linear(24, 4)
    parameters = [*net.parameters(), *head.parameters()]

    def batch():
        words = wg.stack([wg.randperm(3)[:2] + 1 for _ in range(16)])
        runs = wg.tensor([[0, 0, 1, 1, 1, 0, 0, 2, 2, 0]]).expand(16, -1)
        frames = wg.cat([wg.zeros(16, 1, dtype=wg.int64), words], 1).gather(1, runs)
        return nn.functional.one_hot(frames, 4).float().transpose(0, 1), words

    def read(x):
        return head(net(x)[0]).log_softmax(-1)

    def loss_of():
        x, words = batch()
        return nn.functional.ctc_loss(read(x), words, [10] * 16, [2] * 16)

    assert _train(parameters, loss_of, 80, 0.03) < 0.2
    x, words = batch()
    for path, word in zip(read(x).argmax(-1).t().tolist(), words.tolist(), strict=True):
        merged = [s for s, before in zip(path, [0, *path], strict=False) if s != before and s]
        assert merged == word


def test_packed_sequences_train_as_padded_ones():
    lengths = wg.tensor([5, 3, 2])
    layer = nn.GRU(3, 4, batch_first=True)
    x = wg.randn(3, 5, 3)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    _, last = layer(packed)
    last.sum().backward()
    expected = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    total = sum(
        layer(row[:n].unsqueeze(0))[1].sum() for row, n in zip(x, lengths.tolist(), strict=True)
    )
    total.backward()
    for p, q in zip(layer.parameters(), expected, strict=True):
        wg.testing.assert_close(p.grad, q, atol=1e-5, rtol=1e-5)
