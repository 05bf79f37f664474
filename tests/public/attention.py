"""Attention in many forms, quantised codes, diffusion and GANs: small packages of one idea each."""

from tests.public.runner import Package

_EINOPS = "einops==0.8.2"
# What the packages of one author share.
_SHARED = (
    _EINOPS, "torch-einops-utils==0.2.0", "einx==0.4.3", "frozendict==2.5.1", "sympy==1.14.0",
    "mpmath==1.4.1", "loguru==0.7.3", "packaging==26.4", "typing-extensions==4.16.0", "tqdm==4.70.1",
    "torchvision==0.28.0", "pillow==13.0.0", "scipy==1.17.1", "ema-pytorch==0.8.3",
)  # fmt: skip
_TOKENS = "integers(32, 2, 16)"


def _decoder(options: str = "", wrapper: str = "") -> str:
    return f"""
from x_transformers import TransformerWrapper, Decoder, AutoregressiveWrapper
net = TransformerWrapper(num_tokens=32, max_seq_len=16, {wrapper}
    attn_layers=Decoder(dim=32, depth=2, heads=2, attn_dim_head=16, {options}))
train(AutoregressiveWrapper(net), {_TOKENS})
"""


def _quantizer(name: str, options: str, inputs: str = "images(2, 12, 16)", train: str = "") -> str:
    return f"from vector_quantize_pytorch import {name}\ntrain({name}({options}), {inputs}{train})"


PACKAGES = [
    Package(
        "x-transformers",
        "2.31.10",
        needs=_SHARED,
        cases={
            "gpt": _decoder(),
            "rotary": _decoder("rotary_pos_emb=True, use_rmsnorm=True, ff_glu=True, ff_swish=True"),
            "alibi": _decoder("alibi_pos_bias=True, alibi_num_heads=2"),
            "relative_bias": _decoder("rel_pos_bias=True, ff_relu_squared=True"),
            "dynamic_bias": _decoder("dynamic_pos_bias=True, dynamic_pos_bias_log_distance=False"),
            "flash": _decoder("attn_flash=True, attn_kv_heads=1"),
            "qk_norm": _decoder(
                "attn_qk_norm=True, attn_qk_norm_dim_scale=True, sandwich_norm=True"
            ),
            "talking_heads": _decoder("attn_pre_talking_heads=True, attn_sparse_topk=4"),
            "gates": _decoder("gate_residual=True, attn_gate_values=True, shift_tokens=1"),
            "memory": _decoder(
                "attn_num_mem_kv=2, ff_dropout=0.1, attn_dropout=0.1", "num_memory_tokens=2,"
            ),
            "macaron": _decoder("macaron=True, residual_attn=True, scale_residual=True"),
            "encoder": f"""
from x_transformers import TransformerWrapper, Encoder
train(TransformerWrapper(num_tokens=32, max_seq_len=16, attn_layers=Encoder(dim=32, depth=2, heads=2, attn_dim_head=16)),
      {_TOKENS}, mask=true(2, 16))
""",
            "translation": f"""
from x_transformers import XTransformer
model = XTransformer(dim=32, enc_num_tokens=32, enc_depth=1, enc_heads=2, enc_max_seq_len=16, enc_attn_dim_head=16,
                     dec_num_tokens=32, dec_depth=1, dec_heads=2, dec_max_seq_len=16, dec_attn_dim_head=16)
train(model, {_TOKENS}, {_TOKENS}, mask=true(2, 16))
""",
            "vit": """
from x_transformers import ViTransformerWrapper, Encoder
train(ViTransformerWrapper(image_size=32, patch_size=8, num_classes=5, attn_layers=Encoder(dim=32, depth=2, heads=2, attn_dim_head=16)),
      images(2, 3, 32, 32))
""",
            "continuous": """
from x_transformers import ContinuousTransformerWrapper, Decoder, ContinuousAutoregressiveWrapper
net = ContinuousTransformerWrapper(dim_in=6, dim_out=6, max_seq_len=16, attn_layers=Decoder(dim=32, depth=1, heads=2, attn_dim_head=16))
train(ContinuousAutoregressiveWrapper(net), images(2, 16, 6))
""",
            "generate": """
from x_transformers import TransformerWrapper, Decoder, AutoregressiveWrapper
net = TransformerWrapper(num_tokens=32, max_seq_len=24, attn_layers=Decoder(dim=32, depth=2, heads=2, attn_dim_head=16, rotary_pos_emb=True))
model = AutoregressiveWrapper(fill(net, 3.0)).eval()
record("tokens", model.generate(integers(32, 2, 4), 12, temperature=0.0, cache_kv=True))
""",
            "xl": f"""
from x_transformers import TransformerWrapper, Decoder, XLAutoregressiveWrapper
net = TransformerWrapper(num_tokens=32, max_seq_len=8, max_mem_len=8, attn_layers=Decoder(dim=32, depth=2, heads=2, attn_dim_head=16, rel_pos_bias=True))
train(XLAutoregressiveWrapper(net), {_TOKENS})
""",
        },
    ),
    Package(
        "linformer",
        "0.2.3",
        cases={
            "Linformer": "from linformer import Linformer\ntrain(Linformer(dim=32, seq_len=16, depth=2, heads=2, k=4), images(2, 16, 32))",
            "LinformerLM": f"from linformer import LinformerLM\ntrain(LinformerLM(num_tokens=32, dim=32, seq_len=16, depth=2, heads=2, k=4, one_kv_head=True, share_kv=True), {_TOKENS})",
            "reversible": "from linformer import Linformer\ntrain(Linformer(dim=32, seq_len=16, depth=2, heads=2, k=4, reversible=True), images(2, 16, 32))",
        },
    ),
    Package(
        "performer-pytorch",
        "1.1.4",
        needs=(
            *_SHARED,
            "local-attention==1.11.2",
            "axial-positional-embedding==0.3.12",
            "hyper-connections==0.4.11",
        ),
        cases={
            name: f"""
from performer_pytorch import PerformerLM
model = PerformerLM(num_tokens=32, max_seq_len=16, dim=32, depth=2, heads=2, dim_head=16, nb_features=12, {options})
for name, each in sorted(model.named_buffers()):
    if "projection_matrix" in name:
        each.copy_(images(*each.shape))
train(model, {_TOKENS})
"""
            for name, options in {
                "PerformerLM": "",
                "reversible": "reversible=True, use_scalenorm=True",
                "local": "local_attn_heads=1, local_window_size=4, ff_glu=True, generalized_attention=True",
                "chunks": "ff_chunks=4, use_rezero=True, shift_tokens=True, rotary_position_emb=False",
            }.items()
        },
    ),
    Package(
        "reformer-pytorch",
        "1.4.4",
        needs=(
            *_SHARED,
            "local-attention==1.11.2",
            "axial-positional-embedding==0.3.12",
            "hyper-connections==0.4.11",
            "product-key-memory==0.3.0",
            "CoLT5-attention==0.11.2",
        ),
        cases={
            "ReformerLM": f"""
from reformer_pytorch import ReformerLM
train(ReformerLM(num_tokens=32, dim=32, depth=2, max_seq_len=16, heads=2, dim_head=16, bucket_size=4, n_hashes=2, ff_chunks=2, causal=True), {_TOKENS})
""",
            "full_attention": f"""
from reformer_pytorch import ReformerLM
train(ReformerLM(num_tokens=32, dim=32, depth=2, max_seq_len=16, heads=2, dim_head=16, bucket_size=4, use_full_attn=True, ff_glu=True, axial_position_emb=True, axial_position_shape=(4, 4)), {_TOKENS})
""",
        },
    ),
    Package(
        "nystrom-attention",
        "0.0.14",
        cases={
            "NystromAttention": "from nystrom_attention import NystromAttention\ntrain(NystromAttention(dim=32, dim_head=16, heads=2, num_landmarks=8, pinv_iterations=6), images(2, 64, 32), mask=true(2, 64))",
            "Nystromformer": "from nystrom_attention import Nystromformer\ntrain(Nystromformer(dim=32, dim_head=16, heads=2, depth=2, num_landmarks=8), images(2, 64, 32))",
        },
    ),
    Package(
        "perceiver-pytorch",
        "0.11.0",
        needs=_SHARED,
        cases={
            "Perceiver": "from perceiver_pytorch import Perceiver\ntrain(Perceiver(num_freq_bands=3, depth=2, max_freq=10., num_latents=8, latent_dim=24, latent_heads=2, cross_dim_head=12, latent_dim_head=12, num_classes=5, weight_tie_layers=True), images(2, 8, 8, 3))",
            "PerceiverIO": "from perceiver_pytorch import PerceiverIO\ntrain(PerceiverIO(dim=12, queries_dim=10, logits_dim=7, depth=2, num_latents=8, latent_dim=24, latent_heads=2, cross_dim_head=12, latent_dim_head=12), images(2, 16, 12), queries=images(5, 10))",
        },
    ),
    Package(
        "mlp-mixer-pytorch",
        "0.3.1",
        cases={
            "MLPMixer": "from mlp_mixer_pytorch import MLPMixer\ntrain(MLPMixer(image_size=32, channels=3, patch_size=8, dim=24, depth=2, num_classes=5, dropout=0.1), images(2, 3, 32, 32))"
        },
    ),
    Package(
        "g-mlp-pytorch",
        "0.1.5",
        cases={
            "gMLP": f"from g_mlp_pytorch import gMLP\ntrain(gMLP(num_tokens=32, dim=24, depth=2, seq_len=16, causal=True, heads=2, attn_dim=12), {_TOKENS})",
            "circulant": f"from g_mlp_pytorch import gMLP\ntrain(gMLP(num_tokens=32, dim=24, depth=2, seq_len=16, circulant_matrix=True, act=nn.Tanh()), {_TOKENS})",
            "gMLPVision": "from g_mlp_pytorch import gMLPVision\ntrain(gMLPVision(image_size=32, patch_size=8, num_classes=5, dim=24, depth=2), images(2, 3, 32, 32))",
        },
    ),
    Package(
        "siren-pytorch",
        "0.1.7",
        cases={
            "SirenNet": "from siren_pytorch import SirenNet\ntrain(SirenNet(dim_in=2, dim_hidden=16, dim_out=3, num_layers=3, w0_initial=3.), uniform(5, 2))",
            "SirenWrapper": """
from siren_pytorch import SirenNet, SirenWrapper
net = SirenNet(dim_in=2, dim_hidden=16, dim_out=3, num_layers=2, w0_initial=3.)
train(SirenWrapper(net, latent_dim=8, image_width=6, image_height=6), img=uniform(1, 3, 6, 6), latent=images(8))
""",
        },
    ),
    Package(
        "rotary-embedding-torch",
        "0.9.1",
        needs=_SHARED,
        cases={
            "RotaryEmbedding": """
from rotary_embedding_torch import RotaryEmbedding
rotary = RotaryEmbedding(dim=8, learned_freq=True)
train(rotary, images(1, 2, 10, 16), call=rotary.rotate_queries_or_keys, filled=False)
""",
            "axial": """
from rotary_embedding_torch import RotaryEmbedding, apply_rotary_emb
rotary = RotaryEmbedding(dim=8, freqs_for="pixel", max_freq=16)
record("rotated", apply_rotary_emb(rotary.get_axial_freqs(4, 6), images(1, 4, 6, 16)))
""",
            "xpos": """
from rotary_embedding_torch import RotaryEmbedding
rotary = RotaryEmbedding(dim=8, use_xpos=True)
record("rotated", rotary.rotate_queries_and_keys(images(1, 2, 10, 16), images(1, 2, 10, 16)))
""",
        },
    ),
    Package(
        "lion-pytorch",
        "0.2.5",
        cases={
            name: f"""
from {module} import Lion
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
train(model, images(4, 6), optimizer=lambda weights: Lion(weights, lr=1e-3, weight_decay=0.1), steps=6)
record("weights", list(model.parameters()))
"""
            for name, module in {
                "Lion": "lion_pytorch",
                "foreach": "lion_pytorch.foreach",
                "cautious": "lion_pytorch.cautious_lion",
            }.items()
        },
    ),
    Package(
        "ema-pytorch",
        "0.8.3",
        needs=_SHARED,
        cases={
            "EMA": """
from ema_pytorch import EMA
model = fill(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 3)))
ema = EMA(model, beta=0.9, update_after_step=1, update_every=1)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(5):
    optimizer.zero_grad()
    default_loss(model(images(4, 6))).backward()
    optimizer.step()
    ema.update()
record("average", [each for each in ema.ema_model.parameters()])
predict(ema, images(4, 6), filled=False)
""",
            "PostHocEMA": """
from ema_pytorch import PostHocEMA
model = fill(nn.Linear(6, 3))
ema = PostHocEMA(model, sigma_rels=(0.05, 0.28), update_every=1, checkpoint_every_num_steps=2, checkpoint_folder="checkpoints")
for _ in range(6):
    with torch.no_grad():
        model.weight += 0.1 * images(3, 6)
    ema.update()
made = ema.synthesize_ema_model(sigma_rel=0.15)
record("average", [each for each in made.parameters()])
""",
        },
    ),
    Package(
        "vector-quantize-pytorch",
        "1.32.0",
        needs=_SHARED,
        cases={
            "VectorQuantize": _quantizer(
                "VectorQuantize", "dim=16, codebook_size=8, decay=0.8, commitment_weight=1."
            ),
            "cosine": _quantizer(
                "VectorQuantize",
                "dim=16, codebook_size=8, codebook_dim=6, use_cosine_sim=True, heads=2",
            ),
            "kmeans": _quantizer(
                "VectorQuantize",
                "dim=16, codebook_size=4, kmeans_init=True, kmeans_iters=3, rotation_trick=True",
            ),
            "learnable": _quantizer(
                "VectorQuantize",
                "dim=16, codebook_size=8, learnable_codebook=True, ema_update=False, orthogonal_reg_weight=10.",
            ),
            "ResidualVQ": _quantizer("ResidualVQ", "dim=16, num_quantizers=3, codebook_size=8"),
            "FSQ": _quantizer("FSQ", "levels=[5, 4, 3], dim=16"),
            "ResidualFSQ": _quantizer("ResidualFSQ", "dim=16, levels=[5, 4, 3], num_quantizers=2"),
            "LFQ": _quantizer("LFQ", "codebook_size=16, dim=16, entropy_loss_weight=0.1"),
            "SimVQ": _quantizer("SimVQ", "dim=16, codebook_size=8"),
            "LatentQuantize": _quantizer(
                "LatentQuantize", "levels=[5, 5, 8], dim=16", "images(2, 16, 12)"
            ),
            "RandomProjection": """
from vector_quantize_pytorch import RandomProjectionQuantizer
record("indices", fill(RandomProjectionQuantizer(dim=16, num_codebooks=3, codebook_dim=8, codebook_size=12))(images(2, 12, 16)))
""",
        },
    ),
    Package(
        "denoising-diffusion-pytorch",
        "2.3.4",
        needs=(
            *_SHARED,
            "accelerate==1.15.0",
            "pytorch-fid==0.3.0",
            "psutil==7.2.2",
            "PyYAML==6.0.4",
            "safetensors==0.8.0",
            "huggingface-hub==2.4.0",
            "filelock==4.3.1",
            "fsspec==2026.9.0",
            "requests==2.34.2",
            "httpx2==2.16.2",
            "httpcore2==2.16.2",
            "h11==0.16.0",
            "anyio==4.16.0",
            "truststore==0.10.5",
            "idna==3.20",
            "certifi==2026.10.19.post1",
            "click==8.5.1",
            "hf-xet==1.8.0",
        ),
        cases={
            "GaussianDiffusion": """
from denoising_diffusion_pytorch import Unet, GaussianDiffusion
model = GaussianDiffusion(Unet(dim=16, dim_mults=(1, 2), attn_dim_head=8, attn_heads=2), image_size=16, timesteps=20)
train(model, uniform(2, 3, 16, 16))
""",
            "sampling": """
from denoising_diffusion_pytorch import Unet, GaussianDiffusion
model = GaussianDiffusion(Unet(dim=16, dim_mults=(1, 2), attn_dim_head=8, attn_heads=2), image_size=16, timesteps=20, sampling_timesteps=4, objective="pred_noise", beta_schedule="cosine")
fill(model).eval()
reseed()
record("sample", model.sample(batch_size=2))
""",
            "1d": """
from denoising_diffusion_pytorch import Unet1D, GaussianDiffusion1D
model = GaussianDiffusion1D(Unet1D(dim=16, dim_mults=(1, 2), channels=4, attn_dim_head=8, attn_heads=2), seq_length=16, timesteps=20, objective="pred_v")
train(model, uniform(2, 4, 16))
""",
            "karras": """
from denoising_diffusion_pytorch import KarrasUnet
train(KarrasUnet(image_size=16, dim=16, dim_max=32, num_classes=3, num_downsamples=1, num_blocks_per_stage=1, attn_res=(8,), attn_dim_head=8), images(2, 4, 16, 16), time=uniform(2), class_labels=integers(3, 2))
""",
            "elucidated": """
from denoising_diffusion_pytorch import Unet
from denoising_diffusion_pytorch.elucidated_diffusion import ElucidatedDiffusion
net = Unet(dim=16, dim_mults=(1, 2), attn_dim_head=8, attn_heads=2, random_fourier_features=True)
train(ElucidatedDiffusion(net, image_size=16, num_sample_steps=3), uniform(2, 3, 16, 16))
""",
        },
    ),
    Package(
        "byol-pytorch",
        "0.9.1",
        needs=(*_SHARED, "accelerate==1.15.0", "beartype==0.23.1"),
        cases={
            "BYOL": """
from byol_pytorch import BYOL
net = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(512, 12))
learner = BYOL(net, image_size=32, hidden_layer=-1, projection_size=16, projection_hidden_size=24, use_simplicial_embeddings=False,
               augment_fn=nn.Identity(), augment_fn2=nn.Identity())
train(learner, images(4, 3, 32, 32))
learner.update_moving_average()
"""
        },
    ),
    Package(
        "egnn-pytorch",
        "0.2.8",
        needs=_SHARED,
        cases={
            "EGNN": "from egnn_pytorch import EGNN\ntrain(EGNN(dim=16, edge_dim=4, m_dim=8, fourier_features=2, soft_edges=True), images(2, 6, 16), images(2, 6, 3), images(2, 6, 6, 4))",
            "neighbours": "from egnn_pytorch import EGNN\ntrain(EGNN(dim=16, m_dim=8, num_nearest_neighbors=3), images(2, 6, 16), images(2, 6, 3))",
            "EGNN_Network": """
from egnn_pytorch import EGNN_Network
train(EGNN_Network(num_tokens=21, num_positions=12, dim=16, depth=2, num_nearest_neighbors=4, coor_weights_clamp_value=2.), integers(21, 1, 12), images(1, 12, 3), mask=true(1, 12))
""",
        },
    ),
    Package(
        "hyper-connections",
        "0.4.11",
        needs=_SHARED,
        cases={
            "HyperConnections": """
from hyper_connections import HyperConnections
init, expand, reduce = HyperConnections.get_init_and_expand_reduce_stream_functions(2)
block = init(dim=16, branch=nn.Linear(16, 16))
train(block, images(2, 5, 16), call=lambda x: reduce(block(expand(x))))
"""
        },
    ),
    Package(
        "local-attention",
        "1.11.2",
        needs=(*_SHARED, "hyper-connections==0.4.11"),
        cases={
            "LocalTransformer": f"""
from local_attention import LocalTransformer
train(LocalTransformer(num_tokens=32, dim=32, depth=2, max_seq_len=16, causal=True, local_attn_window_size=4, heads=2, dim_head=16), {_TOKENS})
"""
        },
    ),
    Package(
        "lightweight-gan",
        "1.2.1",
        needs=(
            *_SHARED,
            "adabelief-pytorch==0.2.1",
            "tabulate==0.10.0",
            "colorama==0.4.6",
            "fire==0.7.1",
            "termcolor==3.3.0",
            "retry==0.9.2",
            "decorator==5.3.1",
            "py==1.11.0",
            "kornia==0.9.0",
            "kornia-rs==0.2.0",
        ),
        cases={
            "step": """
available, torch.cuda.is_available = torch.cuda.is_available, lambda: True  # it asks when it is imported
from lightweight_gan.lightweight_gan import Generator, Discriminator, hinge_loss, gen_hinge_loss
torch.cuda.is_available = available
maker = Generator(image_size=32, latent_dim=16, fmap_max=16, attn_res_layers=[16])
judge = fill(Discriminator(image_size=32, fmap_max=16, attn_res_layers=[16], disc_output_size=1))
train(maker, images(4, 16), call=lambda latents: gen_hinge_loss(judge(maker(latents))[0], None), steps=1)
reseed()
train(judge, uniform(4, 3, 32, 32), call=lambda real: hinge_loss(judge(real)[0], judge(maker(images(4, 16)).detach())[0]), name="judge ", steps=1)
"""
        },
    ),
    Package(
        "stylegan2-pytorch",
        "1.9.0",
        needs=(
            *_SHARED,
            "fire==0.7.1",
            "termcolor==3.3.0",
            "retry==0.9.2",
            "decorator==5.3.1",
            "py==1.11.0",
            "contrastive-learner==0.1.1",
            "kornia==0.9.0",
            "kornia-rs==0.2.0",
            "vector-quantize-pytorch==1.32.0",
        ),
        cases={
            "step": """
import types
sys.modules["aim"] = types.ModuleType("aim")  # which watches training
available, torch.cuda.is_available = torch.cuda.is_available, lambda: True  # it asks when it is imported
from stylegan2_pytorch.stylegan2_pytorch import Generator, Discriminator, StyleVectorizer, gradient_penalty, hinge_loss, gen_hinge_loss
torch.cuda.is_available = available
maker = Generator(image_size=16, latent_dim=16, network_capacity=2, fmap_max=16)
style = fill(StyleVectorizer(16, 2, lr_mul=0.1))
judge = fill(Discriminator(image_size=16, network_capacity=2, fmap_max=16, attn_layers=[1]))
noise = uniform(2, 16, 16, 1)
train(maker, images(2, 16), call=lambda latents: gen_hinge_loss(judge(maker(style(latents)[:, None].expand(-1, maker.num_layers, -1), noise))[0], None), steps=1)
real = uniform(2, 3, 16, 16)
def penalty(real):
    scores, _ = judge(real)
    gradient = torch.autograd.grad(scores, real, torch.ones_like(scores), create_graph=True)[0].reshape(2, -1)
    return hinge_loss(scores, judge(real.detach() * 0.5)[0]) + 10 * ((gradient.norm(2, dim=1) - 1) ** 2).mean()
train(judge, real, call=penalty, name="judge ", steps=1)
"""
        },
    ),
]
