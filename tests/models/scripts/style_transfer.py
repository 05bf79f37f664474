"""Paints an image by L-BFGS: losses inside the network, a buffer for the statistics, hooks."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

import common


class ContentLoss(nn.Module):
    def __init__(self, target):
        super(ContentLoss, self).__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


class StyleLoss(nn.Module):
    def __init__(self, target_feature):
        super(StyleLoss, self).__init__()
        self.target = gram_matrix(target_feature).detach()

    def forward(self, input):
        self.loss = F.mse_loss(gram_matrix(input), self.target)
        return input


class Normalization(nn.Module):
    def __init__(self, mean, std):
        super(Normalization, self).__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, img):
        return (img - self.mean) / self.std


images, _ = common.digits(4)
content_img, style_img = images[:1], images[1:2]
cnn = common.fill(
    nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, padding=1),
        nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 6, 3, padding=1),
    )
).eval()  # fmt: skip
model = nn.Sequential(Normalization([0.3], [0.35]))
content_losses, style_losses, i = [], [], 0
for layer in cnn.children():
    if isinstance(layer, nn.Conv2d):
        i += 1
        name = f"conv_{i}"
    elif isinstance(layer, nn.ReLU):
        name = f"relu_{i}"
        layer = nn.ReLU(inplace=False)
    elif isinstance(layer, nn.MaxPool2d):
        name = f"pool_{i}"
    model.add_module(name, layer)
    if name == "conv_2":
        content_losses.append(ContentLoss(model(content_img).detach()))
        model.add_module(f"content_loss_{i}", content_losses[-1])
    if name.startswith("conv"):
        style_losses.append(StyleLoss(model(style_img).detach()))
        model.add_module(f"style_loss_{i}", style_losses[-1])
print([name for name, _ in model.named_children()])
seen = []
hook = model.conv_1.register_forward_hook(lambda m, args, out: seen.append(tuple(out.shape)))
input_img = content_img.clone()
input_img.requires_grad_(True)
model.requires_grad_(False)
optimizer = optim.LBFGS([input_img])
run = [0]
while run[0] <= 12:

    def closure():
        with torch.no_grad():
            input_img.clamp_(0, 1)
        optimizer.zero_grad()
        model(input_img)
        style_score = sum(sl.loss for sl in style_losses) * 1000
        content_score = sum(cl.loss for cl in content_losses)
        loss = style_score + content_score
        loss.backward()
        run[0] += 1
        if run[0] % 10 == 0:
            common.report(f"style_{run[0]}", style_score)
            common.report(f"content_{run[0]}", content_score)
        return style_score + content_score

    optimizer.step(closure)
hook.remove()
print(len(seen) == run[0], seen[0])
