#include "kernels/cpu/lapack.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "device/cpu/parallel.h"
#include "kernels/cpu/libraries.h"

namespace wengert::cpu {

namespace {

constexpr int kColumnMajor = 102;
constexpr int kLeft = 141;
constexpr int kUpper = 121, kLower = 122;
constexpr int kNonUnit = 131, kUnit = 132;
// Sides from which LAPACK's own threads, and giving up Python's lock, pay.
constexpr int64_t kLargeSide = 256;
constexpr int64_t kLongWork = 1 << 16;

template <typename T>
constexpr char letter() {
  if constexpr (std::is_same_v<T, float>) return 's';
  if constexpr (std::is_same_v<T, double>) return 'd';
  if constexpr (std::is_same_v<T, complex64>) return 'c';
  return 'z';
}

// The function of LAPACKE or CBLAS for T: load<T, int(int, ...)>("LAPACKE_", "getrf").
template <typename T, typename Function>
Function* load(const char* prefix, const char* name) {
  static bool plain_checks = [] {
    // NaN in the input is not refused: it comes out again, as everywhere else.
    reinterpret_cast<void (*)(int)>(openblas_symbol("LAPACKE_set_nancheck"))(0);
    return true;
  }();
  (void)plain_checks;
  return reinterpret_cast<Function*>(
      openblas_symbol((std::string(prefix) + letter<T>() + name).c_str()));
}

// fn(tag) for the four dtypes that LAPACK has.
template <typename Fn>
void visit_lapack(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::float32:
      return fn(TypeTag<float>{});
    case DType::float64:
      return fn(TypeTag<double>{});
    case DType::complex64:
      return fn(TypeTag<complex64>{});
    case DType::complex128:
      return fn(TypeTag<complex128>{});
    default:
      fail(ErrorKind::kRuntime, "LAPACK has no matrices of ", dtype_name(dtype));
  }
}

// fn(i) for every matrix: large ones get LAPACK's threads one after another, others one thread
// each. `fn` must not throw.
template <typename Fn>
void for_each_matrix(int64_t batch, int64_t side, const Fn& fn) {
  if (side >= kLargeSide) {
    const LongWorkScope unlocked;
    const OpenBlasThreadsScope threads;
    for (int64_t i = 0; i < batch; ++i) fn(i);
    return;
  }
  const int64_t work = std::max<int64_t>(side * side * side, 1);
  const int64_t grain = openblas_uses_threads() ? batch : kLongWork / work + 1;
  std::optional<LongWorkScope> unlocked;
  if (batch * work >= kLongWork) unlocked.emplace();
  parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fn(i);
  });
}

int narrow(int64_t size) { return static_cast<int>(size); }
int leading(int64_t size) { return static_cast<int>(std::max<int64_t>(size, 1)); }

void check_sizes(std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) {
    WENGERT_CHECK(size <= std::numeric_limits<int>::max(), kRuntime,
                  "a matrix with a dimension of ", size, " is too large for LAPACK");
  }
}

template <typename T>
using Real = real_t<T>;

}  // namespace

void lapack_lu(DType dtype, int64_t batch, int64_t m, int64_t n, void* a, int32_t* pivots,
               int32_t* info) {
  check_sizes({m, n});
  const int64_t k = std::min(m, n);
  std::fill_n(info, batch, 0);
  if (k == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* getrf = load<T, int(int, int, int, T*, int, int*)>("LAPACKE_", "getrf");
    for_each_matrix(batch, std::max(m, n), [&](int64_t i) {
      info[i] = getrf(kColumnMajor, narrow(m), narrow(n), static_cast<T*>(a) + i * m * n,
                      leading(m), pivots + i * k);
    });
  });
}

void lapack_lu_solve(DType dtype, int64_t batch, int64_t n, int64_t columns, const void* lu,
                     const int32_t* pivots, void* b) {
  check_sizes({n, columns});
  if (n == 0 || columns == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* getrs =
        load<T, int(int, char, int, int, const T*, int, const int*, T*, int)>("LAPACKE_", "getrs");
    for_each_matrix(batch, std::max(n, columns), [&](int64_t i) {
      getrs(kColumnMajor, 'N', narrow(n), narrow(columns), static_cast<const T*>(lu) + i * n * n,
            leading(n), pivots + i * n, static_cast<T*>(b) + i * n * columns, leading(n));
    });
  });
}

void lapack_cholesky(DType dtype, int64_t batch, int64_t n, void* a, int32_t* info) {
  check_sizes({n});
  std::fill_n(info, batch, 0);
  if (n == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* potrf = load<T, int(int, char, int, T*, int)>("LAPACKE_", "potrf");
    for_each_matrix(batch, n, [&](int64_t i) {
      info[i] = potrf(kColumnMajor, 'L', narrow(n), static_cast<T*>(a) + i * n * n, leading(n));
    });
  });
}

void lapack_qr(DType dtype, int64_t batch, int64_t m, int64_t n, void* a, void* tau) {
  check_sizes({m, n});
  const int64_t k = std::min(m, n);
  if (k == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* geqrf = load<T, int(int, int, int, T*, int, T*)>("LAPACKE_", "geqrf");
    for_each_matrix(batch, std::max(m, n), [&](int64_t i) {
      geqrf(kColumnMajor, narrow(m), narrow(n), static_cast<T*>(a) + i * m * n, leading(m),
            static_cast<T*>(tau) + i * k);
    });
  });
}

void lapack_householder(DType dtype, int64_t batch, int64_t m, int64_t columns, int64_t k, void* a,
                        const void* tau) {
  check_sizes({m, columns});
  if (m == 0 || columns == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* orgqr = load<T, int(int, int, int, int, T*, int, const T*)>(
        "LAPACKE_", is_complex_v<T> ? "ungqr" : "orgqr");
    for_each_matrix(batch, std::max(m, columns), [&](int64_t i) {
      orgqr(kColumnMajor, narrow(m), narrow(columns), narrow(k),
            static_cast<T*>(a) + i * m * columns, leading(m), static_cast<const T*>(tau) + i * k);
    });
  });
}

void lapack_hermitian_eigen(DType dtype, int64_t batch, int64_t n, void* a, void* values,
                            int32_t* info) {
  check_sizes({n});
  std::fill_n(info, batch, 0);
  if (n == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* heevd = load<T, int(int, char, char, int, T*, int, Real<T>*)>(
        "LAPACKE_", is_complex_v<T> ? "heevd" : "syevd");
    for_each_matrix(batch, n, [&](int64_t i) {
      info[i] = heevd(kColumnMajor, 'V', 'L', narrow(n), static_cast<T*>(a) + i * n * n, leading(n),
                      static_cast<Real<T>*>(values) + i * n);
    });
  });
}

namespace {

// What real matrices have for complex eigenvectors: pairs of columns, the real and imaginary parts
// of the vector that belongs to the eigenvalue with the positive imaginary part.
template <typename T>
void unpack_pairs(int64_t n, const T* real, const T* imag, const T* packed, std::complex<T>* values,
                  std::complex<T>* vectors) {
  for (int64_t j = 0; j < n; ++j) {
    values[j] = {real[j], imag[j]};
    const T* column = packed + j * n;
    std::complex<T>* vector = vectors + j * n;
    if (imag[j] == 0) {
      for (int64_t i = 0; i < n; ++i) vector[i] = column[i];
    } else if (j + 1 < n) {
      values[j + 1] = {real[j + 1], imag[j + 1]};
      for (int64_t i = 0; i < n; ++i) {
        vector[i] = {column[i], column[n + i]};
        vector[n + i] = {column[i], -column[n + i]};
      }
      ++j;
    }
  }
}

}  // namespace

void lapack_eigen(DType dtype, int64_t batch, int64_t n, void* a, void* values, void* vectors,
                  int32_t* info) {
  check_sizes({n});
  std::fill_n(info, batch, 0);
  if (n == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_v<T>) {
      auto* geev =
          load<T, int(int, char, char, int, T*, int, T*, T*, int, T*, int)>("LAPACKE_", "geev");
      for_each_matrix(batch, n, [&](int64_t i) {
        info[i] = geev(kColumnMajor, 'N', 'V', narrow(n), static_cast<T*>(a) + i * n * n,
                       leading(n), static_cast<T*>(values) + i * n, nullptr, 1,
                       static_cast<T*>(vectors) + i * n * n, leading(n));
      });
    } else {
      auto* geev =
          load<T, int(int, char, char, int, T*, int, T*, T*, T*, int, T*, int)>("LAPACKE_", "geev");
      // All the room at once: bodies of parallel loops must not throw.
      std::vector<T> room(batch * (n * n + 2 * n));
      for_each_matrix(batch, n, [&](int64_t i) {
        T* real = room.data() + i * (n * n + 2 * n);
        T *imag = real + n, *packed = imag + n;
        info[i] = geev(kColumnMajor, 'N', 'V', narrow(n), static_cast<T*>(a) + i * n * n,
                       leading(n), real, imag, nullptr, 1, packed, leading(n));
        unpack_pairs(n, real, imag, packed, static_cast<std::complex<T>*>(values) + i * n,
                     static_cast<std::complex<T>*>(vectors) + i * n * n);
      });
    }
  });
}

void lapack_svd(DType dtype, int64_t batch, int64_t m, int64_t n, bool full, void* a, void* s,
                void* u, void* vh, int32_t* info) {
  check_sizes({m, n});
  const int64_t k = std::min(m, n);
  std::fill_n(info, batch, 0);
  if (k == 0) return;
  const int64_t columns = full ? m : k, rows = full ? n : k;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* gesdd =
        load<T, int(int, char, int, int, T*, int, Real<T>*, T*, int, T*, int)>("LAPACKE_", "gesdd");
    for_each_matrix(batch, std::max(m, n), [&](int64_t i) {
      info[i] = gesdd(kColumnMajor, full ? 'A' : 'S', narrow(m), narrow(n),
                      static_cast<T*>(a) + i * m * n, leading(m), static_cast<Real<T>*>(s) + i * k,
                      static_cast<T*>(u) + i * m * columns, leading(m),
                      static_cast<T*>(vh) + i * rows * n, leading(rows));
    });
  });
}

void blas_solve_triangular(DType dtype, int64_t batch, int64_t n, int64_t columns, bool upper,
                           bool unitriangular, const void* a, void* b) {
  check_sizes({n, columns});
  if (n == 0 || columns == 0) return;
  visit_lapack(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int triangle = upper ? kUpper : kLower, diagonal = unitriangular ? kUnit : kNonUnit;
    const auto run = [&](auto* trsm, auto one) {
      for_each_matrix(batch, std::max(n, columns), [&](int64_t i) {
        trsm(kColumnMajor, kLeft, triangle, kBlasNone, diagonal, narrow(n), narrow(columns), one,
             static_cast<const T*>(a) + i * n * n, leading(n), static_cast<T*>(b) + i * n * columns,
             leading(n));
      });
    };
    if constexpr (is_complex_v<T>) {
      const T one(1);
      run(load<T, void(int, int, int, int, int, int, int, const void*, const void*, int, void*,
                       int)>("cblas_", "trsm"),
          static_cast<const void*>(&one));
    } else {
      run(load<T, void(int, int, int, int, int, int, int, T, const T*, int, T*, int)>("cblas_",
                                                                                      "trsm"),
          T(1));
    }
  });
}

}  // namespace wengert::cpu
