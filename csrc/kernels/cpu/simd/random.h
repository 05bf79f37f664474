// Random numbers, vectorised: element i of a contiguous array depends on (seed, offset, i) alone.
// Every kernel returns by how much the generator's offset must advance.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/philox.h"

namespace wengert::cpu {

// [low, high). Floating dtypes: 24 random bits for float32, 53 for float64, 11 and 8 for the
// 16-bit types.
WENGERT_KERNEL(random_uniform, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double low, double high, void* out));
// Floating dtypes, by Box and Muller.
WENGERT_KERNEL(random_normal, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double mean, double std, void* out));
// As random_normal, with a mean and a standard deviation per element; either array may be null,
// and then its scalar counts.
WENGERT_KERNEL(random_normal_arrays, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, const void* means, double mean,
                const void* stds, double std, void* out));
WENGERT_KERNEL(random_log_normal, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double mean, double std, void* out));
// Always positive.
WENGERT_KERNEL(random_exponential, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double rate, void* out));
WENGERT_KERNEL(random_cauchy, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double median, double sigma, void* out));
// The number of trials up to the first success, from 1 on. Every real dtype, as are the next two.
WENGERT_KERNEL(random_geometric, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double p, void* out));
// Integers low, low + 1, ..., low + span - 1; span == 0 means all 2^64.
WENGERT_KERNEL(random_integers, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, int64_t low, uint64_t span, void* out));
// The span that random_() without bounds uses: every non-negative value of an integer dtype, and
// the integers that a floating dtype counts exactly.
constexpr uint64_t random_full_span(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return 2;
    case DType::uint8:
      return uint64_t{1} << 8;
    case DType::int8:
      return uint64_t{1} << 7;
    case DType::int16:
      return uint64_t{1} << 15;
    case DType::int32:
      return uint64_t{1} << 31;
    case DType::int64:
      return uint64_t{1} << 63;
    case DType::float16:
      return (uint64_t{1} << 11) + 1;
    case DType::bfloat16:
      return (uint64_t{1} << 8) + 1;
    case DType::float32:
      return (uint64_t{1} << 24) + 1;
    default:
      return (uint64_t{1} << 53) + 1;
  }
}
// 1 with probability p.
WENGERT_KERNEL(random_bernoulli, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double p, void* out));
// The probabilities are an array of a floating dtype.
WENGERT_KERNEL(random_bernoulli_array, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, DType p_dtype, const void* p,
                void* out));
// y = x / (1 - p) where mask, 0 elsewhere; mask is true with probability 1 - p. Floating dtypes.
WENGERT_KERNEL(dropout_forward, uint64_t,
               (DType dtype, PhiloxState state, int64_t n, double p, const void* x, void* y,
                bool* mask));

}  // namespace wengert::cpu
