"""Programs for test_func_parity.py, in the vocabulary that wengert and PyTorch share."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any


def programs(T: Any) -> dict[str, Callable[[], Any]]:
    func, fwAD, nn = T.func, T.autograd.forward_ad, T.nn
    vmap, grad, jacrev, jacfwd = func.vmap, func.grad, func.jacrev, func.jacfwd
    hessian, jvp, vjp, linearize = func.hessian, func.jvp, func.vjp, func.linearize
    functional_call, stack_module_state = func.functional_call, func.stack_module_state
    found: dict[str, Callable[[], Any]] = {}

    def case(f: Callable[[], Any]) -> Callable[[], Any]:
        found[f.__name__] = f
        return f

    def t(data):
        return T.tensor(data, dtype=T.float64)

    X = t([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])
    v = t([1.0, 2.0, 3.0])

    class Net(nn.Module):
        def __init__(s):
            super().__init__()
            s.l = nn.Linear(3, 2, dtype=T.float64)
            s.bn = nn.BatchNorm1d(2, dtype=T.float64)

        def forward(s, x):
            return T.tanh(s.bn(s.l(x)))

    def net():
        n = Net()
        with T.no_grad():
            for i, p in enumerate(n.parameters()):
                p.copy_((T.arange(p.numel(), dtype=T.float64).reshape(p.shape) + i).sin())
        return n

    def state(n):
        return {k: p.detach().clone() for k, p in n.named_parameters()}, {
            k: b.clone() for k, b in n.named_buffers()
        }

    found["vmap_jacrev"] = lambda: vmap(jacrev(lambda x: x.sin() * x.sum()))(X)
    found["vmap_jacfwd"] = lambda: vmap(jacfwd(lambda x: x.sin() * x.sum()))(X)
    found["jacrev_vmap"] = lambda: jacrev(vmap(lambda x: x.prod()))(X)

    @case
    def hess_module():
        n = net().eval()
        p, b = state(n)
        return hessian(lambda p: functional_call(n, (p, b), (X,)).sum())(p)

    @case
    def hess_module_train():
        n = net().train()
        p, b = state(n)
        r = hessian(lambda p: functional_call(n, (p, b), (X,)).pow(2).sum())(p)
        return r["l.weight"]["l.bias"], b

    @case
    def grad_module_train_buffers():
        n = net().train()
        p, b = state(n)
        g = grad(lambda p, b, x: functional_call(n, (p, b), (x,)).pow(2).sum())(p, b, X)
        return g, b

    @case
    def vmap_bn_train():
        n = net().train()
        p, b = state(n)
        return vmap(lambda x: functional_call(n, (p, b), (x,)))(T.stack([X, X + 1]))

    @case
    def vmap_bn_train_batched_buffers():
        n = net().train()
        p, b = state(n)
        b2 = {k: T.stack([x, x]) for k, x in b.items()}
        return vmap(lambda b, x: functional_call(n, (p, b), (x,)), in_dims=(0, 0))(
            b2, T.stack([X, X + 1])
        ), b2

    @case
    def jvp_inplace():
        def f(x):
            y = x.clone()
            y.mul_(2)
            y[0] = y[1] * 3
            y[1:].exp_()
            y.add_(x)
            return y

        return jvp(f, (v,), (t([1.0, 0.5, 2.0]),))

    @case
    def jvp_inplace_input():
        def f(x):
            x.mul_(2)
            return x

        return jvp(f, (v.clone(),), (T.ones_like(v),))

    @case
    def jvp_view():
        def f(x):
            y = x.clone()
            z = y.view(3, 1)
            z.mul_(x.view(3, 1))
            return y

        return jvp(f, (v,), (T.ones_like(v),))

    @case
    def grad_inplace_input():
        def f(x):
            x.mul_(2)
            return x.sum()

        return grad(f)(v.clone())

    @case
    def linearize_():
        o, f = linearize(lambda x, y: {"a": x * y, "b": x.sin()}, v, v + 1)
        return o, f(T.ones_like(v), v)

    @case
    def linearize_bad():
        _, f = linearize(T.sin, v)
        return f(t([1.0]))

    @case
    def vmap_inplace_unbatched():
        z = T.zeros(3, dtype=T.float64)
        vmap(lambda x: z.add_(x))(X)
        return z

    @case
    def vmap_inplace_unbatched_captured_ok():
        z = T.zeros(3, dtype=T.float64)
        r = vmap(lambda x: z.add_(1) + x)(X)
        return r, z

    @case
    def vmap_inplace_copy():
        z = T.zeros(3, dtype=T.float64)
        return vmap(lambda x: z.copy_(x))(X)

    @case
    def vmap_setitem_unb():
        def f(x):
            z = T.zeros(3, dtype=T.float64)
            z[0] = x[0]
            return z

        return vmap(f)(X)

    @case
    def vmap_setitem_newzeros():
        def f(x):
            z = x.new_zeros(3)
            z[0] = x[0]
            return z

        return vmap(f)(X)

    @case
    def vmap_index_put_unb():
        def f(x):
            z = T.zeros(3, dtype=T.float64)
            z.index_put_((T.tensor([0]),), x[:1])
            return z

        return vmap(f)(X)

    @case
    def vmap_scatter_unb():
        def f(x):
            z = T.zeros(3, dtype=T.float64)
            z.scatter_(0, T.tensor([0]), x[:1])
            return z

        return vmap(f)(X)

    found["out_dims_tree"] = lambda: vmap(
        lambda x: (x, {"a": x.sum(), "b": [x, x * 2]}), out_dims=(1, {"a": 0, "b": [0, 1]})
    )(X)
    found["out_dims_none"] = lambda: vmap(lambda x: (x, T.ones(2)), out_dims=(0, None))(X)
    found["out_dims_none_batched"] = lambda: vmap(lambda x: x, out_dims=None)(X)
    found["out_dims_bad"] = lambda: vmap(lambda x: (x, x), out_dims=(0, 0, 0))(X)
    found["out_dims_dict_for_tensor"] = lambda: vmap(lambda x: x, out_dims={"a": 0})(X)
    found["out_dims_range"] = lambda: vmap(lambda x: x, out_dims=5)(X)
    found["out_dims_str"] = lambda: vmap(lambda x: x, out_dims="a")(X)
    found["out_none"] = lambda: vmap(lambda x: None)(X)
    found["out_list"] = lambda: vmap(lambda x: [x, x])(X)
    found["out_unb"] = lambda: vmap(lambda x: T.ones(2))(X)
    found["chunk"] = lambda: (
        vmap(lambda x: x.sum(), chunk_size=1)(X),
        vmap(lambda x, y: (x + y).sum(), in_dims=(1, None), chunk_size=2)(X, t([1.0, 2.0])),
    )
    found["chunk_kwargs"] = lambda: vmap(lambda x, y=None: x + y, chunk_size=1)(X, y=X)
    found["chunk_bad"] = lambda: vmap(lambda x: x, chunk_size=-1)(X)
    found["in_dims_neg"] = lambda: (
        vmap(lambda x: x.sum(), in_dims=-1)(X),
        vmap(lambda x, y: x + y, in_dims=(-2, -1))(X, X.t()),
    )
    found["in_dims_dict"] = lambda: vmap(lambda d: d["x"] + d["y"], in_dims=({"x": 0, "y": None},))(
        {"x": X, "y": v}
    )
    found["in_dims_none"] = lambda: vmap(lambda x: x, in_dims=None)(X)
    found["in_dims_list"] = lambda: vmap(lambda x, y: x + y, in_dims=[0, 0])(X, X)
    found["in_dims_len"] = lambda: vmap(lambda x, y: x + y, in_dims=(0,))(X, X)
    found["in_dims_float"] = lambda: vmap(lambda x: x, in_dims=0.5)(X)
    found["in_dims_inner_float"] = lambda: vmap(lambda x: x, in_dims=(0.5,))(X)
    found["in_dims_0d"] = lambda: vmap(lambda x: x)(t(1.0))
    found["size_mismatch"] = lambda: vmap(lambda x, y: x)(X, v)
    found["kwargs_mismatch"] = lambda: vmap(lambda x, y=None: x)(X, y=v)

    @case
    def stack_state():
        ms = [net(), net()]
        p, b = stack_module_state(ms)
        return p, b, all(x.requires_grad for x in p.values())

    found["stack_state_empty"] = lambda: stack_module_state([])
    found["stack_state_mixed"] = lambda: stack_module_state(
        [nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1))]
    )
    found["stack_state_train"] = lambda: stack_module_state(
        [nn.Linear(1, 1), nn.Linear(1, 1).eval()]
    )

    @case
    def ensemble():
        ms = [net().eval(), net().eval()]
        p, b = stack_module_state(ms)
        return vmap(lambda p, b, x: functional_call(ms[0], (p, b), (x,)), in_dims=(0, 0, None))(
            p, b, X
        )

    @case
    def debug_unwrap():
        r = []
        vmap(lambda x: (r.append(func.debug_unwrap(x)), x)[1])(X)
        return r[0]

    @case
    def debug_unwrap_rec():
        r = []
        vmap(vmap(lambda x: (r.append(func.debug_unwrap(x)), x)[1]))(X)
        return r[0]

    @case
    def debug_unwrap_grad():
        r = []
        grad(lambda x: (r.append(func.debug_unwrap(x)), x.sum())[1])(v)
        return r[0]

    found["debug_unwrap_plain"] = lambda: func.debug_unwrap(X)
    found["aux_grad"] = lambda: grad(
        lambda x: ((x**2).sum(), {"a": x, "b": [x.sin()]}), has_aux=True
    )(v)
    found["aux_gv"] = lambda: func.grad_and_value(lambda x: ((x**2).sum(), x.sin()), has_aux=True)(
        v
    )

    @case
    def aux_vjp():
        o, f, a = vjp(lambda x: (x.sin(), x.cos()), v, has_aux=True)
        return o, f(v), a

    found["aux_jvp"] = lambda: jvp(lambda x: (x.sin(), x.cos()), (v,), (v,), has_aux=True)
    found["aux_jacrev"] = lambda: jacrev(lambda x: (x.sin(), x.cos()), has_aux=True)(v)
    found["aux_jacfwd"] = lambda: jacfwd(lambda x: (x.sin(), x.cos()), has_aux=True)(v)
    found["aux_nontensor"] = lambda: grad(lambda x: (x.sum(), "hi"), has_aux=True)(v)
    found["aux_bad"] = lambda: grad(lambda x: x.sum(), has_aux=True)(v)
    found["aux_bad3"] = lambda: jvp(lambda x: (x, x, x), (v,), (v,), has_aux=True)
    found["item"] = lambda: vmap(lambda x: x.sum().item())(X)
    found["float_"] = lambda: vmap(lambda x: float(x.sum()))(X)
    found["int_"] = lambda: vmap(lambda x: int(x.sum()))(X)
    found["bool_"] = lambda: vmap(lambda x: x if x.sum() > 0 else -x)(X)
    found["tolist"] = lambda: vmap(lambda x: x.tolist())(X)
    found["numpy_"] = lambda: vmap(lambda x: x.numpy())(X)
    found["mask_index"] = lambda: vmap(lambda x: x[x > 0])(X)
    found["nonzero"] = lambda: vmap(lambda x: x.nonzero())(X)
    found["unique"] = lambda: vmap(lambda x: x.unique())(X)
    found["masked_select"] = lambda: vmap(lambda x: x.masked_select(x > 0))(X)
    found["equal_"] = lambda: vmap(lambda x: x if T.equal(x, x) else -x)(X)
    found["allclose"] = lambda: vmap(lambda x: x if T.allclose(x, x) else -x)(X)
    found["range_len"] = lambda: vmap(lambda x: x * len(x))(X)
    found["iter_"] = lambda: vmap(lambda x: sum(y for y in x))(X)

    @case
    def backward_in_vmap():
        def f(x):
            x.sum().backward()
            return x

        return vmap(f)(X.clone().requires_grad_())

    @case
    def autograd_grad_in_vmap():
        def f(x):
            x = x.detach().requires_grad_()
            return T.autograd.grad((x**2).sum(), x)[0]

        return vmap(f)(X)

    @case
    def requires_grad_in_grad():
        def f(x):
            x.requires_grad_()
            return x.sum()

        return grad(f)(v)

    @case
    def retain_grad_in_grad():
        def f(x):
            y = x * 2
            y.retain_grad()
            return y.sum()

        return grad(f)(v)

    @case
    def grad_nograd():
        def f(x):
            with T.no_grad():
                c = x.sum()
            return (x * c).sum()

        return grad(f)(v)

    @case
    def outer_nograd():
        with T.no_grad():
            return grad(lambda x: (x**2).sum())(v)

    found["grad_detach"] = lambda: grad(lambda x: (x.detach() * x).sum())(v)
    found["grad_int"] = lambda: grad(lambda x: x.sum())(T.tensor([1, 2]))
    found["grad_complex"] = lambda: grad(lambda x: (x * x).sum())(T.tensor([1 + 1j]))

    @case
    def functionalize_():
        f = func.functionalize(lambda x: x.clone().add_(1))
        return f(v)

    found["functionalize_vmap"] = lambda: vmap(func.functionalize(lambda x: x.clone().add_(1)))(X)
    found["functionalize_bad"] = lambda: func.functionalize(lambda x: x, remove="bad")

    @case
    def fw_view():
        with fwAD.dual_level():
            x = fwAD.make_dual(v, T.ones_like(v))
            y = x.view(3, 1)[1:]
            r = fwAD.unpack_dual(y)
            return r.primal, r.tangent

    @case
    def fw_inplace_view():
        with fwAD.dual_level():
            b = T.zeros(3, dtype=T.float64)
            x = fwAD.make_dual(v, T.ones_like(v))
            b[1:].copy_(x[1:])
            r = fwAD.unpack_dual(b)
            return r.primal, r.tangent

    @case
    def fw_inplace_view2():
        with fwAD.dual_level():
            x = fwAD.make_dual(v.clone(), T.ones_like(v))
            x[0].mul_(3)
            x.view(3, 1).sin_()
            r = fwAD.unpack_dual(x)
            return r.primal, r.tangent

    @case
    def fw_nested():
        with fwAD.dual_level(), fwAD.dual_level():
            return 1

    @case
    def fw_mismatch():
        with fwAD.dual_level():
            return fwAD.make_dual(v, X)

    @case
    def fw_dtype():
        with fwAD.dual_level():
            return fwAD.make_dual(v, T.ones(3))

    @case
    def fw_int():
        with fwAD.dual_level():
            return fwAD.make_dual(T.tensor([1]), T.tensor([1]))

    @case
    def fw_after():
        with fwAD.dual_level():
            x = fwAD.make_dual(v, v)
        return fwAD.unpack_dual(x).tangent is None, x

    found["fw_unpack_out"] = lambda: fwAD.unpack_dual(v)

    @case
    def fw_detach():
        with fwAD.dual_level():
            x = fwAD.make_dual(v, v)
            return fwAD.unpack_dual(x.detach()).tangent is None

    @case
    def fw_make_dual_twice():
        with fwAD.dual_level():
            x = fwAD.make_dual(v, v)
            y = fwAD.make_dual(x, v)
            return fwAD.unpack_dual(y).tangent

    @case
    def fw_backward():
        with fwAD.dual_level():
            x = v.clone().requires_grad_()
            d = fwAD.make_dual(x, T.ones_like(v))
            y = (d**3).sum()
            tn = fwAD.unpack_dual(y).tangent
            return T.autograd.grad(tn, x)

    @case
    def fw_enter_exit():
        level = fwAD.enter_dual_level()
        fwAD.exit_dual_level()
        return level

    found["fw_no_level"] = lambda: fwAD.make_dual(v, v)
    found["jvp_noncontig"] = lambda: jvp(
        lambda x: x.t().reshape(-1), (X,), (X.t().contiguous().t(),)
    )
    found["jvp_shape"] = lambda: jvp(T.sin, (v,), (X,))
    found["jvp_tree"] = lambda: jvp(
        lambda d: {"y": d["a"] * d["b"]}, ({"a": v, "b": v},), ({"a": v, "b": v},)
    )
    found["jvp_strict"] = lambda: jvp(lambda x: T.ones(2), (v,), (v,), strict=True)
    found["jvp_empty"] = lambda: jvp(lambda: v, (), ())

    @case
    def vjp_multi():
        o, f = vjp(lambda x, y: (x * y, x.sum()), v, v)
        return o, f((v, t(1.0)))

    @case
    def vjp_wrong():
        _, f = vjp(lambda x: x.sin(), v)
        return f(t([1.0]))

    @case
    def vjp_twice():
        _, f = vjp(lambda x: x.sin(), v)
        return f(v), f(v * 2)

    @case
    def vjp_vmap():
        _, f = vjp(lambda x: x.sin(), v)
        return vmap(f)(T.stack([v, v]))

    found["jacrev_tuple"] = lambda: jacrev(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(v, v)
    found["jacrev_dict"] = lambda: jacrev(lambda d: {"a": d["x"] ** 2})({"x": v})
    found["jacfwd_tuple"] = lambda: jacfwd(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(v, v)
    found["jacrev_scalar"] = lambda: jacrev(lambda x: x.sum())(v)
    found["jacrev_unused"] = lambda: jacrev(lambda x, y: x, argnums=1)(v, v)
    found["jacrev_nontensor"] = lambda: jacrev(lambda x: 3)(v)
    found["jacfwd_nontensor"] = lambda: jacfwd(lambda x: 3)(v)
    found["jacrev_empty_out"] = lambda: jacrev(lambda x: x[:0])(v)
    found["hess_argnums"] = lambda: hessian(lambda x, y: (x * y).sum() * x.sum(), argnums=(0, 1))(
        v, v
    )
    found["compose"] = lambda: (
        jacfwd(jacrev(lambda x: (x**3).sum()))(v),
        jacrev(jacfwd(lambda x: (x**3).sum()))(v),
        jacrev(jacrev(lambda x: (x**3).sum()))(v),
        jacfwd(jacfwd(lambda x: (x**3).sum()))(v),
    )
    found["vmap_grad_grad"] = lambda: vmap(grad(grad(lambda x: x**4)))(v)
    found["vmap_over_vmap_dims"] = lambda: vmap(
        vmap(lambda x, y: x * y, in_dims=(None, 0)), in_dims=(0, None)
    )(v, v)
    found["vmap_zero"] = lambda: vmap(lambda x: x.sum())(T.zeros(0, 3))

    @case
    def vmap_func_partial():
        return vmap(functools.partial(T.add, v))(X)

    @case
    def vmap_module():
        n = nn.Linear(3, 2, dtype=T.float64)
        with T.no_grad():
            n.weight.fill_(1.0)
            n.bias.fill_(0.5)
        return vmap(n)(X)

    found["vmap_no_args"] = lambda: vmap(lambda: 1)()
    found["argnums_range"] = lambda: grad(lambda x: x.sum(), argnums=3)(v)
    found["argnums_tuple_empty"] = lambda: grad(lambda x: x.sum(), argnums=())(v)
    found["grad_nonscalar"] = lambda: grad(lambda x: x)(v)
    found["grad_out_type"] = lambda: grad(lambda x: (x.sum(),))(v)
    found["functional_call_strict"] = lambda: functional_call(
        nn.Linear(1, 1), {"weight": T.ones(1, 1)}, (T.ones(1),), strict=True
    )
    found["functional_call_unknown"] = lambda: functional_call(
        nn.Linear(1, 1), {"foo": T.ones(1, 1)}, (T.ones(1),), strict=True
    )
    found["functional_call_kw"] = lambda: functional_call(
        nn.Linear(1, 1), {"weight": T.ones(1, 1), "bias": T.zeros(1)}, kwargs={"input": T.ones(1)}
    )

    @case
    def functional_call_tie():
        class M(nn.Module):
            def __init__(s):
                super().__init__()
                s.a = nn.Linear(2, 2, bias=False)
                s.b = nn.Linear(2, 2, bias=False)
                s.b.weight = s.a.weight

            def forward(s, x):
                return s.b(s.a(x))

        m = M()
        return functional_call(m, {"a.weight": T.eye(2) * 2}, (T.ones(2),)), functional_call(
            m, {"a.weight": T.eye(2) * 2}, (T.ones(2),), tie_weights=False
        ).shape

    def gc(f, *a, **k):
        return T.autograd.gradcheck(f, a, **k)

    def R():
        return T.arange(1, 5, dtype=T.float64).div(5).requires_grad_()

    found["gc_all"] = lambda: gc(
        lambda x: x.sin() * x,
        R(),
        check_batched_grad=True,
        check_forward_ad=True,
        check_batched_forward_grad=True,
    )
    found["gc_fast"] = lambda: gc(
        lambda x: x.sin() * x, R(), check_batched_grad=True, check_forward_ad=True, fast_mode=True
    )
    found["gc_bfwd_only"] = lambda: gc(lambda x: x, R(), check_batched_forward_grad=True)
    found["gc_inplace"] = lambda: gc(
        lambda x: x.clone().mul_(2).view(2, 2).t(),
        R(),
        check_batched_grad=True,
        check_forward_ad=True,
        check_batched_forward_grad=True,
    )

    @case
    def gc_wrong():
        class W(T.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 3

        return gc(W.apply, R(), raise_exception=False)

    @case
    def gc_batched_bad():
        class W(T.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                if float(g.sum()) > 1e9:
                    return g
                return g * 2

        return gc(W.apply, R(), check_batched_grad=True)

    @case
    def gc_nofwd():
        class W(T.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

        return gc(W.apply, R(), check_forward_ad=True)

    found["ggc"] = lambda: T.autograd.gradgradcheck(
        lambda x: x**3,
        (R(),),
        check_batched_grad=True,
        check_fwd_over_rev=True,
        check_rev_over_rev=True,
        fast_mode=True,
    )
    found["gc_complex"] = lambda: gc(
        lambda x: x * x,
        T.tensor([1 + 1j, 2.0], dtype=T.complex128, requires_grad=True),
        check_batched_grad=True,
        check_forward_ad=True,
    )

    @case
    def fn_no_setup():
        class W(T.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

        return vmap(W.apply)(X)

    @case
    def fn_no_vmap():
        class W(T.autograd.Function):
            @staticmethod
            def forward(x):
                return x * 2

            @staticmethod
            def setup_context(ctx, i, o):
                pass

            @staticmethod
            def backward(ctx, g):
                return g * 2

        return vmap(W.apply)(X)

    @case
    def fn_no_jvp():
        class W(T.autograd.Function):
            generate_vmap_rule = True

            @staticmethod
            def forward(x):
                return x * 2

            @staticmethod
            def setup_context(ctx, i, o):
                pass

            @staticmethod
            def backward(ctx, g):
                return g * 2

        return jvp(W.apply, (v,), (v,))

    @case
    def escaped():
        kept = []
        vmap(lambda x: (kept.append(x), x)[1])(X)
        return kept[0] + 1

    @case
    def escaped_grad():
        kept = []
        grad(lambda x: (kept.append(x), x.sum())[1])(v)
        return kept[0] + 1

    @case
    def print_in_vmap():
        kept = []
        vmap(lambda x: (kept.append(repr(x)), x)[1])(X)
        return "float64" in kept[0]

    found["resize_in_vmap"] = lambda: vmap(lambda x: x.clone().resize_(1))(X)
    found["data_in_vmap"] = lambda: vmap(lambda x: x.data * 2)(X)

    @case
    def deepcopy_in_vmap():
        return vmap(lambda x: copy.deepcopy(x))(X)

    found["T_where"] = lambda: vmap(lambda x: T.where(x > 0, x, 0.0))(X)
    found["advanced_index"] = lambda: (
        vmap(lambda x, i: x[i], in_dims=(0, 0))(X, T.tensor([0, 2])),
        vmap(lambda x, i: x[i], in_dims=(None, 0))(v, T.tensor([0, 2])),
    )
    found["jacrev_chunk"] = lambda: jacrev(lambda x: x**2, chunk_size=2)(v)
    found["torch_vmap_alias"] = lambda: T.vmap(lambda x: x.sum())(X)
    found["func_names"] = lambda: sorted(
        n for n in dir(func) if not n.startswith("_") and n not in ("annotations",)
    )

    return found
