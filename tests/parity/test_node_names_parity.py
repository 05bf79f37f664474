"""`grad_fn.name()` is what PyTorch says, for each operator; where not, the lists say why."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

# PyTorch puts its C++ namespace in front of some names; wengert does not.
SAME = [
    "x.zero_()",
    "x.fill_(1.0)",
    "x.fill_(torch.ones((),dtype=torch.float64,requires_grad=True))",
    "x.copy_(y)",
    "x.mul_(2)",
    "x.mul_(y)",
    "x.add_(1)",
    "assigned(x, 1.0)",
    "assigned(x, y[0])",
    "x.uniform_()",
    "x.normal_()",
    "x.exponential_()",
    "x.pow_(2)",
    "torch.relu_(x)",
    "x.masked_fill_(x>0,1.)",
    "x.index_put_((i,),y[:1])",
    "x.index_fill_(0,i,1.)",
    "x.tril_()",
    "x.sub_(y)",
    "x.div_(y)",
    "x.neg_()",
    "x.sin_()",
    "x@y",
    "x@v",
    "v@v",
    "x+y",
    "1+x",
    "x-1",
    "x*2",
    "x/2",
    "x%2",
    "x**2",
    "x**y",
    "-x",
    "abs(x)",
    "x[0]",
    "x[:1]",
    "x[[0]]",
    "x[x>0]",
    "x[None]",
    "x[...]",
    "x[::2]",
    "x.T",
    "x.mT",
    "x.H",
    "x.view(-1)",
    "x.reshape(-1)",
    "x.flatten()",
    "x.permute(1,0)",
    "x.expand(3,2,2)",
    "x.unsqueeze(0)",
    "x.squeeze()",
    "x.squeeze(0)",
    "x.narrow(0,0,1)",
    "x.select(0,0)",
    "x.chunk(2)",
    "x.split(1)",
    "x.unbind()",
    "x.diagonal()",
    "x.unfold(0,1,1)",
    "torch.cat([x,y])",
    "torch.stack([x,y])",
    "torch.where(x>0,x,y)",
    "x.max(0)",
    "x.amax(0)",
    "x.amin()",
    "x.sum()",
    "x.sum(0)",
    "x.mean()",
    "x.mean(0)",
    "x.var()",
    "x.prod()",
    "x.prod(0)",
    "x.norm()",
    "x.norm(1,0)",
    "torch.linalg.norm(x)",
    "torch.linalg.vector_norm(x)",
    "x.cumsum(0)",
    "x.cumprod(0)",
    "x.logsumexp(0)",
    "x.softmax(0)",
    "x.log_softmax(0)",
    "x.sort(0)",
    "v.topk(1)",
    "x.median()",
    "x.kthvalue(1)",
    "x.clone()",
    "x.t().contiguous()",
    "x.float()",
    "x.to(torch.float32)",
    "x.half()",
    "x.type_as(x.float())",
    "x.view_as(x)",
    "x.gather(0,torch.zeros(1,2,dtype=torch.int64))",
    "x.scatter(0,torch.zeros(1,2,dtype=torch.int64),y)",
    "x.scatter_add(0,torch.zeros(1,2,dtype=torch.int64),y)",
    "x.index_select(0,i)",
    "x.index_add(0,i,y[:1])",
    "x.index_copy(0,i,y[:1])",
    "x.index_fill(0,i,1.)",
    "x.masked_fill(x>0,1.)",
    "x.masked_select(x>0)",
    "x.masked_scatter(x>0,y)",
    "x.flip(0)",
    "x.roll(1,0)",
    "x.tril()",
    "x.triu()",
    "torch.outer(v,v)",
    "torch.addmm(x,x,y)",
    "torch.baddbmm(b,b,b)",
    "torch.lerp(x,y,0.5)",
    "torch.addcmul(x,y,y)",
    "torch.addcdiv(x,y,y)",
    "torch.maximum(x,y)",
    "torch.minimum(x,y)",
    "torch.fmax(x,y)",
    "torch.atan2(x,y)",
    "torch.hypot(x,y)",
    "torch.xlogy(x,y)",
    "F.relu(x)",
    "F.gelu(x)",
    "F.silu(x)",
    "F.elu(x)",
    "F.leaky_relu(x)",
    "F.prelu(x,v)",
    "F.hardtanh(x)",
    "F.relu6(x)",
    "F.softplus(x)",
    "F.softsign(x)",
    "F.tanhshrink(x)",
    "F.hardswish(x)",
    "F.hardsigmoid(x)",
    "F.mish(x)",
    "F.logsigmoid(x)",
    "F.celu(x)",
    "F.threshold(x,0.,1.)",
    "F.l1_loss(x,y)",
    "F.nll_loss(x,torch.tensor([0,1]))",
    "F.kl_div(x,y.detach())",
    "F.layer_norm(x,(2,))",
    "F.batch_norm(x,None,None,training=True)",
    "F.instance_norm(b)",
    "F.normalize(x)",
    "F.cosine_similarity(x,y)",
    "F.embedding(i,x)",
    "F.conv1d(b,b)",
    "F.conv2d(c,c)",
    "F.conv_transpose2d(c,c)",
    "F.pad(x,(1,1))",
    "torch.linalg.det(x)",
    "torch.inverse(x)",
    "torch.linalg.solve(x,y)",
    "torch.linalg.cholesky(x@x.T+torch.eye(2,dtype=torch.float64))",
    "torch.linalg.svd(x)",
    "torch.linalg.qr(x)",
    "torch.linalg.eigh(x)",
    "torch.matrix_exp(x)",
    "torch.matrix_power(x,2)",
    "torch.linalg.pinv(x)",
    "torch.view_as_real(z)",
    "torch.view_as_complex(x)",
    "z.abs()",
    "z.angle()",
    "torch.complex(x,y)",
    "torch.polar(x,y)",
    "torch.meshgrid(v,v,indexing='ij')",
    "torch.broadcast_to(v,(2,2))",
    "x.movedim(0,1)",
    "x.swapaxes(0,1)",
    "x.unflatten(0,(1,2))",
    "x.ravel()",
    "x.rsqrt()",
    "x.sqrt()",
    "x.reciprocal()",
    "x.exp()",
    "x.log()",
    "x.sigmoid()",
    "x.tanh()",
    "x.erf()",
    "x.sign()",
    "x.round()",
    "x.floor()",
    "x.frac()",
    "x.nan_to_num()",
    "x.sigmoid().logit()",
    "x.abs().lgamma()",
    "x.digamma()",
    "torch.i0(x)",
    "torch.sinc(x)",
    "torch.logaddexp(x,y)",
    "x.sigmoid().bernoulli()",
    "x.as_strided((2,),(1,))",
    "x.repeat_interleave(2)",
    "x.take(i)",
    "x.put(i,y[0,:1])",
    "x.take_along_dim(torch.zeros(1,2,dtype=torch.int64),0)",
    "x.diff()",
    "x.cummax(0)",
    "x.logcumsumexp(0)",
    "x.nansum()",
    "x.nanmean()",
    "torch.hstack([x,y])",
    "torch.dstack([x,y])",
    "torch.tensordot(x,y,1)",
    "torch.inner(x,y)",
    "F.triplet_margin_loss(x,y,y+1)",
    "F.cosine_embedding_loss(x,y,torch.ones(2))",
    "F.margin_ranking_loss(x,y,torch.ones(2,2))",
    "F.hinge_embedding_loss(x,torch.ones(2,2))",
    "F.poisson_nll_loss(x,y)",
    "F.gaussian_nll_loss(x,y,x.abs()+1)",
    "F.dropout2d(c)",
    "F.alpha_dropout(x)",
    "F.gumbel_softmax(x)",
    "F.softmin(x,0)",
    "F.hardshrink(x)",
    "F.softshrink(x)",
    "F.lp_pool2d(c,2,2)",
    "F.local_response_norm(c,2)",
    "c.squeeze(0)",
    "x.index_put((i,),y[:1])",
    "torch.ldexp(x,y)",
    "torch.copysign(x,y)",
    "x.fmod(2)",
    "x.remainder(y)",
    "x.trunc()",
    "slope(lambda x: x**2)",
    "slope(lambda x: x**3)",
    "slope(lambda x: x**x)",
    "slope(lambda x: x*x)",
    "slope(lambda x:x.exp().sum())",
    "slope(lambda x:x.sin().sum())",
    "slope(lambda x: x@x)",
    "slope(lambda x:(x*2).sum(0).prod())",
    "slope(lambda x: x.abs().log())",
    "slope(lambda x: x.abs().sqrt())",
    "slope(lambda x: 1/x)",
    "slope(lambda x: x.softmax(0)*x)",
    "slope(lambda x:x.norm())",
    "slope(lambda x: F.relu(x)*x)",
]

# The number at the end counts PyTorch's overloads, of which wengert has fewer.
OVERLOADS = [
    "x.bernoulli_(0.5)",
    "x.t_()",
    "x.unsqueeze_(0)",
    "x.squeeze_()",
    "x.transpose_(0,1)",
    "2**x",
    "x.squeeze((0,1))",
    "x.median(0)",
    "x.scatter(0,torch.zeros(1,2,dtype=torch.int64),1.)",
    "torch.lerp(x,y,y)",
]

# One operator here is several there, or of another name, or the other way round.
OTHER_OPERATORS = [
    "b@b",
    "1-x",
    "1/x",
    "x//2",
    "x.max()",
    "x.min()",
    "F.linear(x,y,v)",
    "F.linear(x,y)",
    "F.linear(b,y,v)",
    "F.selu(x)",
    "F.dropout(x)",
    "F.cross_entropy(x,torch.tensor([0,1]))",
    "F.rms_norm(x,(2,))",
    "F.max_pool2d(c,2)",
    "F.avg_pool2d(c,2)",
    "F.adaptive_avg_pool2d(c,1)",
    "F.adaptive_max_pool2d(c,1)",
    "z.real",
    "z.imag",
    "z.conj().resolve_conj()",
    "x.square()",
]

# Made of other operators here: the last of them shows.
COMPOSITES = [
    "x.clamp_(0,1)",
    "x.t()",
    "x.repeat(2,1)",
    "x.tensor_split(2)",
    "torch.diag(v)",
    "x.std(0)",
    "x.clamp(0,1)",
    "x.clamp(min=0)",
    "x.clip(0,1)",
    "x.clamp(y,y)",
    "x.rot90()",
    "x.trace()",
    "torch.einsum('ij,jk->ik',x,y)",
    "torch.addmv(v,x,v)",
    "torch.addr(x,v,v)",
    "torch.cdist(x,y)",
    "torch.dist(x,y)",
    "F.glu(x)",
    "F.mse_loss(x,y)",
    "F.smooth_l1_loss(x,y)",
    "F.huber_loss(x,y)",
    "F.binary_cross_entropy(x.sigmoid(),y.detach().sigmoid())",
    "F.binary_cross_entropy_with_logits(x,y.detach().sigmoid())",
    "F.group_norm(x,1)",
    "F.interpolate(c,scale_factor=2)",
    "F.interpolate(c,scale_factor=2,mode='bilinear')",
    "F.pad(c,(1,1,1,1),mode='reflect')",
    "F.scaled_dot_product_attention(c,c,c)",
    "F.unfold(c,1)",
    "F.fold(b,(1,2),1)",
    "F.pixel_shuffle(c.repeat(1,4,1,1),2)",
    "F.grid_sample(c,c.reshape(1,1,2,2).repeat(1,2,1,1)[...,:2])",
    "torch.linalg.slogdet(x)",
    "torch.kron(x,y)",
    "torch.linalg.solve(x,v)",
    "torch.fft.fft(x)",
    "torch.broadcast_tensors(x,v)",
    "torch.linalg.cross(t3,t3)",
    "x.renorm(2,0,1.)",
    "torch.vander(v)",
    "x.tile(2)",
    "torch.block_diag(x,y)",
    "torch.vdot(v,v)",
    "F.bilinear(x,y,b)",
    "F.embedding_bag(i[None],x)",
    "F.soft_margin_loss(x,torch.ones(2,2))",
    "F.multi_margin_loss(x,torch.tensor([0,1]))",
    "F.rrelu(x,training=True)",
    "F.pdist(x)",
    "torch.select_scatter(x,y[0],0,0)",
    "torch.slice_scatter(x,y,0)",
    "torch.diagonal_scatter(x,v)",
    "torch.diag_embed(v)",
    "slope(lambda x:x.tanh().sum())",
    "slope(lambda x:x.sigmoid().sum())",
]


def assigned(target: Any, value: Any) -> Any:
    target[0] = value
    return target


def slope(module: Any) -> Any:
    """The first derivative, recorded."""

    def of(function: Any) -> Any:
        x = module.tensor([[0.3, 0.4], [0.5, 0.6]], dtype=module.float64, requires_grad=True)
        return module.autograd.grad(function(x).sum(), x, create_graph=True)[0]

    return of


def names_of(expression: str, module: Any) -> list[str | None]:
    module.manual_seed(0)
    double = {"dtype": module.float64}

    def leaf(values: Any, **dtype: Any) -> Any:
        return module.tensor(values, **(dtype or double), requires_grad=True) * 1

    def ones(*shape: int, **dtype: Any) -> Any:
        return module.ones(*shape, **(dtype or double), requires_grad=True) * 1

    values = {
        "torch": module, "F": module.nn.functional, "x": leaf([[0.3, 0.4], [0.5, 0.9]]),
        "y": leaf([[0.2, 0.1], [0.5, 0.6]]), "v": leaf([0.1, 0.2]), "i": module.tensor([0]),
        "b": ones(2, 2, 2), "c": ones(1, 1, 2, 2), "z": ones(2, 2, dtype=module.complex128),
        "t3": ones(2, 3), "assigned": assigned, "slope": slope(module),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = eval(expression, values)
    results = result if isinstance(result, tuple | list) else [result]
    nodes = [y.grad_fn for y in results if isinstance(y, module.Tensor)]
    return [None if node is None else node.name().rpartition("::")[2] for node in nodes]


@pytest.mark.parametrize("expression", SAME)
def test_same(expression: str) -> None:
    assert names_of(expression, wengert) == names_of(expression, torch)


@pytest.mark.parametrize("expression", OVERLOADS)
def test_same_but_for_the_number(expression: str) -> None:
    ours, theirs = names_of(expression, wengert), names_of(expression, torch)
    assert ours != theirs
    bare = [[name and name.rstrip("0123456789") for name in names] for names in (ours, theirs)]
    short = [name and name.replace("TBackward", "TransposeBackward") for name in bare[1]]
    assert bare[0] == short


@pytest.mark.parametrize("expression", [*OTHER_OPERATORS, *COMPOSITES])
def test_another_name_on_purpose(expression: str) -> None:
    # One that has become the same belongs to the first list.
    ours = names_of(expression, wengert)
    assert ours != names_of(expression, torch)
    assert all(name is None or "Backward" in name or name == "CopySlices" for name in ours)
