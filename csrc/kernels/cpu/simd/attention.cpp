#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/attention.h"

#include <cmath>

#include "kernels/cpu/simd/direct_gemm.h"
#include "kernels/cpu/simd/exp_row.h"

namespace wengert::cpu::WENGERT_ISA {
namespace {

// Fewer rows of a long sequence, so that the weights of a block stay in the cache.
int64_t block_of(int64_t keys) { return keys <= 512 ? 64 : 16; }

template <typename T>
constexpr DType kDType = sizeof(T) == 8 ? DType::float64 : DType::float32;

template <typename T>
T* at(const HeadMatrix& matrix, int64_t batch, int64_t head) {
  return static_cast<T*>(matrix.data) + batch * matrix.batch + head * matrix.head;
}

// C[m, n] = alpha * A B + beta * C; `a_column` other than 1 reads A transposed.
template <typename T>
void times(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, int64_t a_column, const T* b,
           int64_t b_row, T* c, int64_t ldc, double alpha, double beta) {
  WENGERT_ISA::direct_gemm(
      kDType<T>, {m, n, k, a, a_row, a_column, b, b_row, 1, c, ldc, alpha, beta, nullptr});
}

// The keys that some of `rows` queries from `first` on see.
int64_t seen_by(const AttentionShape& s, int64_t first, int64_t rows) {
  return s.causal ? std::min(s.keys, first + rows) : s.keys;
}

// The weights of a block of queries: [rows, columns], zero where a query does not see a key.
template <typename T>
void weights(const AttentionShape& s, const T* query, int64_t query_row, const T* packed_key,
             int64_t first, int64_t rows, int64_t columns, T* p) {
  WENGERT_ISA::packed_gemm(kDType<T>,
                           {rows, columns, s.width, query + first * query_row, query_row, 1,
                            nullptr, 0, 1, p, columns, s.scale, 0, nullptr},
                           packed_key);
  for (int64_t i = 0; i < rows; ++i) {
    T* row = p + i * columns;
    const int64_t seen = s.causal ? std::min(columns, first + i + 1) : columns;
    const T most = max_term<T>(0, seen, [=](int64_t j) { return row[j]; });
    const T scale = static_cast<T>(1 / exp_row<T>(row, most, row, seen));
#pragma omp simd
    for (int64_t j = 0; j < seen; ++j) row[j] *= scale;
    for (int64_t j = seen; j < columns; ++j) row[j] = 0;
  }
}

template <typename T>
void forward(const AttentionShape& s, const HeadMatrix& query, const HeadMatrix& key,
             const HeadMatrix& value, const HeadMatrix& result) {
  const int64_t most = std::min(s.queries, block_of(s.keys));
  parallel_for(s.batch * s.heads, 1, [&](int64_t begin, int64_t end) {
    const Scratch<T> packed(packed_elements(s.width, s.keys)), p(most * s.keys);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / s.heads, h = i % s.heads;
      WENGERT_ISA::pack_columns(kDType<T>, s.width, s.keys, at<T>(key, b, h), 1, key.row,
                                packed.get());
      for (int64_t first = 0; first < s.queries; first += most) {
        const int64_t rows = std::min(most, s.queries - first);
        const int64_t columns = seen_by(s, first, rows);
        weights(s, at<T>(query, b, h), query.row, packed.get(), first, rows, columns, p.get());
        times(rows, s.value_width, columns, p.get(), columns, 1, at<T>(value, b, h), value.row,
              at<T>(result, b, h) + first * result.row, result.row, 1, 0);
      }
    }
  });
}

// dV = P^T dY; with dP = dY V^T, dS = P (dP - sum(P dP)); dQ = scale dS K; dK = scale dS^T Q.
template <typename T>
void backward(const AttentionShape& s, const HeadMatrix& query, const HeadMatrix& key,
              const HeadMatrix& value, const HeadMatrix& grad, const HeadMatrix& d_query,
              const HeadMatrix& d_key, const HeadMatrix& d_value) {
  const int64_t most = std::min(s.queries, block_of(s.keys));
  parallel_for(s.batch * s.heads, 1, [&](int64_t begin, int64_t end) {
    const Scratch<T> keys(packed_elements(s.width, s.keys));
    const Scratch<T> values(packed_elements(s.value_width, s.keys));
    const Scratch<T> p(most * s.keys), d(most * s.keys);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / s.heads, h = i % s.heads;
      const T *q = at<T>(query, b, h), *k = at<T>(key, b, h), *g = at<T>(grad, b, h);
      T *dq = at<T>(d_query, b, h), *dk = at<T>(d_key, b, h), *dv = at<T>(d_value, b, h);
      WENGERT_ISA::pack_columns(kDType<T>, s.width, s.keys, k, 1, key.row, keys.get());
      WENGERT_ISA::pack_columns(kDType<T>, s.value_width, s.keys, at<T>(value, b, h), 1, value.row,
                                values.get());
      for (int64_t j = 0; j < s.keys; ++j) {
        std::fill_n(dk + j * d_key.row, s.width, T(0));
        std::fill_n(dv + j * d_value.row, s.value_width, T(0));
      }
      for (int64_t first = 0; first < s.queries; first += most) {
        const int64_t rows = std::min(most, s.queries - first);
        const int64_t columns = seen_by(s, first, rows);
        const T* g_block = g + first * grad.row;
        weights(s, q, query.row, keys.get(), first, rows, columns, p.get());
        times(columns, s.value_width, rows, p.get(), 1, columns, g_block, grad.row, dv, d_value.row,
              1, 1);
        WENGERT_ISA::packed_gemm(kDType<T>,
                                 {rows, columns, s.value_width, g_block, grad.row, 1, nullptr, 0, 1,
                                  d.get(), columns, 1, 0, nullptr},
                                 values.get());
        for (int64_t r = 0; r < rows; ++r) {
          const T* weight = p.get() + r * columns;
          T* slope = d.get() + r * columns;
          const T sum = static_cast<T>(
              sum_terms<T>(0, columns, [=](int64_t j) { return weight[j] * slope[j]; }));
#pragma omp simd
          for (int64_t j = 0; j < columns; ++j) slope[j] = weight[j] * (slope[j] - sum);
        }
        times(rows, s.width, columns, d.get(), columns, 1, k, key.row, dq + first * d_query.row,
              d_query.row, s.scale, 0);
        times(columns, s.width, rows, d.get(), 1, columns, q + first * query.row, query.row, dk,
              d_key.row, s.scale, 1);
      }
    }
  });
}

}  // namespace

void attention_forward(const AttentionShape& shape, const HeadMatrix& query, const HeadMatrix& key,
                       const HeadMatrix& value, const HeadMatrix& result) {
  if (shape.dtype == DType::float64) return forward<double>(shape, query, key, value, result);
  forward<float>(shape, query, key, value, result);
}

void attention_backward(const AttentionShape& shape, const HeadMatrix& query, const HeadMatrix& key,
                        const HeadMatrix& value, const HeadMatrix& grad, const HeadMatrix& d_query,
                        const HeadMatrix& d_key, const HeadMatrix& d_value) {
  if (shape.dtype == DType::float64) {
    return backward<double>(shape, query, key, value, grad, d_query, d_key, d_value);
  }
  backward<float>(shape, query, key, value, grad, d_query, d_key, d_value);
}

}  // namespace wengert::cpu::WENGERT_ISA
