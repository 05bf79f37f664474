// What the optimizers of matrices and of vectors need: Muon and L-BFGS. See optimizer.h.
#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include <cmath>

#include "kernels/cpu/simd/optimizer.h"
#include "kernels/cpu/simd/row_tools.h"
#include "kernels/cpu/simd/towards.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

// Elements of one partial sum: fixed, so that results do not depend on the number of threads.
constexpr int64_t kBlock = 4096;

// Adds up block(begin, end) over all blocks of [0, n).
template <class Fn>
double sum_blocks(int64_t n, const Fn& block) {
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  if (blocks <= 1) return block(int64_t{0}, n);
  Scratch<double> sums(blocks);
  parallel_for(blocks, kRowGrain / kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      sums.get()[i] = block(i * kBlock, std::min(n, (i + 1) * kBlock));
    }
  });
  double total = 0;
  for (int64_t i = 0; i < blocks; ++i) total += sums.get()[i];
  return total;
}

template <class T>
void start_range(int64_t begin, int64_t end, const MuonStep& step, const T* grad, T* buffer,
                 BFloat16* update) {
  using C = compute_t<T>;
  const Towards<C> keep(1 - step.momentum), look(step.momentum);
  const bool nesterov = step.nesterov;
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const C g = convert<C>(grad[i]);
    const T b = convert<T>(keep(convert<C>(buffer[i]), g));
    buffer[i] = b;
    const T u = nesterov ? convert<T>(look(g, convert<C>(b))) : b;
    update[i] = convert<BFloat16>(convert<float>(u));
  }
}

template <class T, bool kTwo>
void combine_range(int64_t begin, int64_t end, double a, const T* x, double b, const T* y, T* out) {
  using C = compute_t<T>;
  const C of_x = static_cast<C>(a), of_y = static_cast<C>(b);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    C value = of_x * convert<C>(x[i]);
    if constexpr (kTwo) value = of_y * convert<C>(y[i]) + value;
    out[i] = convert<T>(value);
  }
}

}  // namespace

void muon_start(DType dtype, int64_t n, const MuonStep& step, const void* grad, void* buffer,
                void* update) {
  BFloat16* u = static_cast<BFloat16*>(update);
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* g = static_cast<const T*>(grad);
    T* b = static_cast<T*>(buffer);
    const double squares = sum_blocks(n, [&](int64_t begin, int64_t end) {
      start_range<T>(begin, end, step, g, b, u);
      return sum_terms<float>(begin, end, [=](int64_t i) {
        const float value = static_cast<float>(u[i]);
        return value * value;
      });
    });
    const float size = static_cast<float>(BFloat16(static_cast<float>(std::sqrt(squares))));
    const float least = static_cast<float>(BFloat16(static_cast<float>(step.eps)));
    const float norm = size < least ? least : size;
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) u[i] = BFloat16(static_cast<float>(u[i]) / norm);
    });
  });
}

void muon_apply(DType dtype, int64_t n, double keep, double size, const void* update, void* param) {
  const BFloat16* u = static_cast<const BFloat16*>(update);
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    T* p = static_cast<T*>(param);
    const C kept = static_cast<C>(keep), moved = static_cast<C>(size);
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) {
        const C change = static_cast<C>(static_cast<float>(u[i]));
        p[i] = convert<T>(kept * convert<C>(p[i]) + moved * change);
      }
    });
  });
}

double combine(DType dtype, int64_t n, double a, const void* x, double b, const void* y, void* out,
               const void* z) {
  double result = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const T *of_x = static_cast<const T*>(x), *of_y = static_cast<const T*>(y);
    const T* other = static_cast<const T*>(z);
    T* written = static_cast<T*>(out);
    result = sum_blocks(n, [&](int64_t begin, int64_t end) {
      if (written != nullptr) {
        if (of_y != nullptr) {
          combine_range<T, true>(begin, end, a, of_x, b, of_y, written);
        } else {
          combine_range<T, false>(begin, end, a, of_x, b, of_y, written);
        }
      }
      if (other == nullptr) return 0.0;
      const T* values = written != nullptr ? written : of_x;
      return sum_terms<C>(begin, end,
                          [=](int64_t i) { return convert<C>(values[i]) * convert<C>(other[i]); });
    });
  });
  return result;
}

}  // namespace wengert::cpu::WENGERT_ISA
