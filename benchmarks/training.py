"""Training steps of whole models: the same text for every framework, and its like for JAX."""

from benchmarks.workload import IMPORTS, Workload

# ---- what the programs for JAX share ------------------------------------------------------------

_JAX = """
import jax
import jax.numpy as jnp
import numpy as np

generator = np.random.default_rng(0)

def normal(*shape):
    return jnp.asarray(generator.standard_normal(shape).astype(np.float32))

def dense(inputs, outputs):
    return [normal(inputs, outputs) * inputs**-0.5, jnp.zeros(outputs)]

def zeros_like(tree):
    return jax.tree.map(jnp.zeros_like, tree)

def adam_step(loss):
    gradient = jax.value_and_grad(loss)

    @jax.jit
    def step(state, *batch):
        params, m, v, t = state
        value, grads = gradient(params, *batch)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        def change(p, m, v):
            return p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return (jax.tree.map(change, params, m, v), m, v, t), value

    return step

def sgd_step(loss, rate=0.01):
    gradient = jax.value_and_grad(loss)

    @jax.jit
    def step(params, *batch):
        value, grads = gradient(params, *batch)
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), value

    return step

def adam_state(params):
    return (params, zeros_like(params), zeros_like(params), jnp.zeros(()))
"""
_JAX_STEP = """
def step():
    global state
    state, value = step_(state, *batch)
    value.block_until_ready()
"""
_JAX_ADAM = f"""
step_ = adam_step(loss)
state = adam_state(params)
{_JAX_STEP}"""
_JAX_SGD = f"""
step_ = sgd_step(loss)
state = params
{_JAX_STEP}"""

# ---- regressions and multilayer perceptrons -----------------------------------------------------

_STEP = """
def step():
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    optimizer.step()
"""

_REGRESSION = f"""{IMPORTS}
model, criterion = nn.Linear(4, 1), nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.01)
inputs, targets = torch.randn(32, 4), torch.randn(32, 1)
{_STEP}"""

_JAX_REGRESSION = f"""{_JAX}
params = [dense(4, 1)]
batch = normal(32, 4), normal(32, 1)

def loss(params, x, y):
    (w, b), = params
    return jnp.mean((x @ w + b - y) ** 2)
{_JAX_SGD}"""


def _mlp(width: int, batch: int) -> str:
    return f"""{IMPORTS}
model = nn.Sequential(nn.Linear({width}, {width}), nn.ReLU(), nn.Linear({width}, {width}), nn.ReLU(),
                      nn.Linear({width}, 10))
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
inputs, targets = torch.randn({batch}, {width}), torch.randint(0, 10, ({batch},))
{_STEP}"""


def _jax_mlp(width: int, batch: int) -> tuple[str, str]:
    setup = f"""{_JAX}
params = [dense({width}, {width}), dense({width}, {width}), dense({width}, 10)]
batch = normal({batch}, {width}), jnp.asarray(generator.integers(0, 10, {batch}))

def loss(params, x, y):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    scores = jax.nn.log_softmax(x @ w + b)
    return -jnp.mean(jnp.take_along_axis(scores, y[:, None], 1))
{_JAX_ADAM}"""
    return "step()", setup


# ---- convolutional networks ---------------------------------------------------------------------

_LENET = f"""{IMPORTS}
model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                      nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                      nn.Linear(84, 10))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
inputs, targets = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
{_STEP}"""

_JAX_LENET = f"""{_JAX}
def conv(outputs, inputs, size):
    return [normal(outputs, inputs, size, size) * (inputs * size * size) ** -0.5,
            jnp.zeros((outputs, 1, 1))]

params = [conv(6, 1, 5), conv(16, 6, 5), dense(400, 120), dense(120, 84), dense(84, 10)]
batch = normal(64, 1, 28, 28), jnp.asarray(generator.integers(0, 10, 64))

def pooled(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

def loss(params, x, y):
    for (w, b), padding in zip(params[:2], (2, 0)):
        x = jax.lax.conv_general_dilated(x, w, (1, 1), [(padding, padding)] * 2)
        x = pooled(jax.nn.relu(x + b))
    x = x.reshape(64, -1)
    for w, b in params[2:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x @ w + b), y[:, None], 1))
{_JAX_SGD}"""

_RESNET = f"""{IMPORTS}
class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                      nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.down is None else self.down(x)))

model = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                      Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
                      nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
inputs, targets = torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))
{_STEP}"""

# ---- generative models --------------------------------------------------------------------------

_GAN_STEP = """
def step():
    z = torch.randn(batch, latent, *ones)
    fake = G(z)
    opt_d.zero_grad()
    d_loss = criterion(D(real), yes) + criterion(D(fake.detach()), no)
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    criterion(D(fake), yes).backward()
    opt_g.step()
"""

_VECTOR_GAN = f"""{IMPORTS}
batch, latent, ones = 64, 8, ()
G = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2),
                  nn.Linear(32, 1))
opt_g, opt_d = optim.Adam(G.parameters(), lr=1e-3), optim.Adam(D.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()
real, yes, no = torch.randn(batch, 2), torch.ones(batch, 1), torch.zeros(batch, 1)
{_GAN_STEP}"""

_DCGAN = f"""{IMPORTS}
batch, latent, ones = 16, 64, (1, 1)
G = nn.Sequential(
    nn.ConvTranspose2d(64, 64, 4, 1, 0, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
    nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
    nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
    nn.ConvTranspose2d(16, 3, 4, 2, 1, bias=False), nn.Tanh())
D = nn.Sequential(
    nn.Conv2d(3, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
    nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
    nn.Conv2d(32, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
    nn.Conv2d(64, 1, 4, 1, 0, bias=False), nn.Flatten())
opt_g = optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
criterion = nn.BCEWithLogitsLoss()
real, yes, no = torch.randn(batch, 3, 32, 32), torch.ones(batch, 1), torch.zeros(batch, 1)
{_GAN_STEP}"""

_VAE = f"""{IMPORTS}
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.mean, self.log_var = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.up, self.out = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.hidden(x))
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var)
        return torch.sigmoid(self.out(F.relu(self.up(z)))), mean, log_var

model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
x = torch.rand(128, 784)

def step():
    optimizer.zero_grad()
    y, mean, log_var = model(x)
    rebuilt = F.binary_cross_entropy(y, x, reduction="sum")
    loss = rebuilt - 0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    loss.backward()
    optimizer.step()
"""

_JAX_VAE = f"""{_JAX}
params = dense(784, 400), dense(400, 20), dense(400, 20), dense(20, 400), dense(400, 784)
batch = jnp.asarray(generator.random((128, 784)).astype(np.float32)), normal(128, 20)

def apply(layer, x):
    return x @ layer[0] + layer[1]

def loss(params, x, noise):
    h = jax.nn.relu(apply(params[0], x))
    mean, log_var = apply(params[1], h), apply(params[2], h)
    z = mean + noise * jnp.exp(0.5 * log_var)
    scores = apply(params[4], jax.nn.relu(apply(params[3], z)))
    rebuilt = -jnp.sum(x * jax.nn.log_sigmoid(scores) + (1 - x) * jax.nn.log_sigmoid(-scores))
    return rebuilt - 0.5 * jnp.sum(1 + log_var - mean**2 - jnp.exp(log_var))
{_JAX_ADAM}"""

# ---- sequences ----------------------------------------------------------------------------------

_CELL = f"""{IMPORTS}
cell, head = nn.LSTMCell(8, 16), nn.Linear(16, 1)
optimizer = optim.Adam([*cell.parameters(), *head.parameters()], lr=1e-3)
inputs, targets = torch.randn(20, 16, 8), torch.randn(16, 1)

def step():
    h, c = torch.zeros(16, 16), torch.zeros(16, 16)
    for x in inputs:
        h, c = cell(x, (h, c))
    optimizer.zero_grad()
    F.mse_loss(head(h), targets).backward()
    optimizer.step()
"""


def _rnn(kind: str) -> str:
    return f"""{IMPORTS}
rnn, head = nn.{kind}(64, 128, batch_first=True), nn.Linear(128, 10)
optimizer = optim.Adam([*rnn.parameters(), *head.parameters()], lr=1e-3)
inputs, targets = torch.randn(32, 50, 64), torch.randint(0, 10, (32,))

def step():
    optimizer.zero_grad()
    out, _ = rnn(inputs)
    F.cross_entropy(head(out[:, -1]), targets).backward()
    optimizer.step()
"""


_GPT = f"""{IMPORTS}
heads, width, context, vocabulary = 4, 128, 64, 65

class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (y.view(b, t, heads, width // heads).transpose(1, 2)
                   for y in self.qkv(x).split(width, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(b, t, width))

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention()
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))

class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block() for _ in range(4)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        return self.head(self.norm(self.blocks(x)))

model = GPT()
optimizer = optim.AdamW(model.parameters(), lr=1e-3)
ids = torch.randint(0, vocabulary, (8, context + 1))

def step():
    optimizer.zero_grad()
    scores = model(ids[:, :-1])
    F.cross_entropy(scores.reshape(-1, vocabulary), ids[:, 1:].reshape(-1)).backward()
    optimizer.step()
"""

_JAX_GPT = f"""{_JAX}
heads, width, context, vocabulary = 4, 128, 64, 65

def norm():
    return [jnp.ones(width), jnp.zeros(width)]

params = dict(
    tokens=normal(vocabulary, width), places=normal(context, width), norm=norm(),
    head=normal(width, vocabulary) * width**-0.5,
    blocks=[dict(norm1=norm(), qkv=dense(width, 3 * width), out=dense(width, width), norm2=norm(),
                 up=dense(width, 4 * width), down=dense(4 * width, width)) for _ in range(4)])
ids = generator.integers(0, vocabulary, (8, context + 1))
batch = jnp.asarray(ids[:, :-1]), jnp.asarray(ids[:, 1:])
mask = jnp.tril(jnp.ones((context, context), bool))

def normed(p, x):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p[0] + p[1]

def apply(layer, x):
    return x @ layer[0] + layer[1]

def block(p, x):
    b, t, _ = x.shape
    q, k, v = (y.reshape(b, t, heads, -1).transpose(0, 2, 1, 3)
               for y in jnp.split(apply(p["qkv"], normed(p["norm1"], x)), 3, -1))
    a = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) * (width // heads) ** -0.5, -jnp.inf)
    y = (jax.nn.softmax(a) @ v).transpose(0, 2, 1, 3).reshape(b, t, width)
    x = x + apply(p["out"], y)
    up = jax.nn.gelu(apply(p["up"], normed(p["norm2"], x)), approximate=False)
    return x + apply(p["down"], up)

def loss(params, x, y):
    x = params["tokens"][x] + params["places"]
    for p in params["blocks"]:
        x = block(p, x)
    scores = jax.nn.log_softmax(normed(params["norm"], x) @ params["head"])
    return -jnp.mean(jnp.take_along_axis(scores, y[..., None], -1))
{_JAX_ADAM}"""

GROUPS: dict[str, list[Workload]] = {
    "small training steps": [
        Workload("linear regression", "step()", _REGRESSION, "us", ("step()", _JAX_REGRESSION),
                 "step", goal=4),
        Workload("MLP 64 wide, batch 32, Adam", "step()", _mlp(64, 32), "us", _jax_mlp(64, 32),
                 "step", goal=4),
        Workload("vector GAN", "step()", _VECTOR_GAN, "us", goal=4),
        Workload("LSTMCell unrolled, 20 steps", "step()", _CELL, "us", goal=4),
    ],
    "MLPs": [
        Workload("MLP 256 wide, batch 64, Adam", "step()", _mlp(256, 64), "us", _jax_mlp(256, 64),
                 "step"),
        Workload("MLP 1024 wide, batch 128, Adam", "step()", _mlp(1024, 128), "ms",
                 _jax_mlp(1024, 128), "step", goal=1.8),
    ],
    "convolutional networks": [
        Workload("LeNet, batch 64", "step()", _LENET, "ms", ("step()", _JAX_LENET), "step", goal=1.2),
        Workload("small ResNet, batch 32", "step()", _RESNET, "ms", None, "step", goal=1.2),
        Workload("DCGAN 32x32, batch 16", "step()", _DCGAN, "ms", goal=1.2),
    ],
    "sequences": [
        Workload("LSTM layer 64-128, 50 steps, batch 32", "step()", _rnn("LSTM"), "ms", goal=1.5),
        Workload("GRU layer 64-128, 50 steps, batch 32", "step()", _rnn("GRU"), "ms"),
        Workload("GPT, 4 layers of 128, batch 8x64", "step()", _GPT, "ms", ("step()", _JAX_GPT),
                 "step", goal=1.8),
    ],
    "VAE": [
        Workload("VAE 784-400-20, batch 128", "step()", _VAE, "ms", ("step()", _JAX_VAE), "step",
                 goal=1.8),
    ],
}  # fmt: skip
