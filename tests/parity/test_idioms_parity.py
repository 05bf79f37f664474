"""Expressions as programs are full of them, evaluated by both."""

from __future__ import annotations

import math
from typing import Any

import pytest

import wengert as wg

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

# x: (3, 4) floats; y: (3, 4); v: (5,); i: (3, 4) small ints; b: (3, 4) bools; z: complex (2, 3).
EXPRESSIONS = """
x.size(), x.size(0), x.shape[-1], x.dim(), x.numel(), x.nelement(), x.stride(), len(x)
x[0], x[:, 1], x[..., -1], x[1:, ::2], x[[0, 2]], x[None].shape, x[x > 0], x[b], x[i[0] % 3]
x[:, None, :] - y[None, :, :], x[torch.arange(3), torch.tensor([0, 1, 3])]
x.view(-1), x.view(4, 3), x.reshape(2, -1), x.flatten(), x.unsqueeze(0).squeeze(0), x.t(), x.T
x.permute(1, 0), x.transpose(0, 1), x.contiguous().is_contiguous(), x.t().is_contiguous()
x.expand(2, 3, 4), x.repeat(2, 1), x.repeat_interleave(2, dim=0), v.tile(2), x.roll(1, 0), x.flip(0)
x.sum(), x.sum(0), x.sum(dim=1, keepdim=True), x.mean(), x.mean((0, 1)), x.std(), x.std(0), x.var(1)
x.std(dim=0, unbiased=False), x.var(correction=0), torch.std_mean(x, dim=1), torch.var_mean(x)
x.max(), x.max(1), x.max(dim=1)[0], x.max(1).indices, torch.max(x, y), x.min(0).values, x.amax(1)
x.argmax(), x.argmax(1), x.argmin(dim=0, keepdim=True), x.median(), x.median(1), x.mode(1)[0]
x.sort(1), x.sort(descending=True)[0], x.argsort(1), x.topk(2), x.topk(2, largest=False)[1]
x.kthvalue(2, 1), torch.unique(i), torch.unique(i, return_counts=True), i.unique_consecutive()
x.cumsum(0), x.cumprod(1), x.cummax(1), x.logcumsumexp(0), x.diff(dim=1), x.prod(1), x.logsumexp(1)
x.abs(), -x, x.exp(), x.sigmoid(), x.tanh(), x.relu(), x.clamp(-1, 1), x.clamp(min=0), x.clip(max=0.5)
x.pow(2), x ** 2, 2 ** x, x.square(), x.abs().sqrt(), x.abs().rsqrt(), x.sign(), x.round(), x.floor()
x.round(decimals=1), x.trunc(), x.frac(), x % 2, x // 1, x.fmod(2), x.remainder(2), 1 / x, x.reciprocal()
x + 1, 1 - x, x * y, x / y, x @ y.T, x.mm(y.t()), x.matmul(y.T), x.mv(y[0]), x[0].dot(y[0]), x[0] @ y[0]
torch.bmm(x[None], y.T[None]), torch.addmm(x @ y.T, x, y.T, beta=0.5), torch.einsum("ij,kj->ik", x, y)
torch.outer(x[0], y[0]), torch.cross(x[:, :3], y[:, :3], dim=1), torch.kron(x, y).shape
x.norm(), x.norm(dim=1), x.norm(2, 1, True), x.norm(p=1), torch.norm(x, p="fro"), torch.dist(x, y)
torch.cdist(x, y), torch.cosine_similarity(x, y), torch.nn.functional.normalize(x, dim=1)
x == y, x > 0, x.gt(0), x.ge(0.5).float(), (x > 0) & (y > 0), ~(x > 0), x.eq(x).all(), b.any(1), b.sum()
torch.where(x > 0, x, y), torch.where(x > 0, x, 0.0), torch.where(b)[0], b.nonzero(), x.masked_fill(b, 0)
x.masked_select(b), torch.isnan(x).any(), torch.isfinite(x).all(), x.nan_to_num(), torch.allclose(x, x)
x.gather(1, i % 4), x.scatter(1, i % 4, 1.0), torch.zeros(3, 4).scatter_add_(1, i % 4, x.float())
x.index_select(0, torch.tensor([0, 2])), x.take(torch.tensor([0, 5])), x.index_fill(1, torch.tensor([1]), 9)
x.take_along_dim(i % 4, 1), torch.zeros(3, 4).scatter_(1, i[:, :1] % 4, 1), x.index_add(0, torch.tensor([0]), y[:1])
torch.cat([x, y]), torch.cat((x, y), dim=-1), torch.stack([x, y], 1), torch.hstack((x, y)), torch.vstack([x, y])
x.chunk(2, dim=1), x.split(2, dim=1), x.split([1, 3], 1), x.unbind(0), torch.tensor_split(x, 2), x.unfold(1, 2, 1)
x.tril(), x.triu(1), torch.diag(v), x.diagonal(), x[:3, :3].trace(), torch.diag_embed(x).shape, torch.block_diag(x, y).shape
torch.meshgrid(v, v, indexing="ij")[0], torch.cartesian_prod(v[:2], v[:2]), torch.combinations(v[:3])
torch.arange(5), torch.arange(1, 2, 0.25), torch.linspace(0, 1, 5), torch.logspace(0, 2, 3), torch.eye(2, 3)
torch.zeros(2, 3), torch.ones_like(x), torch.full((2,), 3), torch.full_like(x, 2.5), torch.empty(0).shape
torch.tensor([1, 2]).dtype, torch.tensor([1.0]).dtype, torch.tensor([[True]]), torch.tensor(3.5).item()
x.new_zeros(2), x.new_ones(2, 3), x.new_full((2,), 7.0), x.new_tensor([1]), x.new_empty(3).shape
x.float(), x.double(), x.long(), x.int(), x.half().dtype, x.bool(), x.to(torch.float32), x.type(torch.int64), x.byte().dtype
i.float() / 2, i / 2, i // 2, i % 2, i + 0.5, i * x, i.sum(), i.float().mean(), i << 1, i & 1, i | 4, i ^ 1
x.tolist(), x.detach().cpu().numpy(), x[0, 0].item(), float(x[0, 0]), int(i[0, 0]), bool(b[0, 0]), x.data
x.bernoulli(0.0), torch.bincount(i.flatten()), torch.histc(x, 4, -2, 2), torch.bucketize(x, v.sort()[0])
torch.searchsorted(v.sort()[0], x), torch.quantile(x, 0.5), x.quantile(torch.tensor([0.1, 0.9], dtype=x.dtype), dim=1)
torch.lerp(x, y, 0.3), torch.addcmul(x, x, y, value=0.5), torch.addcdiv(x, x, y + 9), torch.hypot(x, y), torch.atan2(x, y)
torch.erf(x), x.erfinv().shape, torch.lgamma(x.abs() + 1), torch.digamma(x.abs() + 1), torch.logit(x.sigmoid()), torch.expm1(x)
torch.log1p(x.abs()), x.abs().log(), x.abs().log2(), x.abs().log10(), x.sin(), x.cos(), x.tan(), x.sinh(), x.atan(), x.asinh()
torch.softmax(x, 1), x.softmax(-1), x.log_softmax(1), torch.nn.functional.gelu(x), torch.nn.functional.silu(x)
z.real, z.imag, z.abs(), z.angle(), z.conj() * 1, z * z, torch.view_as_real(z), torch.complex(x, y), z @ z.T, torch.polar(x.abs(), y)
torch.linalg.norm(x), torch.linalg.svd(x, full_matrices=False)[1], torch.linalg.inv(x[:3, :3]), torch.linalg.det(x[:3, :3])
torch.linalg.solve(x[:3, :3], y[:3, :1]), torch.linalg.qr(x)[1].abs(), torch.linalg.eigh(x @ x.T)[0], torch.linalg.matrix_rank(x)
torch.linalg.lstsq(x, y).solution, torch.linalg.pinv(x), torch.linalg.cholesky(x @ x.T + 3 * torch.eye(3).to(x)), torch.inverse(x[:3, :3])
torch.trapezoid(x), torch.cov(x), torch.corrcoef(x), torch.tensordot(x, y, dims=([1], [1])), torch.vander(v), torch.renorm(x, 2, 0, 1)
torch.rot90(x), torch.movedim(x, 0, 1), torch.swapaxes(x, 0, 1), x.unflatten(1, (2, 2)), torch.atleast_2d(v), torch.squeeze(x[None], 0)
torch.is_tensor(x), torch.is_floating_point(x), torch.numel(x), x.is_floating_point(), x.element_size(), x.get_device(), x.is_contiguous()
torch.result_type(i, x), torch.promote_types(torch.int32, torch.float32), torch.can_cast(torch.float32, torch.int32), x.dtype.is_floating_point
torch.nn.functional.one_hot(i % 4, 4), torch.nn.functional.pad(x, (1, 1)), torch.nn.functional.cross_entropy(x, i[:, 0] % 4)
torch.nn.functional.mse_loss(x, y), torch.nn.functional.l1_loss(x, y), torch.nn.functional.smooth_l1_loss(x, y), torch.nn.functional.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean")
torch.nn.functional.binary_cross_entropy_with_logits(x, b.to(x)), torch.nn.functional.nll_loss(x.log_softmax(1), i[:, 0] % 4)
torch.nn.functional.interpolate(x[None, None], scale_factor=2), torch.nn.functional.avg_pool1d(x[None], 2), torch.nn.functional.layer_norm(x, (4,))
torch.nn.functional.embedding(i % 3, x), torch.nn.functional.linear(x, y), torch.nn.functional.cosine_similarity(x, y, dim=0), torch.nn.functional.softplus(x)
torch.nn.utils.rnn.pad_sequence([x[0], v], batch_first=True), torch.nn.functional.unfold(x[None, None], 2), torch.nn.functional.glu(x)
x.clone().add_(1), x.clone().mul_(2).sub_(1).div_(3), x.clone().zero_(), x.clone().fill_(2), x.clone().clamp_(0), x.clone().fill_diagonal_(0)
x.clone().copy_(y), x.clone().masked_fill_(b, -1), x.clone().index_fill_(0, torch.tensor([0]), 5), x.clone().scatter_(1, i % 4, y), x.clone().relu_()
x.clone().addcmul_(x, y, value=2), x.clone().addcdiv_(x, y + 9), x.clone().lerp_(y, 0.5), x.clone().t_(), x.clone().squeeze_(), x.clone().unsqueeze_(0)
x.clone().sqrt_().shape, x.clone().exp_(), x.clone().neg_(), x.clone().pow_(2), x.clone().round_(), x.clone().sigmoid_(), x.clone().tanh_(), x.clone().abs_()
sum(x), max(v), min(v), list(v), [r.sum() for r in x], x in [x], abs(x), round(float(x[0, 0]), 3), divmod(7, 2), math.sqrt(x.abs().sum())
repr(x.float()), str(x[0].float()), f"{x[0, 0]:.2f}", f"{x[0, 0].item():.3e}", "%.3f" % x[0, 0], repr(i), repr(b), repr(x.shape[0])
np.asarray(x), np.array(x), torch.from_numpy(np.ones(3)), torch.as_tensor([1.0, 2.0]), np.mean(x.numpy()), x.numpy().shape, torch.tensor(np.float32(3)).dtype
torch.count_nonzero(x > 0), x.nansum(), x.nanmean(), x.isclose(y), torch.equal(x, x), x.bool().any(dim=1), x.all(), x.heaviside(y), x.copysign(y)
torch.aminmax(x), torch.frexp(x), torch.ldexp(x, i), torch.float_power(x.abs(), 2), torch.xlogy(x.abs(), y.abs()), torch.logaddexp(x, y), torch.sinc(x)
torch.nn.Flatten()(x), torch.nn.Softmax(dim=1)(x), torch.nn.Identity()(x), torch.nn.ReLU()(x), torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU())(x)
torch.broadcast_tensors(v, x[:, :1])[0].shape, torch.broadcast_shapes((3, 1), (1, 4)), torch.Size([2]) + (3,), x.view_as(y).shape, x.expand_as(y), y.reshape_as(x)
torch.dsplit(x[None], 2)[0].shape, torch.column_stack((v, v)), torch.dstack((v, v)), torch.select_scatter(x, v[:4], 0, 1), torch.index_reduce(x, 0, torch.tensor([0]), y[:1], "prod")
x.addmv(x.T.T, y[0]) if False else torch.addmv(v[:3], x, y[0]), torch.addr(x, v[:3], v[:4]), torch.baddbmm(x[None, :, :3], x[None], y.T[None]), torch.chain_matmul(x, y.T, x)
torch.nan_to_num(torch.tensor([math.nan, math.inf])), torch.tensor(math.pi), torch.pi, torch.inf, torch.finfo(x.dtype).tiny, torch.iinfo(torch.uint8).max
"""
LINES = [line for line in EXPRESSIONS.strip().splitlines() if line]


def _names(package: Any) -> dict[str, Any]:
    generator = np.random.default_rng(7)
    return {
        "torch": package,
        "np": np,
        "math": math,
        "x": package.tensor(generator.standard_normal((3, 4))),
        "y": package.tensor(generator.standard_normal((3, 4))),
        "v": package.tensor(generator.standard_normal(5)),
        "i": package.tensor(generator.integers(0, 7, (3, 4))),
        "b": package.tensor(generator.random((3, 4)) > 0.5),
        "z": package.tensor(generator.random((2, 3)) + 1j * generator.random((2, 3))),
    }


def _plain(value: Any) -> Any:
    """Without what is peculiar to a package."""
    if isinstance(value, (torch.Tensor, wg.Tensor)):
        array = value.detach().resolve_conj().numpy()
        return ("tensor", str(array.dtype), array.shape, array)
    if isinstance(value, np.ndarray):
        return ("array", str(value.dtype), value.shape, value)
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, (torch.dtype, wg.dtype)):
        return str(value).rpartition(".")[2]
    if isinstance(value, str):
        return value.replace("torch.", "").replace("wengert.", "")
    return value


def _compare(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            _compare(a, b)
    elif isinstance(theirs, tuple):
        assert ours[:3] == theirs[:3]
        tolerance = 2e-3 if "16" in theirs[1] else 1e-5 if "32" in theirs[1] else 1e-10
        np.testing.assert_allclose(ours[3], theirs[3], rtol=tolerance, atol=tolerance)
    elif isinstance(theirs, float):
        assert type(ours) is type(theirs)
        assert ours == pytest.approx(theirs, rel=1e-6, nan_ok=True)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_expressions(line: str) -> None:
    ours, theirs = _names(wg), _names(torch)
    code = compile(f"({line},)", "<idiom>", "eval")
    for a, b in zip(eval(code, ours), eval(code, theirs), strict=True):
        _compare(_plain(a), _plain(b))
