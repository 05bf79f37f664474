"""Denoising diffusion: a small U-Net with time embeddings, group norms and an averaged copy."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

import common


class SinusoidalPositionEmbeddings(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, time):
        half_dim = self.dim // 2
        embeddings = math.log(10000) / (half_dim - 1)
        embeddings = torch.exp(torch.arange(half_dim, device=time.device) * -embeddings)
        embeddings = time[:, None] * embeddings[None, :]
        return torch.cat((embeddings.sin(), embeddings.cos()), dim=-1)


class Block(nn.Module):
    def __init__(self, in_ch, out_ch, time_emb_dim):
        super().__init__()
        self.time_mlp = nn.Linear(time_emb_dim, out_ch)
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
        self.norm = nn.GroupNorm(2, out_ch)
        self.act = nn.SiLU()
        self.skip = nn.Conv2d(in_ch, out_ch, 1) if in_ch != out_ch else nn.Identity()

    def forward(self, x, t):
        h = self.act(self.norm(self.conv1(x)))
        time_emb = self.act(self.time_mlp(t))
        h = h + time_emb[(...,) + (None,) * 2]
        return self.act(self.conv2(h)) + self.skip(x)


class Unet(nn.Module):
    def __init__(self, ch=4, time_dim=8):
        super().__init__()
        self.time_mlp = nn.Sequential(
            SinusoidalPositionEmbeddings(time_dim), nn.Linear(time_dim, time_dim), nn.GELU()
        )
        self.down = Block(1, ch, time_dim)
        self.mid = Block(ch, ch * 2, time_dim)
        self.up = Block(ch * 3, ch, time_dim)
        self.output = nn.Conv2d(ch, 1, 1)

    def forward(self, x, timestep):
        t = self.time_mlp(timestep)
        a = self.down(x, t)
        b = self.mid(F.avg_pool2d(a, 2), t)
        b = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        return self.output(self.up(torch.cat([a, b], dim=1), t))


T = 20
betas = torch.linspace(1e-4, 0.2, T)
alphas = 1.0 - betas
alphas_cumprod = torch.cumprod(alphas, axis=0)
alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
posterior_variance = betas * (1.0 - alphas_cumprod_prev) / (1.0 - alphas_cumprod)


def extract(a, t, x_shape):
    out = a.gather(-1, t.cpu())
    return out.reshape(t.shape[0], *((1,) * (len(x_shape) - 1))).to(t.device)


def q_sample(x_0, t, noise):
    return (
        extract(alphas_cumprod.sqrt(), t, x_0.shape) * x_0
        + extract((1.0 - alphas_cumprod).sqrt(), t, x_0.shape) * noise
    )


@torch.no_grad()
def p_sample(model, x, t):
    betas_t = extract(betas, t, x.shape)
    mean = torch.rsqrt(extract(alphas, t, x.shape)) * (
        x - betas_t * model(x, t) / extract((1.0 - alphas_cumprod).sqrt(), t, x.shape)
    )
    if (t == 0).all():
        return mean
    return mean + extract(posterior_variance, t, x.shape).sqrt() * common.normal(*x.shape)


images, _ = common.digits(32)
images = images * 2 - 1
model = common.fill(Unet())
ema = copy.deepcopy(model).eval().requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(5):
    t = common.integers(T, images.size(0))
    noise = common.normal(*images.shape)
    loss = F.huber_loss(model(q_sample(images, t, noise), t), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for p, q in zip(ema.parameters(), model.parameters()):
            p.mul_(0.9).add_(q, alpha=0.1)
    common.report(f"loss_{step}", loss)
x = common.normal(2, 1, 8, 8)
for i in reversed(range(T)):
    x = p_sample(ema, x, torch.full((2,), i, dtype=torch.long))
common.report("sampled", x.clamp(-1, 1).mean())
