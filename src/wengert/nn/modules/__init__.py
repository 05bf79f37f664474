"""The layers, containers and losses."""

from . import (
    activation,
    adaptive,
    attention,
    batchnorm,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    lazy,
    linear,
    loss,
    margin_loss,
    module,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    transformer,
    upsampling,
)
from .activation import *
from .adaptive import *
from .attention import *
from .batchnorm import *
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .flatten import *
from .fold import *
from .instancenorm import *
from .linear import *
from .loss import *
from .margin_loss import *
from .module import Module
from .normalization import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .rnn import *
from .sparse import *
from .transformer import *
from .upsampling import *

_FAMILIES = (
    activation, adaptive, attention, batchnorm, container, conv, distance, dropout, flatten, fold,
    instancenorm, linear, loss, margin_loss, normalization, padding, pixelshuffle, pooling, rnn,
    sparse, transformer, upsampling,
)  # fmt: skip

__all__ = ["Module", *(name for family in _FAMILIES for name in family.__all__)]
__all__.sort()
