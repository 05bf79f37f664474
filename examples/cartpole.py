"""Balances a pole on a cart: an actor that acts and a critic that foresees (A2C).

    python examples/cartpole.py

Many carts are moved at once, as rows of a tensor. Prints how long poles stay up in the end, at most
200 steps; a picture of the learning goes to examples/out. The physics is that of Barto, Sutton and
Anderson (1983).
"""

import math

import common
from tqdm import trange

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

LIMIT = 200


class Carts:
    """State (count, 4): place, speed, angle and angular speed; action 0 pushes left, 1 right."""

    GRAVITY, CART, POLE, HALF_LENGTH, FORCE, STEP = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, count):
        self.state = self.fresh(count)
        self.age = wg.zeros(count)

    @staticmethod
    def fresh(count):
        return 0.1 * wg.rand(count, 4) - 0.05

    def step(self, action):
        """Returns which poles fell or reached LIMIT, and their ages; these carts start anew."""
        _, v, angle, spin = self.state.unbind(1)
        force = self.FORCE * (2.0 * action - 1)
        sine, cosine = angle.sin(), angle.cos()
        mass = self.CART + self.POLE
        push = (force + self.POLE * self.HALF_LENGTH * spin**2 * sine) / mass
        inertia = self.HALF_LENGTH * (4 / 3 - self.POLE * cosine**2 / mass)
        turn = (self.GRAVITY * sine - cosine * push) / inertia
        speed_up = push - self.POLE * self.HALF_LENGTH * turn * cosine / mass
        change = wg.stack([v, speed_up, spin, turn], 1)
        state = self.state + self.STEP * change
        self.age += 1
        fallen = (state[:, 0].abs() > 2.4) | (state[:, 2].abs() > math.radians(12))
        over = fallen | (self.age >= LIMIT)
        ages = self.age[over].tolist()
        self.state = wg.where(over.unsqueeze(1), self.fresh(len(state)), state)
        self.age = wg.where(over, 0.0, self.age)
        return state, fallen, over, ages


class ActorCritic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, state):
        return self.actor(state), self.critic(state).squeeze(-1)


def collect(model, carts, steps):
    """What happened in `steps` moves of all carts; each entry has a row per move."""
    rows, ages = [], []
    with wg.no_grad():
        for _ in range(steps):
            state = carts.state
            logits, value = model(state)
            action = wg.multinomial(F.softmax(logits, dim=-1), 1).squeeze(1)
            reached, fallen, over, finished = carts.step(action)
            # A pole that fell is worth nothing more; one that was stopped would have stood on.
            following = wg.where(fallen, 0.0, model(reached)[1])
            rows.append((state, action, value, following, over))
            ages += finished
    return *(wg.stack(parts) for parts in zip(*rows, strict=True)), ages


def advantages(value, following, over, discount=0.99, trace=0.95):
    """How much better each move was than foreseen (Schulman et al., 2015)."""
    surprise = 1.0 + discount * following - value
    result, later = wg.empty_like(value), wg.zeros(value.shape[1])
    for step in reversed(range(len(value))):
        later = surprise[step] + discount * trace * wg.where(over[step], 0.0, later)
        result[step] = later
    return result


def main():
    options = common.options(__doc__, updates=150, carts=32, moves=32)
    model, carts = ActorCritic(), Carts(options.carts)
    optimizer = wg.optim.Adam(model.parameters(), lr=5e-3)
    schedule = wg.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, options.updates)
    history, ages = [], [0.0]
    for _ in (bar := trange(options.updates, desc="learning")):
        state, action, value, following, over, finished = collect(model, carts, options.moves)
        ages = (ages + finished)[-100:]
        history.append(sum(ages) / len(ages))
        gain = advantages(value, following, over)
        target = (gain + value).flatten()
        gain = ((gain - gain.mean()) / (gain.std() + 1e-6)).flatten()
        logits, value = model(state.flatten(0, 1))
        log_chances = F.log_softmax(logits, dim=-1)
        taken = log_chances.gather(1, action.view(-1, 1)).squeeze(1)
        entropy = -(log_chances.exp() * log_chances).sum(1).mean()
        loss = -(taken * gain).mean() + 0.5 * F.smooth_l1_loss(value, target) - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        schedule.step()
        bar.set_postfix(steps=f"{history[-1]:.0f}")
    # Without chance: the likelier action, from a hundred fresh starts.
    carts = Carts(100)
    alive = wg.ones(100, dtype=wg.bool)
    length = wg.zeros(100)
    with wg.no_grad():
        for _ in range(LIMIT):
            length += alive
            _, _, over, _ = carts.step(model(carts.state)[0].argmax(1))
            alive &= ~over
    lives = length.mean().item()
    if not options.no_plot:
        plt = common.pyplot()
        figure, axes = plt.subplots(layout="constrained")
        axes.plot(history)
        axes.set(xlabel="update", ylabel=f"steps (at most {LIMIT})", title="Balancing a pole")
        common.save(figure, "cartpole")
    print(f"mean number of steps that the pole stays up: {lives:.1f} of {LIMIT}")


if __name__ == "__main__":
    main()
