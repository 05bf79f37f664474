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

// The same for every real dtype. Not visit_dtype: its error path would be shared between the builds
// for different instruction sets.
template <class Fn>
void visit_real(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::bool_:
      fn(TypeTag<bool>{});
      break;
    case DType::uint8:
      fn(TypeTag<uint8_t>{});
      break;
    case DType::int8:
      fn(TypeTag<int8_t>{});
      break;
    case DType::int16:
      fn(TypeTag<int16_t>{});
      break;
    case DType::int32:
      fn(TypeTag<int32_t>{});
      break;
    case DType::int64:
      fn(TypeTag<int64_t>{});
      break;
    default:
      visit_floating(dtype, fn);
  }
}

inline int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kRowGrain / std::max<int64_t>(1, work));
}

// Sums term(i) for i in [begin, end): vectorised chunks, added up in double. Several lanes hide the
// latency of the addition.
template <class Compute, class Term>
inline __attribute__((always_inline)) double sum_terms(int64_t begin, int64_t end,
                                                       const Term& term) {
  constexpr int64_t kLanes = 64;
  double total = 0;
  for (int64_t first = begin; first < end; first += kSumChunk) {
    const int64_t last = std::min(end, first + kSumChunk);
    Compute rest = 0;
    int64_t i = first;
    if (last - first >= kLanes) {
      Compute lanes[kLanes];
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] = 0;
      for (; i + kLanes <= last; i += kLanes) {
#pragma omp simd
        for (int64_t j = 0; j < kLanes; ++j) lanes[j] += term(i + j);
      }
#pragma omp simd reduction(+ : rest)
      for (int64_t j = 0; j < kLanes; ++j) rest += lanes[j];
    }
#pragma omp simd reduction(+ : rest)
    for (int64_t j = i; j < last; ++j) rest += term(j);
    total += static_cast<double>(rest);
  }
  return total;
}

// The largest of term(i), NaN ignored; -inf for an empty range.
template <class Compute, class Term>
inline __attribute__((always_inline)) Compute max_term(int64_t begin, int64_t end,
                                                       const Term& term) {
  constexpr int64_t kLanes = 64;
  Compute most = -std::numeric_limits<Compute>::infinity();
  int64_t i = begin;
  if (end - begin >= kLanes) {
    Compute lanes[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) lanes[j] = most;
    for (; i + kLanes <= end; i += kLanes) {
#pragma omp simd
      for (int64_t j = 0; j < kLanes; ++j) {
        const Compute x = term(i + j);
        lanes[j] = x > lanes[j] ? x : lanes[j];
      }
    }
#pragma omp simd reduction(max : most)
    for (int64_t j = 0; j < kLanes; ++j) most = lanes[j] > most ? lanes[j] : most;
  }
#pragma omp simd reduction(max : most)
  for (int64_t j = i; j < end; ++j) {
    const Compute x = term(j);
    most = x > most ? x : most;
  }
  return most;
}

}  // namespace wengert::cpu::WENGERT_ISA
