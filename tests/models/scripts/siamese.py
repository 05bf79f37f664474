"""Twin networks that tell whether two digits are the same; also with a triplet loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, Dataset

import common


class Pairs(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return self.images.shape[0] - 1

    def __getitem__(self, index):
        same = torch.tensor(float(self.labels[index] == self.labels[index + 1]))
        return self.images[index], self.images[index + 1], same


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2, stride=2)
        )
        self.fc = nn.Sequential(nn.Linear(128, 16), nn.ReLU(inplace=True), nn.Linear(16, 1))
        self.sigmoid = nn.Sigmoid()
        self.features.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.features(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        output = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return self.sigmoid(self.fc(output))


images, labels = common.digits(120)
loader = DataLoader(Pairs(images, labels), batch_size=20)
model = common.fill(SiameseNetwork())
model.fc[0] = common.fill(nn.Linear(128, 16))
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = ExponentialLR(optimizer, gamma=0.9)
criterion = nn.BCELoss()
for epoch in range(3):
    correct = 0
    for images_1, images_2, targets in loader:
        optimizer.zero_grad()
        outputs = model(images_1, images_2).squeeze()
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        pred = torch.where(outputs > 0.5, 1, 0)
        correct += pred.eq(targets.view_as(pred)).sum().item()
    scheduler.step()
    common.report(f"loss_{epoch}", loss)
    common.report(f"correct_{epoch}", correct)

embed = common.fill(nn.Linear(64, 3))
triplet = nn.TripletMarginLoss(margin=1.0, p=2)
flat = F.normalize(embed(images.flatten(1)), dim=-1)
loss = triplet(flat[0:30], flat[10:40], flat[60:90])
loss.backward()
common.report("triplet", loss)
common.report("triplet_grad", embed.weight.grad.norm())
