#include "kernels/cpu/blas.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/libraries.h"
#include "kernels/cpu/primitive_cache.h"
#include "kernels/cpu/simd/blocked_gemm.h"
#include "kernels/cpu/simd/direct_gemm.h"

namespace wengert::cpu {

namespace {

// Multiplications below which our own loop beats a library call.
constexpr int64_t kDirectWork = 4096;
// Multiplications above which Python's lock is worth giving up, and threads worth waking.
constexpr int64_t kLongWork = 1 << 18;
// Tiles of C that one call of OpenBLAS computes: fixed, so that results do not depend on threads.
constexpr int64_t kTileRows = 256;
constexpr int64_t kTileColumns = 512;

const char* at(const void* pointer, int64_t elements, size_t size) {
  return static_cast<const char*>(pointer) + elements * static_cast<int64_t>(size);
}

char* at(void* pointer, int64_t elements, size_t size) {
  return static_cast<char*>(pointer) + elements * static_cast<int64_t>(size);
}

int64_t row_stride(const GemmOperand& x) { return x.transpose ? 1 : x.ld; }
int64_t column_stride(const GemmOperand& x) { return x.transpose ? x.ld : 1; }

DirectGemm direct(const Gemm& g, int64_t index) {
  const size_t size = item_size(g.dtype);
  return {g.m,
          g.n,
          g.k,
          at(g.a.data, index * g.a.batch_stride, size),
          row_stride(g.a),
          column_stride(g.a),
          at(g.b.data, index * g.b.batch_stride, size),
          row_stride(g.b),
          column_stride(g.b),
          at(g.c, index * g.c_batch_stride, size),
          g.ldc,
          g.alpha.real(),
          g.beta.real(),
          g.bias};
}

// The part of a product that gives `rows` rows of C from row i on and `columns` columns from j on.
DirectGemm part_of(DirectGemm d, size_t size, int64_t i, int64_t rows, int64_t j, int64_t columns) {
  d.m = rows;
  d.n = columns;
  d.a = at(d.a, i * d.a_row, size);
  d.b = at(d.b, j * d.b_column, size);
  d.c = at(d.c, i * d.ldc + j, size);
  if (d.bias != nullptr) d.bias = at(d.bias, j, size);
  return d;
}

// Our own product, divided over matrices and tiles.
void run_direct(const Gemm& g) {
  const int64_t work = g.m * g.n * std::max<int64_t>(g.k, 1);
  if (g.batch == 1 && work < kLongWork) return direct_gemm(g.dtype, direct(g, 0));
  constexpr int64_t kRows = 128;
  constexpr int64_t kColumns = 256;
  const size_t size = item_size(g.dtype);
  const int64_t row_tiles = (g.m + kRows - 1) / kRows;
  const int64_t column_tiles = (g.n + kColumns - 1) / kColumns;
  const int64_t tile_work =
      std::min(g.m, kRows) * std::min(g.n, kColumns) * std::max<int64_t>(g.k, 1);
  parallel_for(g.batch * row_tiles * column_tiles, kLongWork / 4 / tile_work + 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t tile = begin; tile < end; ++tile) {
                   const DirectGemm whole = direct(g, tile / (row_tiles * column_tiles));
                   const int64_t i = tile / column_tiles % row_tiles * kRows;
                   const int64_t j = tile % column_tiles * kColumns;
                   direct_gemm(g.dtype, part_of(whole, size, i, std::min(kRows, g.m - i), j,
                                                std::min(kColumns, g.n - j)));
                 }
               });
}

// OneDNN's kernels for AVX2 read operands where they lie, unless A is large. Rows whose distance is
// a large power of two share few places in the caches, and such products take up to twice the time
// of ours, which lays its operands out. Elsewhere, and with AVX-512, oneDNN is the faster one.
bool blocked_pays(const Gemm& g) {
  constexpr int64_t kLargest = 900'000;  // elements of A
  if (isa_level() != 3 || g.m < 32 || g.n < 16 || g.k < 16 || g.m * g.k > kLargest) return false;
  if (g.a.transpose && g.a.ld % 128 == 0) return true;
  return !g.b.transpose && (g.b.ld % 512 == 0 || (g.b.ld % 256 == 0 && g.k > 512));
}

// Our own product for larger matrices, divided between threads along the longer side of C.
void run_blocked(const Gemm& g) {
  const bool by_rows = g.m >= g.n;
  const int64_t unit = by_rows ? 6 : 16;  // what AVX2's blocks divide
  const int64_t side = by_rows ? g.m : g.n;
  const int64_t units = (side + unit - 1) / unit;
  const int64_t threads = g.batch >= num_threads() ? 1 : num_threads();
  const int64_t parts = std::min(units, threads);
  const int64_t step = (units + parts - 1) / parts * unit;
  const int64_t part_work = step * (by_rows ? g.n : g.m) * g.k;
  parallel_for(g.batch * parts, kLongWork / 4 / part_work + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const DirectGemm whole = direct(g, i / parts);
      const int64_t first = i % parts * step;
      const int64_t count = std::min(step, side - first);
      if (count <= 0) continue;
      blocked_gemm(by_rows ? part_of(whole, sizeof(float), first, count, 0, g.n)
                           : part_of(whole, sizeof(float), 0, g.m, first, count));
    }
  });
}

void run_bool(const Gemm& g) {
  const bool* a_all = static_cast<const bool*>(g.a.data);
  const bool* b_all = static_cast<const bool*>(g.b.data);
  bool* c_all = static_cast<bool*>(g.c);
  const bool* bias = static_cast<const bool*>(g.bias);
  const int64_t row_work = g.n * std::max<int64_t>(g.k, 1);
  parallel_for(g.batch * g.m, kLongWork / 4 / row_work + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t index = row / g.m;
      const int64_t i = row % g.m;
      const bool* a = a_all + index * g.a.batch_stride + i * row_stride(g.a);
      const bool* b = b_all + index * g.b.batch_stride;
      bool* c = c_all + index * g.c_batch_stride + i * g.ldc;
      for (int64_t j = 0; j < g.n; ++j) c[j] = bias != nullptr && bias[j];
      for (int64_t p = 0; p < g.k; ++p) {
        if (!a[p * column_stride(g.a)]) continue;
        const bool* b_row = b + p * row_stride(g.b);
        for (int64_t j = 0; j < g.n; ++j) c[j] = c[j] | b_row[j * column_stride(g.b)];
      }
    }
  });
}

// C = beta * C + bias, so that a product can be added to it with beta = 1.
template <typename T>
void prepare(const Gemm& g, T beta, T* c) {
  constexpr int64_t kGrain = 16384;  // elements worth handing to another thread
  const T* bias = static_cast<const T*>(g.bias);
  parallel_for(g.m, kGrain / g.n + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* row = c + i * g.ldc;
      if (beta == T(0)) {
        std::copy(bias, bias + g.n, row);
      } else {
        for (int64_t j = 0; j < g.n; ++j) row[j] = beta * row[j] + bias[j];
      }
    }
  });
}

// OneDNN, for float32.
void run_onednn(const Gemm& g) {
  const OneDnn& library = onednn();
  const float* a = static_cast<const float*>(g.a.data);
  const float* b = static_cast<const float*>(g.b.data);
  float* c = static_cast<float*>(g.c);
  const float alpha = static_cast<float>(g.alpha.real());
  const float beta = static_cast<float>(g.beta.real());
  const int64_t work = g.m * g.n * g.k;
  auto one = [&](int64_t index) {
    float* result = c + index * g.c_batch_stride;
    if (g.bias != nullptr) prepare(g, beta, result);
    return library.sgemm(g.a.transpose ? 'T' : 'N', g.b.transpose ? 'T' : 'N', g.m, g.n, g.k, alpha,
                         a + index * g.a.batch_stride, g.a.ld, b + index * g.b.batch_stride, g.b.ld,
                         g.bias != nullptr ? 1.0f : beta, result, g.ldc);
  };
  dnnl_status_t status = dnnl_success;
  // Many small matrices: one thread each. Otherwise all threads work on one matrix after another.
  if (g.batch >= 8 && work < (int64_t{1} << 24)) {
    parallel_for(g.batch, kLongWork / 4 / work + 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index) {
        const dnnl_status_t result = one(index);
        if (result != dnnl_success) {
#pragma omp atomic write
          status = result;
        }
      }
    });
  } else {
    std::optional<LongWorkScope> scope;
    if (g.batch * work >= kLongWork) scope.emplace();
    follow_num_threads();
    for (int64_t index = 0; index < g.batch && status == dnnl_success; ++index) {
      status = one(index);
    }
  }
  check_onednn(status, "multiplying matrices");
}

template <typename T>
void openblas_call(int transpose_a, int transpose_b, int m, int n, int k, T alpha, const T* a,
                   int lda, const T* b, int ldb, T beta, T* c, int ldc) {
  const OpenBlas& library = openblas();
  if constexpr (std::is_same_v<T, double>) {
    library.dgemm(kBlasRowMajor, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c,
                  ldc);
  } else {
    auto* function = std::is_same_v<T, complex64> ? library.cgemm : library.zgemm;
    function(kBlasRowMajor, transpose_a, transpose_b, m, n, k, &alpha, a, lda, b, ldb, &beta, c,
             ldc);
  }
}

BlasTranspose blas_transpose(const GemmOperand& x, bool complex) {
  if (complex && x.conjugate) return x.transpose ? kBlasConjTrans : kBlasConj;
  return x.transpose ? kBlasTrans : kBlasNone;
}

// OpenBLAS, for float64 and the complex dtypes: one thread per tile.
template <typename T>
void run_openblas(const Gemm& g) {
  constexpr int64_t kLimit = std::numeric_limits<int>::max();
  WENGERT_CHECK(g.k <= kLimit && g.a.ld <= kLimit && g.b.ld <= kLimit && g.ldc <= kLimit, kRuntime,
                "matmul(): a dimension of a ", dtype_name(g.dtype),
                " matrix is larger than 2147483647");
  openblas();  // loads, and may throw, before threads start
  T alpha, beta;
  if constexpr (is_complex_v<T>) {
    alpha = convert<T>(g.alpha);
    beta = convert<T>(g.beta);
  } else {
    alpha = g.alpha.real();
    beta = g.beta.real();
  }
  const int transpose_a = blas_transpose(g.a, is_complex_v<T>);
  const int transpose_b = blas_transpose(g.b, is_complex_v<T>);
  // Some kernels insist on leading dimensions that fit the matrix even where it has one row.
  const int lda = static_cast<int>(std::max(g.a.ld, g.a.transpose ? g.m : g.k));
  const int ldb = static_cast<int>(std::max(g.b.ld, g.b.transpose ? g.k : g.n));
  const int ldc = static_cast<int>(std::max(g.ldc, g.n));
  int64_t rows = kTileRows, columns = kTileColumns;
  auto tiles = [&] { return (g.m + rows - 1) / rows * ((g.n + columns - 1) / columns); };
  while (g.batch * tiles() < 8 && std::max(rows, columns) > 64) {
    (rows >= columns ? rows : columns) /= 2;
  }
  const int64_t row_tiles = (g.m + rows - 1) / rows;
  const int64_t column_tiles = (g.n + columns - 1) / columns;
  const int64_t tile_work = std::min(g.m, rows) * std::min(g.n, columns) * g.k;
  std::optional<LongWorkScope> scope;
  if (g.batch * g.m * g.n * g.k >= kLongWork) scope.emplace();
  const int64_t total = g.batch * row_tiles * column_tiles;
  const int64_t grain = openblas_uses_threads() ? total : kLongWork / 4 / tile_work + 1;
  parallel_for(total, grain, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t index = tile / (row_tiles * column_tiles);
      const int64_t i = tile / column_tiles % row_tiles * rows;
      const int64_t j = tile % column_tiles * columns;
      const T* a = static_cast<const T*>(g.a.data) + index * g.a.batch_stride + i * row_stride(g.a);
      const T* b =
          static_cast<const T*>(g.b.data) + index * g.b.batch_stride + j * column_stride(g.b);
      T* c = static_cast<T*>(g.c) + index * g.c_batch_stride + i * g.ldc + j;
      T tile_beta = beta;
      Gemm part = g;
      part.m = std::min(rows, g.m - i);
      part.n = std::min(columns, g.n - j);
      if (g.bias != nullptr) {
        part.bias = static_cast<const T*>(g.bias) + j;
        prepare(part, beta, c);
        tile_beta = T(1);
      }
      openblas_call<T>(transpose_a, transpose_b, static_cast<int>(part.m), static_cast<int>(part.n),
                       static_cast<int>(g.k), alpha, a, lda, b, ldb, tile_beta, c, ldc);
    }
  });
}

// What oneDNN does with a product before it is rounded: alpha * product + beta * what was there.
class ScaledSum {
 public:
  explicit ScaledSum(const Gemm& g) {
    if (g.alpha == 1.0 && g.beta == 0.0) return;
    const OneDnn& library = onednn();
    const char* what = "multiplying matrices";
    check_onednn(library.primitive_attr_create(&own_), what);
    dnnl_post_ops_t post = nullptr;
    check_onednn(library.post_ops_create(&post), what);
    dnnl_status_t status =
        library.primitive_attr_set_scratchpad_mode(own_, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && g.alpha != 1.0) {
      status = library.post_ops_append_eltwise(post, dnnl_eltwise_linear,
                                               static_cast<float>(g.alpha.real()), 0.0f);
    }
    if (status == dnnl_success && g.beta != 0.0) {
      status = library.post_ops_append_sum(post, static_cast<float>(g.beta.real()), 0,
                                           dnnl_data_type_undef);
    }
    if (status == dnnl_success) status = library.primitive_attr_set_post_ops(own_, post);
    library.post_ops_destroy(post);
    check_onednn(status, what);
  }
  ~ScaledSum() {
    if (own_ != nullptr) onednn().primitive_attr_destroy(own_);
  }
  ScaledSum(const ScaledSum&) = delete;
  ScaledSum& operator=(const ScaledSum&) = delete;
  const_dnnl_primitive_attr_t get() const { return own_ != nullptr ? own_ : onednn().attributes; }

 private:
  dnnl_primitive_attr_t own_ = nullptr;
};

// Products of bfloat16 by oneDNN itself; false when it has nothing faster than float32.
bool run_bfloat16(const Gemm& g) {
#if defined(__x86_64__)
  static const bool native = isa_level() >= 4 && __builtin_cpu_supports("avx512bf16");
#else
  static const bool native = false;
#endif
  if (!native || g.m * g.n * g.k < kDirectWork) return false;
  if (g.bias != nullptr && (g.alpha != 1.0 || g.beta != 0.0)) return false;
  PrimitiveKey key;
  for (int64_t value :
       {int64_t{0}, g.m, g.n, g.k, g.batch, g.a.ld, g.a.batch_stride, int64_t{g.a.transpose},
        g.b.ld, g.b.batch_stride, int64_t{g.b.transpose}, g.ldc, g.c_batch_stride,
        int64_t{g.bias != nullptr}, std::bit_cast<int64_t>(g.alpha.real()),
        std::bit_cast<int64_t>(g.beta.real())}) {
    key.add(value);
  }
  CachedPrimitive* primitive = find_primitive(key, [&]() -> std::unique_ptr<CachedPrimitive> {
    const bool batched = g.batch > 1;
    auto format = [&](const GemmOperand& x, int64_t rows, int64_t columns) {
      const int64_t sizes[3] = {x.batch_stride == 0 ? 1 : g.batch, rows, columns};
      const int64_t strides[3] = {x.batch_stride == 0 ? rows * columns : x.batch_stride,
                                  row_stride(x), column_stride(x)};
      return strided_format(dnnl_bf16, batched ? 3 : 2, sizes + !batched, strides + !batched);
    };
    const MemoryFormat a = format(g.a, g.m, g.k);
    const MemoryFormat b = format(g.b, g.k, g.n);
    const MemoryFormat c = format({g.c, g.ldc, g.c_batch_stride}, g.m, g.n);
    const int64_t ones[3] = {1, 1, g.n};
    const int64_t bias_strides[3] = {g.n, g.n, 1};
    const MemoryFormat bias =
        g.bias != nullptr
            ? strided_format(dnnl_bf16, batched ? 3 : 2, ones + !batched, bias_strides + !batched)
            : nullptr;
    dnnl_primitive_desc_t descriptor = nullptr;
    if (onednn().matmul_primitive_desc_create(&descriptor, onednn().engine, a.get(), b.get(),
                                              bias.get(), c.get(),
                                              ScaledSum(g).get()) != dnnl_success) {
      return nullptr;
    }
    auto result = std::make_unique<CachedPrimitive>(descriptor, "multiplying matrices");
    result->add_input(DNNL_ARG_SRC, a, dnnl_query_src_md, 0);
    result->add_input(DNNL_ARG_WEIGHTS, b, dnnl_query_weights_md, 0);
    if (bias != nullptr) result->add_input(DNNL_ARG_BIAS, bias, dnnl_query_weights_md, 1);
    result->add_output(DNNL_ARG_DST, c, dnnl_query_dst_md, 0);
    result->finish();
    return result;
  });
  if (primitive == nullptr) return false;
  std::optional<LongWorkScope> scope;
  if (g.batch * g.m * g.n * g.k >= kLongWork) scope.emplace();
  if (g.bias != nullptr) {
    primitive->execute({g.a.data, g.b.data, g.bias, g.c});
  } else {
    primitive->execute({g.a.data, g.b.data, g.c});
  }
  return true;
}

// float16 and bfloat16 through float32 copies, one matrix of the batch after another.
template <typename Reduced>
void run_reduced(const Gemm& g) {
  const int64_t a_rows = g.a.transpose ? g.k : g.m, a_columns = g.a.transpose ? g.m : g.k;
  const int64_t b_rows = g.b.transpose ? g.n : g.k, b_columns = g.b.transpose ? g.k : g.n;
  std::vector<float> a(g.m * g.k), b(g.k * g.n), c(g.m * g.n), bias;
  const Reduced* a_data = static_cast<const Reduced*>(g.a.data);
  const Reduced* b_data = static_cast<const Reduced*>(g.b.data);
  Reduced* c_data = static_cast<Reduced*>(g.c);
  Gemm wide = g;
  wide.dtype = DType::float32;
  wide.batch = 1;
  wide.a.data = a.data();
  wide.a.ld = a_columns;
  wide.b.data = b.data();
  wide.b.ld = b_columns;
  wide.c = c.data();
  wide.ldc = g.n;
  if (g.bias != nullptr) {
    bias.resize(g.n);
    widen(static_cast<const Reduced*>(g.bias), g.n, bias.data(), 1, g.n);
    wide.bias = bias.data();
  }
  for (int64_t index = 0; index < g.batch; ++index) {
    if (index == 0 || g.a.batch_stride != 0) {
      widen(a_data + index * g.a.batch_stride, g.a.ld, a.data(), a_rows, a_columns);
    }
    if (index == 0 || g.b.batch_stride != 0) {
      widen(b_data + index * g.b.batch_stride, g.b.ld, b.data(), b_rows, b_columns);
    }
    Reduced* result = c_data + index * g.c_batch_stride;
    if (g.beta != 0.0) widen(result, g.ldc, c.data(), g.m, g.n);
    gemm(wide);
    narrow(c.data(), result, g.ldc, g.m, g.n);
  }
}

// k = 0: there is nothing to add up.
template <typename T>
void run_empty(const Gemm& g) {
  using Compute = compute_t<T>;
  const Compute beta = convert<Compute>(g.beta);
  const T* bias = static_cast<const T*>(g.bias);
  for (int64_t row = 0; row < g.batch * g.m; ++row) {
    T* c = static_cast<T*>(g.c) + row / g.m * g.c_batch_stride + row % g.m * g.ldc;
    for (int64_t j = 0; j < g.n; ++j) {
      Compute value = beta == Compute(0) ? Compute(0) : beta * static_cast<Compute>(c[j]);
      if (bias != nullptr) value += static_cast<Compute>(bias[j]);
      c[j] = convert<T>(value);
    }
  }
}

}  // namespace

void gemm(const Gemm& g) {
  if (g.m <= 0 || g.n <= 0 || g.batch <= 0) return;
  if (g.dtype == DType::bool_) return run_bool(g);
  if (is_integral(g.dtype)) return run_direct(g);
  const int64_t work = g.m * g.n * g.k;
  switch (g.dtype) {
    case DType::float32:
      if (work < kDirectWork) return run_direct(g);
      return blocked_pays(g) ? run_blocked(g) : run_onednn(g);
    case DType::float64:
      return work < kDirectWork ? run_direct(g) : run_openblas<double>(g);
    case DType::complex64:
      return g.k == 0 ? run_empty<complex64>(g) : run_openblas<complex64>(g);
    case DType::complex128:
      return g.k == 0 ? run_empty<complex128>(g) : run_openblas<complex128>(g);
    case DType::float16:
      return g.k == 0 ? run_empty<Half>(g) : run_reduced<Half>(g);
    case DType::bfloat16:
      if (g.k == 0) return run_empty<BFloat16>(g);
      if (!run_bfloat16(g)) run_reduced<BFloat16>(g);
      return;
    default:
      return;
  }
}

}  // namespace wengert::cpu
