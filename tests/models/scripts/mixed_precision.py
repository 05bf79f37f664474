"""Automatic mixed precision as programs for GPUs are written, on the processor."""

import torch
import torch.nn as nn
from torch.cuda.amp import GradScaler as OldScaler

import common

device = "cuda" if torch.cuda.is_available() else "cpu"
use_amp = device == "cuda"
net = common.fill(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))).to(device)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
scaler = torch.amp.GradScaler(device, enabled=use_amp)
x, y = common.normal(32, 8), common.normal(32, 1)
for epoch in range(3):
    with torch.autocast(device_type=device, dtype=torch.bfloat16, enabled=use_amp):
        output = net(x)
        loss = nn.functional.mse_loss(output, y)
    scaler.scale(loss).backward()
    scaler.unscale_(opt)
    torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=0.5)
    scaler.step(opt)
    scaler.update()
    opt.zero_grad(set_to_none=True)
    common.report(f"loss_{epoch}", loss)
print(scaler.is_enabled(), scaler.state_dict(), callable(OldScaler))

net = net.float()
with torch.autocast("cpu", dtype=torch.bfloat16):
    output = net(x.float())
    print(output.dtype, torch.is_autocast_enabled("cpu"))
    with torch.autocast("cpu", enabled=False):
        print(net(x.float()).dtype)
loss = nn.functional.mse_loss(output.float(), y.float())
loss.backward()
print(net[0].weight.grad.dtype, net[0].weight.dtype)
