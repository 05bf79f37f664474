"""A vision transformer without other libraries, with a cosine schedule and label smoothing."""

import torch
from torch import nn
from torch.nn import Module, ModuleList
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

import common


def pair(t):
    return t if isinstance(t, tuple) else (t, t)


class FeedForward(Module):
    def __init__(self, dim, hidden_dim, dropout=0.0):
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, hidden_dim),
            nn.GELU(approximate="tanh"),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, dim),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        return self.net(x)


class Attention(Module):
    def __init__(self, dim, heads=2, dim_head=4, dropout=0.0):
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.norm = nn.LayerNorm(dim)
        self.attend = nn.Softmax(dim=-1)
        self.dropout = nn.Dropout(dropout)
        self.to_qkv = nn.Linear(dim, heads * dim_head * 3, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * dim_head, dim), nn.Dropout(dropout))

    def forward(self, x):
        x = self.norm(x)
        b, n, _ = x.shape
        q, k, v = (
            t.reshape(b, n, self.heads, -1).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1)
        )
        dots = torch.matmul(q, k.transpose(-1, -2)) * self.scale
        out = torch.matmul(self.dropout(self.attend(dots)), v)
        return self.to_out(out.transpose(1, 2).flatten(2))


class ViT(Module):
    def __init__(self, image_size, patch_size, num_classes, dim, depth, heads, mlp_dim):
        super().__init__()
        image_height, image_width = pair(image_size)
        self.p = patch_size
        num_patches = (image_height // patch_size) * (image_width // patch_size)
        self.embed = nn.Conv2d(1, dim, kernel_size=patch_size, stride=patch_size)
        self.pos_embedding = nn.Parameter(torch.randn(1, num_patches + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.layers = ModuleList([])
        for _ in range(depth):
            self.layers.append(ModuleList([Attention(dim, heads), FeedForward(dim, mlp_dim)]))
        self.to_latent = nn.Identity()
        self.mlp_head = nn.Linear(dim, num_classes)

    def forward(self, img):
        x = self.embed(img).flatten(2).permute(0, 2, 1)
        b, n, _ = x.shape
        cls_tokens = self.cls_token.expand(b, -1, -1)
        x = torch.cat((cls_tokens, x), dim=1)
        x += self.pos_embedding[:, : (n + 1)]
        for attn, ff in self.layers:
            x = attn(x) + x
            x = ff(x) + x
        return self.mlp_head(self.to_latent(x[:, 0]))


images, labels = common.digits(64)
model = common.fill(ViT(8, 2, 10, dim=8, depth=2, heads=2, mlp_dim=16))
print(sum(p.numel() for p in model.parameters() if p.requires_grad))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
warmup = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 2))
for step in range(4):
    loss = criterion(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
    common.report(f"loss_{step}", loss)
cosine = CosineAnnealingLR(optimizer, T_max=3)
for step in range(3):
    optimizer.step()
    cosine.step()
    common.report(f"lr_{step}", cosine.get_last_lr()[0])
