// Attention: all heads of a batch in one operator.
#include "kernels/cpu/simd/attention.h"

#include <limits>

#include "operators/attention.h"
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/matmul.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/softmax.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

namespace {

cpu::AttentionShape shape_of(const Tensor& query, const Tensor& key, const Tensor& value,
                             bool causal, double scale) {
  const Dims &q = query.sizes(), &k = key.sizes(), &v = value.sizes();
  const bool fits = query.ndim() == 4 && key.ndim() == 4 && value.ndim() == 4 && q[0] == k[0] &&
                    q[0] == v[0] && q[1] == k[1] && q[1] == v[1] && q[3] == k[3] && k[2] == v[2];
  WENGERT_CHECK(fits, kRuntime,
                "attention: expected query (B, H, L, E), key (B, H, S, E) and value (B, H, S, D)",
                describe_argument("query", query), describe_argument("key", key),
                describe_argument("value", value));
  const DType dtype = query.dtype();
  WENGERT_CHECK((dtype == DType::float32 || dtype == DType::float64) && key.dtype() == dtype &&
                    value.dtype() == dtype,
                kRuntime,
                "attention: expected query, key and value of one dtype, float32 or float64",
                describe_argument("query", query), describe_argument("key", key),
                describe_argument("value", value));
  return {dtype, q[0], q[1], q[2], k[2], q[3], v[3], scale, causal};
}

// Itself where the elements of a row lie side by side.
Tensor with_rows(const Tensor& x) {
  const Dims& strides = x.strides();
  return strides[3] == 1 || x.sizes()[3] == 1 ? x : contiguous_values(x);
}

cpu::HeadMatrix matrix(const Tensor& x) {
  const Dims& strides = x.strides();
  return {x.data(), strides[0], strides[1], strides[2]};
}

// [B, H, L, E] in the memory of a [B, L, H, E], where heads become one dimension again.
Tensor new_heads(const Dims& s, DType dtype) {
  return empty_strided(s, Dims{s[1] * s[2] * s[3], s[3], s[1] * s[3], 1}, dtype);
}

// The same out of recorded operators.
std::tuple<Tensor, Tensor, Tensor> recorded(const Tensor& grad, const Tensor& query,
                                            const Tensor& key, const Tensor& value, bool causal,
                                            double scale) {
  Tensor scores = ops::mul(ops::matmul(query, ops::transpose(key, 2, 3)), Operand(scale));
  if (causal) {
    const int64_t queries = query.sizes()[2], keys = key.sizes()[2];
    const Tensor all = empty(Dims{queries, keys}, DType::bool_);
    fill_values(all, Scalar(1));
    const Tensor later = ops::triu(all, 1);
    scores = ops::masked_fill(scores, later, Operand(-std::numeric_limits<double>::infinity()));
  }
  const Tensor p = ops::softmax(scores, -1);
  const Tensor dp = ops::matmul(grad, ops::transpose(value, 2, 3));
  const Tensor ds = ops::mul(ops::mul(p, ops::sub(dp, ops::sum(ops::mul(p, dp), Dims{-1}, true))),
                             Operand(scale));
  return {ops::matmul(ds, key), ops::matmul(ops::transpose(ds, 2, 3), query),
          ops::matmul(ops::transpose(p, 2, 3), grad)};
}

}  // namespace

namespace impl {

Tensor _scaled_dot_product_flash_attention_for_cpu(const Tensor& query, const Tensor& key,
                                                   const Tensor& value, bool is_causal,
                                                   double scale) {
  const cpu::AttentionShape shape = shape_of(query, key, value, is_causal, scale);
  const Dims& s = query.sizes();
  const Tensor result = new_heads({s[0], s[1], s[2], shape.value_width}, shape.dtype);
  if (result.numel() == 0) return result;
  if (shape.keys == 0) {
    fill_values(result, Scalar(0));
    return result;
  }
  const Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value);
  cpu::attention_forward(shape, matrix(q), matrix(k), matrix(v), matrix(result));
  return result;
}

std::tuple<Tensor, Tensor, Tensor> _attention_vjp(const Tensor& grad, const Tensor& query,
                                                  const Tensor& key, const Tensor& value,
                                                  bool is_causal, double scale, bool want_query,
                                                  bool want_key, bool want_value) {
  if (modes.grad || any_wrapped(grad, query, key, value)) {
    return recorded(grad, query, key, value, is_causal, scale);
  }
  const cpu::AttentionShape shape = shape_of(query, key, value, is_causal, scale);
  const Tensor dq = new_heads(query.sizes(), shape.dtype), dk = new_heads(key.sizes(), shape.dtype);
  const Tensor dv = new_heads(value.sizes(), shape.dtype);
  if (grad.numel() == 0 || shape.keys == 0) {
    for (const Tensor& each : {dq, dk, dv}) fill_values(each, Scalar(0));
  } else {
    const Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value);
    const Tensor g = with_rows(grad);
    cpu::attention_backward(shape, matrix(q), matrix(k), matrix(v), matrix(g), matrix(dq),
                            matrix(dk), matrix(dv));
  }
  return {want_query ? dq : Tensor(), want_key ? dk : Tensor(), want_value ? dv : Tensor()};
}

}  // namespace impl

// A batch of samples is a longer batch.
Tensor _scaled_dot_product_flash_attention_for_cpu_batch(const Lift& at, const Tensor& query,
                                                         const Tensor& key, const Tensor& value,
                                                         bool is_causal, double scale) {
  shape_of(query, key, value, is_causal, scale);
  if (!at.any_batched(query, key, value)) {
    return at.wrap(_scaled_dot_product_flash_attention_for_cpu(at.inner(query), at.inner(key),
                                                               at.inner(value), is_causal, scale),
                   false);
  }
  const auto all = [&](const Tensor& lifted) {
    const Tensor x = at.front(lifted);
    const Dims& s = x.sizes();
    return reshape(x, Dims{s[0] * s[1], s[2], s[3], s[4]});
  };
  const Tensor y = _scaled_dot_product_flash_attention_for_cpu(all(query), all(key), all(value),
                                                               is_causal, scale);
  const Dims& s = y.sizes();
  return at.wrap(reshape(y, Dims{at.size(), query.sizes()[0], s[1], s[2], s[3]}), true);
}

}  // namespace wengert::ops
