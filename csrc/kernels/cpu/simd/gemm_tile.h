// A few rows of a product in registers: what all matrix products of our own are made of.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX2__)
// GCC 12 takes the header's deliberately undefined values for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace wengert::cpu::WENGERT_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
// Rows of C in registers, times two vectors. With 16 registers twelve sums leave four for the rest.
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kRows = 6;
#else
constexpr int kRows = 4;
#endif
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

// How the rows of A lie.
enum class Left {
  kUnit,    // the rows of A have no gaps, which the loop is a half faster for knowing
  kPacked,  // laid out as the loop reads it: kRows elements of a column, then the next column
  kAny
};

// kCount rows of A times a panel of B with kColumns columns; `columns` of the result are stored.
template <typename T, int kCount, Left kLeft>
[[gnu::noinline]] void block(const T* a, int64_t any_row, int64_t any_column, const T* b,
                             int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                             const Scale<T>& scale) {
  const int64_t a_row = kLeft == Left::kPacked ? 1 : any_row;
  const int64_t a_column = kLeft == Left::kPacked ? kRows : kLeft == Left::kUnit ? 1 : any_column;
  using Vector = typename VectorOf<T>::type;
  Vector sum[kCount][2] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) __builtin_prefetch(c + i * ldc, 1);
  for (int64_t p = 0; p < depth; ++p) {
    const T* row = b + p * b_row;
    const Vector left = *reinterpret_cast<const Vector*>(row);
    const Vector right = *reinterpret_cast<const Vector*>(row + kLanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
      const T value = a[i * a_row + p * a_column];
      sum[i][0] += value * left;
      sum[i][1] += value * right;
    }
  }
  if (columns == kColumns<T>) {
    if (scale.alpha != T(1)) {
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) {
        sum[i][0] *= scale.alpha;
        sum[i][1] *= scale.alpha;
      }
    }
    if (scale.bias != nullptr) {
      const Vector left = *reinterpret_cast<const Vector*>(scale.bias);
      const Vector right = *reinterpret_cast<const Vector*>(scale.bias + kLanes<T>);
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) {
        sum[i][0] += left;
        sum[i][1] += right;
      }
    }
    const bool add = scale.beta != T(0);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
      auto* left = reinterpret_cast<Vector*>(c + i * ldc);
      auto* right = reinterpret_cast<Vector*>(c + i * ldc + kLanes<T>);
      *left = add ? sum[i][0] + scale.beta * *left : sum[i][0];
      *right = add ? sum[i][1] + scale.beta * *right : sum[i][1];
    }
    return;
  }
  T tile[kCount][kColumns<T>];
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    *reinterpret_cast<Vector*>(&tile[i][0]) = sum[i][0];
    *reinterpret_cast<Vector*>(&tile[i][kLanes<T>]) = sum[i][1];
  }
  for (int i = 0; i < kCount; ++i) {
    T* out = c + i * ldc;
    for (int64_t j = 0; j < columns; ++j) {
      out[j] = finish(tile[i][j], scale.beta != T(0) ? out[j] : T(0), j, scale);
    }
  }
}

template <typename T, Left kLeft, int kCount>
inline void last_rows_of(int64_t rows, const T* a, int64_t a_row, int64_t a_column, const T* b,
                         int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                         const Scale<T>& scale) {
  if constexpr (kCount > 0) {
    if (rows == kCount) {
      block<T, kCount, kLeft>(a, a_row, a_column, b, b_row, depth, c, ldc, columns, scale);
    } else {
      last_rows_of<T, kLeft, kCount - 1>(rows, a, a_row, a_column, b, b_row, depth, c, ldc, columns,
                                         scale);
    }
  }
}

template <typename T, Left kLeft>
inline void all_rows_of(int64_t m, const T* a, int64_t a_row, int64_t a_column, const T* b,
                        int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                        const Scale<T>& scale) {
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    block<T, kRows, kLeft>(a + i * a_row, a_row, a_column, b, b_row, depth, c + i * ldc, ldc,
                           columns, scale);
  }
  last_rows_of<T, kLeft, kRows - 1>(m - i, a + i * a_row, a_row, a_column, b, b_row, depth,
                                    c + i * ldc, ldc, columns, scale);
}

template <typename T>
inline void all_rows(int64_t m, const T* a, int64_t a_row, int64_t a_column, const T* b,
                     int64_t b_row, int64_t depth, T* c, int64_t ldc, int64_t columns,
                     const Scale<T>& scale) {
  const auto fn = a_column == 1 ? all_rows_of<T, Left::kUnit> : all_rows_of<T, Left::kAny>;
  fn(m, a, a_row, a_column, b, b_row, depth, c, ldc, columns, scale);
}

// Rows of A that were laid out: groups of kRows, `depth` columns each.
template <typename T>
inline void all_packed_rows(int64_t m, const T* a, const T* b, int64_t depth, T* c, int64_t ldc,
                            int64_t columns, const Scale<T>& scale) {
  all_rows_of<T, Left::kPacked>(m, a, depth, kRows, b, kColumns<T>, depth, c, ldc, columns, scale);
}

// 8 columns of a matrix whose columns are contiguous, as rows `stride` apart.
#if defined(__AVX2__)
inline void transpose_eight(const float* x, int64_t column, float* out, int64_t stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(x + i * column);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(out + i * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(out + (i + 4) * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
#endif
#if defined(__AVX2__) && !defined(__AVX512F__)
// 8 columns of kRows rows, each column after the one before.
inline void transpose_rows(const float* x, int64_t row, float* out) {
  static_assert(kRows == 6);
  __m256 r[6];
  for (int i = 0; i < 6; ++i) r[i] = _mm256_loadu_ps(x + i * row);
  const auto store_pair = [&](int column, __m256 four, __m256 two, bool second) {
    for (int half = 0; half < 2; ++half) {
      float* to = out + (column + 4 * half) * 6;
      const __m128 first = half ? _mm256_extractf128_ps(four, 1) : _mm256_castps256_ps128(four);
      const __m128 rest = half ? _mm256_extractf128_ps(two, 1) : _mm256_castps256_ps128(two);
      _mm_storeu_ps(to, first);
      const __m128 last = second ? _mm_movehl_ps(rest, rest) : rest;
      _mm_storel_pi(reinterpret_cast<__m64*>(to + 4), last);
    }
  };
  for (int i = 0; i < 2; ++i) {  // columns 0, 1, 4 and 5, then 2, 3, 6 and 7
    const auto pairs = [i](__m256 a, __m256 b) {
      return i == 0 ? _mm256_unpacklo_ps(a, b) : _mm256_unpackhi_ps(a, b);
    };
    const __m256 a = pairs(r[0], r[1]), b = pairs(r[2], r[3]), c = pairs(r[4], r[5]);
    store_pair(2 * i, _mm256_shuffle_ps(a, b, 0x44), c, false);
    store_pair(2 * i + 1, _mm256_shuffle_ps(a, b, 0xee), c, true);
  }
}
#endif

// Some whole panels of a matrix whose rows have no gaps. Memory is slow to notice steps from row to
// row, so the next ones are asked for.
template <int kPanels, typename T>
void pack_panels(int64_t k, const T* b, int64_t b_row, T* packed) {
  constexpr int64_t kWidth = kColumns<T>, kAhead = 8;
  for (int64_t p = 0; p < k; ++p, b += b_row) {
#pragma GCC unroll 4
    for (int64_t l = 0; l < kPanels; ++l) {
      const T* from = b + l * kWidth;
      __builtin_prefetch(from + kAhead * b_row);
      std::memcpy(packed + (l * k + p) * kWidth, from, sizeof(T) * kWidth);  // copy_n would call
    }
  }
}

// Lays out n columns of B, of k elements each, as the loop reads them: panels of kColumns, the last
// one filled up with zeros.
template <typename T>
void pack(int64_t k, int64_t n, const T* b, int64_t b_row, int64_t b_column, T* packed) {
  constexpr int64_t kWidth = kColumns<T>;
  int64_t j = 0;
  if (b_column == 1) {
    for (; j + 4 * kWidth <= n; j += 4 * kWidth) pack_panels<4>(k, b + j, b_row, packed + j * k);
    for (; j + kWidth <= n; j += kWidth) pack_panels<1>(k, b + j, b_row, packed + j * k);
    packed += j * k;
  }
  for (; j < n; j += kWidth, packed += kWidth * k) {
    const T* from = b + j * b_column;
    const int64_t columns = std::min(kWidth, n - j);
    int64_t p = 0;
#if defined(__AVX2__)
    if constexpr (std::is_same_v<T, float>) {
      if (columns == kWidth && b_row == 1) {
        for (; p + 8 <= k; p += 8) {
          for (int64_t l = 0; l < kWidth; l += 8) {
            transpose_eight(from + p + l * b_column, b_column, packed + p * kWidth + l, kWidth);
          }
        }
      }
    }
#endif
    for (; p < k; ++p) {
      T* to = packed + p * kWidth;
      for (int64_t l = 0; l < columns; ++l) to[l] = from[p * b_row + l * b_column];
      for (int64_t l = columns; l < kWidth; ++l) to[l] = 0;
    }
  }
}

}  // namespace wengert::cpu::WENGERT_ISA
