"""Vision transformers, attention, and packages for images and generative models."""

from tests.public.runner import Package

_EINOPS = "einops==0.8.2"

PACKAGES = [
    Package(
        "siren-pytorch",
        "0.1.7",
        needs=(_EINOPS,),
        cases={
            "SirenNet": """
from siren_pytorch import SirenNet
train(SirenNet(dim_in=2, dim_hidden=16, dim_out=3, num_layers=3), uniform(5, 2))
""",
        },
    ),
]
