// oneDNN and OpenBLAS, loaded when they are first needed: importing stays fast, and machines whose
// programs never multiply matrices never pay for them.
#pragma once
#include <oneapi/dnnl/dnnl.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wengert::cpu {

// Directories that are searched before the system's own. Only has an effect before the first use.
void set_library_paths(std::vector<std::string> paths);

// Functions of oneDNN under their C names without the prefix `dnnl_`.
#define WENGERT_FORALL_ONEDNN(_)                     \
  _(engine_create)                                   \
  _(stream_create)                                   \
  _(sgemm)                                           \
  _(memory_create)                                   \
  _(memory_destroy)                                  \
  _(memory_set_data_handle)                          \
  _(memory_desc_create_with_strides)                 \
  _(memory_desc_create_with_tag)                     \
  _(memory_desc_destroy)                             \
  _(memory_desc_equal)                               \
  _(memory_desc_get_size)                            \
  _(primitive_attr_create)                           \
  _(primitive_attr_destroy)                          \
  _(primitive_attr_set_scratchpad_mode)              \
  _(primitive_attr_set_post_ops)                     \
  _(post_ops_create)                                 \
  _(post_ops_destroy)                                \
  _(post_ops_append_eltwise)                         \
  _(post_ops_append_sum)                             \
  _(primitive_create)                                \
  _(primitive_destroy)                               \
  _(primitive_execute)                               \
  _(primitive_desc_destroy)                          \
  _(primitive_desc_query_md)                         \
  _(reorder_primitive_desc_create)                   \
  _(matmul_primitive_desc_create)                    \
  _(convolution_forward_primitive_desc_create)       \
  _(convolution_backward_data_primitive_desc_create) \
  _(convolution_backward_weights_primitive_desc_create)

struct OneDnn {
#define WENGERT_MEMBER(name) decltype(&::dnnl_##name) name = nullptr;
  WENGERT_FORALL_ONEDNN(WENGERT_MEMBER)
#undef WENGERT_MEMBER
  dnnl_engine_t engine = nullptr;
  dnnl_stream_t stream = nullptr;
  dnnl_primitive_attr_t attributes = nullptr;  // the caller provides the scratchpad
};

// The constants of cblas.h that are needed here.
inline constexpr int kBlasRowMajor = 101;
enum BlasTranspose : int {
  kBlasNone = 111,
  kBlasTrans = 112,
  kBlasConjTrans = 113,
  kBlasConj = 114
};

struct OpenBlas {
  template <typename Scalar, typename Pointer>
  using Gemm = void(int order, int transpose_a, int transpose_b, int m, int n, int k, Scalar alpha,
                    const Pointer* a, int lda, const Pointer* b, int ldb, Scalar beta, Pointer* c,
                    int ldc);
  Gemm<float, float>* sgemm = nullptr;
  Gemm<double, double>* dgemm = nullptr;
  Gemm<const void*, void>* cgemm = nullptr;
  Gemm<const void*, void>* zgemm = nullptr;
  void (*set_num_threads)(int) = nullptr;
};

// Both throw Error(kRuntime), naming the package to install, when the library is not found.
const OneDnn& onednn();
const OpenBlas& openblas();

// A symbol of OpenBLAS or of the LAPACK in it, without the prefix that the library puts before its
// names: openblas_symbol("dgetrf_"). Throws Error(kRuntime) when it does not exist.
void* openblas_symbol(const char* name);

// OpenBLAS runs on the calling thread; products are divided over OpenMP threads by gemm(). LAPACK
// routines gain from its own threads: within such a scope it uses num_threads() of them.
class OpenBlasThreadsScope {
 public:
  OpenBlasThreadsScope();
  ~OpenBlasThreadsScope();
  OpenBlasThreadsScope(const OpenBlasThreadsScope&) = delete;
  OpenBlasThreadsScope& operator=(const OpenBlasThreadsScope&) = delete;
};

// Whether such a scope is open in any thread. OpenBLAS must not be called from OpenMP threads then.
bool openblas_uses_threads();

// Makes oneDNN, called from this thread, use num_threads() threads.
void follow_num_threads();

// Throws Error(kRuntime) that names the operation unless the status is success.
void check_onednn(dnnl_status_t status, const char* operation);

}  // namespace wengert::cpu
