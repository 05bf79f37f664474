// Random tensors, and dropout.
#include "kernels/cpu/random.h"

#include <cmath>
#include <limits>
#include <random>

#include "kernels/cpu/simd/random.h"
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/random.h"
#include "operators/shape.h"
#include "ops/generator.h"
#include "ops/type_names.h"

namespace wengert {

uint64_t nondeterministic_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

Generator& default_generator() {
  static Generator generator{nondeterministic_seed(), 0};
  return generator;
}

cpu::PhiloxState draw(Generator* generator, int64_t count) {
  Generator& from = generator != nullptr ? *generator : default_generator();
  const cpu::PhiloxState state{from.seed, from.offset};
  // Kernels use at most a counter per number, rounded up to a block of 64.
  from.offset += static_cast<uint64_t>((count + 63) / 64 * 64);
  return state;
}

namespace ops {

namespace {

struct OverwriteNode : Node {
  using Node::Node;
};
void overwrite_backward(Node& node, Tensor* gradients, Tensor* results) {
  if (node.needs(0)) results[0] = zeros_matching(gradients[0]);
}
constexpr NodeType overwrite_type(const char* name, const char* op) {
  return {name, op, overwrite_backward, no_saved, remove_node<OverwriteNode>};
}

const NodeType kUniformType = overwrite_type("UniformBackward0", "uniform_");
const NodeType kNormalType = overwrite_type("NormalBackward0", "normal_");
const NodeType kLogNormalType = overwrite_type("LogNormalBackward0", "log_normal_");
const NodeType kExponentialType = overwrite_type("ExponentialBackward0", "exponential_");
const NodeType kCauchyType = overwrite_type("CauchyBackward0", "cauchy_");
const NodeType kGeometricType = overwrite_type("GeometricBackward0", "geometric_");
const NodeType kRandomType = overwrite_type("RandomBackward0", "random_");
const NodeType kBernoulliType = overwrite_type("BernoulliBackward0", "bernoulli_");

// fill(contiguous tensor) writes new values; the old ones get a gradient of zero.
template <class Fill>
Tensor overwrite(const NodeType& type, const Tensor& input, const Fill& fill) {
  const char* op = type.op;
  check_inplace(op, input);
  check_writable(op, input);
  Ref<Node> node;
  if (modes.grad && requires_grad(input)) {
    check_recorded_write(op, input);
    node = Ref<Node>(new OverwriteNode(&type, 1, 1));
    node->edges[0] = gradient_edge(input);
  }
  if (input.is_contiguous()) {
    fill(input);
  } else {
    const Tensor values = wengert::empty(input.sizes(), input.dtype());
    fill(values);
    copy_values(input, values);
  }
  wrote(op, input);
  if (node) rebase_history(input, node);
  return input;
}

void check_floating(const char* op, const Tensor& input) {
  WENGERT_CHECK(is_floating(input.dtype()), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(input.dtype()), "'", describe_argument("input", input));
}
void check_real(const char* op, const Tensor& input) {
  WENGERT_CHECK(!is_complex(input.dtype()), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(input.dtype()), "'", describe_argument("input", input));
}

// Complex numbers are filled as pairs of real ones.
struct Pairs {
  DType dtype;
  int64_t count;
  explicit Pairs(const Tensor& tensor)
      : dtype(to_real(tensor.dtype())),
        count(is_complex(tensor.dtype()) ? 2 * tensor.numel() : tensor.numel()) {}
};

void fill_uniform(const Tensor& target, Generator* generator, double low, double high) {
  const Pairs pairs(target);
  cpu::random_uniform(pairs.dtype, draw(generator, pairs.count), pairs.count, low, high,
                      target.data());
}

void fill_normal(const Tensor& target, Generator* generator, double mean, double std) {
  const Pairs pairs(target);
  if (!is_complex(target.dtype())) {
    cpu::random_normal(pairs.dtype, draw(generator, pairs.count), pairs.count, mean, std,
                       target.data());
    return;
  }
  // The variance is shared by the two parts; the mean is real.
  cpu::random_normal(pairs.dtype, draw(generator, pairs.count), pairs.count, 0,
                     std * std::sqrt(0.5), target.data());
  if (mean != 0) {
    const GradModeScope no_grad(false);
    copy_values(target, ops::add(target, Operand(mean)));
  }
}

// Bounds are numbers of the dtype, and so is the width of what is between them.
void check_bounds(const char* op, DType dtype, double from, double to) {
  const double most = visit_dtype(to_real(dtype), [](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Half>) return 65504.0;
    if constexpr (std::is_same_v<T, BFloat16>) return 0x1.FEp127;
    if constexpr (std::is_floating_point_v<T>) return double{std::numeric_limits<T>::max()};
    return 0.0;
  });
  WENGERT_CHECK(std::abs(from) <= most, kRuntime, op, "(): from is out of bounds for ",
                element_name(to_real(dtype)));
  WENGERT_CHECK(std::abs(to) <= most, kRuntime, op, "(): to is out of bounds for ",
                element_name(to_real(dtype)));
  WENGERT_CHECK(to - from <= most, kRuntime, op, "(): uniform_ expects to-from <= ", most,
                ", the largest number of the dtype, but found to=", to, " and from=", from);
}

void check_std(const char* op, double std) {
  WENGERT_CHECK(std >= 0, kRuntime, op, "(): normal expects std >= 0.0, but found std ", std);
}

// The result of a creating function, before it is filled.
Tensor created(const char* op, const Dims& size, DType dtype, bool requires_grad) {
  for (const int64_t each : size) {
    WENGERT_CHECK(each >= 0, kRuntime, op, "(): Trying to create tensor with negative dimension ",
                  each, ": ", to_string(size));
  }
  Tensor result = wengert::empty(size, dtype);
  WENGERT_CHECK(!requires_grad || is_inexact(dtype), kRuntime,
                "only Tensors of floating point and complex dtype can require gradients");
  result->requires_grad = requires_grad;
  return result;
}

void check_inexact(const char* op, DType dtype) {
  WENGERT_CHECK(is_inexact(dtype), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(dtype), "'");
}

// The integers that a dtype can be asked to hold: all of an integer dtype, and those that a
// floating dtype counts one by one.
struct Limits {
  int64_t low, high;
};
Limits integer_limits(DType dtype) {
  return visit_dtype(dtype, [](auto tag) -> Limits {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, bool>) {
      return {0, 1};
    } else if constexpr (std::is_integral_v<T>) {
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    } else {
      const auto most = static_cast<int64_t>(cpu::random_full_span(dtype_of_v<T>) - 1);
      return {-most, most};
    }
  });
}

void fill_integers(const char* op, const Tensor& target, Generator* generator, int64_t low,
                   int64_t high) {
  WENGERT_CHECK(low < high, kRuntime, op,
                "(): random_ expects 'from' to be less than 'to', but got from=", low,
                " >= to=", high);
  check_real(op, target);
  const Limits limits = integer_limits(target.dtype());
  WENGERT_CHECK(low >= limits.low && low <= limits.high, kRuntime, op,
                "(): from is out of bounds for ", dtype_name(target.dtype()));
  WENGERT_CHECK(high - 1 >= limits.low && high - 1 <= limits.high, kRuntime, op,
                "(): to - 1 is out of bounds for ", dtype_name(target.dtype()));
  cpu::random_integers(target.dtype(), draw(generator, target.numel()), target.numel(), low,
                       static_cast<uint64_t>(high) - static_cast<uint64_t>(low), target.data());
}

DType like_dtype(const Tensor& input, const std::optional<DType>& dtype) {
  return dtype.value_or(input.dtype());
}

// The layout of `input` where that is dense; filled in the order of memory.
Tensor created_like(const Tensor& input, const std::optional<DType>& dtype, bool requires_grad,
                    const std::optional<MemoryFormat>& format) {
  Tensor result =
      empty_like(input, like_dtype(input, dtype), format.value_or(MemoryFormat::kPreserve));
  WENGERT_CHECK(!requires_grad || is_inexact(result.dtype()), kRuntime,
                "only Tensors of floating point and complex dtype can require gradients");
  result->requires_grad = requires_grad;
  return result;
}

// Are all values of a contiguous tensor of a floating dtype in [low, high]?
bool all_within(const Tensor& values, double low, double high) {
  bool inside = true;
  visit_dtype(values.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* data = values.data_as<T>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      const auto value = convert<double>(data[i]);
      inside &= value >= low && value <= high;
    }
  });
  return inside;
}

Tensor probabilities_of(const char* op, const Tensor& p, const Dims& size) {
  check_floating(op, p);
  WENGERT_CHECK(broadcastable_to(p.sizes(), size), kRuntime, op, "(): output with shape ",
                to_string(size), " doesn't match the broadcast shape of p, ", to_string(p.sizes()));
  Tensor result = wengert::empty(size, p.dtype());
  copy_values(result, p);
  WENGERT_CHECK(all_within(result, 0, 1), kRuntime, op,
                "(): Expected p_in >= 0 && p_in <= 1 to be true, but got false.",
                describe_argument("p", p));
  return result;
}

void fill_bernoulli(const char* op, const Tensor& target, Generator* generator, double p) {
  WENGERT_CHECK(p >= 0 && p <= 1, kRuntime, op,
                "(): bernoulli_ expects p to be in [0, 1], but got p=", p);
  check_real(op, target);
  cpu::random_bernoulli(target.dtype(), draw(generator, target.numel()), target.numel(), p,
                        target.data());
}

void fill_bernoulli(const char* op, const Tensor& target, Generator* generator, const Tensor& p) {
  check_real(op, target);
  const Tensor dense = probabilities_of(op, p, target.sizes());
  cpu::random_bernoulli_array(target.dtype(), draw(generator, target.numel()), target.numel(),
                              dense.dtype(), dense.data(), target.data());
}

}  // namespace

namespace impl {

// --- new tensors ---

Tensor rand(const Dims& size, Generator* generator, const std::optional<DType>& dtype, int,
            bool requires_grad, bool) {
  const DType kind = dtype.value_or(default_dtype());
  check_inexact("rand", kind);
  Tensor result = created("rand", size, kind, requires_grad);
  fill_uniform(result, generator, 0, 1);
  return result;
}

Tensor randn(const Dims& size, Generator* generator, const std::optional<DType>& dtype, int,
             bool requires_grad, bool) {
  const DType kind = dtype.value_or(default_dtype());
  check_inexact("randn", kind);
  Tensor result = created("randn", size, kind, requires_grad);
  fill_normal(result, generator, 0, 1);
  return result;
}

Tensor _randint(int64_t low, int64_t high, const Dims& size, Generator* generator,
                const std::optional<DType>& dtype, bool requires_grad) {
  Tensor result = created("randint", size, dtype.value_or(DType::int64), requires_grad);
  fill_integers("randint", result, generator, low, high);
  return result;
}

Tensor randperm(int64_t n, Generator* generator, const std::optional<DType>& dtype, int,
                bool requires_grad, bool) {
  WENGERT_CHECK(n >= 0, kRuntime, "randperm(): n must be non-negative, got ", n);
  const DType kind = dtype.value_or(DType::int64);
  WENGERT_CHECK(n - 1 <= integer_limits(kind).high, kRuntime,
                "randperm(): n is too large for result tensor type: '", dtype_name(kind), "'");
  const Tensor order = wengert::empty({n}, DType::int64);
  cpu::random_permutation(draw(generator, 1), n, order.data_as<int64_t>());
  if (kind == DType::int64) {
    WENGERT_CHECK(!requires_grad, kRuntime,
                  "only Tensors of floating point and complex dtype can require gradients");
    return order;
  }
  Tensor result = created("randperm", {n}, kind, requires_grad);
  copy_values(result, order);
  return result;
}

Tensor rand_like(const Tensor& input, Generator* generator, const std::optional<DType>& dtype, int,
                 bool requires_grad, bool, const std::optional<MemoryFormat>& format) {
  check_inexact("rand_like", like_dtype(input, dtype));
  Tensor result = created_like(input, dtype, requires_grad, format);
  fill_uniform(result, generator, 0, 1);
  return result;
}

Tensor randn_like(const Tensor& input, Generator* generator, const std::optional<DType>& dtype, int,
                  bool requires_grad, bool, const std::optional<MemoryFormat>& format) {
  check_inexact("randn_like", like_dtype(input, dtype));
  Tensor result = created_like(input, dtype, requires_grad, format);
  fill_normal(result, generator, 0, 1);
  return result;
}

Tensor randint_like(const Tensor& input, const std::optional<int64_t>& low,
                    const std::optional<int64_t>& high, Generator* generator,
                    const std::optional<DType>& dtype, int, bool requires_grad, bool,
                    const std::optional<MemoryFormat>& format) {
  WENGERT_CHECK(low.has_value() || high.has_value(), kType,
                "randint_like() missing 1 required positional argument: 'high'");
  Tensor result = created_like(input, dtype, requires_grad, format);
  // With one bound, that is the upper one.
  const int64_t first = low.has_value() && high.has_value() ? *low : 0;
  fill_integers("randint_like", result, generator, first, high.has_value() ? *high : *low);
  return result;
}

// --- draws with given parameters ---

Tensor normal(const Operand& mean, const Operand& std, const std::optional<Dims>& size,
              Generator* generator, const std::optional<DType>& dtype, int, bool requires_grad,
              bool) {
  const bool arrays = mean.is_tensor() || std.is_tensor();
  WENGERT_CHECK(arrays != size.has_value(), kType,
                "normal(): size is given if and only if mean and std are both numbers");
  if (!arrays) {
    const DType kind = dtype.value_or(default_dtype());
    check_inexact("normal", kind);
    check_std("normal", std.scalar().to<double>());
    Tensor result = created("normal", *size, kind, requires_grad);
    fill_normal(result, generator, mean.scalar().to<double>(), std.scalar().to<double>());
    return result;
  }
  const Tensor& kind = mean.is_tensor() ? mean.tensor() : std.tensor();
  check_floating("normal", kind);
  const Operand operands[] = {mean, std};
  const Dims shape = elementwise_shape("normal", operands, 2);
  const auto dense = [&](const Operand& operand) {
    if (!operand.is_tensor()) return Tensor();
    Tensor values = wengert::empty(shape, kind.dtype());
    copy_values(values, operand.tensor());
    return values;
  };
  const Tensor means = dense(mean), stds = dense(std);
  if (stds.defined()) {
    WENGERT_CHECK(all_within(stds, 0, std::numeric_limits<double>::infinity()), kRuntime,
                  "normal(): normal expects all elements of std >= 0.0",
                  describe_argument("std", std.tensor()));
  } else {
    check_std("normal", std.scalar().to<double>());
  }
  Tensor result = wengert::empty(shape, kind.dtype());
  cpu::random_normal_arrays(result.dtype(), draw(generator, result.numel()), result.numel(),
                            means.defined() ? means.data() : nullptr,
                            means.defined() ? 0 : mean.scalar().to<double>(),
                            stds.defined() ? stds.data() : nullptr,
                            stds.defined() ? 0 : std.scalar().to<double>(), result.data());
  return result;
}

Tensor bernoulli(const Tensor& input, const std::optional<double>& p, Generator* generator) {
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  if (p.has_value()) {
    fill_bernoulli("bernoulli", result, generator, *p);
  } else {
    fill_bernoulli("bernoulli", result, generator, input);
  }
  return result;
}

Tensor poisson(const Tensor& input, Generator* generator) {
  check_floating("poisson", input);
  const Tensor rates = contiguous_values(input);
  WENGERT_CHECK(all_within(rates, 0, std::numeric_limits<double>::infinity()), kRuntime,
                "poisson(): invalid Poisson rate, expected rate to be non-negative",
                describe_argument("input", input));
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  cpu::random_poisson(input.dtype(), draw(generator, input.numel()), input.numel(), rates.data(),
                      result.data());
  return result;
}

Tensor _standard_gamma(const Tensor& input, Generator* generator) {
  check_floating("_standard_gamma", input);
  const Tensor shapes = contiguous_values(input);
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  cpu::random_gamma(input.dtype(), draw(generator, input.numel()), input.numel(), shapes.data(),
                    result.data());
  return result;
}

Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator) {
  WENGERT_CHECK(is_floating(count.dtype()), kValue,
                "binomial(): binomial only supports floating-point dtypes for count, got: ",
                type_name(count.dtype()), describe_argument("count", count));
  WENGERT_CHECK(count.dtype() == prob.dtype(), kValue,
                "binomial(): Expected count and prob to have the same dtype",
                describe_argument("count", count), describe_argument("prob", prob));
  const Dims shape = broadcast_sizes(count.sizes(), prob.sizes(), "binomial");
  const Tensor counts = wengert::empty(shape, count.dtype());
  const Tensor probabilities = wengert::empty(shape, count.dtype());
  copy_values(counts, count);
  copy_values(probabilities, prob);
  Tensor result = wengert::empty(shape, count.dtype());
  cpu::random_binomial(count.dtype(), draw(generator, result.numel()), result.numel(),
                       counts.data(), probabilities.data(), result.data());
  return result;
}

Tensor multinomial(const Tensor& input, int64_t num_samples, bool replacement,
                   Generator* generator) {
  WENGERT_CHECK(is_floating(input.dtype()), kRuntime,
                "multinomial(): multinomial only supports floating-point dtypes for input, got: ",
                dtype_name(input.dtype()));
  WENGERT_CHECK(input.ndim() == 1 || input.ndim() == 2, kRuntime,
                "multinomial(): prob_dist must be 1 or 2 dim", describe_argument("input", input));
  WENGERT_CHECK(num_samples > 0, kRuntime, "multinomial(): cannot sample n_sample <= 0 samples");
  const Tensor weights = contiguous_values(input);
  const int64_t rows = input.ndim() == 2 ? input.sizes()[0] : 1;
  const int64_t categories = input.sizes()[input.ndim() - 1];
  Tensor result =
      wengert::empty(input.ndim() == 2 ? Dims{rows, num_samples} : Dims{num_samples}, DType::int64);
  cpu::multinomial(input.dtype(), draw(generator, rows), weights.data(), rows, categories,
                   num_samples, replacement, result.data_as<int64_t>());
  return result;
}

// --- in place ---

Tensor uniform_(const Tensor& input, double from, double to, Generator* generator) {
  check_inexact("uniform_", input.dtype());
  WENGERT_CHECK(!(from > to), kRuntime,
                "uniform_(): uniform_ expects to return a [from, to) range, "
                "but found from=",
                from, " > to=", to);
  check_bounds("uniform_", input.dtype(), from, to);
  return overwrite(kUniformType, input,
                   [&](const Tensor& target) { fill_uniform(target, generator, from, to); });
}

Tensor normal_(const Tensor& input, double mean, double std, Generator* generator) {
  check_inexact("normal_", input.dtype());
  check_std("normal_", std);
  return overwrite(kNormalType, input,
                   [&](const Tensor& target) { fill_normal(target, generator, mean, std); });
}

Tensor log_normal_(const Tensor& input, double mean, double std, Generator* generator) {
  check_floating("log_normal_", input);
  WENGERT_CHECK(std > 0, kRuntime,
                "log_normal_(): log_normal_ expects std > 0.0, but found std=", std);
  return overwrite(kLogNormalType, input, [&](const Tensor& target) {
    cpu::random_log_normal(target.dtype(), draw(generator, target.numel()), target.numel(), mean,
                           std, target.data());
  });
}

Tensor exponential_(const Tensor& input, double lambd, Generator* generator) {
  check_floating("exponential_", input);
  WENGERT_CHECK(lambd > 0, kRuntime,
                "exponential_(): exponential_ expects lambda > 0.0, but found lambda=", lambd);
  return overwrite(kExponentialType, input, [&](const Tensor& target) {
    cpu::random_exponential(target.dtype(), draw(generator, target.numel()), target.numel(), lambd,
                            target.data());
  });
}

Tensor cauchy_(const Tensor& input, double median, double sigma, Generator* generator) {
  check_floating("cauchy_", input);
  WENGERT_CHECK(sigma > 0, kRuntime,
                "cauchy_(): cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  return overwrite(kCauchyType, input, [&](const Tensor& target) {
    cpu::random_cauchy(target.dtype(), draw(generator, target.numel()), target.numel(), median,
                       sigma, target.data());
  });
}

Tensor geometric_(const Tensor& input, double p, Generator* generator) {
  check_real("geometric_", input);
  WENGERT_CHECK(input.dtype() != DType::bool_, kNotImplemented,
                "\"geometric_\" not implemented for 'bool'", describe_argument("input", input));
  WENGERT_CHECK(p > 0 && p < 1, kRuntime,
                "geometric_(): geometric_ expects p to be in (0, 1), but got p=", p);
  return overwrite(kGeometricType, input, [&](const Tensor& target) {
    cpu::random_geometric(target.dtype(), draw(generator, target.numel()), target.numel(), p,
                          target.data());
  });
}

Tensor random_(const Tensor& input, const std::optional<int64_t>& from,
               const std::optional<int64_t>& to, Generator* generator) {
  check_real("random_", input);
  return overwrite(kRandomType, input, [&](const Tensor& target) {
    if (to.has_value()) {
      fill_integers("random_", target, generator, from.value_or(0), *to);
    } else if (from.has_value()) {
      const Limits limits = integer_limits(target.dtype());
      WENGERT_CHECK(*from >= limits.low && *from <= limits.high, kRuntime,
                    "random_(): from is out of bounds for ", dtype_name(target.dtype()));
      // A span of 2^64 is written as 0.
      const uint64_t span = static_cast<uint64_t>(limits.high) - static_cast<uint64_t>(*from) + 1;
      cpu::random_integers(target.dtype(), draw(generator, target.numel()), target.numel(), *from,
                           span, target.data());
    } else {
      cpu::random_integers(target.dtype(), draw(generator, target.numel()), target.numel(), 0,
                           cpu::random_full_span(target.dtype()), target.data());
    }
  });
}

Tensor bernoulli_(const Tensor& input, const Operand& p, Generator* generator) {
  return overwrite(kBernoulliType, input, [&](const Tensor& target) {
    if (p.is_tensor()) {
      fill_bernoulli("bernoulli_", target, generator, p.tensor());
    } else {
      fill_bernoulli("bernoulli_", target, generator, p.scalar().to<double>());
    }
  });
}

// --- dropout ---

std::tuple<Tensor, Tensor> _dropout(const Tensor& input, double p) {
  check_floating("dropout", input);
  const Tensor dense = contiguous_values(input);
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  Tensor mask = wengert::empty(input.sizes(), DType::bool_);
  cpu::dropout_forward(input.dtype(), draw(nullptr, input.numel()), input.numel(), p, dense.data(),
                       result.data(), mask.data_as<bool>());
  return {result, mask};
}

namespace {

void check_dropout(const char* op, double p) {
  WENGERT_CHECK(p >= 0 && p <= 1, kRuntime, op,
                "(): dropout probability has to be between 0 and 1, but got ", p);
}

}  // namespace

Tensor dropout(const Tensor& input, double p, bool train) {
  check_dropout("dropout", p);
  if (!train || p == 0) return input;
  return std::get<0>(ops::_dropout(input, p));
}

// Klambauer, Unterthiner, Mayr and Hochreiter (2017): dropped elements get the value that SELU has
// far left, and an affine map restores mean and variance.
Tensor alpha_dropout(const Tensor& input, double p, bool train) {
  check_dropout("alpha_dropout", p);
  if (!train || p == 0) return input;
  if (p == 1) return ops::mul(input, Operand(0));
  check_floating("alpha_dropout", input);
  constexpr double kAlpha = 1.7580993408473766;
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor kept = ops::bernoulli_(ops::empty_like(input), Operand(1 - p), nullptr);
  // a * (input * kept - alpha * (1 - kept)) + a * alpha * p
  const Tensor shift = ops::add(ops::mul(kept, Operand(a * kAlpha)), Operand(a * kAlpha * (p - 1)));
  return ops::add(ops::mul(input, ops::mul(kept, Operand(a))), shift);
}

}  // namespace impl

}  // namespace ops

}  // namespace wengert
