"""Stops in the middle, saves everything, goes on in a fresh model: the same as never stopping."""

import os
import tempfile

import torch
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

import common

images, labels = common.digits(60)
x, y = images.flatten(1), labels
start = {}


def build():
    model = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 4], gamma=0.3)
    return model, optimizer, scheduler


def epoch(model, optimizer, scheduler):
    model.train()
    for xb, yb in zip(x.split(20), y.split(20)):
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    return loss.item()


model, optimizer, scheduler = build()
common.fill(model)
start.update({k: v.clone() for k, v in model.state_dict().items()})
for i in range(6):
    loss = epoch(model, optimizer, scheduler)
    if i == 2:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "checkpoint.pth.tar")
            torch.save(
                {
                    "epoch": i + 1,
                    "state_dict": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "loss": loss,
                },
                path,
            )
            checkpoint = torch.load(path, map_location=torch.device("cpu"))
common.report("whole", loss)

model2, optimizer2, scheduler2 = build()
model2.load_state_dict(checkpoint["state_dict"])
optimizer2.load_state_dict(checkpoint["optimizer"])
scheduler2.load_state_dict(checkpoint["scheduler"])
for i in range(checkpoint["epoch"], 6):
    loss = epoch(model2, optimizer2, scheduler2)
common.report("resumed", loss)
print(
    all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), model2.state_dict().values())
    )
)
print(
    [group["lr"] for group in optimizer2.param_groups] == [g["lr"] for g in optimizer.param_groups]
)
print(sorted(optimizer.state_dict()), len(optimizer.state_dict()["state"]))

model3, optimizer3, _ = build()
model3.load_state_dict(start)
swa_model = AveragedModel(model3)
swa_scheduler = SWALR(optimizer3, swa_lr=0.05, anneal_epochs=2)
for i in range(4):
    loss = epoch(model3, optimizer3, swa_scheduler)
    if i >= 2:
        swa_model.update_parameters(model3)
update_bn(x.split(20), swa_model)
swa_model.eval()
with torch.no_grad():
    common.report("averaged", nn.functional.cross_entropy(swa_model(x), y))
print(int(swa_model.n_averaged))
