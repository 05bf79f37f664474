#include "kernels/cpu/simd/health.h"

#include <atomic>

#include "device/cpu/parallel.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

constexpr int64_t kGrain = 65536;

// Bits of an element that are all set in NaN and infinity, and those that tell the two apart.
template <typename Word, int kMantissa, int kExponent>
struct Layout {
  using word = Word;
  static constexpr Word kSpecial = ((Word{1} << kExponent) - 1) << kMantissa;
  static constexpr Word kMagnitude = static_cast<Word>(~(Word{1} << (kMantissa + kExponent)));
};

// The largest magnitude, as bits: above kSpecial it is NaN, at kSpecial infinity.
template <typename L>
typename L::word greatest(const typename L::word* values, int64_t count) {
  using Word = typename L::word;
  Word result = 0;
#pragma omp simd reduction(max : result)
  for (int64_t i = 0; i < count; ++i) {
    const Word bits = values[i] & L::kMagnitude;
    result = bits > result ? bits : result;
  }
  return result;
}

// Infinity may hide behind a NaN: where one was found, a second look decides.
template <typename L>
unsigned scan_piece(const typename L::word* values, int64_t count) {
  const typename L::word most = greatest<L>(values, count);
  if (most < L::kSpecial) return 0;
  if (most == L::kSpecial) return kHoldsInfinity;
  bool found = false;
  for (int64_t i = 0; i < count; ++i) found |= (values[i] & L::kMagnitude) == L::kSpecial;
  return found ? kHoldsNan | kHoldsInfinity : kHoldsNan;
}

template <typename L>
unsigned scan(const void* data, int64_t count) {
  const auto* values = static_cast<const typename L::word*>(data);
  if (count <= kGrain) return scan_piece<L>(values, count);
  std::atomic<unsigned> found = 0;
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    if (const unsigned piece = scan_piece<L>(values + begin, end - begin)) found |= piece;
  });
  return found;
}

}  // namespace

unsigned scan_health(DType dtype, const void* values, int64_t count) {
  switch (dtype) {
    case DType::float16:
      return scan<Layout<uint16_t, 10, 5>>(values, count);
    case DType::bfloat16:
      return scan<Layout<uint16_t, 7, 8>>(values, count);
    case DType::float32:
      return scan<Layout<uint32_t, 23, 8>>(values, count);
    case DType::float64:
      return scan<Layout<uint64_t, 52, 11>>(values, count);
    case DType::complex64:
      return scan<Layout<uint32_t, 23, 8>>(values, 2 * count);
    case DType::complex128:
      return scan<Layout<uint64_t, 52, 11>>(values, 2 * count);
    default:
      return 0;
  }
}

}  // namespace wengert::cpu::WENGERT_ISA
