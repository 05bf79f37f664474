"""What a mode costs: training steps with it off and on, in turn in one process."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import Any

_IMPORTS = """
from importlib import import_module
nn, optim = (import_module(f"{torch.__name__}.{part}") for part in ("nn", "optim"))
F = nn.functional
torch.manual_seed(0)
"""

_TRAIN = """
def step():
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
"""

MLP_SMALL = f"""{_IMPORTS}
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = optim.Adam(model.parameters(), lr=1e-3)
inputs, targets = torch.randn(32, 64), torch.randint(0, 10, (32,))
{_TRAIN}"""

MLP = f"""{_IMPORTS}
model = nn.Sequential(
    nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
)
optimizer = optim.Adam(model.parameters(), lr=1e-3)
inputs, targets = torch.randn(64, 256), torch.randint(0, 10, (64,))
{_TRAIN}"""

RESNET = f"""{_IMPORTS}
class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))

class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

model = ResNet()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
inputs, targets = torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,))
{_TRAIN}"""


@dataclass(frozen=True)
class Cost:
    """Seconds per step with the mode off, and how many times as long it takes with it on."""

    seconds: float
    ratio: float


def program(framework: str, setup: str) -> Callable[[], Any]:
    """The step() that a program text defines."""
    namespace: dict[str, Any] = {"torch": import_module(framework)}
    exec(setup, namespace)
    return namespace["step"]


def cost(step: Callable[[], Any], switch: Callable[[bool], Any], seconds: float) -> Cost:
    """Measures short batches with the switch off and on, in turn: the median of their ratios."""
    step()
    begin = time.perf_counter()
    step()
    count = max(1, round(0.004 / (time.perf_counter() - begin)))

    def batch(on: bool) -> float:
        switch(on)
        begin = time.perf_counter()
        for _ in range(count):
            step()
        return (time.perf_counter() - begin) / count

    offs, ratios = [], []
    gc.disable()
    try:
        batch(False), batch(True)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(ratios) < 3:
            first = len(ratios) % 2 == 0
            one = batch(first)
            other = batch(not first)
            off, on = (other, one) if first else (one, other)
            offs.append(off)
            ratios.append(on / off)
    finally:
        gc.enable()
        switch(False)
    return Cost(median(offs), median(ratios))
