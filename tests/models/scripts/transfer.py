"""A new head on frozen layers: parameters that do not learn, state dicts, saved best weights."""

import copy
import os
from collections import OrderedDict
from tempfile import TemporaryDirectory

import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler

import common


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, num_classes=5):
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict([("conv", nn.Conv2d(1, 4, 3, padding=1)), ("act", nn.ReLU())])
        )
        self.layer1 = BasicBlock(4, 4)
        self.layer2 = BasicBlock(4, 8, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = self.avgpool(self.layer2(self.layer1(self.stem(x))))
        return self.fc(torch.flatten(x, 1))


device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
images, labels = common.digits(160)
data = {"train": (images[:120], labels[:120]), "val": (images[120:], labels[120:])}


def train_model(model, criterion, optimizer, scheduler, num_epochs):
    with TemporaryDirectory() as tempdir:
        path = os.path.join(tempdir, "best_model_params.pt")
        torch.save(model.state_dict(), path)
        best_acc = 0.0
        for epoch in range(num_epochs):
            for phase in ["train", "val"]:
                model.train(phase == "train")
                inputs, targets = data[phase]
                running_loss, running_corrects = 0.0, 0
                for xb, yb in zip(inputs.split(40), targets.split(40)):
                    xb, yb = xb.to(device), yb.to(device)
                    optimizer.zero_grad()
                    with torch.set_grad_enabled(phase == "train"):
                        outputs = model(xb)
                        _, preds = torch.max(outputs, 1)
                        loss = criterion(outputs, yb)
                        if phase == "train":
                            loss.backward()
                            optimizer.step()
                    running_loss += loss.item() * xb.size(0)
                    running_corrects += torch.sum(preds == yb.data)
                if phase == "train":
                    scheduler.step()
                epoch_acc = running_corrects.double() / len(inputs)
                common.report(f"{phase}_loss_{epoch}", running_loss / len(inputs))
                common.report(f"{phase}_acc_{epoch}", epoch_acc)
                if phase == "val" and epoch_acc > best_acc:
                    best_acc = epoch_acc
                    torch.save(model.state_dict(), path)
        model.load_state_dict(torch.load(path, weights_only=True))
    return model


base = common.fill(ResNet())
model = copy.deepcopy(base)
for param in model.parameters():
    param.requires_grad = False
num_ftrs = model.fc.in_features
model.fc = common.fill(nn.Linear(num_ftrs, 10))
model = model.to(device)
optimizer = optim.SGD(model.fc.parameters(), lr=0.1, momentum=0.9)
scheduler = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
model = train_model(model, nn.CrossEntropyLoss(), optimizer, scheduler, 2)
print(all(p.grad is None for n, p in model.named_parameters() if not n.startswith("fc")))
print(sorted(model.state_dict())[:4], len(model.state_dict()))
missing = base.load_state_dict({k: v for k, v in model.state_dict().items() if "fc" not in k},
                               strict=False)  # fmt: skip
print(missing.missing_keys, missing.unexpected_keys)
try:
    base.load_state_dict(model.state_dict())
except RuntimeError as error:
    print("size mismatch for fc.weight" in str(error))
