"""A physics-informed network (Raissi et al., 2019): learns a solution from its equation alone.

    python examples/pinn.py

The equation is Burgers' u_t + u u_x = (nu) u_xx on [-1, 1], with u(0, x) = -sin(pi x) and u = 0 at
the walls. No value inside is shown to the network: the loss is what is left of the equation, whose
derivatives of the network are taken by autograd, twice. A finite-difference solution is what the
result is compared with; a picture of both goes to examples/out.
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn

END = 0.6


class Solution(nn.Module):
    """u(t, x), made so that the walls and the start hold whatever the network says."""

    def __init__(self, width=32):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(2, width),
            nn.Tanh(),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Linear(width, 1),
        )

    def forward(self, t, x):
        inside = self.network(wg.stack([t * 2 - 1, x], -1)).squeeze(-1)
        return t * (1 - x**2) * inside - (math.pi * x).sin()


def residual(solution, t, x, nu):
    t, x = t.requires_grad_(), x.requires_grad_()
    u = solution(t, x)
    u_t, u_x = wg.autograd.grad(u.sum(), (t, x), create_graph=True)
    (u_xx,) = wg.autograd.grad(u_x.sum(), x, create_graph=True)
    return u_t + u * u_x - nu * u_xx


def reference(nu, cells=256):
    """At time END, by small steps on a grid: x and u."""
    x = wg.linspace(-1, 1, cells + 1, dtype=wg.float64)
    u = -(math.pi * x).sin()
    h = 2 / cells
    steps = math.ceil(END / min(0.4 * h * h / nu, 0.4 * h))
    for _ in range(steps):
        flux = u**2 / 2
        slope = (flux[2:] - flux[:-2]) / (2 * h)
        bend = (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
        u = wg.nn.functional.pad(u[1:-1] + END / steps * (nu * bend - slope), (1, 1))
    return x, u


def main():
    options = common.options(__doc__, steps=1500, points=256, nu=0.05)
    solution = Solution()
    optimizer = wg.optim.Adam(solution.parameters(), lr=3e-3)
    schedule = wg.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    for step in (bar := trange(options.steps, desc="solving")):
        t, x = END * wg.rand(options.points), 2 * wg.rand(options.points) - 1
        loss = (residual(solution, t, x, options.nu) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            bar.set_postfix(residual=f"{loss.item():.2e}")
    x, exact = reference(options.nu)
    with wg.no_grad():
        u = solution(wg.full_like(x, END).float(), x.float()).double()
    error = (u - exact).norm().item() / exact.norm().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(layout="constrained")
        axes.plot(x.tolist(), exact.tolist(), label="finite differences")
        axes.plot(x.tolist(), u.tolist(), "--", label="network")
        axes.set(xlabel="x", ylabel="u", title=f"Burgers' equation at t = {END}")
        axes.legend()
        common.save(figure, "pinn")
    print(f"relative error at t = {END}: {error:.2%}")


if __name__ == "__main__":
    main()
