#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/gelu.h"

#include <algorithm>

#include "device/cpu/parallel.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/math/activation.h"
#include "kernels/math/error_function.h"
#include "kernels/math/lanes.h"

namespace wengert::cpu::WENGERT_ISA {
namespace {

constexpr int64_t kGrain = 8192;  // elements worth handing to another thread

// For numbers and for math::Lanes alike; `number` makes one of a constant. The formulas are those
// of the operator table, in their order: no bit may depend on where the slope is computed.
template <typename T, typename Number>
WENGERT_MATH void value_and_slope(bool tanh, T x, const Number& number, T& y, T& slope) {
  if (tanh) {
    const T gate = math::_gelu_gate(x), rest = math::sub(number(1), gate);
    const T steep = math::add(number(1.5957691216057308),
                              math::mul(math::mul(number(0.21406444881780073), x), x));
    y = math::mul(x, gate);
    slope = math::mul(gate, math::add(number(1), math::mul(math::mul(x, rest), steep)));
  } else {
    const T share = math::ndtr(x);
    y = math::mul(x, share);
    slope = math::add(share, math::mul(x, math::_normal_density(x)));
  }
}

// `count` is a multiple of kLanes, so that the compiler's loop has no rest of other code.
template <typename T>
void run_full(bool tanh, int64_t count, const T* x, T* y, T* slope) {
  const auto number = [](double value) { return static_cast<T>(value); };
  count &= -kLanes;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) value_and_slope(tanh, x[i], number, y[i], slope[i]);
}

template <typename T>
void run(bool tanh, int64_t count, const T* x, T* y, T* slope) {
  const int64_t full = count & -kLanes, rest = count - full;
  run_full(tanh, full, x, y, slope);
  if (rest == 0) return;
  T last[3][kLanes] = {};
  std::copy_n(x + full, rest, last[0]);
  run_full(tanh, kLanes, last[0], last[1], last[2]);
  std::copy_n(last[1], rest, y + full);
  std::copy_n(last[2], rest, slope + full);
}

#ifdef WENGERT_LANES
template <>
void run<float>(bool tanh, int64_t count, const float* x, float* y, float* slope) {
  using math::Lanes;
  constexpr int64_t kWidth = Lanes::kCount;
  const auto number = [](double value) { return Lanes(value); };
  int64_t i = 0;
  for (; i + 2 * kWidth <= count; i += 2 * kWidth) {  // two do not wait for one another
    Lanes values[2], slopes[2];
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) {
      value_and_slope(tanh, Lanes(x + i + k * kWidth), number, values[k], slopes[k]);
    }
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) {
      values[k].store(y + i + k * kWidth);
      slopes[k].store(slope + i + k * kWidth);
    }
  }
  for (; i < count; i += kWidth) {
    const int64_t rest = std::min(kWidth, count - i);
    Lanes value, its_slope;
    value_and_slope(tanh, Lanes(x + i, rest), number, value, its_slope);
    value.store(y + i, rest);
    its_slope.store(slope + i, rest);
  }
}
#endif

}  // namespace

void gelu_with_slope(DType dtype, bool tanh, int64_t count, const void* x, void* y, void* slope) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    const auto part = [&](auto tag) {
      using T = typename decltype(tag)::type;
      run(tanh, end - begin, static_cast<const T*>(x) + begin, static_cast<T*>(y) + begin,
          static_cast<T*>(slope) + begin);
    };
    if (dtype == DType::float64) return part(TypeTag<double>{});
    part(TypeTag<float>{});
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
