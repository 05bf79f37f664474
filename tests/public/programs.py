"""Libraries that people train with, and collections of programs that they learn from."""

from tests.public.runner import Package

_SCIENCE = ("scipy==1.17.1",)
_GP = (
    *_SCIENCE,
    "linear_operator==0.6.1",
    "jaxtyping==0.3.11",
    "wadler_lindig==0.1.8",
    "mpmath==1.4.1",
    "scikit-learn==1.9.1",
    "joblib==1.6.0",
    "threadpoolctl==3.8.0",
)
_PYRO = ("pyro-api==0.1.2", "opt_einsum==3.4.0", "tqdm==4.70.1")
_HUGGINGFACE = (
    "tokenizers==0.23.3",
    "huggingface_hub==2.4.0",
    "httpx2==2.16.2",
    "httpcore2==2.16.2",
    "h11==0.16.0",
    "anyio==4.16.0",
    "idna",
    "truststore==0.10.5",
    "certifi",
    "click==8.5.1",
    "fsspec==2026.9.0",
    "filelock==4.3.1",
    "hf-xet==1.8.0",
    "safetensors==0.8.0",
    "regex==2026.11.19",
    "PyYAML==6.0.4",
    "requests==2.34.2",
    "packaging==26.4",
    "typing_extensions==4.16.0",
)

_TINY = "hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=99"
_STILL = "hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0"
_GROUPED = f"{_TINY}, num_key_value_heads=2"


def _language(config: str, model: str, options: str, labels: str = "tokens", more: str = "") -> str:
    """Trains a model of transformers on tokens, its weights random; then it continues them."""
    generates = "ForCausalLM" in model or "LMHead" in model
    return f"""
from transformers import {config}, {model}
settings = {config}({options}, pad_token_id=0, bos_token_id=1, eos_token_id=2)
model = {model}(settings)
tokens = integers(99, 2, 9, low=3)
train(
    model, steps=3, loss=lambda result: result.loss,
    call=lambda: model(input_ids=tokens, attention_mask=torch.ones_like(tokens), labels={labels}{more}),
)
model.eval()
if {generates}:
    record("continued", model.generate(tokens[:, :4], max_new_tokens=6, do_sample=False))
"""


_TRANSFORMERS = {
    "gpt2": _language("GPT2Config", "GPT2LMHeadModel", "n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=32, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0"),
    "llama": _language("LlamaConfig", "LlamaForCausalLM", _GROUPED),
    "mistral": _language("MistralConfig", "MistralForCausalLM", f"{_GROUPED}, sliding_window=4"),
    "mixtral": _language("MixtralConfig", "MixtralForCausalLM", f"{_GROUPED}, num_local_experts=4"),
    "qwen3": _language("Qwen3Config", "Qwen3ForCausalLM", f"{_GROUPED}, head_dim=8"),
    "gemma3": _language("Gemma3TextConfig", "Gemma3ForCausalLM", f"{_GROUPED}, head_dim=8"),
    "mamba": _language("MambaConfig", "MambaForCausalLM", "hidden_size=32, num_hidden_layers=2, vocab_size=99, state_size=8"),
    "bert": _language("BertConfig", "BertForMaskedLM", f"{_TINY}, {_STILL}, max_position_embeddings=32"),
    "roberta": _language("RobertaConfig", "RobertaForSequenceClassification", f"{_TINY}, {_STILL}, max_position_embeddings=32", "tokens[:, 0] % 2"),
    "t5": _language("T5Config", "T5ForConditionalGeneration", "d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=99, decoder_start_token_id=0, dropout_rate=0.0"),
}  # fmt: skip

_FLOW_INPUT = "x, c = floats(64, 3), floats(64, 5)"


def _flow(make: str, module: str = "zuko.flows") -> str:
    return f"import zuko\n{_FLOW_INPUT}\nmodel = {module}.{make}\ntrain(model, call=lambda: model(c).log_prob(x), loss=lambda r: -r.mean(), steps=3)"


def _head(name: str, options: str) -> str:
    """A loss of pytorch-metric-learning on embeddings."""
    return f"""
from pytorch_metric_learning import losses
loss = losses.{name}({options})
fill(loss)
embeddings = floats(12, 8).requires_grad_()
value = loss(embeddings, torch.arange(12) % 3)
value.backward()
record("loss", value)
record("gradient", embeddings.grad)
"""


_METRICS = {
    "classification": """
import torchmetrics.classification as m
scores, target = uniform(50, 4), integers(4, 50)
for make in (m.MulticlassAccuracy, m.MulticlassF1Score, m.MulticlassAUROC, m.MulticlassConfusionMatrix, m.MulticlassCohenKappa,
             m.MulticlassCalibrationError, m.MulticlassMatthewsCorrCoef, m.MulticlassAveragePrecision):
    metric = make(4)
    for part in range(0, 50, 25):
        metric.update(scores[part:part + 25], target[part:part + 25])
    record(make.__name__, metric.compute())
""",
    "regression": """
import torchmetrics.regression as m
a, b = uniform(40), uniform(40)
for make in (m.MeanSquaredError, m.R2Score, m.PearsonCorrCoef, m.SpearmanCorrCoef, m.ExplainedVariance, m.KendallRankCorrCoef,
             m.MeanAbsolutePercentageError, m.ConcordanceCorrCoef):
    metric = make()
    metric.update(a, b)
    record(make.__name__, metric.compute())
""",
    "images": """
import torchmetrics.image as m
a, b = uniform(2, 3, 64, 64), uniform(2, 3, 64, 64)
for metric in (m.StructuralSimilarityIndexMeasure(data_range=1.0), m.PeakSignalNoiseRatio(data_range=1.0), m.TotalVariation(),
               m.UniversalImageQualityIndex(), m.SpectralAngleMapper()):
    metric.update(*((a,) if isinstance(metric, m.TotalVariation) else (a, b)))
    record(type(metric).__name__, metric.compute())
""",
}  # fmt: skip

_ODE = """
from torchdiffeq import odeint, odeint_adjoint
class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    def forward(self, t, y):
        return self.net(y ** 3)
field, start, times = Field(), floats(4, 2), torch.linspace(0.0, 1.0, 5)
"""


def _ode(solve: str, method: str) -> str:
    return f"{_ODE}train(field, call=lambda: {solve}(field, start, times, method='{method}', rtol=1e-6, atol=1e-6))"


_GP_SETUP = """
import gpytorch
class Process(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel):
        super().__init__(x, y, likelihood)
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(kernel)
    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))
"""


def _process(kernel: str) -> str:
    """An exact Gaussian process: its likelihood is raised, and it predicts."""
    return f"""
x = torch.linspace(0, 1, 24).unsqueeze(-1)
y = torch.sin(6 * x[:, 0]) + 0.1 * floats(24)
likelihood = gpytorch.likelihoods.GaussianLikelihood()
model = Process(x, y, likelihood, gpytorch.kernels.{kernel})
objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
train(model, steps=4, filled=False, optimizer=lambda w: torch.optim.Adam(w, lr=0.1), call=lambda: -objective(model(x), y), loss=lambda r: r)
model.eval(), likelihood.eval()
with torch.no_grad():
    result = likelihood(model(torch.linspace(0, 1, 7).unsqueeze(-1)))
record("mean", result.mean)
record("variance", result.variance)
"""


PACKAGES = [
    Package(
        "transformers", "5.24.0", _TRANSFORMERS, needs=_HUGGINGFACE,
        setup="import os\nos.environ['HF_HUB_OFFLINE'] = '1'\nimport transformers\ntransformers.logging.set_verbosity_error()",
    ),
    Package(
        "torchdiffeq", "0.2.5",
        {
            "dopri5": _ode("odeint", "dopri5"),
            "rk4": _ode("odeint", "rk4"),
            "bosh3": _ode("odeint", "bosh3"),
            "adjoint": _ode("odeint_adjoint", "dopri5"),
            "implicit_adams": _ode("odeint", "implicit_adams"),
        },
        needs=_SCIENCE,
    ),
    Package(
        "gpytorch", "1.15.2",
        {
            "rbf": _process("RBFKernel()"),
            "matern": _process("MaternKernel(nu=2.5)"),
            "periodic": _process("PeriodicKernel()"),
            "linear": _process("LinearKernel()"),
            "spectral": _process("RQKernel()"),
        },
        needs=_GP, setup=_GP_SETUP, tolerance=1e-3,
    ),
    Package(
        "zuko", "1.6.0",
        {
            "maf": _flow("MAF(3, 5, transforms=2, hidden_features=(16, 16))"),
            "nsf": _flow("NSF(3, 5, transforms=2, hidden_features=(16, 16))"),
            "naf": _flow("NAF(3, 5, transforms=2, hidden_features=(16, 16))"),
            "nice": _flow("NICE(3, 5, transforms=2, hidden_features=(16, 16))"),
            "cnf": _flow("CNF(3, 5, hidden_features=(16, 16))"),
            "mixture": _flow("GMM(3, 5, components=4)", "zuko.mixtures"),
        },
        tolerance=1e-3,
    ),
    Package(
        "torchmetrics", "1.9.0", _METRICS,
        tolerance=1e-3,
        needs=("lightning-utilities==0.15.3", "packaging==26.4", "typing_extensions==4.16.0", *_SCIENCE),
    ),
    Package(
        "pytorch-metric-learning", "2.9.0",
        {
            "triplet": _head("TripletMarginLoss", ""),
            "contrastive": _head("ContrastiveLoss", ""),
            "ntxent": _head("NTXentLoss", ""),
            "arcface": _head("ArcFaceLoss", "num_classes=3, embedding_size=8"),
            "circle": _head("CircleLoss", ""),
            "proxy": _head("ProxyAnchorLoss", "num_classes=3, embedding_size=8"),
            "multi_similarity": _head("MultiSimilarityLoss", ""),
            "supcon": _head("SupConLoss", ""),
        },
        needs=("scikit-learn==1.9.1", "joblib==1.6.0", "threadpoolctl==3.8.0", "tqdm==4.70.1", *_SCIENCE),
    ),
    Package(
        "entmax", "1.3",
        {
            "losses": """
from entmax import entmax15, entmax_bisect, sparsemax, Entmax15Loss, SparsemaxLoss
x = floats(5, 8).requires_grad_()
for number, f in enumerate((sparsemax, entmax15, lambda z: entmax_bisect(z, alpha=1.3))):
    y = f(x)
    record(f"output {number}", y)
    record(f"gradient {number}", torch.autograd.grad((y * torch.arange(8.0)).sum(), x)[0])
for loss in (Entmax15Loss(), SparsemaxLoss()):
    value = loss(x, integers(8, 5))
    record(type(loss).__name__, value)
    record(f"gradient of {type(loss).__name__}", torch.autograd.grad(value, x)[0])
""",
        },
    ),
    Package(
        "higher", "0.2.1",
        {
            "meta": """
import higher
model = fill(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)))
x, y = floats(10, 3), floats(10, 1)
for make in (torch.optim.SGD, torch.optim.Adam):
    model.zero_grad()
    optimizer = make(model.parameters(), lr=0.1)
    with higher.innerloop_ctx(model, optimizer, copy_initial_weights=False) as (inner, steps):
        for _ in range(3):
            steps.step(((inner(x) - y) ** 2).mean())
        value = ((inner(x + 1) - y) ** 2).mean()
        value.backward()
    record(f"loss {make.__name__}", value)
    for name, p in model.named_parameters():
        record(f"gradient {make.__name__} {name}", p.grad.clone())
""",
            "recurrent": """
import higher
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.cell = nn.LSTM(3, 4, batch_first=True)
        self.out = nn.Linear(4, 1, bias=False)
    def forward(self, x):
        return self.out(self.cell(self.norm(x.transpose(1, 2)).transpose(1, 2))[0][:, -1])
model = fill(Model())
x, y = floats(6, 5, 3), floats(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
with higher.innerloop_ctx(model, optimizer, copy_initial_weights=False) as (inner, steps):
    for _ in range(3):
        steps.step(((inner(x) - y) ** 2).mean())
    value = ((inner(x + 1) - y) ** 2).mean()
    value.backward()
record("loss", value)
for name, p in model.named_parameters():
    record(f"gradient {name}", p.grad)
""",
        },
    ),
    Package(
        "captum", "0.9.0",
        {
            "attribution": """
from captum.attr import IntegratedGradients, Saliency, DeepLift, GradientShap, LayerGradCam, FeatureAblation, InputXGradient, GuidedBackprop
model = fill(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)))
x = images(2, 1, 8, 8)
for make in (Saliency, InputXGradient, DeepLift, GuidedBackprop, FeatureAblation):
    record(make.__name__, make(model).attribute(x, target=1))
record("IntegratedGradients", IntegratedGradients(model).attribute(x, target=1, n_steps=16))
record("GradCam", LayerGradCam(model, model[0]).attribute(x, target=1))
""",
        },
        needs=("matplotlib", "tqdm==4.70.1", "packaging==26.4", "kiwisolver", "cycler", "fonttools", "contourpy", "pyparsing", "pillow", "python-dateutil", "six"),
    ),
    Package(
        "snntorch", "1.0.0",
        {
            "spikes": """
import snntorch
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 12), nn.Linear(12, 2)
        self.lif, self.out = snntorch.Leaky(beta=0.9), snntorch.Synaptic(alpha=0.8, beta=0.7)
    def forward(self, x):
        mem, (syn, last) = self.lif.init_leaky(), self.out.init_synaptic()
        for t in range(5):
            spikes, mem = self.lif(self.fc1(x), mem)
            _, syn, last = self.out(self.fc2(spikes), syn, last)
        return last
train(Net(), floats(4, 6))
""",
        },
    ),
    Package(
        "torch-optimizer", "0.3.0",
        {
            "optimizers": """
import torch_optimizer
x, y = floats(16, 4), floats(16, 1)
for name in ("AdaBound", "AdaMod", "AdamP", "DiffGrad", "Lamb", "MADGRAD", "NovoGrad", "PID", "QHAdam", "QHM", "RAdam", "Ranger", "RangerQH", "SGDP", "SWATS", "Yogi"):
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    train(model, x.clone(), loss=lambda r: ((r - y) ** 2).mean(), steps=6, optimizer=lambda w: getattr(torch_optimizer, name)(w, lr=0.01), name=f"{name} ")
""",
        },
        needs=("pytorch-ranger==0.1.1",),
    ),
    Package(
        "skorch", "1.4.0",
        {
            "classifier": """
from skorch import NeuralNetClassifier
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = fill(nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)))
    def forward(self, x):
        return self.net(x).softmax(-1)
x = floats(60, 4).numpy()
y = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)
net = NeuralNetClassifier(Net, max_epochs=5, lr=0.1, train_split=None, verbose=0)
net.fit(x, y)
record("losses", torch.tensor(net.history[:, "train_loss"]))
record("probabilities", torch.from_numpy(net.predict_proba(x)))
""",
        },
        needs=("scikit-learn==1.9.1", "joblib==1.6.0", "threadpoolctl==3.8.0", "tabulate==0.10.0", "tqdm==4.70.1", "cloudpickle==3.1.3", "narwhals==2.29.0", *_SCIENCE),
    ),
    Package(
        "pytorch-ignite", "0.5.5",
        {
            "trainer": """
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
model, criterion = fill(nn.Linear(4, 3)), nn.CrossEntropyLoss()
x, y = floats(40, 4), integers(3, 40)
batches = [(x[i:i + 10], y[i:i + 10]) for i in range(0, 40, 10)]
trainer = create_supervised_trainer(model, torch.optim.SGD(model.parameters(), lr=0.3), criterion)
judge = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "loss": Loss(criterion)})
@trainer.on(Events.EPOCH_COMPLETED)
def check(engine):
    judge.run(batches)
    for name, value in judge.state.metrics.items():
        record(f"{name} {engine.state.epoch}", torch.tensor(value))
trainer.run(batches, max_epochs=3)
""",
        },
        needs=("packaging==26.4", "typing_extensions==4.16.0"),
    ),
]  # fmt: skip
