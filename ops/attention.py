"""Attention in one operator.

This file is parsed by tools/opgen and never imported. The adjoint computes the weights again; where
a graph of the backward pass is recorded it is written out of other operators.
"""

from opgen.stubs import Tensor, opaque


@opaque(d={"query, key, value":
           "_attention_vjp(g, query, key, value, is_causal, scale, needs('query'), needs('key'), "
           "needs('value'))"}, public="",
        samples=[{"query": "randn(2, 2, 3, 4)", "key": "randn(2, 2, 5, 4)",
                  "value": "randn(2, 2, 5, 3)", "is_causal": False, "scale": 0.5},
                 {"query": "randn(1, 2, 4, 2)", "key": "randn(1, 2, 4, 2)",
                  "value": "randn(1, 2, 4, 2)", "is_causal": True, "scale": 1.5},
                 {"query": "randn(1, 1, 5, 2)", "key": "randn(1, 1, 3, 2)",
                  "value": "randn(1, 1, 3, 4)", "is_causal": True, "scale": -0.5}], batch="rule")
def _scaled_dot_product_flash_attention_for_cpu(query: Tensor, key: Tensor, value: Tensor,
                                                is_causal: bool, scale: float) -> Tensor:
    """``softmax(scale * query @ key.T) @ value`` for each batch and head; if ``is_causal``, query i
    sees the keys up to i. ``query`` (B, H, L, E), ``key`` (B, H, S, E), ``value`` (B, H, S, D);
    (B, H, L, D) comes back, with the strides of a (B, L, H, D)."""


@opaque(public="", batch="through")
def _attention_vjp(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, is_causal: bool,
                   scale: float, want_query: bool, want_key: bool,
                   want_value: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of query, key and value that are wanted."""
