#include "kernels/cpu/simd/direct_gemm.h"

#include "kernels/cpu/simd/gemm_tile.h"

namespace wengert::cpu::WENGERT_ISA {
namespace {

// Both operands contiguous along k and few rows: dot products, with nothing to pack.
template <typename T>
void dots(const DirectGemm& g, const T* a, const T* b, T* c, const Scale<T>& scale) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      const T* x = a + i * g.a_row;
      const T* y = b + j * g.b_column;
      Wide<T> sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t p = 0; p < g.k; ++p) sum += static_cast<Wide<T>>(x[p]) * y[p];
      T& out = c[i * g.ldc + j];
      out = finish(sum, scale.beta != T(0) ? out : T(0), j, scale);
    }
  }
}

template <typename T>
void run(const DirectGemm& g) {
  const T* a = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  T* c = static_cast<T*>(g.c);
  // Through int64, so that negative scalars of unsigned integers wrap around.
  auto scalar = [](double value) {
    if constexpr (std::is_floating_point_v<T>) return static_cast<T>(value);
    return static_cast<T>(static_cast<int64_t>(value));
  };
  Scale<T> scale{scalar(g.alpha), scalar(g.beta), static_cast<const T*>(g.bias)};
  if (g.a_column == 1 && g.b_row == 1 && (g.m <= 2 || g.n == 1)) {
    dots(g, a, b, c, scale);
    return;
  }
  constexpr int64_t kWidth = kColumns<T>;
  T panel[kDepth * kWidth];
  int64_t p = 0;
  do {  // at least once: k = 0 still has to scale C
    const int64_t depth = std::min(kDepth, g.k - p);
    const T* a_block = a + p * g.a_column;
    for (int64_t j = 0; j < g.n; j += kWidth) {
      const int64_t columns = std::min(kWidth, g.n - j);
      const T* b_block = b + p * g.b_row + j * g.b_column;
      int64_t b_row = g.b_row;
      if (g.b_column != 1 || columns < kWidth) {
        for (int64_t q = 0; q < depth; ++q) {
          T* row = panel + q * kWidth;
          const T* source = b_block + q * g.b_row;
          for (int64_t l = 0; l < columns; ++l) row[l] = source[l * g.b_column];
          for (int64_t l = columns; l < kWidth; ++l) row[l] = 0;
        }
        b_block = panel;
        b_row = kWidth;
      }
      Scale<T> here = scale;
      if (here.bias != nullptr) here.bias += j;
      all_rows(g.m, a_block, g.a_row, g.a_column, b_block, b_row, depth, c + j, g.ldc, columns,
               here);
    }
    scale.beta = 1;  // the next blocks add to what is there
    scale.bias = nullptr;
    p += kDepth;
  } while (p < g.k);
}

template <typename T>
void run_packed(const DirectGemm& g, const T* packed) {
  const T* a = static_cast<const T*>(g.a);
  T* c = static_cast<T*>(g.c);
  for (int64_t j = 0; j < g.n; j += kColumns<T>) {
    const int64_t columns = std::min(kColumns<T>, g.n - j);
    Scale<T> scale{static_cast<T>(g.alpha), static_cast<T>(g.beta), nullptr};
    int64_t p = 0;
    do {  // at least once: k = 0 still has to scale C
      const int64_t depth = std::min(kDepth, g.k - p);
      all_rows(g.m, a + p * g.a_column, g.a_row, g.a_column, packed, kColumns<T>, depth, c + j,
               g.ldc, columns, scale);
      packed += depth * kColumns<T>;
      scale.beta = 1;
      p += kDepth;
    } while (p < g.k);
  }
}

}  // namespace

void pack_columns(DType dtype, int64_t k, int64_t n, const void* b, int64_t b_row, int64_t b_column,
                  void* packed) {
  if (dtype == DType::float64) {
    return pack(k, n, static_cast<const double*>(b), b_row, b_column, static_cast<double*>(packed));
  }
  pack(k, n, static_cast<const float*>(b), b_row, b_column, static_cast<float*>(packed));
}

void packed_gemm(DType dtype, const DirectGemm& gemm, const void* packed) {
  if (dtype == DType::float64) return run_packed(gemm, static_cast<const double*>(packed));
  run_packed(gemm, static_cast<const float*>(packed));
}

void direct_gemm(DType dtype, const DirectGemm& gemm) {
  switch (dtype) {
    case DType::float32:
      return run<float>(gemm);
    case DType::float64:
      return run<double>(gemm);
    case DType::int8:
    case DType::uint8:
      return run<uint8_t>(gemm);
    case DType::int16:
      return run<uint16_t>(gemm);
    case DType::int32:
      return run<uint32_t>(gemm);
    case DType::int64:
      return run<uint64_t>(gemm);
    default:
      fail(ErrorKind::kRuntime, "direct_gemm(): unsupported dtype ", dtype_name(dtype));
  }
}

}  // namespace wengert::cpu::WENGERT_ISA
