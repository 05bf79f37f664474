"""What a first lesson on differentiation shows."""

import torch
from torch.autograd import Variable

import common

a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
Q = 3 * a**3 - b**2
external_grad = torch.tensor([1.0, 1.0])
Q.backward(gradient=external_grad)
print(9 * a**2 == a.grad)
print(-2 * b == b.grad)

x = torch.rand(5, 5)
y = torch.rand(5, 5)
z = torch.rand((5, 5), requires_grad=True)
print(f"Does `a` require gradients?: {(x + y).requires_grad}")
print(f"Does `b` require gradients?: {(x + z).requires_grad}")
print((x + z).grad_fn is not None, x.grad_fn, z.is_leaf, (x + z).is_leaf)

v = Variable(torch.ones(2, 2), requires_grad=True)
w = v + 2
out = (w * w * 3).mean()
out.backward()
print(v.grad)
print(w.grad_fn.__class__.__name__.startswith("Add"), out.grad_fn.next_functions[0][0] is not None)

# A hook, a gradient that is kept, and one that is not wanted.
h = torch.tensor([0.0, 0.0, 0.0], requires_grad=True)
handle = h.register_hook(lambda grad: grad * 2)
h.backward(torch.tensor([1.0, 2.0, 3.0]))
print(h.grad)
handle.remove()
k = torch.ones(3, requires_grad=True)
m = k * 2
m.retain_grad()
m.sum().backward()
print(m.grad, k.grad)
with torch.no_grad():
    print((k * 2).requires_grad)
print(k.detach().requires_grad, torch.is_grad_enabled())

# In-place accumulation, and clearing it.
inp = torch.eye(4, 5, requires_grad=True)
out = (inp + 1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"First call\n{inp.grad}")
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nSecond call\n{inp.grad}")
inp.grad.zero_()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nCall after zeroing gradients\n{inp.grad}")

# Higher order, and Jacobians.
t = torch.tensor([1.0, 2.0], requires_grad=True)
(g,) = torch.autograd.grad((t**3).sum(), t, create_graph=True)
(gg,) = torch.autograd.grad(g.sum(), t)
print(g.detach(), gg)
print(torch.autograd.functional.jacobian(lambda s: s**2, torch.tensor([1.0, 2.0])))
print(torch.autograd.functional.hessian(lambda s: (s**3).sum(), torch.tensor([1.0, 2.0])))
print(torch.autograd.gradcheck(lambda s: s.sin(), (common.normal(3).requires_grad_(),)))
try:
    out = (t * t).sum()
    out.backward()
    out.backward()
except RuntimeError as error:
    print("Trying to backward through the graph a second time" in str(error))
