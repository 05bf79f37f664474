"""Strides, offsets, views and copies against PyTorch's, expression by expression."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import wengert  # noqa: E402

# Names: m the module, x a row-major tensor, c and d3 images with their channels last.
EXPRESSIONS = r"""
x.permute(2,0,1)
x.permute(2,0,1).contiguous()
x.permute(2,0,1).clone()
x.permute(2,0,1).clone(memory_format=m.contiguous_format)
x.permute(2,0,1).clone(memory_format=m.preserve_format)
x[:,::2].clone()
x.expand(2,2,3,4).clone()
x[:,:1].expand(2,3,4).clone()
m.empty_like(x.permute(2,0,1))
m.empty_like(x[:,::2])
m.empty_like(x,memory_format=m.contiguous_format)
m.empty_like(c)
m.empty_like(c,memory_format=m.contiguous_format)
m.empty_like(c,memory_format=m.preserve_format)
m.empty_like(c.contiguous(),memory_format=m.channels_last)
m.empty_like(x,memory_format=m.channels_last)
m.zeros_like(c)
m.zeros_like(c,memory_format=m.contiguous_format)
m.ones_like(c,memory_format=m.channels_last)
m.full_like(c,3,memory_format=m.contiguous_format)
m.rand_like(c,memory_format=m.contiguous_format).shape
m.empty(2,3,4,5,memory_format=m.channels_last)
m.empty(2,3,4,memory_format=m.channels_last)
m.empty((2,3),memory_format=m.contiguous_format)
m.empty(2,3,4,5,6,memory_format=m.channels_last_3d)
c.to(m.float64)
c.double()
c.half()
c.to(m.float64,memory_format=m.contiguous_format)
c.to(memory_format=m.contiguous_format)
c.to(memory_format=m.channels_last) is c
c.contiguous()
c.contiguous() is c
c.contiguous(memory_format=m.channels_last) is c
x.contiguous(memory_format=m.channels_last)
c.is_contiguous(memory_format=m.channels_last)
c.is_contiguous()
c.relu()
c+1
c+c.contiguous()
c.contiguous()+c
c*m.ones(3,1,1)
c*m.ones(5)
-c
c.sum()
c.sum(1)
c.sum(1,keepdim=True)
c.mean((2,3))
c.mean((2,3),keepdim=True)
m.where(c>0,c,0.)
c.clamp(0,5)
c.cumsum(1)
c.flip(1)
c.pow(2)
c>3
c.bool()
c.int()
c.transpose(1,2)
c[:1]
c[:,1:]
c[0]
c.flatten(1)
c.reshape(2,-1)
c.view(2,60)
c.unsqueeze(0).squeeze(0)
c[:1].is_contiguous(memory_format=m.channels_last)
d3.is_contiguous(memory_format=m.channels_last_3d)
d3+1
d3.sum(1)
m.zeros(1,1,4,5).is_contiguous(memory_format=m.channels_last)
m.zeros(1,1,4,5).contiguous(memory_format=m.channels_last)
m.zeros(0,3,4,5).contiguous(memory_format=m.channels_last)
m.zeros(2,3,1,1).contiguous(memory_format=m.channels_last)
x.view(6,4)
x.view(-1)
x.view(-1,0)
x.view(5,-1)
x.view(-1,-1)
x.view(-2,12)
x.view(m.int32).dtype
x.view(m.float64)
x.view(m.int16)
x.view_as(m.zeros(4,6))
x.permute(2,0,1).view(24)
x.permute(2,0,1).view(4,2,3)
x.permute(2,0,1).view(2,2,2,3)
x.reshape(4,-1)
x.reshape(0,-1)
m.zeros(0,3).view(0)
m.zeros(0,3).view(3,0)
m.zeros(0,3).view(-1,3)
m.zeros(0,3).view(0,-1)
m.zeros(0,3).reshape(-1)
x.squeeze()
x.squeeze(0)
m.zeros(1,2,1).squeeze()
m.zeros(1,2,1).squeeze((0,2))
x.unsqueeze(-1)
x.unsqueeze(3)
x.unsqueeze(4)
x.unsqueeze(-5)
x.unsqueeze(1)
m.zeros(1,3)[:,:].expand(4,3)
m.zeros(1,3).expand(4,-1)
m.zeros(3).expand(2,-1)
m.zeros(3).expand(-1,3)
m.zeros(3).expand(0,3)
m.zeros(3).expand((4,3))
m.zeros(1).expand(0)
x.expand_as(m.zeros(5,2,3,4))
x.as_strided((2,2),(1,2))
x.as_strided((2,2),(1,2),5)
x[1].as_strided((2,2),(1,2))
x[1].as_strided((2,2),(1,2),0)
x.as_strided((30,),(1,))
x.as_strided((2,),(1,2))
x.as_strided((),())
x.as_strided((0,),(1,),100)
x.as_strided((-1,),(1,))
x.as_strided((2,),(-1,))
x.as_strided((2,),(1,),-1)
m.as_strided(x,(2,2),(0,0))
x.diagonal(0,1,2)
x.diagonal(5)
x.unfold(2,2,1)
x.unfold(2,2,3)
x.unfold(2,0,1)
x.unfold(2,2,0)
x.narrow(0,1,1)
x.narrow(0,1,0)
x.narrow(0,2,0)
x.narrow(0,-1,1)
x.narrow(2,m.tensor(1),2)
x.select(1,-1)
x.select(1,3)
x.movedim(0,-1)
x.swapaxes(0,1)
x.T
x.mT
x.H
x[0].H
x[0].T
x.adjoint()
m.tensor(3.).T
x.split(2,2)
x.split([1,3],2)
x.split(5,2)
x.split(0,2)
x.chunk(3,2)
x.chunk(5,2)
x.chunk(0)
x.tensor_split(3,2)
x.tensor_split((1,2),2)
x.unbind(0)
x.hsplit(3)
x.flatten()
x.flatten(1)
x.flatten(0,1)
x.flatten(1,0)
m.tensor(3.).flatten()
x.unflatten(2,(2,2))
x.unflatten(2,(2,-1))
x.unflatten(2,(3,-1))
x.ravel()
x.permute(2,1,0).ravel()
x.permute(0,1)
x.permute(0,1,1)
x.permute(0,1,3)
x.permute((0,-1,1))
x.data_ptr()==x.view(-1).data_ptr()
x[1].data_ptr()-x.data_ptr()
x.storage_offset()
x[1,1].storage_offset()
x.stride(1)
x.stride(-1)
x.stride(5)
x.stride(dim=0)
x.size(1)
x.size(5)
x.size(dim=-1)
x.is_set_to(x)
x.is_set_to(x.view(24).view(2,3,4))
x.is_set_to(x[:1])
x.is_set_to(x.clone())
x.untyped_storage().data_ptr()==x[1].untyped_storage().data_ptr()
x.untyped_storage().nbytes()
x.untyped_storage().size()
x[1].untyped_storage().nbytes()
x.element_size()
x.nbytes
x.itemsize
x.numel()
x.nelement()
x.dim()
x.ndim
x.ndimension()
x[0]._base is x
x._base
x[0][0]._base is x
x.detach()._base
x.detach().data_ptr()==x.data_ptr()
x.data.data_ptr()==x.data_ptr()
x.data is x
y=x.clone().requires_grad_();y.data.requires_grad
y=x.clone().requires_grad_();y.detach().add_(1);y._version
y=x.clone();y.data=m.zeros(2);y
y=x.clone();y.data=m.zeros(2,dtype=m.int64);y
y=x.clone();y.data=m.zeros(2,dtype=m.float64);y
y=x.clone().requires_grad_();y.data=m.zeros(2);(y,y.requires_grad)[0]
y=x.clone().requires_grad_();y.data=m.zeros(2,dtype=m.float64);y.dtype
y=x.clone();y.data=3;y
y=x.clone();z=y[0];y.data=m.zeros(2);z
x.type()
x.long().type()
x.type(m.float64)
x.type(m.float32) is x
x.to(m.float32) is x
x.to(m.float32,copy=True) is x
x.to("cpu") is x
x.to(m.device("cpu")) is x
x.to("cpu",m.float64).dtype
x.to(m.zeros(1,dtype=m.int64)).dtype
x.to(m.zeros(1)) is x
x.to(dtype=m.int32).dtype
x.to(device="cpu",dtype=m.int32).dtype
x.to("cpu",copy=True) is x
x.to(non_blocking=True) is x
x.to("float64")
x.to(3)
x.to(None)
x.to() is x
x.cpu() is x
x.float() is x
x.double().dtype
x.type_as(m.zeros(1,dtype=m.int64)).dtype
x.bfloat16().dtype
x.cfloat().dtype
x.byte().dtype
x.char().dtype
m.tensor([1.5,-1.5,300.]).byte()
m.tensor([1.5,-1.5,nan]).bool()
m.tensor([1+2j]).real
m.tensor([1+2j]).float()
m.tensor([1.,2.]).real
m.tensor([1.,2.]).imag
m.tensor([1+2j]).imag
m.tensor([1+2j]).resolve_conj()
m.tensor([1+2j]).mH
copy.copy(x) is x
copy.copy(x).data_ptr()==x.data_ptr()
copy.deepcopy(x).data_ptr()==x.data_ptr()
copy.deepcopy(x.permute(2,0,1))
copy.deepcopy(x[1])
a=copy.deepcopy([x,x[1]]);a[0].data_ptr()+48==a[1].data_ptr()
copy.deepcopy(x.clone().requires_grad_()).requires_grad
copy.deepcopy(x.clone().requires_grad_()*2)
y=x.clone().requires_grad_();y.sum().backward();copy.deepcopy(y).grad.sum().item()
y=x.clone().requires_grad_();z=copy.deepcopy(y);z.is_leaf
x.resize_(2,2)
x.clone().resize_(5,5).shape
x.clone().resize_as_(m.zeros(2,2))
x.set_(m.zeros(3))
x.swapaxes_(0,1)
x.untyped_storage()[0]
m.broadcast_to(m.zeros(3),(2,3))
m.broadcast_tensors(m.zeros(3),m.zeros(2,1))
m.broadcast_shapes((3,),(2,1))
m.broadcast_shapes((3,),(2,))
m.is_tensor(x)
m.is_storage(x.untyped_storage())
x.is_nonzero()
m.tensor(3.).is_nonzero()
bool(x)
bool(m.zeros(0))
bool(m.tensor([1]))
float(m.tensor([1]))
int(m.tensor(2.7))
int(m.tensor(nan))
complex(m.tensor(2.7))
m.tensor([1,2]).item()
m.tensor(1).__index__()
m.tensor(1.).__index__()
m.tensor(True).__index__()
m.tensor([[1]]).__index__()
[1,2,3][m.tensor(1)]
range(m.tensor(3))
x.__len__()
len(m.zeros(0,3))
reversed(m.arange(3))
m.arange(3).__reversed__()
m.arange(3).__contains__(2)
format(m.tensor(3.14159),".2f")
f"{m.tensor(3):d}"
f"{m.arange(2)}"
format(m.arange(2.),".2f")
m.zeros(3).numpy(force=True).tolist()
""".strip().splitlines()


def seen(m: Any, value: Any, filled: bool) -> Any:
    if isinstance(value, m.Tensor):
        steps = [s for s, size in zip(value.stride(), value.shape, strict=True) if size > 1]
        return (
            tuple(value.shape), str(value.dtype).rpartition(".")[2], steps if value.numel() else 0,
            value.storage_offset(), value.is_contiguous(), value.tolist() if filled else None,
        )  # fmt: skip
    if isinstance(value, tuple | list):
        return [seen(m, each, filled) for each in value]
    return str(value).replace("wengert.", "torch.")


def outcome(m: Any, expression: str) -> Any:
    flat = m.arange(120.0).reshape(2, 3, 4, 5)
    volume = m.arange(240.0).reshape(2, 2, 3, 4, 5)
    scope = {
        "m": m, "np": np, "copy": copy, "pickle": pickle, "nan": float("nan"),
        "inf": float("inf"), "x": m.arange(24.0).reshape(2, 3, 4),
        "c": flat.contiguous(memory_format=m.channels_last),
        "d3": volume.contiguous(memory_format=m.channels_last_3d),
    }  # fmt: skip
    *statements, last = expression.split(";")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(";".join(statements), scope)
            return seen(m, eval(last, scope), "empty" not in expression)
        except Exception as error:
            return type(error).__name__


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str) -> None:
    assert outcome(wengert, expression) == outcome(torch, expression)


def test_expressions_are_meant_to_work() -> None:
    """Most of them do, in PyTorch: a slip in the list would compare errors with errors."""
    refused = [e for e in EXPRESSIONS if isinstance(outcome(torch, e), str)]
    failed = [e for e in refused if outcome(torch, e) in ("NameError", "SyntaxError")]
    assert not failed


# --- nothing, and single numbers, through many functions ---

WORDS = """
abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1
floor frac isfinite isinf isnan isneginf isposinf isreal lgamma log log10 log1p log2 logical_not
logit neg positive rad2deg reciprocal relu round rsqrt sigmoid sign sgn signbit sin sinc sinh sqrt
square tan tanh trunc sum mean prod std var max min amax amin argmax argmin all any median mode
nansum nanmean norm sort msort argsort unique nonzero argwhere rot90 diag diagonal tril triu trace t
flatten ravel squeeze clone numel histc diff aminmax std_mean var_mean count_nonzero fliplr flipud
atleast_1d atleast_2d det inverse view_as_real nan_to_num
"""
CALLS = """
m.logsumexp(x, 0)
m.cumsum(x, 0)
m.cumprod(x, 0)
m.cummax(x, 0)
m.cummin(x, 0)
m.logcumsumexp(x, 0)
m.softmax(x, 0)
m.log_softmax(x, 0)
m.flip(x, [0])
m.roll(x, 1)
x.unsqueeze(0)
x.unbind(0)
x.chunk(2)
x.split(1)
x.topk(1)
x.kthvalue(1)
m.quantile(x, 0.5)
m.bincount(x.long())
x.sum(0)
x.mean(0)
x.prod(0)
x.max(0)
x.min(0)
x.argmax(0)
x.all(0)
x.any(0)
x.amax(0)
x.var(0)
x.median(0)
x.norm(2, 0)
x.transpose(0, 1)
x.repeat((2,) * max(x.dim(), 1))
x.expand((3, *x.shape))
x.narrow(0, 0, 0)
x.select(0, 0)
x.index_select(0, m.tensor([], dtype=m.long))
x[x > 0]
x.gather(0, m.zeros(x.shape, dtype=m.long))
x.take(m.tensor([], dtype=m.long))
m.cat([x, x])
m.stack([x, x])
m.hstack([x, x])
m.vstack([x, x])
m.matmul(x, x)
m.mm(x, x.t())
m.dot(x, x)
m.outer(x, x)
x + x
m.where(x > 0, x, x)
x.clamp(0, 1)
x**2
m.cdist(x, x)
m.tensordot(x, x, 0)
m.einsum("...,...->...", x, x)
m.repeat_interleave(x, 2)
m.renorm(x, 2, 0, 1)
m.heaviside(x, x)
m.searchsorted(x, x)
m.bucketize(x, m.arange(3.0))
m.cov(x)
m.corrcoef(x)
F.one_hot(x.long(), 3)
F.embedding(x.long(), m.ones(2, 3))
F.layer_norm(x, x.shape[-1:])
F.mse_loss(x, x)
F.cross_entropy(x, m.zeros(x.shape[:1], dtype=m.long))
F.binary_cross_entropy(x * 0, x * 0)
F.max_pool1d(x[None], 1)
F.avg_pool1d(x[None], 1)
F.normalize(x, dim=-1)
F.pad(x, (1, 1))
F.dropout(x, 0.5, True) * 0
""".strip().splitlines()


@pytest.mark.parametrize("call", [*(f"m.{name}(x)" for name in WORDS.split()), *CALLS])
@pytest.mark.filterwarnings("ignore")
def test_few_elements(call: str) -> None:
    for shape in ((), (0,), (1,), (0, 3), (3, 0), (2, 0, 3), (1, 1)):
        found = []
        for m in (wengert, torch):
            scope = {"m": m, "F": m.nn.functional, "x": m.full(shape, 0.5)}
            try:
                found.append(rounded(eval(call, scope)))
            except Exception as error:
                found.append(type(error).__name__)
        assert found[0] == found[1], shape


def rounded(value: Any) -> Any:
    """Shapes, dtypes and four digits."""
    if isinstance(value, tuple | list):
        return [rounded(each) for each in value]
    if not hasattr(value, "shape"):
        return value
    numbers = value.double().reshape(-1).tolist()
    digits = [round(v, 4) + 0.0 if v == v else "nan" for v in numbers]
    return (tuple(value.shape), str(value.dtype).rpartition(".")[2], digits)
