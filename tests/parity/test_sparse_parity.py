"""Sparse tensors, and training with sparse embeddings, against PyTorch."""

from __future__ import annotations

import warnings

import pytest

import wengert as wg

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

PLACES = [[0, 2, 0, 1, 0], [1, 0, 3, 2, 1]]
VALUES = [1.0, -2.0, 3.0, 0.5, 4.0]
SIZE = (3, 4)
DENSE = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [2.0, 2.0]]


@pytest.fixture(autouse=True)
def _no_beta_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")
        yield


def _pair(**options):
    ours = wg.sparse_coo_tensor(
        wg.tensor(PLACES), wg.tensor(VALUES, dtype=wg.float64), SIZE, **options
    )
    theirs = torch.sparse_coo_tensor(
        torch.tensor(PLACES), torch.tensor(VALUES, dtype=torch.float64), SIZE, **options
    )
    return ours, theirs


def _same(ours, theirs):
    if hasattr(ours, "coalesce") and not isinstance(ours, wg.Tensor):
        assert theirs.is_sparse
        ours, theirs = ours.coalesce(), theirs.coalesce()
        assert ours.indices().tolist() == theirs.indices().tolist()
        assert tuple(ours.shape) == tuple(theirs.shape)
        ours, theirs = ours.values(), theirs.values()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


CALLS = {
    "to_dense": lambda t, s: s.to_dense(),
    "coalesce": lambda t, s: s.coalesce(),
    "t": lambda t, s: s.t(),
    "transpose": lambda t, s: s.transpose(0, -1),
    "neg": lambda t, s: -s,
    "scale": lambda t, s: 2 * s / 4,
    "add": lambda t, s: s + s.coalesce(),
    "sub": lambda t, s: s - s.coalesce() * 3,
    "mul sparse": lambda t, s: s * (s + s),
    "abs": lambda t, s: s.abs(),
    "pow": lambda t, s: s.pow(2),
    "sum": lambda t, s: t.sparse.sum(s),
    "sum 0": lambda t, s: t.sparse.sum(s, 0),
    "sum 1": lambda t, s: t.sparse.sum(s, dim=1),
    "softmax": lambda t, s: t.sparse.softmax(s, 1),
    "log_softmax": lambda t, s: t.sparse.log_softmax(s, 0),
    "float": lambda t, s: s.float().double(),
    "to": lambda t, s: s.to(t.float64).detach().clone(),
    "mm": lambda t, s: t.sparse.mm(s, t.tensor(DENSE, dtype=t.float64)),
    "spmm": lambda t, s: t.spmm(s, t.tensor(DENSE, dtype=t.float64)),
    "matmul": lambda t, s: s @ t.tensor(DENSE, dtype=t.float64),
    "mv": lambda t, s: s @ t.tensor([1.0, 2.0, 3.0, 4.0], dtype=t.float64),
    "rmatmul": lambda t, s: t.ones(2, 3, dtype=t.float64) @ s,
    "addmm": lambda t, s: t.sparse.addmm(
        t.ones(3, 2, dtype=t.float64), s, t.tensor(DENSE, dtype=t.float64), beta=2, alpha=0.5
    ),
    "add dense": lambda t, s: t.ones(3, 4, dtype=t.float64) + s,
    "mm sparse": lambda t, s: t.sparse.mm(s, s.t()).to_dense(),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    ours, theirs = _pair()
    _same(CALLS[name](wg, ours), CALLS[name](torch, theirs))


def test_what_a_sparse_tensor_is():
    ours, theirs = _pair()
    assert repr(ours) == repr(theirs).replace("torch.", "wengert.")
    for what in ("sparse_dim", "dense_dim", "dim", "is_coalesced", "_nnz", "numel"):
        assert getattr(ours, what)() == getattr(theirs, what)(), what
    assert ours.is_sparse
    assert not ours.is_sparse_csr
    assert ours.layout is wg.sparse_coo
    assert (ours.size(1), len(ours)) == (4, 3)
    assert ours._indices().tolist() == PLACES
    assert wg.sparse.FloatTensor(PLACES, VALUES, SIZE).dtype == wg.float32


@pytest.mark.parametrize("sparse_dim", [None, 1, 2])
def test_of_dense_tensors(sparse_dim):
    values = [[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[2.0, 3.0], [0.0, 4.0]]]
    arguments = [] if sparse_dim is None else [sparse_dim]
    ours = wg.tensor(values).to_sparse(*arguments)
    theirs = torch.tensor(values).to_sparse(*arguments)
    assert ours.is_coalesced()
    _same(ours, theirs)
    _same(ours.to_dense(), theirs.to_dense())
    _same(ours.sum(0), torch.sparse.sum(theirs, 0))


def test_gradients():
    """Of the values and of the dense operand."""
    x, y = wg.tensor(DENSE, dtype=wg.float64), torch.tensor(DENSE, dtype=torch.float64)
    x.requires_grad_()
    y.requires_grad_()
    ours, theirs = _pair(requires_grad=True)
    (wg.sparse.mm(ours, x) ** 2).sum().backward()
    (torch.sparse.mm(theirs, y) ** 2).sum().backward()
    _same(x.grad, y.grad)
    # PyTorch's gradient is of the coalesced tensor; that of an entry is that of its place.
    dense = theirs.grad.to_dense()
    expected = [dense[i, j].item() for i, j in zip(*PLACES, strict=True)]
    assert ours.grad._values().tolist() == pytest.approx(expected)
    values = wg.tensor(VALUES, dtype=wg.float64, requires_grad=True)
    check = lambda v, d: wg.sparse.softmax(  # noqa: E731
        wg.sparse_coo_tensor(PLACES, v, SIZE), 1
    ) @ d  # fmt: skip
    assert wg.autograd.gradcheck(check, (values, x))
    assert wg.autograd.gradcheck(lambda v: wg.sparse_coo_tensor(PLACES, v, SIZE).to_dense(), values)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.sparse_coo_tensor(t.tensor([0]), t.ones(1)),
        lambda t: t.sparse_coo_tensor(t.tensor([[0, 1]]), t.ones(1)),
        lambda t: t.sparse_coo_tensor(t.tensor([[0, -1]]), t.ones(2)),
        lambda t: t.sparse_coo_tensor(t.tensor([[0]]), t.ones(1), (2, 2)),
        lambda t: t.sparse_coo_tensor(t.tensor([[0, 0]]), t.ones(2), (2,)).indices(),
        lambda t: t.sparse.mm(t.eye(2).to_sparse(), t.ones(3, 2)),
        lambda t: t.ones(2).coalesce(),
        lambda t: t.ones(2).values(),
    ],
)
def test_texts(call):
    with pytest.raises(RuntimeError) as mine:
        call(wg)
    with pytest.raises(RuntimeError) as other:
        call(torch)
    assert str(mine.value).splitlines()[0] == str(other.value).splitlines()[0]


def test_what_is_not_there_says_so():
    with pytest.raises(RuntimeError, match="for dim 0, size is 2 but found index 5"):
        wg.sparse_coo_tensor([[0, 5]], [1.0, 1.0], (2,))  # PyTorch does not look
    with pytest.raises(AttributeError, match=r"only coordinates \(COO\) are there"):
        wg.sparse_csr_tensor  # noqa: B018
    with pytest.raises(NotImplementedError, match="the only one that is there"):
        wg.eye(2).to_sparse(layout="csr")
    with pytest.raises(TypeError, match="expected a sparse tensor"):
        wg.sparse.mm(wg.eye(2), wg.eye(2))
    with pytest.raises(RuntimeError, match="same dtype"):
        wg.eye(2).to_sparse() @ wg.eye(2, dtype=wg.float64)


OPTIMIZERS = {
    "SGD": {"lr": 0.1},
    "Adagrad": {"lr": 0.1},
    "SparseAdam": {"lr": 0.1, "betas": (0.8, 0.9)},
    "SparseAdam maximize": {"lr": 0.05, "maximize": True},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bag", [False, True])
def test_training_with_sparse_embeddings(name, bag):
    """The weights are PyTorch's after several steps, in the rows that were left out, too."""
    start = np.random.default_rng(0).normal(size=(7, 3))
    batches = [[[0, 2], [2, 5]], [[1, 1], [0, 3]], [[5, 5], [5, 5]], [[2, 6], [0, 1]]]
    found = []
    for t in (wg, torch):
        kind = t.nn.EmbeddingBag if bag else t.nn.Embedding
        options = {"mode": "sum"} if bag else {}
        table = kind(7, 3, sparse=True, dtype=t.float64, **options)
        with t.no_grad():
            table.weight.copy_(t.tensor(start))
        optimizer = getattr(t.optim, name.split()[0])(list(table.parameters()), **OPTIMIZERS[name])
        for batch in batches:
            optimizer.zero_grad()
            (table(t.tensor(batch)) ** 2).sum().backward()
            optimizer.step()
        assert t.nn.Embedding(3, 2, sparse=True).sparse
        found.append(table.weight.detach().numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10)


def test_states_of_sparse_adam():
    p = wg.nn.Parameter(wg.ones(3, 2))
    optimizer = wg.optim.SparseAdam([p])
    p.grad = wg.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    optimizer.step()
    state = optimizer.state_dict()["state"][0]
    assert state["step"] == 1
    assert state["exp_avg"].tolist() == [[0.0, 0.0], [pytest.approx(0.1), 0.0], [0.0, 0.0]]
    other = wg.optim.SparseAdam([wg.nn.Parameter(wg.ones(3, 2))])
    other.load_state_dict(optimizer.state_dict())
    assert other.state_dict()["state"][0]["step"] == 1
    with pytest.raises(ValueError, match="Invalid learning rate: 0"):
        wg.optim.SparseAdam([p], lr=0.0)
    with pytest.raises(ValueError, match="max mode does not support sparse weights"):
        wg.nn.EmbeddingBag(3, 2, mode="max", sparse=True)(wg.tensor([[1]]))


def test_a_graph_network():
    """Two layers of graph convolution with a sparse adjacency matrix learn as PyTorch's do."""
    rng = np.random.default_rng(1)
    edges = rng.integers(0, 12, size=(2, 40))
    features, labels = rng.normal(size=(12, 5)), rng.integers(0, 3, size=12)
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(8, 3))
    losses = []
    for t in (wg, torch):
        adjacency = t.sparse_coo_tensor(
            t.tensor(edges), t.ones(40, dtype=t.float64), (12, 12)
        ).coalesce()
        degree = t.sparse.sum(adjacency, dim=1).to_dense()
        places, values = adjacency.indices(), adjacency.values()
        adjacency = t.sparse_coo_tensor(places, values / degree[places[0]], (12, 12))
        weights = [t.nn.Parameter(t.tensor(w)) for w in (first, second)]
        optimizer = t.optim.Adam(weights, lr=0.05)
        x, target = t.tensor(features), t.tensor(labels)
        history = []
        for _ in range(10):
            optimizer.zero_grad()
            hidden = t.spmm(adjacency, x @ weights[0]).relu()
            output = t.sparse.mm(adjacency, hidden @ weights[1])
            loss = t.nn.functional.cross_entropy(output, target)
            loss.backward()
            optimizer.step()
            history.append(loss.item())
        losses.append(history)
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)
    assert losses[0][-1] < losses[0][0]
