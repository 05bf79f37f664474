"""What a first lesson on tensors prints, to the letter."""

import math

import numpy as np
import torch

torch.set_default_dtype(torch.float32)
data = [[1, 2], [3, 4]]
x_data = torch.tensor(data)
np_array = np.array(data)
x_np = torch.from_numpy(np_array)
x_ones = torch.ones_like(x_data)
print(f"Ones Tensor: \n {x_ones} \n")
shape = (2, 3)
print(torch.ones(shape), torch.zeros(shape), torch.empty(2, 3).shape)
tensor = torch.arange(12.0).view(3, 4)
print(f"Shape of tensor: {tensor.shape}")
print(f"Datatype of tensor: {tensor.dtype}")
print(f"Device tensor is stored on: {tensor.device}")
print(f"First row: {tensor[0]}")
print(f"First column: {tensor[:, 0]}")
print(f"Last column: {tensor[..., -1]}")
tensor[:, 1] = 0
print(tensor)
print(torch.cat([tensor, tensor], dim=1))
print(tensor @ tensor.T, tensor.matmul(tensor.T).shape, tensor * tensor, sep="\n")
agg = tensor.sum()
print(agg.item(), type(agg.item()))
print(tensor.add_(5))
n = torch.ones(5).numpy()
t = torch.from_numpy(n)
np.add(n, 1, out=n)
print(f"t: {t}", f"n: {n}", t.type(), t.double().type(), torch.LongTensor([1, 2]).type())
print(torch.Size([2, 3]), torch.float16, torch.int64, torch.strided, torch.device("cuda:1"))
print(torch.tensor([1.5, math.nan, math.inf]), torch.tensor([True, False]), torch.tensor(3))
print(torch.tensor([1 + 2j]), torch.tensor([1e10, 1.0]), torch.tensor([[1e-3, 1.0]]))
print(torch.linspace(0, 1, 5), torch.randn(3).requires_grad_().requires_grad)
print(torch.tensor([3.0, 1.0, 2.0]).sort())
print(torch.tensor([[3.0, 1.0]]).max(dim=1), torch.tensor([4.0, 7.0]).topk(1).indices)
print(torch.ones(2, 2, dtype=torch.float64), torch.zeros(0, 3), torch.arange(1500))
print(torch.ones(2, requires_grad=True), torch.FloatTensor([1, 2]), torch.Tensor([1, 2]))
print(isinstance(t, torch.FloatTensor), isinstance(t, torch.Tensor), torch.is_tensor(t))
print(torch.finfo(torch.float32).eps, torch.iinfo(torch.int8).max, torch.finfo(torch.bfloat16))
print(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Conv2d(1, 2, 3)))
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
except RuntimeError as error:
    print(str(error).splitlines()[0].split(": ")[-1])
try:
    torch.ones(3)[0.5]
except IndexError as error:
    print(error)
try:
    torch.ones(3) + torch.ones(4)
except RuntimeError as error:
    print(type(error).__name__)
