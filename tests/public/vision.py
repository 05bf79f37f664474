"""Vision transformers, attention, and packages for images and generative models."""

from tests.public.runner import Package

_EINOPS = "einops==0.8.2"


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
    "vit_nd": _model("vit_pytorch.vit_nd", "ViTND", _ND, _ND_INPUT).replace("train", "predict"),
    "vit_nd_rotary": _model("vit_pytorch.vit_nd_rotary", "ViTND", _ND, _ND_INPUT).replace(
        "train", "predict"
    ),
    "vit_nd_pope": _model("vit_pytorch.vit_nd_pope", "ViTND", _ND, _ND_INPUT).replace(
        "train", "predict"
    ),
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
            **dict.fromkeys(
                ("local_vit", "mae", "simmim", "mpp"), "raises an error on PyTorch, too"
            ),
        },
    ),
]
