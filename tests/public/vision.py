"""Vision transformers, attention, and packages for images and generative models."""

from tests.public.runner import Package

_EINOPS = "einops==0.8.2"
# What timm asks for at import: a client of a hub of weights, which nothing is fetched from.
_HUB = (
    "huggingface-hub==2.4.0", "httpx2==2.16.2", "httpcore2==2.16.2", "h11==0.16.0", "anyio==4.16.0",
    "truststore==0.10.5", "idna==3.20", "certifi==2026.10.19.post1", "click==8.5.1", "hf-xet==1.8.0",
    "filelock==4.3.1", "fsspec==2026.9.0", "PyYAML==6.0.4", "safetensors==0.8.0", "tqdm==4.70.1",
    "packaging==26.4", "typing-extensions==4.16.0", "pillow==13.0.0",
)  # fmt: skip


def _model(module: str, name: str, options: str, inputs: str = "images(2, 3, 32, 32)") -> str:
    """A case that trains one class of a module."""
    return f"from {module} import {name}\ntrain({name}({options}), {inputs})"


# What most of vit-pytorch's classes take.
_VIT = (
    "image_size=32, patch_size=8, num_classes=5, dim=32, depth=2, heads=2, dim_head=16, mlp_dim=48"
)
_VIDEO = (
    "image_size=16, image_patch_size=8, frames=4, frame_patch_size=2, num_classes=5, dim=32, heads=2, "
    "dim_head=16, mlp_dim=48"
)
_ND = "ndim=3, input_shape=(4, 8, 8), patch_size=(2, 4, 4), num_classes=5, dim=48, depth=2, heads=2, dim_head=24, mlp_dim=48"
_VIDEO_INPUT = "images(2, 3, 4, 16, 16)"
_ND_INPUT = "images(2, 3, 4, 8, 8)"

# PyTorch's flex_attention has no backward on the CPU; the package then computes attention itself.
_MANUAL = "torch.cpu._is_avx2_supported = lambda: False\n"
_VIT_CASES = {
    name: _model(f"vit_pytorch.{name}", title, _VIT)
    for name, title in {
        "vit": "ViT",
        "simple_vit": "SimpleViT",
        "deepvit": "DeepViT",
        "parallel_vit": "ViT",
        "local_vit": "LocalViT",
        "simple_uvit": "SimpleUViT",
        "simple_vit_attn_residual": "SimpleViTAttnResidual",
        "attn_residual_with_dca_simple_vit": "SimpleViT",
        "simple_vit_orthog_residual_update": "SimpleViT",
        "simple_vit_with_qk_norm": "SimpleViT",
        "simple_vit_with_register_tokens": "SimpleViT",
        "simple_vit_with_relative_proj_pos_bias": "SimpleViT",
        "simple_vit_with_sparse_gating": "SimpleViTWithSparseGating",
        "simple_vit_with_specialized_cls": "SimpleViT",
        "simple_vit_with_value_residual": "SimpleViT",
        "vit_5": "ViT",
        "vit_detpool": "ViTDetPool",
        "vit_for_small_dataset": "ViT",
        "vit_with_decorr": "ViT",
        "vit_with_keel_post_ln": "ViT",
        "normalized_vit": "nViT",
        "jumbo_vit": "JumboViT",
        "jet_vit": "JetViT",
        "rvt": "RvT",
    }.items()
}
_VIT_CASES["normalized_vit"] = _model("vit_pytorch.normalized_vit", "nViT", _VIT)
_VIT_CASES |= {
    "ats_vit": _model("vit_pytorch.ats_vit", "ViT", f"{_VIT}, max_tokens_per_depth=(12, 6)"),
    "cait": _model("vit_pytorch.cait", "CaiT", f"{_VIT}, cls_depth=1, layer_dropout=0.1"),
    "xcit": _model("vit_pytorch.xcit", "XCiT", f"{_VIT}, cls_depth=1"),
    "cct": _model(
        "vit_pytorch.cct",
        "CCT",
        "img_size=32, embedding_dim=32, n_conv_layers=2, num_layers=2, num_heads=2, mlp_ratio=2, num_classes=5",
    ),
    "cct_3d": _model(
        "vit_pytorch.cct_3d",
        "CCT",
        "img_size=32, num_frames=4, embedding_dim=32, n_conv_layers=2, num_layers=2, num_heads=2, mlp_ratio=2, num_classes=5",
        "images(2, 3, 4, 32, 32)",
    ),
    "cross_vit": _model(
        "vit_pytorch.cross_vit",
        "CrossViT",
        "image_size=32, num_classes=5, sm_dim=16, lg_dim=24, sm_patch_size=4, lg_patch_size=8, sm_enc_heads=2, "
        "sm_enc_mlp_dim=24, sm_enc_dim_head=8, lg_enc_depth=1, lg_enc_heads=2, lg_enc_mlp_dim=24, lg_enc_dim_head=8, "
        "cross_attn_depth=1, cross_attn_heads=2, cross_attn_dim_head=8, depth=2",
    ),
    "crossformer": _model(
        "vit_pytorch.crossformer",
        "CrossFormer",
        "dim=(32, 32, 64, 64), depth=(1, 1, 1, 1), global_window_size=(4, 2, 2, 1), local_window_size=2, num_classes=5",
        "images(2, 3, 64, 64)",
    ),
    "cvt": _model(
        "vit_pytorch.cvt",
        "CvT",
        "num_classes=5, s1_emb_dim=16, s2_emb_dim=16, s2_heads=1, s2_depth=1, s3_emb_dim=32, s3_heads=2, s3_depth=1",
        "images(2, 3, 64, 64)",
    ),
    "efficient": """
from vit_pytorch.efficient import ViT
from nystrom_attention import Nystromformer
transformer = Nystromformer(dim=32, depth=2, heads=2, dim_head=16, num_landmarks=8)
train(ViT(image_size=32, patch_size=4, num_classes=5, dim=32, transformer=transformer), images(2, 3, 32, 32))
""",
    "levit": _model(
        "vit_pytorch.levit",
        "LeViT",
        "image_size=64, num_classes=5, stages=2, dim=(16, 24), depth=1, heads=(2, 3), mlp_mult=2, dim_key=8, dim_value=8",
        "images(2, 3, 64, 64)",
    ),
    "look_vit": _model(
        "vit_pytorch.look_vit",
        "LookViT",
        "dim=32, image_size=64, num_classes=5, depth=1, heads=2, dim_head=16, mlp_factor=2, highres_mlp_factor=2, highres_patch_size=8, "
        "cross_attn_heads=2, cross_attn_dim_head=16",
        "images(2, 3, 64, 64)",
    ),
    "looped_vit": _model(
        "vit_pytorch.looped_vit",
        "LoopedViT",
        "image_size=16, patch_size=4, num_classes=5, dim=32, pre_loop_depth=1, num_looped_blocks=1, post_loop_depth=1, "
        "loop_depth=2, heads=2, dim_head=16, mlp_dim=48",
        "images(2, 3, 16, 16)",
    ),
    "max_vit": _model(
        "vit_pytorch.max_vit",
        "MaxViT",
        "num_classes=5, dim=16, depth=(1, 1), dim_head=8, dim_conv_stem=8, window_size=2",
        "images(2, 3, 32, 32)",
    ),
    "max_vit_with_registers": _model(
        "vit_pytorch.max_vit_with_registers",
        "MaxViT",
        "num_classes=5, dim=16, depth=(1, 1), dim_head=8, dim_conv_stem=8, window_size=2",
        "images(2, 3, 32, 32)",
    ),
    "mobile_vit": _model(
        "vit_pytorch.mobile_vit",
        "MobileViT",
        "image_size=(64, 64), dims=[16, 24, 32], channels=[8, 8, 16, 16, 24, 24, 32, 32, 40, 40, 48], num_classes=5, "
        "expansion=2, depths=(1, 1, 1)",
        "images(2, 3, 64, 64)",
    ),
    "nest": _model(
        "vit_pytorch.nest",
        "NesT",
        "image_size=32, patch_size=4, num_classes=5, dim=16, heads=2, num_hierarchies=2, block_repeats=(1, 1), "
        "mlp_mult=2, dim_head=8",
    ),
    "pit": _model(
        "vit_pytorch.pit",
        "PiT",
        "image_size=32, patch_size=8, num_classes=5, dim=32, depth=(1, 1), heads=2, dim_head=16, mlp_dim=48, dropout=0.1",
    ),
    "regionvit": _model(
        "vit_pytorch.regionvit",
        "RegionViT",
        "dim=(16, 16, 32, 32), depth=(1, 1, 1, 1), window_size=2, num_classes=5, use_peg=True",
        "images(2, 3, 64, 64)",
    ),
    "scalable_vit": _model(
        "vit_pytorch.scalable_vit",
        "ScalableViT",
        "num_classes=5, dim=16, depth=(1, 1), heads=(1, 2), reduction_factor=(2, 1), window_size=(4, None), "
        "iwsa_dim_key=8, iwsa_dim_value=8, ssa_dim_key=8, ssa_dim_value=8, ff_expansion_factor=2",
        "images(2, 3, 32, 32)",
    ),
    "sep_vit": _model(
        "vit_pytorch.sep_vit",
        "SepViT",
        "num_classes=5, dim=16, depth=(1, 1), heads=(1, 2), window_size=7, dim_head=8, ff_mult=2",
        "images(2, 3, 56, 56)",
    ),
    "simple_flash_attn_vit": _model(
        "vit_pytorch.simple_flash_attn_vit", "SimpleViT", f"{_VIT}, use_flash=True"
    ),
    "simple_flash_attn_vit_3d": _model(
        "vit_pytorch.simple_flash_attn_vit_3d", "SimpleViT", f"{_VIDEO}, depth=2", _VIDEO_INPUT
    ),
    "simple_vit_1d": _model(
        "vit_pytorch.simple_vit_1d",
        "SimpleViT",
        "seq_len=32, patch_size=4, num_classes=5, dim=32, depth=2, heads=2, dim_head=16, mlp_dim=48",
        "images(2, 3, 32)",
    ),
    "vit_1d": _model(
        "vit_pytorch.vit_1d",
        "ViT",
        "seq_len=32, patch_size=4, num_classes=5, dim=32, depth=2, heads=2, dim_head=16, mlp_dim=48, dropout=0.1",
        "images(2, 3, 32)",
    ),
    "simple_vit_3d": _model(
        "vit_pytorch.simple_vit_3d", "SimpleViT", f"{_VIDEO}, depth=2", _VIDEO_INPUT
    ),
    "vit_3d": _model("vit_pytorch.vit_3d", "ViT", f"{_VIDEO}, depth=2", _VIDEO_INPUT),
    "simple_vit_with_fft": _model(
        "vit_pytorch.simple_vit_with_fft", "SimpleViT", f"{_VIT}, freq_patch_size=8"
    ),
    "simple_vit_with_hyper_connections": _model(
        "vit_pytorch.simple_vit_with_hyper_connections",
        "SimpleViT",
        f"{_VIT}, num_residual_streams=2",
    ),
    "simple_vit_with_patch_dropout": _model(
        "vit_pytorch.simple_vit_with_patch_dropout", "SimpleViT", f"{_VIT}, patch_dropout=0.25"
    ),
    "vit_with_patch_dropout": _model(
        "vit_pytorch.vit_with_patch_dropout", "ViT", f"{_VIT}, patch_dropout=0.25, dropout=0.1"
    ),
    "vit_with_patch_merger": _model(
        "vit_pytorch.vit_with_patch_merger",
        "ViT",
        f"{_VIT}, patch_merge_layer=1, patch_merge_num_tokens=4",
    ),
    "t2t": _model(
        "vit_pytorch.t2t",
        "T2TViT",
        "image_size=32, num_classes=5, dim=32, depth=1, heads=2, dim_head=16, mlp_dim=48, t2t_layers=((3, 2), (3, 2))",
    ),
    "twins_svt": _model(
        "vit_pytorch.twins_svt",
        "TwinsSVT",
        "num_classes=5, s1_emb_dim=16, s1_local_patch_size=4, s1_global_k=4, s2_emb_dim=16, s2_local_patch_size=2, s2_global_k=2, "
        "s3_emb_dim=32, s3_local_patch_size=2, s3_global_k=2, s3_depth=1, s4_emb_dim=32, s4_local_patch_size=2, s4_global_k=2, s4_depth=1",
        "images(2, 3, 64, 64)",
    ),
    "vit_nd": _MANUAL + _model("vit_pytorch.vit_nd", "ViTND", _ND, _ND_INPUT),
    "vit_nd_rotary": _MANUAL + _model("vit_pytorch.vit_nd_rotary", "ViTND", _ND, _ND_INPUT),
    "vit_nd_pope": _MANUAL + _model("vit_pytorch.vit_nd_pope", "ViTND", _ND, _ND_INPUT),
    "vivit": _model(
        "vit_pytorch.vivit", "ViViT", f"{_VIDEO}, spatial_depth=1, temporal_depth=1", _VIDEO_INPUT
    ),
    "vivit_factorized": _model(
        "vit_pytorch.vivit",
        "ViViT",
        f"{_VIDEO}, spatial_depth=1, temporal_depth=1, variant='factorized_self_attention'",
        _VIDEO_INPUT,
    ),
    "vivit_with_moss": _model(
        "vit_pytorch.vivit_with_moss",
        "ViViT",
        f"{_VIDEO}, spatial_depth=1, temporal_depth=1",
        _VIDEO_INPUT,
    ),
    "wwt": _model("vit_pytorch.wwt", "WWT", f"{_VIT}, num_slots=4"),
    "accept_video_wrapper": f"""
from vit_pytorch import ViT
from vit_pytorch.accept_video_wrapper import AcceptVideoWrapper
vit = ViT({_VIT})
train(AcceptVideoWrapper(vit, add_time_pos_emb=True, dim_emb=5, time_seq_len=3), images(2, 3, 3, 32, 32))
""",
    "mae": f"""
from vit_pytorch import ViT
from vit_pytorch.mae import MAE
train(MAE(encoder=ViT({_VIT}), masking_ratio=0.5, decoder_dim=24, decoder_heads=2, decoder_dim_head=12), images(2, 3, 32, 32))
""",
    "simmim": f"""
from vit_pytorch import ViT
from vit_pytorch.simmim import SimMIM
train(SimMIM(encoder=ViT({_VIT}), masking_ratio=0.5), images(2, 3, 32, 32))
""",
    "mp3": """
from vit_pytorch.mp3 import ViT, MP3
train(ViT(image_size=32, patch_size=8, num_classes=5, dim=32, depth=2, heads=2, dim_head=16, mlp_dim=48), images(2, 3, 32, 32), name='vit ')
vit = ViT(image_size=32, patch_size=8, num_classes=5, dim=32, depth=2, heads=2, dim_head=16, mlp_dim=48)
train(MP3(vit=vit, masking_ratio=0.5), images(2, 3, 32, 32))
""",
    "mpp": f"""
from vit_pytorch import ViT
from vit_pytorch.mpp import MPP
train(MPP(transformer=ViT({_VIT}), patch_size=8, dim=32), uniform(2, 3, 32, 32))
""",
    "distill": """
from vit_pytorch.distill import DistillableViT, DistillWrapper
teacher = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5))
student = DistillableViT(image_size=32, patch_size=8, num_classes=5, dim=32, depth=2, heads=2, mlp_dim=48)
wrapper = DistillWrapper(student=student, teacher=teacher, temperature=3, alpha=0.5)
train(wrapper, images(2, 3, 32, 32), labels=integers(5, 2))
""",
    "learnable_memory_vit": f"""
from vit_pytorch.learnable_memory_vit import ViT, Adapter
vit = fill(ViT({_VIT}))
predict(vit, images(2, 3, 32, 32))
train(Adapter(vit=vit, num_classes=2, num_memories_per_layer=3), images(2, 3, 32, 32))
""",
    "recorder": f"""
from vit_pytorch import ViT
from vit_pytorch.recorder import Recorder
train(Recorder(ViT({_VIT})), images(2, 3, 32, 32))
""",
    "extractor": f"""
from vit_pytorch import ViT
from vit_pytorch.extractor import Extractor
predict(Extractor(ViT({_VIT})), images(2, 3, 32, 32))
""",
    "na_vit": """
from vit_pytorch.na_vit import NaViT
model = NaViT(image_size=32, patch_size=8, num_classes=5, dim=32, depth=1, heads=2, dim_head=16, mlp_dim=48, token_dropout_prob=0.1)
pictures = [[images(3, 32, 32), images(3, 16, 32)], [images(3, 16, 24), images(3, 32, 8)]]
train(model, pictures)
""",
    "dino": f"""
from vit_pytorch import ViT, Dino
learner = Dino(ViT({_VIT}), image_size=32, projection_hidden_size=24, num_classes_K=32, projection_layers=2,
               augment_fn=nn.Identity(), augment_fn2=nn.Identity())
train(learner, images(2, 3, 32, 32), steps=1)
learner.update_moving_average()
record("teacher", list(learner.teacher_encoder.parameters())[0])
""",
    "es_vit": """
from vit_pytorch.cvt import CvT
from vit_pytorch.es_vit import EsViTTrainer
net = CvT(num_classes=5, s1_emb_dim=16, s2_emb_dim=16, s2_heads=1, s2_depth=1, s3_emb_dim=32, s3_heads=2, s3_depth=1)
learner = EsViTTrainer(net, image_size=64, hidden_layer='layers', projection_hidden_size=24, num_classes_K=32, projection_layers=2,
                       augment_fn=nn.Identity(), augment_fn2=nn.Identity())
train(learner, images(2, 3, 64, 64), steps=1)
""",
    "lejepa": f"""
from vit_pytorch import ViT
from vit_pytorch.lejepa import LeJEPA
learner = LeJEPA(ViT({_VIT}), image_size=32, projection_hidden_size=24, num_classes_K=32, projection_layers=2,
                 sigreg_loss_kwargs=dict(num_slices=16, domain=(-5, 5), num_knots=9), augment_fn=nn.Identity(), augment_fn2=nn.Identity())
train(learner, images(2, 3, 32, 32), steps=1)
""",
    "vat": f"""
from vit_pytorch.vat import VAT
vit = dict({_VIT})
model = VAT(vit, dim=32, depth=2, heads=2, dim_head=16, dim_action=6, mlp_dim=48, num_views=2, num_tasks=3, action_chunk_len=3)
train(model, images(2, 2, 3, 32, 32), tasks=integers(3, 2))
""",
}

# The smallest model of most of timm's files.
_TIMM_PLAIN = """
test_convnext cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_s cspnext_tiny densenet121 dpn68
edgenext_small test_efficientnet efficientvim_m1 fasternet_t0 fastvit_s12 ghostnet_050 hgnet_tiny
iformer_s inception_next_atto lcnetv2_small lowformer_b0 test_mambaout test_nfnet pvt_v2_b0
repghostnet_050 test_resnet resnetv2_18 rexnet_100 legacy_seresnet18 shvit_s1 skresnet18
starnet_s050 tiny_vit_5m_224 ese_vovnet19b_slim lcnet_050 hardcorenas_a efficientvit_b0
mobilenetv3_small_050
"""
# These are told the size of the pictures.
_TIMM_SIZED = """
test_byobnet cait_xxs24_224 coat_mini convit_tiny deit_tiny_patch16_224 efficientformerv2_s0
efficientvit_m0 eva02_tiny_patch14_224 gcvit_xxtiny test_maxvit mobilevit_xxs pit_xs_224 repvit_m0_9
swiftformer_xs visformer_tiny test_vit vit_tiny_r_s16_p8_224 test_vit_relpos xcit_nano_12_p8_224
"""
_TIMM_CASES = {
    name: f"""
import timm
model = timm.create_model("{name}", num_classes=5{size}).double()
train(model, images(2, 3, 64, 64, dtype=torch.float64), steps=1)
"""
    for names, size in ((_TIMM_PLAIN, ""), (_TIMM_SIZED, ", img_size=64"))
    for name in names.split()
}
_TIMM_CASES |= {
    "features": """
import timm
train(timm.create_model("test_resnet", features_only=True), images(2, 3, 64, 64), steps=1)
""",
    "checkpointing": """
import timm
model = timm.create_model("test_vit", num_classes=5, img_size=64)
model.set_grad_checkpointing(True)
train(model, images(2, 3, 64, 64), steps=1)
""",
    "layers": """
from timm.layers import BlurPool2d, DropBlock2d, EcaModule, GroupNorm1, SplitBatchNorm2d, create_attn, PatchDropout
for name in ("se", "ese", "eca", "ecam", "ceca", "cbam", "lcbam", "sk", "splat"):
    train(create_attn(name, 16), images(2, 16, 8, 8), steps=1, name=f"{name} ")
train(nn.Sequential(BlurPool2d(16), GroupNorm1(16), SplitBatchNorm2d(16)), images(4, 16, 8, 8), steps=1)
""",
    **{
        f"optimizer_{name}": f"""
from timm.optim import create_optimizer_v2
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
train(model, images(4, 6), steps=6, optimizer=lambda weights: create_optimizer_v2(weights, opt="{name}", lr=1e-2, weight_decay=0.01))
record("weights", list(model.parameters()))
"""
        for name in [
            "sgd",
            "adamw",
            "adamp",
            "adabelief",
            "adan",
            "lamb",
            "lars",
            "lion",
            "nadamw",
            "rmsproptf",
            "adafactor",
            "adafactorbv",
            "sgdp",
            "laprop",
            "mars",
            "adopt",
            "muon",
        ]
    },
    "schedulers": """
from timm.scheduler import create_scheduler_v2
for name in ("cosine", "tanh", "step", "multistep", "poly"):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=0.1)
    scheduler, _ = create_scheduler_v2(optimizer, sched=name, num_epochs=10, warmup_epochs=2, decay_milestones=[3, 6], decay_epochs=3)
    rates = []
    for epoch in range(12):
        scheduler.step(epoch)
        rates.append(optimizer.param_groups[0]["lr"])
    record(name, torch.tensor(rates))
""",
    "mixup_and_losses": """
from timm.data import Mixup
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy, BinaryCrossEntropy, AsymmetricLossMultiLabel
pictures, classes = Mixup(mixup_alpha=0.2, cutmix_alpha=1.0, num_classes=5)(images(4, 3, 16, 16), integers(5, 4))
record("pictures", pictures)
record("classes", classes)
scores = images(4, 5)
record("smooth", LabelSmoothingCrossEntropy(0.1)(scores, integers(5, 4)))
record("soft", SoftTargetCrossEntropy()(scores, classes))
record("binary", BinaryCrossEntropy()(scores, classes))
record("asymmetric", AsymmetricLossMultiLabel()(scores, (classes > 0.3).float()))
""",
}

_NESTED = "nested tensors are not supported"

PACKAGES = [
    Package(
        "vit-pytorch",
        "1.26.14",
        needs=(
            _EINOPS,
            "torchvision==0.28.0",
            "pillow==13.0.0",
            "hyper-connections==0.4.11",
            "nystrom-attention==0.0.14",
            "packaging==26.4",
            "torch-einops-utils==0.2.0",
        ),
        cases=_VIT_CASES | {"na_vit_nested_tensor": "import vit_pytorch.na_vit_nested_tensor"},
        skips={
            "na_vit_nested_tensor": _NESTED,
            "mobile_vit": "trains; a bias before batch norm has gradients of nothing but rounding",
            "vit_nd_rotary": "trains; in single precision its output is 0.1 % off after a step",
            **dict.fromkeys(
                ("local_vit", "mae", "simmim", "mpp"), "raises an error on PyTorch, too"
            ),
        },
    ),
    Package(
        "torchvision",
        "0.28.0",
        needs=("pillow==13.0.0",),
        note="Its compiled operators (nms, roi_align, reading of JPEG) are not loaded, so detection does not run.",
        cases={
            name: f"""
from torchvision import models
model = models.{maker}(num_classes=5{options}).double()
train(model, images(2, 3, {size}, {size}, dtype=torch.float64), steps=1)
"""
            for name, (maker, options, size) in {
                "alexnet": ("alexnet", "", 64),
                "resnet18": ("resnet18", "", 64),
                "resnext": ("resnext50_32x4d", "", 32),
                "vgg11_bn": ("vgg11_bn", "", 32),
                "squeezenet1_1": ("squeezenet1_1", "", 64),
                "densenet121": ("densenet121", "", 64),
                "googlenet": ("googlenet", ", init_weights=False", 64),
                "mobilenet_v2": ("mobilenet_v2", "", 64),
                "mobilenet_v3_small": ("mobilenet_v3_small", "", 64),
                "efficientnet_b0": ("efficientnet_b0", "", 64),
                "efficientnet_v2_s": ("efficientnet_v2_s", "", 64),
                "shufflenet_v2_x0_5": ("shufflenet_v2_x0_5", "", 64),
                "mnasnet0_5": ("mnasnet0_5", "", 64),
                "regnet_y_400mf": ("regnet_y_400mf", "", 64),
                "convnext_tiny": ("convnext_tiny", "", 64),
                "vit": (
                    "VisionTransformer",
                    ", image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=48",
                    32,
                ),
                "swin": (
                    "SwinTransformer",
                    ", patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4]",
                    64,
                ),
                "maxvit": (
                    "MaxVit",
                    ", input_size=(64, 64), stem_channels=16, partition_size=4, block_channels=[16, 32], block_layers=[1, 1], head_dim=8, stochastic_depth_prob=0.1",
                    64,
                ),
                "lraspp": ("segmentation.lraspp_mobilenet_v3_large", ", weights_backbone=None", 64),
                "deeplabv3": (
                    "segmentation.deeplabv3_mobilenet_v3_large",
                    ", weights_backbone=None",
                    64,
                ),
            }.items()
        }
        | {
            "video": """
from torchvision.models.video import r3d_18
train(r3d_18(num_classes=5).double(), images(1, 3, 4, 32, 32, dtype=torch.float64), steps=1)
""",
            "raft_blocks": """
from torchvision.models.optical_flow.raft import ResidualBlock, MotionEncoder, FlowHead
train(ResidualBlock(8, 16, norm_layer=nn.InstanceNorm2d, stride=2), images(2, 8, 16, 16), steps=1)
train(MotionEncoder(in_channels_corr=20, corr_layers=(16, 12), flow_layers=(16, 8), out_channels=24), images(2, 2, 8, 8), images(2, 20, 8, 8), steps=1, name="motion ")
""",
            "transforms": """
from torchvision import transforms as T
from torchvision.transforms import functional as F
picture = uniform(3, 24, 32)
record("normalize", T.Normalize([0.5, 0.4, 0.3], [0.2, 0.2, 0.3])(picture))
record("resize", F.resize(picture, [12, 20], antialias=True))
record("crop", F.center_crop(picture, [10, 12]))
record("rotate", F.rotate(picture, 30.0))
record("affine", F.affine(picture, 10.0, [2, 3], 1.2, [5.0, 0.0], interpolation=T.InterpolationMode.BILINEAR))
record("perspective", F.perspective(picture, [[0, 0], [31, 0], [31, 23], [0, 23]], [[2, 1], [30, 3], [28, 22], [1, 20]]))
record("brightness", F.adjust_brightness(picture, 1.3))
record("contrast", F.adjust_contrast(picture, 1.3))
record("saturation", F.adjust_saturation(picture, 0.4))
record("hue", F.adjust_hue(picture, 0.2))
record("blur", F.gaussian_blur(picture, [5, 5]))
record("gray", T.Grayscale(3)(picture))
record("equalized", F.equalize((picture * 255).byte()))
record("posterized", F.posterize((picture * 255).byte(), 3))
record("sharp", F.adjust_sharpness(picture, 2.0))
record("elastic", F.elastic_transform(picture, uniform(1, 24, 32, 2) * 0.1))
reseed()
record("composed", T.Compose([T.RandomHorizontalFlip(), T.RandomErasing(p=1.0), T.ConvertImageDtype(torch.float64)])(picture))
""",
            "pictures": """
from PIL import Image
from torchvision import transforms as T
from torchvision.utils import make_grid
picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8))
record("tensor", T.Compose([T.Resize(16), T.CenterCrop(12), T.ToTensor()])(picture))
record("bytes", T.PILToTensor()(picture))
back = T.ToPILImage()(T.ToTensor()(picture))
record("there and back", torch.from_numpy(np.array(back)))
record("grid", make_grid(uniform(5, 3, 8, 8), nrow=3, normalize=True))
""",
            "losses": """
from torchvision.ops import sigmoid_focal_loss, generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss, box_iou, box_convert
scores = images(4, 3)
record("focal", sigmoid_focal_loss(scores, (uniform(4, 3) > 0.5).float()))
a = box_convert(uniform(5, 4) + 0.1, "cxcywh", "xyxy").requires_grad_()
b = box_convert(uniform(5, 4) + 0.1, "cxcywh", "xyxy")
record("iou", box_iou(a, b))
total = sum(f(a, b).sum() for f in (generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss))
total.backward()
record("losses", total)
record("gradient of boxes", a.grad)
""",
            "datasets": """
from torchvision.datasets import FakeData
from torchvision import transforms as T
data = FakeData(size=6, image_size=(3, 8, 8), num_classes=3, transform=T.ToTensor())
loader = torch.utils.data.DataLoader(data, batch_size=3)
for number, (pictures, classes) in enumerate(loader):
    assert pictures.shape == (3, 3, 8, 8) and classes.dtype == torch.int64
record("batches", torch.tensor(number + 1))
""",
            "detection": "from torchvision.ops import nms",
        },
        skips={"detection": "nms and roi_pool are compiled against PyTorch"},
    ),
    Package(
        "timm", "1.0.31", needs=(*_HUB, "torchvision==0.28.0"), tolerance=5e-4, cases=_TIMM_CASES
    ),
    Package(
        "segmentation-models-pytorch",
        "0.6.0",
        needs=(*_HUB, "timm==1.0.31", "torchvision==0.28.0", "numpy==2.4.6"),
        tolerance=5e-4,
        cases={
            name: f"""
import segmentation_models_pytorch as smp
model = smp.{name}("{encoder}", encoder_weights=None, classes=2{options}).double()
train(model, images(2, 3, 128, 128, dtype=torch.float64), steps=1)
"""
            for name, encoder, options in (
                ("Unet", "resnet18", ", decoder_attention_type='scse'"),
                ("UnetPlusPlus", "timm-mobilenetv3_small_minimal_100", ""),
                ("MAnet", "mobilenet_v2", ""),
                ("Linknet", "resnet18", ""),
                ("FPN", "efficientnet-b0", ""),
                ("PSPNet", "resnet18", ""),
                ("PAN", "resnet18", ""),
                ("DeepLabV3", "mobilenet_v2", ""),
                ("DeepLabV3Plus", "resnet18", ""),
                ("UPerNet", "resnet18", ""),
                ("Segformer", "mit_b0", ""),
            )
        }
        | {
            "losses": """
import segmentation_models_pytorch as smp
scores = images(2, 3, 8, 8).requires_grad_()
classes = integers(3, 2, 8, 8)
for name in ("DiceLoss", "JaccardLoss", "TverskyLoss", "LovaszLoss", "FocalLoss"):
    value = getattr(smp.losses, name)(mode="multiclass")(scores, classes)
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(value, scores)[0])
""",
            "metrics": """
import segmentation_models_pytorch as smp
found = smp.metrics.get_stats(integers(2, 2, 8, 8), integers(2, 2, 8, 8), mode="binary")
for name in ("iou_score", "f1_score", "accuracy", "recall"):
    record(name, getattr(smp.metrics, name)(*found, reduction="micro"))
""",
        },
    ),
    Package(
        "efficientnet-pytorch",
        "0.7.1",
        cases={
            "EfficientNet": """
from efficientnet_pytorch import EfficientNet
model = EfficientNet.from_name("efficientnet-b0", num_classes=5)
train(model, images(2, 3, 64, 64), steps=1)
predict(model, images(1, 3, 64, 64), filled=False)
"""
        },
    ),
    Package(
        "pretrainedmodels",
        "0.7.4",
        needs=(
            "munch==4.0.0",
            "six==1.17.0",
            "torchvision==0.28.0",
            "pillow==13.0.0",
            "tqdm==4.70.1",
        ),
        cases={
            name: f"""
import pretrainedmodels
model = pretrainedmodels.__dict__["{name}"](num_classes=5, pretrained=None).double()
train(model, images(2, 3, {size}, {size}, dtype=torch.float64), steps=1)
"""
            for name, size in {"bninception": 224, "dpn68": 224, "xception": 96}.items()
        },
    ),
    Package(
        "resnet-pytorch",
        "0.2.0",
        cases={
            "ResNet": """
from resnet_pytorch import ResNet
train(ResNet.from_name("resnet18"), images(2, 3, 64, 64), steps=1)
"""
        },
    ),
    Package(
        "pytorch-msssim",
        "1.0.0",
        cases={
            "ssim": """
from pytorch_msssim import ssim, ms_ssim, SSIM
a, b = uniform(2, 3, 176, 176).requires_grad_(), uniform(2, 3, 176, 176)
for name, value in (("ssim", ssim(a, b, data_range=1.0)), ("ms_ssim", ms_ssim(a, 0.5 * a.detach() + 0.5 * b, data_range=1.0)), ("module", SSIM(data_range=1.0)(a, b))):
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(value, a)[0])
"""
        },
    ),
    Package(
        "lpips",
        "0.1.4",
        needs=("torchvision==0.28.0", "pillow==13.0.0", "tqdm==4.70.1", "scipy==1.17.1"),
        cases={
            "LPIPS": """
import lpips
for net in ("alex", "squeeze"):
    train(lpips.LPIPS(net=net, pnet_rand=True, pretrained=True, verbose=False, eval_mode=False), uniform(2, 3, 64, 64), uniform(2, 3, 64, 64), steps=1, name=f"{net} ")
"""
        },
    ),
    Package(
        "kornia",
        "0.9.0",
        needs=("kornia-rs==0.2.0", "packaging==26.4", "typing-extensions==4.16.0"),
        cases={
            "filters": """
import kornia
picture = uniform(2, 3, 16, 20).requires_grad_()
f = kornia.filters
for name, value in {
    "gaussian": f.gaussian_blur2d(picture, (5, 5), (1.5, 1.5)), "median": f.median_blur(picture, (3, 3)), "sobel": f.sobel(picture),
    "laplacian": f.laplacian(picture, 3), "box": f.box_blur(picture, (3, 3)), "unsharp": f.unsharp_mask(picture, (3, 3), (1.5, 1.5)),
    "bilateral": f.bilateral_blur(picture, (3, 3), 0.1, (1.5, 1.5)), "canny": f.canny(picture)[0], "motion": f.motion_blur(picture, 5, 35.0, 0.5),
}.items():
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(default_loss(value), picture)[0])
""",
            "color": """
import kornia
picture = uniform(2, 3, 8, 8).requires_grad_()
c = kornia.color
for name in ("rgb_to_hsv", "rgb_to_hls", "rgb_to_lab", "rgb_to_luv", "rgb_to_ycbcr", "rgb_to_yuv", "rgb_to_xyz", "rgb_to_grayscale", "rgb_to_linear_rgb"):
    value = getattr(c, name)(picture)
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(default_loss(value), picture)[0])
""",
            "geometry": """
import kornia
picture = uniform(2, 3, 16, 20).requires_grad_()
g = kornia.geometry
corners = torch.tensor([[[0.0, 0.0], [19.0, 0.0], [19.0, 15.0], [0.0, 15.0]]]).repeat(2, 1, 1)
homography = g.get_perspective_transform(corners, corners + uniform(2, 4, 2))
for name, value in {
    "rotate": g.rotate(picture, torch.tensor([30.0, -10.0])), "resize": g.resize(picture, (8, 12)), "warp": g.warp_perspective(picture, homography, (16, 20)),
    "hflip": g.hflip(picture), "pyrdown": g.pyrdown(picture), "shear": g.shear(picture, torch.tensor([[0.1, 0.2], [0.0, 0.3]])),
}.items():
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(default_loss(value), picture)[0])
axis = images(3, 3)
record("rotation", g.axis_angle_to_rotation_matrix(axis))
record("quaternion", g.rotation_matrix_to_quaternion(g.axis_angle_to_rotation_matrix(axis)))
""",
            "losses": """
import kornia
a, b = uniform(2, 3, 16, 16).requires_grad_(), uniform(2, 3, 16, 16)
l = kornia.losses
for name, value in {
    "ssim": l.ssim_loss(a, b, 5), "psnr": l.psnr_loss(a, b, 1.0), "tv": l.total_variation(a).sum(), "charbonnier": l.charbonnier_loss(a, b).mean(),
    "focal": l.focal_loss(a, integers(3, 2, 16, 16), alpha=0.5, reduction="mean"), "dice": l.dice_loss(a, integers(3, 2, 16, 16)),
}.items():
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(value, a)[0])
""",
            "features": """
import kornia
picture = uniform(1, 1, 24, 24).requires_grad_()
for name, value in {"harris": kornia.feature.harris_response(picture), "gftt": kornia.feature.gftt_response(picture), "hessian": kornia.feature.hessian_response(picture),
                    "sift": kornia.feature.SIFTDescriptor(24)(picture)}.items():
    record(name, value)
    record(f"gradient of {name}", torch.autograd.grad(default_loss(value), picture)[0])
""",
            "augmentation": """
import kornia.augmentation as K
pipeline = nn.Sequential(K.RandomHorizontalFlip(p=1.0), K.ColorJitter(0.0, 0.0, 0.0, 0.0, p=1.0), K.Normalize(torch.tensor([0.5] * 3), torch.tensor([0.2] * 3)))
picture = uniform(2, 3, 16, 16).requires_grad_()
value = pipeline(picture)
record("value", value)
record("gradient", torch.autograd.grad(default_loss(value), picture)[0])
assert K.RandomAffine(degrees=30.0, p=1.0)(picture).shape == picture.shape
""",
        },
    ),
    Package(
        "torch-fidelity",
        "0.4.0",
        needs=("torchvision==0.28.0", "pillow==13.0.0", "tqdm==4.70.1", "scipy==1.17.1"),
        cases={
            "metrics": """
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
a, b = images(60, 8).float(), images(60, 8).float() + 0.5
for value in (fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False),
              isc_features_to_metric(a), kid_features_to_metric(a, b, kid_subset_size=20, kid_subsets=4, verbose=False)):
    for name, number in value.items():
        record(name, torch.tensor(float(number)))
"""
        },
    ),
]
