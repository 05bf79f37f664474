"""Larger images from smaller ones: a sub-pixel convolution."""

from math import log10

import torch
import torch.nn as nn
import torch.nn.init as init
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset

import common


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super(Net, self).__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 8, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(8, 8, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        return self.pixel_shuffle(self.conv3(x))

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight)


class Pairs(Dataset):
    def __init__(self, images):
        super().__init__()
        self.images = images

    def __getitem__(self, index):
        target = self.images[index]
        return nn.functional.avg_pool2d(target, 2), target.clone()

    def __len__(self):
        return len(self.images)


images, _ = common.digits(80)
train_loader = DataLoader(dataset=Pairs(images[:64]), num_workers=0, batch_size=16, shuffle=False)
test_loader = DataLoader(dataset=Pairs(images[64:]), num_workers=0, batch_size=8, shuffle=False)
model = common.fill(Net(upscale_factor=2))
criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=0.01)
for epoch in range(1, 4):
    epoch_loss = 0
    for iteration, batch in enumerate(train_loader, 1):
        input, target = batch[0], batch[1]
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    common.report(f"epoch_{epoch}", epoch_loss / len(train_loader))
    avg_psnr = 0
    with torch.no_grad():
        for input, target in test_loader:
            avg_psnr += 10 * log10(1 / criterion(model(input), target).item())
    common.report(f"psnr_{epoch}", avg_psnr / len(test_loader))
