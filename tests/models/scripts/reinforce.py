"""REINFORCE and actor-critic on a small corridor, with distributions and a baseline."""

import argparse
from collections import deque, namedtuple
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

import common

parser = argparse.ArgumentParser()
parser.add_argument("--gamma", type=float, default=0.99, metavar="G")
parser.add_argument("--critic", action="store_true")
args = parser.parse_args()
SavedAction = namedtuple("SavedAction", ["log_prob", "value"])


class Corridor:
    """Step left or right; the goal is three steps to the right."""

    def reset(self):
        self.place = 0
        return np.array([0.0, 1.0]), {}

    def step(self, action):
        self.place += 1 if action else -1
        done = self.place in (3, -3)
        state = np.array([self.place / 3, 1.0])
        return state, float(self.place == 3) - 0.05, done, False, {}


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(2, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


policy = common.fill(Policy())
optimizer = optim.Adam(policy.parameters(), lr=3e-2)
eps = np.finfo(np.float32).eps.item()


def select_action(state):
    state = torch.from_numpy(state)
    probs, value = policy(state)
    m = Categorical(probs)
    action = (common.uniform(1) > probs[0]).long()[0]  # m.sample() draws other numbers elsewhere
    policy.saved_actions.append(SavedAction(m.log_prob(action), value))
    return action.item()


def finish_episode():
    R = 0
    policy_loss, value_losses = [], []
    returns = deque()
    for r in policy.rewards[::-1]:
        R = r + args.gamma * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    for (log_prob, value), R in zip(policy.saved_actions, returns):
        advantage = R - value.item() if args.critic else R
        policy_loss.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, R.view(1)))
    optimizer.zero_grad()
    loss = torch.stack(policy_loss).sum()
    if args.critic:
        loss = loss + torch.stack(value_losses).sum()
    loss.backward()
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_actions[:]
    return loss


env = Corridor()
running_reward = 0
for i_episode in count(1):
    state, _ = env.reset()
    ep_reward = 0
    for t in range(1, 50):
        action = select_action(state)
        state, reward, done, _, _ = env.step(action)
        policy.rewards.append(reward)
        ep_reward += reward
        if done:
            break
    running_reward = 0.05 * ep_reward + (1 - 0.05) * running_reward
    loss = finish_episode()
    if i_episode % 10 == 0:
        common.report(f"reward_{i_episode}", running_reward)
        common.report(f"loss_{i_episode}", loss.item())
    if i_episode == 30:
        break
