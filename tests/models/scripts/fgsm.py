"""Attacks a classifier along the sign of the gradient with respect to the image."""

import torch
import torch.nn as nn
import torch.nn.functional as F

import common


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(64, 24)
        self.fc2 = nn.Linear(24, 10)

    def forward(self, x):
        return F.log_softmax(self.fc2(F.relu(self.fc1(x.flatten(1)))), dim=1)


images, labels = common.digits(200)
model = common.fill(Net())
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
for _ in range(30):
    optimizer.zero_grad(set_to_none=True)
    F.nll_loss(model(images[:150]), labels[:150]).backward()
    optimizer.step()
model.eval()


def fgsm_attack(image, epsilon, data_grad):
    sign_data_grad = data_grad.sign()
    perturbed_image = image + epsilon * sign_data_grad
    return torch.clamp(perturbed_image, 0, 1)


for epsilon in (0, 0.05, 0.2):
    correct = 0
    for data, target in zip(images[150:].split(1), labels[150:].split(1)):
        data.requires_grad = True
        output = model(data)
        init_pred = output.max(1, keepdim=True)[1]
        if init_pred.item() != target.item():
            data.requires_grad = False
            continue
        loss = F.nll_loss(output, target)
        model.zero_grad()
        loss.backward()
        data_grad = data.grad.data
        perturbed_data = fgsm_attack(data, epsilon, data_grad)
        final_pred = model(perturbed_data).max(1, keepdim=True).indices
        correct += int(final_pred.item() == target.item())
    common.report(f"correct_{epsilon}", correct)
