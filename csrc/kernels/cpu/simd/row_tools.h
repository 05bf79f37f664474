// Small helpers that the row kernels (softmax, norms, losses) share.
#pragma once
#include <algorithm>
#include <limits>

#include "base/dtype.h"
#include "device/cpu/parallel.h"
#include "kernels/cpu/scratch.h"

namespace wengert::cpu::WENGERT_ISA {

inline constexpr int64_t kRowTile = 64;      // columns that are worked on together when inner > 1
inline constexpr int64_t kRowGrain = 16384;  // elements worth handing to another thread
inline constexpr int64_t kSumChunk = 1024;   // terms summed in the compute type

// Calls fn with the tag of a floating dtype; the callers have refused every other dtype.
template <class Fn>
void visit_floating(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::float16:
      fn(TypeTag<Half>{});
      break;
    case DType::bfloat16:
      fn(TypeTag<BFloat16>{});
      break;
    case DType::float32:
      fn(TypeTag<float>{});
      break;
    case DType::float64:
      fn(TypeTag<double>{});
      break;
    default:
      break;
  }
}

inline int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kRowGrain / std::max<int64_t>(1, work));
}

// Sums term(i) for i in [begin, end): vectorised chunks, added up in double. Two running sums hide
// the latency of the addition.
template <class Compute, class Term>
inline __attribute__((always_inline)) double sum_terms(int64_t begin, int64_t end,
                                                       const Term& term) {
  double total = 0;
  for (int64_t first = begin; first < end; first += kSumChunk) {
    const int64_t count = std::min(kSumChunk, end - first);
    const int64_t half = count / 2;
    Compute low = 0, high = 0;
#pragma omp simd reduction(+ : low, high)
    for (int64_t i = 0; i < half; ++i) {
      low += term(first + i);
      high += term(first + half + i);
    }
    if (count & 1) low += term(first + count - 1);
    total += static_cast<double>(low + high);
  }
  return total;
}

// The largest of term(i), NaN ignored; -inf for an empty range.
template <class Compute, class Term>
inline __attribute__((always_inline)) Compute max_term(int64_t begin, int64_t end,
                                                       const Term& term) {
  Compute most = -std::numeric_limits<Compute>::infinity();
#pragma omp simd reduction(max : most)
  for (int64_t i = begin; i < end; ++i) {
    const Compute x = term(i);
    most = x > most ? x : most;
  }
  return most;
}

}  // namespace wengert::cpu::WENGERT_ISA
