#include "kernels/cpu/simd/direct_gemm.h"

#include <algorithm>
#include <type_traits>

namespace wengert::cpu::WENGERT_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
constexpr int kRows = 4;         // of C in registers, times two vectors
constexpr int64_t kDepth = 256;  // rows of B in one packed panel

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
};
template <typename T>
constexpr int64_t kLanes = kVectorBytes / sizeof(T);
template <typename T>
constexpr int64_t kColumns = 2 * kLanes<T>;

template <typename T>
struct Scale {
  T alpha, beta;
  const T* bias;
  bool plain;  // alpha is one, beta zero, and there is no bias
};

// Scalar arithmetic on uint16_t would be done in int, where it overflows instead of wrapping.
template <typename T>
using Wide = std::conditional_t<std::is_integral_v<T> && sizeof(T) < 4, uint32_t, T>;

template <typename T>
inline T finish(Wide<T> sum, Wide<T> old_value, int64_t column, const Scale<T>& scale) {
  Wide<T> value = scale.alpha * sum;
  if (scale.beta != T(0)) value += scale.beta * old_value;
  if (scale.bias != nullptr) value += scale.bias[column];
  return static_cast<T>(value);
}

// kCount rows of A times a panel of B with kColumns columns; `columns` of the result are stored.
// kUnit: the rows of A have no gaps, which the loop is a half faster for knowing.
template <typename T, int kCount, bool kUnit>
inline void block(const T* a, int64_t a_row, int64_t any_column, const T* b, int64_t b_row,
                  int64_t depth, T* c, int64_t ldc, int64_t columns, const Scale<T>& scale) {
  const int64_t a_column = kUnit ? 1 : any_column;
  using Vector = typename VectorOf<T>::type;
  Vector sum[kCount][2] = {};
  for (int64_t p = 0; p < depth; ++p) {
    const T* row = b + p * b_row;
    const Vector left = *reinterpret_cast<const Vector*>(row);
    const Vector right = *reinterpret_cast<const Vector*>(row + kLanes<T>);
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      const T value = a[i * a_row + p * a_column];
      sum[i][0] += value * left;
      sum[i][1] += value * right;
    }
  }
  if (scale.plain && columns == kColumns<T>) {
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      *reinterpret_cast<Vector*>(c + i * ldc) = sum[i][0];
      *reinterpret_cast<Vector*>(c + i * ldc + kLanes<T>) = sum[i][1];
    }
    return;
  }
  T tile[kCount][kColumns<T>];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) {
    *reinterpret_cast<Vector*>(&tile[i][0]) = sum[i][0];
    *reinterpret_cast<Vector*>(&tile[i][kLanes<T>]) = sum[i][1];
  }
  for (int i = 0; i < kCount; ++i) {
    T* out = c + i * ldc;
    if (scale.plain) {
      for (int64_t j = 0; j < columns; ++j) out[j] = tile[i][j];
    } else {
      for (int64_t j = 0; j < columns; ++j) {
        out[j] = finish(tile[i][j], scale.beta != T(0) ? out[j] : T(0), j, scale);
      }
    }
  }
}

template <typename T, bool kUnit>
inline void all_rows_of(int64_t m, const T* a, int64_t a_row, int64_t a_column, const T* b,
                        int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                        const Scale<T>& scale) {
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    block<T, kRows, kUnit>(a + i * a_row, a_row, a_column, b, b_row, depth, c + i * ldc, ldc,
                           columns, scale);
  }
  for (; i < m; ++i) {
    block<T, 1, kUnit>(a + i * a_row, a_row, a_column, b, b_row, depth, c + i * ldc, ldc, columns,
                       scale);
  }
}

template <typename T>
inline void all_rows(int64_t m, const T* a, int64_t a_row, int64_t a_column, const T* b,
                     int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                     const Scale<T>& scale) {
  const auto fn = a_column == 1 ? all_rows_of<T, true> : all_rows_of<T, false>;
  fn(m, a, a_row, a_column, b, b_row, depth, c, ldc, columns, scale);
}

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
  Scale<T> scale{scalar(g.alpha), scalar(g.beta), static_cast<const T*>(g.bias), false};
  if (g.a_column == 1 && g.b_row == 1 && (g.m <= 2 || g.n == 1)) {
    dots(g, a, b, c, scale);
    return;
  }
  constexpr int64_t kWidth = kColumns<T>;
  T panel[kDepth * kWidth];
  int64_t p = 0;
  do {  // at least once: k = 0 still has to scale C
    const int64_t depth = std::min(kDepth, g.k - p);
    scale.plain = scale.alpha == T(1) && scale.beta == T(0) && scale.bias == nullptr;
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
void pack(int64_t k, int64_t n, const T* b, int64_t b_row, int64_t b_column, T* packed) {
  for (int64_t j = 0; j < n; j += kColumns<T>) {
    const int64_t columns = std::min(kColumns<T>, n - j);
    for (int64_t p = 0; p < k; ++p, packed += kColumns<T>) {
      const T* source = b + p * b_row + j * b_column;
      for (int64_t l = 0; l < columns; ++l) packed[l] = source[l * b_column];
      for (int64_t l = columns; l < kColumns<T>; ++l) packed[l] = 0;
    }
  }
}

template <typename T>
void run_packed(const DirectGemm& g, const T* packed) {
  const T* a = static_cast<const T*>(g.a);
  T* c = static_cast<T*>(g.c);
  for (int64_t j = 0; j < g.n; j += kColumns<T>) {
    const int64_t columns = std::min(kColumns<T>, g.n - j);
    Scale<T> scale{static_cast<T>(g.alpha), static_cast<T>(g.beta), nullptr,
                   g.alpha == 1 && g.beta == 0};
    int64_t p = 0;
    do {  // at least once: k = 0 still has to scale C
      const int64_t depth = std::min(kDepth, g.k - p);
      all_rows(g.m, a + p * g.a_column, g.a_row, g.a_column, packed, kColumns<T>, depth, c + j,
               g.ldc, columns, scale);
      packed += depth * kColumns<T>;
      scale.beta = 1;
      scale.plain = false;
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
