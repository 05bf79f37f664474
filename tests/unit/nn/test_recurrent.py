"""What recurrent layers and attention promise beyond values."""

import pytest

import wengert as wg
from wengert import nn
from wengert.nn.utils import rnn


def test_hidden_state_carries_on():
    layer = nn.LSTM(3, 4, 2)
    x = wg.randn(6, 2, 3)
    whole, end = layer(x)
    first, state = layer(x[:4])
    second, state = layer(x[4:], state)
    assert wg.allclose(wg.cat([first, second]), whole, atol=1e-6)
    assert all(wg.allclose(a, b, atol=1e-6) for a, b in zip(state, end, strict=True))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_layer_is_its_cell_repeated(kind):
    layer, cell = getattr(nn, kind)(3, 4), getattr(nn, kind + "Cell")(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = wg.randn(5, 2, 3)
    state, outputs = None, []
    for step in x.unbind(0):
        state = cell(step, state)
        outputs.append(state[0] if kind == "LSTM" else state)
    assert wg.allclose(wg.stack(outputs), layer(x)[0], atol=1e-6)


def test_dropout_between_layers_only():
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        layer = nn.GRU(3, 4, dropout=0.5)
    x = wg.randn(5, 2, 3)
    assert wg.equal(layer(x)[0], layer(x)[0])
    layer = nn.GRU(3, 4, 2, dropout=0.5)
    assert not wg.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert wg.equal(layer(x)[0], layer(x)[0])


def test_weights_are_listed_by_layer():
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    assert [len(group) for group in layer.all_weights] == [5, 5, 5, 5]
    assert layer.all_weights[1][4] is layer.weight_hr_l0_reverse
    assert layer._flat_weights[0] is layer.weight_ih_l0
    assert layer.flatten_parameters() is None
    assert not list(nn.GRU(3, 4, bias=False)._flat_weights_names)[2:]


def test_packed_sequences_convert():
    packed = rnn.pack_sequence([wg.ones(2), wg.zeros(1)])
    assert packed.double().data.dtype == wg.float64
    assert packed.long().data.tolist() == [1, 0, 1]
    assert packed.cpu() is packed
    data, sizes, order, back = packed
    assert (data.tolist(), sizes.tolist(), order, back) == ([1.0, 0.0, 1.0], [2, 1], None, None)
    with pytest.raises(ValueError, match="total_length to be at least the length"):
        rnn.pad_packed_sequence(packed, total_length=1)
    with pytest.raises(RuntimeError, match="len\\(lengths\\)"):
        rnn.pack_padded_sequence(wg.zeros(2, 2), [2])
    with pytest.raises(RuntimeError, match="empty list"):
        rnn.pad_sequence([])


def test_empty_sequences_are_refused():
    with pytest.raises(RuntimeError, match="sequence length to be larger than 0"):
        nn.RNN(3, 4)(wg.zeros(0, 2, 3))


def test_learns_to_remember():
    """The first bit of a sequence, after it has ended."""
    net = nn.ModuleDict({"rnn": nn.GRU(1, 8, batch_first=True), "out": nn.Linear(8, 1)})
    optimizer = wg.optim.Adam(net.parameters(), lr=0.03)
    bits = (wg.rand(64, 6, 1) > 0.5).float()
    for _ in range(60):
        optimizer.zero_grad()
        _, hidden = net["rnn"](bits)
        loss = nn.functional.binary_cross_entropy_with_logits(net["out"](hidden[0]), bits[:, 0])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_a_query_that_sees_nothing_gets_no_nan():
    attention = nn.MultiheadAttention(4, 2)
    x = wg.randn(3, 2, 4, requires_grad=True)
    hidden = wg.tensor([[True, True, True], [False, False, True]])
    output, weights = attention(x, x, x, key_padding_mask=hidden)
    assert bool(output.isfinite().all())
    assert not weights[0].count_nonzero()
    output.sum().backward()
    assert bool(x.grad.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in attention.parameters())


def test_one_product_serves_three_projections():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    x = wg.randn(2, 3, 4)
    apart, _ = attention(x, x.clone(), x.clone())
    assert wg.allclose(attention(x, x, x)[0], apart, atol=1e-6)


def test_causal_transformer_does_not_look_ahead():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    encoder = nn.TransformerEncoder(layer, 2)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    x = wg.randn(5, 1, 8)
    changed = x.clone()
    changed[4] = 0
    assert wg.allclose(encoder(x, mask)[:4], encoder(changed, mask)[:4], atol=1e-6)
    assert not wg.allclose(encoder(x)[:4], encoder(changed)[:4], atol=1e-3)


def test_blocks_can_be_replaced():
    class Plain(nn.TransformerEncoderLayer):
        def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
            return wg.zeros_like(x)

    layer = Plain(4, 2, 8, dropout=0.0)
    x = wg.randn(3, 1, 4)
    alone = layer(x[:1])
    assert wg.allclose(layer(x)[:1], alone, atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_transforms_see_through(kind):
    layer = getattr(nn, kind)(3, 4)
    x = wg.randn(3, 5, 2, 3)
    mapped = wg.func.vmap(lambda each: layer(each)[0])(x)
    wg.testing.assert_close(mapped, wg.stack([layer(each)[0] for each in x]))
    tangent = wg.randn(5, 2, 3)
    _, pushed = wg.func.jvp(lambda each: layer(each)[0], (x[0],), (tangent,))
    step = 1e-3
    moved = [layer(x[0] + sign * step * tangent)[0] for sign in (1, -1)]
    wg.testing.assert_close(pushed, (moved[0] - moved[1]) / (2 * step), atol=2e-3, rtol=2e-2)


def step_by_step(layer: nn.GRU, x: wg.Tensor, h: wg.Tensor) -> wg.Tensor:
    """The states after each step, by the formulas of nn.GRU's documentation."""
    w_ih, w_hh, *shifts = layer.parameters()
    b_ih, b_hh = shifts or (wg.zeros(len(w_ih), dtype=x.dtype),) * 2
    states = []
    for each in x:
        given, past = each @ w_ih.T + b_ih, h @ w_hh.T + b_hh
        (x_r, x_z, x_n), (h_r, h_z, h_n) = given.chunk(3, 1), past.chunk(3, 1)
        reset, update = wg.sigmoid(x_r + h_r), wg.sigmoid(x_z + h_z)
        new = wg.tanh(x_n + reset * h_n)
        h = (1 - update) * new + update * h
        states.append(h)
    return wg.stack(states)


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("batch", "size"),
    [(2, 3), (19, 16), (8, 37)],  # eight rows and more go through all steps by themselves
)
def test_gru_is_its_formulas(batch, size, bias, dtype):
    wg.manual_seed(size)
    layer = nn.GRU(5, size, bias=bias, dtype=dtype)
    x = wg.randn(batch, 4, 5, dtype=dtype).transpose(0, 1).requires_grad_()
    h = wg.randn(1, batch, size, dtype=dtype, requires_grad=True)
    weights = wg.randn(4, batch, size, dtype=dtype)
    inputs = [x, h, *layer.parameters()]
    ours, wanted = layer(x, h)[0], step_by_step(layer, x, h[0])
    wg.testing.assert_close(ours, wanted)
    wg.testing.assert_close(
        wg.autograd.grad((ours * weights).sum(), inputs),
        wg.autograd.grad((wanted * weights).sum(), inputs),
        rtol=1e-4,
        atol=1e-5,
    )
    # One input at a time: what is not wanted is not computed, and does not change the others.
    for each in inputs:
        (alone,) = wg.autograd.grad((layer(x, h)[0] * weights).sum(), (each,))
        (wanted_alone,) = wg.autograd.grad((step_by_step(layer, x, h[0]) * weights).sum(), (each,))
        wg.testing.assert_close(alone, wanted_alone, rtol=1e-4, atol=1e-5)


def test_gru_has_second_derivatives():
    wg.manual_seed(0)
    layer = nn.GRU(2, 3, dtype=wg.float64)
    x = wg.randn(3, 2, 2, dtype=wg.float64, requires_grad=True)
    h = wg.randn(1, 2, 3, dtype=wg.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def run(x, h, *parameters):
        named = dict(zip(names, parameters, strict=True))
        return wg.func.functional_call(layer, named, (x, h))

    assert wg.autograd.gradgradcheck(run, (x, h, *layer.parameters()))


def test_gru_refuses_what_does_not_fit():
    with pytest.raises(
        RuntimeError, match=r"gru\(\): the sizes of shares, state, weight and shift"
    ):
        wg._ops._gru(wg.ones(2, 3, 6), wg.ones(3, 3), wg.ones(6, 2), None)
    with pytest.raises(RuntimeError, match=r"gru\(\): expected .* of one dtype"):
        wg._ops._gru(wg.ones(2, 3, 6), wg.ones(3, 2, dtype=wg.float64), wg.ones(6, 2), None)
