// Products of vectors, matrices and batches of matrices.
#include "operators/matmul.h"
#include "kernels/cpu/blas.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/shape.h"
#include "operators/view.h"
#include "ops/batching.h"
#include "ops/type_names.h"

namespace wengert::ops {

namespace {

// Modes of an operand: see ops/matmul.py.
constexpr int64_t kTransposed = 1;
constexpr int64_t kConjugated = 2;

int64_t rows_of(const Tensor& x) { return x.sizes()[x.sizes().size() - 2]; }
int64_t columns_of(const Tensor& x) { return x.sizes().back(); }
int64_t rows_of(const Tensor& x, int64_t mode) {
  return mode & kTransposed ? columns_of(x) : rows_of(x);
}
int64_t columns_of(const Tensor& x, int64_t mode) {
  return mode & kTransposed ? rows_of(x) : columns_of(x);
}

// The last two dimensions as the kernel takes them: either may be the dense one. What has neither
// is copied, and `x` becomes the copy.
cpu::GemmOperand operand_of(Tensor& x, int64_t mode) {
  const int64_t rows = rows_of(x), columns = columns_of(x);
  const size_t last = x.sizes().size() - 1;
  const int64_t down = x.strides()[last - 1], across = x.strides()[last];
  cpu::GemmOperand result;
  if ((across == 1 || columns <= 1) && (rows <= 1 || down >= std::max<int64_t>(columns, 1))) {
    result.ld = rows <= 1 ? std::max<int64_t>(columns, 1) : down;
  } else if ((down == 1 || rows <= 1) && (columns <= 1 || across >= std::max<int64_t>(rows, 1))) {
    result.ld = columns <= 1 ? std::max<int64_t>(rows, 1) : across;
    result.transpose = true;
  } else {
    x = contiguous_values(x);
    result.ld = std::max<int64_t>(columns, 1);
  }
  result.data = x.data();
  result.transpose ^= (mode & kTransposed) != 0;
  result.conjugate = (mode & kConjugated) != 0 && is_complex(x.dtype());
  return result;
}

// The batch dimensions of a product, those that lie evenly in both operands taken together.
struct Batches {
  struct Level {
    int64_t size, a_stride, b_stride;
  };
  std::vector<Level> levels;  // innermost first; never empty
};

Batches batches_of(const Dims& batch, const Tensor& a, const Tensor& b) {
  const auto strides = [&](const Tensor& x) {
    const size_t count = x.sizes().size() - 2;
    return expand_strides(Dims(x.sizes().data(), count), Dims(x.strides().data(), count), batch);
  };
  const Dims a_strides = strides(a), b_strides = strides(b);
  Batches result;
  for (size_t i = batch.size(); i-- > 0;) {
    if (batch[i] == 1) continue;
    if (!result.levels.empty()) {
      Batches::Level& inner = result.levels.back();
      if (a_strides[i] == inner.a_stride * inner.size &&
          b_strides[i] == inner.b_stride * inner.size) {
        inner.size *= batch[i];
        continue;
      }
    }
    result.levels.push_back({batch[i], a_strides[i], b_strides[i]});
  }
  if (result.levels.empty()) result.levels.push_back({1, 0, 0});
  return result;
}

const void* moved(const void* data, int64_t elements, DType dtype) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(item_size(dtype));
}

// All products of a batch; the results lie one after another from g.c.
void run_batches(cpu::Gemm g, const Batches& batches) {
  const auto& levels = batches.levels;
  g.batch = levels[0].size;
  g.a.batch_stride = levels[0].a_stride;
  g.b.batch_stride = levels[0].b_stride;
  g.c_batch_stride = g.m * g.n;
  // One matrix on the right of many: they are one tall matrix.
  const int64_t row_stride = g.a.transpose ? 1 : g.a.ld;
  const int64_t rows = g.m * g.batch;
  if (g.a.transpose && g.k <= 1) g.a.ld = std::max(g.a.ld, rows);  // no second column lies there
  if (g.b.batch_stride == 0 && g.a.batch_stride == g.m * row_stride && g.batch > 1 &&
      (!g.a.transpose || g.a.ld >= rows)) {
    g.m = rows;
    g.batch = 1;
  }
  if (levels.size() == 1) return cpu::gemm(g);
  const int64_t step = levels[0].size * g.c_batch_stride;
  std::vector<int64_t> index(levels.size(), 0);
  for (;;) {
    cpu::gemm(g);
    g.c = const_cast<void*>(moved(g.c, step, g.dtype));
    size_t d = 1;
    for (; d < levels.size(); ++d) {
      g.a.data = moved(g.a.data, levels[d].a_stride, g.dtype);
      g.b.data = moved(g.b.data, levels[d].b_stride, g.dtype);
      if (++index[d] < levels[d].size) break;
      g.a.data = moved(g.a.data, -levels[d].a_stride * levels[d].size, g.dtype);
      g.b.data = moved(g.b.data, -levels[d].b_stride * levels[d].size, g.dtype);
      index[d] = 0;
    }
    if (d == levels.size()) return;
  }
}

// result = alpha * a @ b + beta * result + bias. `result` is contiguous and has the broadcast
// batch; `bias` is null or one row.
void multiply_into(const Tensor& result, const Tensor& a, int64_t a_mode, const Tensor& b,
                   int64_t b_mode, const void* bias = nullptr, const Scalar& alpha = Scalar(1),
                   const Scalar& beta = Scalar(0)) {
  Tensor left = a, right = b;
  cpu::Gemm g;
  g.dtype = result.dtype();
  g.m = rows_of(result);
  g.n = columns_of(result);
  g.k = columns_of(a, a_mode);
  g.a = operand_of(left, a_mode);
  g.b = operand_of(right, b_mode);
  g.c = result.data();
  g.ldc = std::max<int64_t>(g.n, 1);
  g.bias = bias;
  if (!alpha.equals(1)) g.alpha = alpha.to<std::complex<double>>();
  if (!beta.equals(0)) g.beta = beta.to<std::complex<double>>();
  const size_t ndim = result.sizes().size();
  if (ndim == 2) return cpu::gemm(g);
  if (result.numel() == 0) return;
  run_batches(g, batches_of(Dims(result.sizes().data(), ndim - 2), left, right));
}

// The products of a whole batch, added up: one product of matrices that are as wide and as high as
// the batch is long. False where the operands do not lie like that.
bool multiply_summed(const Tensor& result, const Dims& batch, const Tensor& a, int64_t a_mode,
                     const Tensor& b, int64_t b_mode) {
  Tensor left = a, right = b;
  cpu::Gemm g;
  g.dtype = result.dtype();
  g.m = rows_of(result);
  g.n = columns_of(result);
  g.k = columns_of(a, a_mode);
  g.a = operand_of(left, a_mode);
  g.b = operand_of(right, b_mode);
  const Batches batches = batches_of(batch, left, right);
  const Batches::Level& level = batches.levels[0];
  const int64_t a_step = g.a.transpose ? g.a.ld : 1, b_step = g.b.transpose ? 1 : g.b.ld;
  if (batches.levels.size() != 1) return false;
  if (level.size != 1 && (level.a_stride != a_step * g.k || level.b_stride != b_step * g.k)) {
    return false;
  }
  g.k *= level.size;
  g.c = result.data();
  g.ldc = std::max<int64_t>(g.n, 1);
  cpu::gemm(g);
  return true;
}

Dims batch_of(const Tensor& x) { return Dims(x.sizes().data(), x.sizes().size() - 2); }

// --- checks ---

[[noreturn, gnu::cold]] void fail_shapes(const char* op, const char* a_name, const Tensor& a,
                                         int64_t m, int64_t k, const char* b_name, const Tensor& b,
                                         int64_t k2, int64_t n) {
  fail(ErrorKind::kRuntime, op, "(): mat1 and mat2 shapes cannot be multiplied (", m, "x", k,
       " and ", k2, "x", n, ")", describe_argument(a_name, a), "   inner size ", k,
       describe_argument(b_name, b), "   inner size ", k2);
}

void check_matrix(const char* op, const char* text, const char* name, const Tensor& x) {
  WENGERT_CHECK(x.ndim() == 2, kRuntime, op, "(): ", text, describe_argument(name, x));
}

void check_dtypes(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                  const Tensor& b) {
  WENGERT_CHECK(a.dtype() == b.dtype(), kRuntime, op,
                "(): expected m1 and m2 to have the same dtype, but got: ", element_name(a.dtype()),
                " != ", element_name(b.dtype()), describe_argument(a_name, a),
                describe_argument(b_name, b));
}

void check_batches(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                   const Tensor& b) {
  WENGERT_CHECK(a.ndim() == 3, kRuntime, op, "(): batch1 must be a 3D tensor",
                describe_argument(a_name, a));
  WENGERT_CHECK(b.ndim() == 3, kRuntime, op, "(): batch2 must be a 3D tensor",
                describe_argument(b_name, b));
  WENGERT_CHECK(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1], kRuntime, op,
                "(): Expected size for first two dimensions of batch2 tensor to be: [",
                a.sizes()[0], ", ", a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1],
                "].", describe_argument(a_name, a), describe_argument(b_name, b));
  WENGERT_CHECK(a.dtype() == b.dtype(), kRuntime, op, "(): expected scalar type ",
                type_name(a.dtype()), " but found ", type_name(b.dtype()),
                describe_argument(a_name, a), describe_argument(b_name, b));
}

void check_expandable(const char* op, const char* name, const Tensor& x, const Dims& size) {
  if (broadcastable_to(x.sizes(), size)) return;
  WENGERT_CHECK(x.sizes().size() <= size.size(), kRuntime, op, "(): the number of sizes provided (",
                size.size(),
                ") must be greater or equal to the number of dimensions in the tensor (", x.ndim(),
                ")", describe_argument(name, x));
  size_t at = size.size() - 1;
  const size_t shift = size.size() - x.sizes().size();
  while (x.sizes()[at - shift] == size[at] || x.sizes()[at - shift] == 1) --at;
  fail(ErrorKind::kRuntime, op, "(): The expanded size of the tensor (", size[at],
       ") must match the existing size (", x.sizes()[at - shift], ") at non-singleton dimension ",
       at, ".  Target sizes: ", to_string(size), ".  Tensor sizes: ", to_string(x.sizes()),
       describe_argument(name, x));
}

// beta * input + alpha * a @ b for addmm and baddbmm.
Tensor added_product(const char* op, const Dims& size, const Tensor& input, const Tensor& a,
                     const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  check_expandable(op, "input", input, size);
  Tensor result = wengert::empty(size, a.dtype());
  if (beta.equals(0)) {
    multiply_into(result, a, 0, b, 0, nullptr, alpha);
  } else if (beta.equals(1) && input.ndim() == 1 && input.sizes()[0] == size.back() &&
             input.is_contiguous()) {
    multiply_into(result, a, 0, b, 0, input.data(), alpha);
  } else {
    copy_values(result, input);
    multiply_into(result, a, 0, b, 0, nullptr, alpha, beta);
  }
  return result;
}

}  // namespace

void check_mm(const Tensor& input, const Tensor& mat2) {
  check_matrix("mm", "self must be a matrix", "input", input);
  check_matrix("mm", "mat2 must be a matrix", "mat2", mat2);
  const int64_t m = input.sizes()[0], k = input.sizes()[1], n = mat2.sizes()[1];
  if (mat2.sizes()[0] != k) [[unlikely]] {
    fail_shapes("mm", "input", input, m, k, "mat2", mat2, mat2.sizes()[0], n);
  }
  check_dtypes("mm", "input", input, "mat2", mat2);
}

void check_bmm(const Tensor& input, const Tensor& mat2) {
  check_batches("bmm", "input", input, "mat2", mat2);
}

void check_mv(const Tensor& input, const Tensor& vec) {
  WENGERT_CHECK(input.ndim() == 2 && vec.ndim() == 1, kRuntime,
                "mv(): vector + matrix @ vector expected, got 1, ", input.ndim(), ", ", vec.ndim(),
                describe_argument("input", input), describe_argument("vec", vec));
  const int64_t m = input.sizes()[0], k = input.sizes()[1];
  WENGERT_CHECK(vec.sizes()[0] == k, kRuntime, "mv(): size mismatch, got input (", m, "), mat (", m,
                "x", k, "), vec (", vec.sizes()[0], ")", describe_argument("input", input),
                describe_argument("vec", vec));
  check_dtypes("mv", "input", input, "vec", vec);
}

void check_dot(const Tensor& input, const Tensor& tensor) {
  WENGERT_CHECK(input.ndim() == 1 && tensor.ndim() == 1, kRuntime,
                "dot(): 1D tensors expected, but got ", input.ndim(), "D and ", tensor.ndim(),
                "D tensors", describe_argument("input", input),
                describe_argument("tensor", tensor));
  WENGERT_CHECK(input.dtype() == tensor.dtype(), kRuntime,
                "dot : expected both vectors to have same dtype, but found ",
                type_name(input.dtype()), " and ", type_name(tensor.dtype()),
                describe_argument("input", input), describe_argument("tensor", tensor));
  const int64_t k = input.sizes()[0], k2 = tensor.sizes()[0];
  WENGERT_CHECK(k == k2, kRuntime, "dot(): inconsistent tensor size, expected tensor [", k,
                "] and src [", k2, "] to have the same number of elements, but got ", k, " and ",
                k2, " elements respectively", describe_argument("input", input),
                describe_argument("tensor", tensor));
}

void check_addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2) {
  WENGERT_CHECK(mat1.ndim() == 2, kRuntime, "addmm(): mat1 must be a matrix, got ", mat1.ndim(),
                "-D tensor", describe_argument("mat1", mat1));
  WENGERT_CHECK(mat2.ndim() == 2, kRuntime, "addmm(): mat2 must be a matrix, got ", mat2.ndim(),
                "-D tensor", describe_argument("mat2", mat2));
  const int64_t m = mat1.sizes()[0], k = mat1.sizes()[1], n = mat2.sizes()[1];
  if (mat2.sizes()[0] != k) [[unlikely]] {
    fail_shapes("addmm", "mat1", mat1, m, k, "mat2", mat2, mat2.sizes()[0], n);
  }
  WENGERT_CHECK(input.dtype() == mat2.dtype() && mat1.dtype() == mat2.dtype(), kRuntime,
                "addmm(): self and mat2 must have the same dtype, but got ",
                type_name(input.dtype() == mat2.dtype() ? mat1.dtype() : input.dtype()), " and ",
                type_name(mat2.dtype()), describe_argument("input", input),
                describe_argument("mat1", mat1), describe_argument("mat2", mat2));
  check_expandable("addmm", "input", input, {m, n});
}

void check_baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2) {
  check_batches("baddbmm", "batch1", batch1, "batch2", batch2);
  WENGERT_CHECK(input.dtype() == batch1.dtype(), kRuntime,
                "baddbmm(): Input dtypes must be the same, got: input ",
                element_name(input.dtype()), ", batch1: ", element_name(batch1.dtype()),
                ", batch2: ", element_name(batch2.dtype()), describe_argument("input", input),
                describe_argument("batch1", batch1), describe_argument("batch2", batch2));
  check_expandable("baddbmm", "input", input,
                   {batch1.sizes()[0], batch1.sizes()[1], batch2.sizes()[2]});
}

void check_linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const int64_t k = input.sizes().back();
  if (weight.sizes()[1] != k) [[unlikely]] {
    fail_shapes("linear", "input", input, k == 0 ? 0 : input.numel() / k, k, "weight", weight,
                weight.sizes()[1], weight.sizes()[0]);
  }
  check_dtypes("linear", "input", input, "weight", weight);
  WENGERT_CHECK(!bias.defined() || bias.dtype() == weight.dtype(), kRuntime,
                "linear(): self and mat2 must have the same dtype, but got ",
                type_name(bias.dtype()), " and ", type_name(weight.dtype()),
                describe_argument("bias", bias), describe_argument("weight", weight));
}

namespace impl {

Tensor _matmul(const Tensor& input, const Tensor& other, int64_t input_mode, int64_t other_mode,
               const Dims& size) {
  const int64_t m = rows_of(input, input_mode), n = columns_of(other, other_mode);
  if (input.ndim() == 2 && other.ndim() == 2) {
    Tensor result = wengert::empty({m, n}, input.dtype());
    multiply_into(result, input, input_mode, other, other_mode);
    return size.empty() || size.size() == 2 ? result : impl::reshape(result, size);
  }
  const Dims batch = broadcast_sizes(batch_of(input), batch_of(other), "matmul");
  Dims full = batch;
  full.push_back(m);
  full.push_back(n);
  if (!size.empty() && !(size == full) && product(size) == m * n && batch_of(input) == batch &&
      batch_of(other) == batch) {
    Tensor result = wengert::empty(size, input.dtype());
    if (multiply_summed(result, batch, input, input_mode, other, other_mode) ||
        multiply_summed(result, batch, contiguous_values(input), input_mode,
                        contiguous_values(other), other_mode)) {
      return result;
    }
  }
  Tensor result = wengert::empty(full, input.dtype());
  multiply_into(result, input, input_mode, other, other_mode);
  return size.empty() || size == full ? result : impl::sum_to_size(result, size);
}

Tensor mm(const Tensor& input, const Tensor& mat2) {
  check_mm(input, mat2);
  const int64_t m = input.sizes()[0], n = mat2.sizes()[1];
  Tensor result = wengert::empty({m, n}, input.dtype());
  multiply_into(result, input, 0, mat2, 0);
  return result;
}

Tensor bmm(const Tensor& input, const Tensor& mat2) {
  check_bmm(input, mat2);
  Tensor result =
      wengert::empty({input.sizes()[0], input.sizes()[1], mat2.sizes()[2]}, input.dtype());
  multiply_into(result, input, 0, mat2, 0);
  return result;
}

Tensor mv(const Tensor& input, const Tensor& vec) {
  check_mv(input, vec);
  const int64_t m = input.sizes()[0], k = input.sizes()[1];
  Tensor result = wengert::empty({m}, input.dtype());
  multiply_into(alias(result, {m, 1}, {1, 1}, 0), input, 0,
                alias(vec, {k, 1}, {vec.strides()[0], 1}, vec.offset()), 0);
  return result;
}

Tensor dot(const Tensor& input, const Tensor& tensor) {
  check_dot(input, tensor);
  const int64_t k = input.sizes()[0];
  Tensor result = wengert::empty({}, input.dtype());
  multiply_into(alias(result, {1, 1}, {1, 1}, 0),
                alias(input, {1, k}, {k, input.strides()[0]}, input.offset()), 0,
                alias(tensor, {k, 1}, {tensor.strides()[0], 1}, tensor.offset()), 0);
  return result;
}

Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
             const Scalar& alpha) {
  check_addmm(input, mat1, mat2);
  const int64_t m = mat1.sizes()[0], n = mat2.sizes()[1];
  return added_product("addmm", {m, n}, input, mat1, mat2, beta, alpha);
}

Tensor baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
  check_baddbmm(input, batch1, batch2);
  return added_product("baddbmm", {batch1.sizes()[0], batch1.sizes()[1], batch2.sizes()[2]}, input,
                       batch1, batch2, beta, alpha);
}

Tensor _linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  check_linear(input, weight, bias);
  const int64_t n = weight.sizes()[0];
  Dims size = input.sizes();
  size[size.size() - 1] = n;
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor row = bias.defined() ? contiguous_values(bias) : Tensor();
  multiply_into(result, input, 0, weight, kTransposed, row.defined() ? row.data() : nullptr);
  return result;
}

// These only choose operators, which record themselves.

Tensor matmul(const Tensor& input, const Tensor& other) {
  const int64_t a = input.ndim(), b = other.ndim();
  WENGERT_CHECK(a != 0 && b != 0, kRuntime,
                "matmul(): both arguments to matmul need to be at least 1D, but they are ", a,
                "D and ", b, "D", describe_argument("input", input),
                describe_argument("other", other));
  if (a == 1 && b == 1) return ops::dot(input, other);
  if (a == 2 && b == 1) return ops::mv(input, other);
  const int64_t k = input.sizes().back(), k2 = b == 1 ? other.sizes()[0] : rows_of(other);
  if (k != k2) [[unlikely]] {
    if (b <= 2) {
      fail_shapes("matmul", "input", input, k == 0 ? 0 : input.numel() / k, k, "other", other, k2,
                  b == 1 ? 1 : columns_of(other));
    }
    const int64_t count = product(batch_of(other));
    fail(ErrorKind::kRuntime,
         "matmul(): Expected size for first two dimensions of batch2 tensor to be: [", count, ", ",
         k, "] but got: [", count, ", ", k2, "].", describe_argument("input", input),
         "   last dim is ", k, describe_argument("other", other), "   second-to-last dim is ", k2);
  }
  check_dtypes("matmul", "input", input, "other", other);
  if (a == 2 && b == 2) return ops::mm(input, other);
  if (a == 1 && b == 2) return ops::mv(ops::transpose(other, 0, 1), input);
  if (a == 1) return ops::squeeze(ops::_matmul(ops::unsqueeze(input, 0), other), Dims{-2});
  if (b == 1) return ops::squeeze(ops::_matmul(input, ops::unsqueeze(other, 1)), Dims{-1});
  return ops::_matmul(input, other);
}

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  WENGERT_CHECK(input.ndim() != 0 && weight.ndim() != 0, kRuntime,
                "linear(): both arguments to linear need to be at least 1D, but they are ",
                input.ndim(), "D and ", weight.ndim(), "D", describe_argument("input", input),
                describe_argument("weight", weight));
  WENGERT_CHECK(weight.ndim() <= 2, kRuntime,
                "linear(): t() expects a tensor with <= 2 dimensions, but self is ", weight.ndim(),
                "D", describe_argument("weight", weight));
  if (weight.ndim() == 2) {
    if (input.ndim() == 1) {
      return ops::squeeze(ops::linear(ops::unsqueeze(input, 0), weight, bias), Dims{0});
    }
    const bool fused =
        !bias.defined() || (bias.ndim() == 1 && bias.sizes()[0] == weight.sizes()[0]);
    if (fused) return ops::_linear(input, weight, bias);
  }
  const Tensor product =
      weight.ndim() == 2 ? ops::_linear(input, weight, Tensor()) : ops::matmul(input, weight);
  if (!bias.defined()) return product;
  check_expandable("linear", "bias", bias, product.sizes());
  return ops::add(product, bias);
}

Tensor _scaled(const Tensor& input, const Scalar& factor) {
  if (factor.equals(1)) return input;
  if (factor.is_complex()) {
    return ops::mul(input, Scalar(std::conj(factor.to<std::complex<double>>())));
  }
  return ops::mul(input, factor);
}

Tensor _conjugate(const Tensor& input) {
  return is_complex(input.dtype()) ? ops::conj(input) : input;
}

}  // namespace impl

}  // namespace wengert::ops
