// Batching rules of operators that draw random numbers: once for all samples, or for each its own.
#include <algorithm>

#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/random.h"
#include "operators/shape.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

// --- as large as another tensor, whose values do not count ---

namespace {

template <typename Draw>
Tensor drawn_like(const Lift& at, const Tensor& input, const Draw& draw) {
  if (at.draws_differ(false)) return at.wrap(draw(at.front(input)), true);
  return at.wrap(draw(_zeros(input.sizes(), input.dtype())), false);
}

}  // namespace

Tensor rand_like_batch(const Lift& at, const Tensor& input, Generator* generator,
                       const std::optional<DType>& dtype, int device, bool, bool pin_memory,
                       const std::optional<MemoryFormat>& memory_format) {
  return drawn_like(at, input, [&](const Tensor& x) {
    return rand_like(x, generator, dtype, device, false, pin_memory, memory_format);
  });
}

Tensor randn_like_batch(const Lift& at, const Tensor& input, Generator* generator,
                        const std::optional<DType>& dtype, int device, bool, bool pin_memory,
                        const std::optional<MemoryFormat>& memory_format) {
  return drawn_like(at, input, [&](const Tensor& x) {
    return randn_like(x, generator, dtype, device, false, pin_memory, memory_format);
  });
}

Tensor randint_like_batch(const Lift& at, const Tensor& input, const std::optional<int64_t>& low,
                          const std::optional<int64_t>& high, Generator* generator,
                          const std::optional<DType>& dtype, int device, bool, bool pin_memory,
                          const std::optional<MemoryFormat>& memory_format) {
  return drawn_like(at, input, [&](const Tensor& x) {
    return randint_like(x, low, high, generator, dtype, device, false, pin_memory, memory_format);
  });
}

// --- with given parameters, which broadcast as those of a sample do ---

namespace {

int64_t dimensions(const Operand& operand) {
  return operand.is_tensor() ? operand.tensor().ndim() : 0;
}

OwnedOperand aligned(const Lift& at, const Operand& lifted, int64_t ndim) {
  if (!lifted.is_tensor()) return OwnedOperand(lifted.scalar());
  Tensor result = at.front(lifted.tensor());
  for (int64_t i = lifted.tensor().ndim(); i < ndim; ++i) result = unsqueeze(result, 1);
  return OwnedOperand(result);
}

}  // namespace

Tensor normal_batch(const Lift& at, const Operand& mean, const Operand& std,
                    const std::optional<Dims>& size, Generator* generator,
                    const std::optional<DType>& dtype, int device, bool, bool pin_memory) {
  const bool differ = at.draws_differ(at.any_batched(mean, std));
  const auto run = [&](const Operand& m, const Operand& s, const std::optional<Dims>& sizes) {
    return normal(m, s, sizes, generator, dtype, device, false, pin_memory);
  };
  if (!differ) return at.wrap(run(at.inner(mean), at.inner(std), size), false);
  if (size.has_value()) return at.wrap(run(mean, std, at.grown(*size)), true);
  const int64_t ndim = std::max(dimensions(mean), dimensions(std));
  return at.wrap(run(aligned(at, mean, ndim), aligned(at, std, ndim), size), true);
}

Tensor binomial_batch(const Lift& at, const Tensor& count, const Tensor& prob,
                      Generator* generator) {
  if (!at.draws_differ(at.any_batched(count, prob))) {
    return at.wrap(binomial(at.inner(count), at.inner(prob), generator), false);
  }
  const int64_t ndim = std::max(count.ndim(), prob.ndim());
  return at.wrap(binomial(aligned(at, count, ndim), aligned(at, prob, ndim), generator), true);
}

Tensor multinomial_batch(const Lift& at, const Tensor& input, int64_t num_samples, bool replacement,
                         Generator* generator) {
  if (!at.draws_differ(at.is_batched(input))) {
    return at.wrap(multinomial(at.inner(input), num_samples, replacement, generator), false);
  }
  WENGERT_CHECK(input.ndim() == 1 || input.ndim() == 2, kRuntime,
                "multinomial(): prob_dist must be 1 or 2 dim", describe_argument("input", input));
  const Tensor x = at.front(input);
  if (input.ndim() == 1) return at.wrap(multinomial(x, num_samples, replacement, generator), true);
  const int64_t rows = input.sizes()[0];
  const Tensor all = multinomial(reshape(x, Dims{at.size() * rows, input.sizes()[1]}), num_samples,
                                 replacement, generator);
  return at.wrap(reshape(all, Dims{at.size(), rows, num_samples}), true);
}

// --- dropout ---

std::tuple<Tensor, Tensor> _dropout_batch(const Lift& at, const Tensor& input, double p) {
  // Nothing is left to chance where everything is dropped.
  if (p == 1) return at.wrap(_dropout(at.moved(input), p), at.is_batched(input));
  if (at.draws_differ(false)) return at.wrap(_dropout(at.front(input), p), true);
  if (!at.is_batched(input)) return at.wrap(_dropout(at.inner(input), p), false);
  const Tensor mask = std::get<1>(_dropout(ones(input.sizes(), input.dtype()), p));
  const Tensor masks = expand(mask, at.grown(input.sizes()));
  return at.wrap(std::make_tuple(_masked_scale(at.front(input), masks, 1 / (1 - p)), masks), true);
}

}  // namespace wengert::ops
