// Reductions, softmax, normalisation and losses against plain loops in double precision, and the
// same bits for any number of threads.
#ifndef WENGERT_ISA
#define WENGERT_ISA v2
#endif
#include "kernels/cpu/reduce.h"

#include "kernels_test.h"

namespace simd = wengert::cpu::WENGERT_ISA;

namespace {

template <class T>
struct SumOp {
  using In = T;
  using Acc = compute_t<T>;
  using Out = T;
  static constexpr bool kVectorise = true;
  Acc init() const { return 0; }
  Acc combine(Acc acc, compute_t<T> x) const { return acc + x; }
  Acc merge(Acc a, Acc b) const { return a + b; }
  Acc finish(Acc acc, int64_t) const { return acc; }
};

template <class T>
struct ProdOp : SumOp<T> {
  using Acc = compute_t<T>;
  Acc init() const { return 1; }
  Acc combine(Acc acc, compute_t<T> x) const { return acc * x; }
  Acc merge(Acc a, Acc b) const { return a * b; }
};

template <class T>
struct NansumOp : SumOp<T> {
  using Acc = compute_t<T>;
  Acc combine(Acc acc, compute_t<T> x) const { return acc + (x == x ? x : Acc(0)); }
};

template <class T>
struct AmaxOp : SumOp<T> {
  using Acc = compute_t<T>;
  Acc init() const {
    return std::is_floating_point_v<Acc> ? -std::numeric_limits<Acc>::infinity()
                                         : std::numeric_limits<Acc>::lowest();
  }
  Acc combine(Acc acc, compute_t<T> x) const { return x > acc || x != x ? x : acc; }
  Acc merge(Acc a, Acc b) const { return combine(a, b); }
};

template <class T>
struct AminOp : SumOp<T> {
  using Acc = compute_t<T>;
  Acc init() const {
    return std::is_floating_point_v<Acc> ? std::numeric_limits<Acc>::infinity()
                                         : std::numeric_limits<Acc>::max();
  }
  Acc combine(Acc acc, compute_t<T> x) const { return x < acc || x != x ? x : acc; }
  Acc merge(Acc a, Acc b) const { return combine(a, b); }
};

template <class T>
struct AnyOp {
  using In = T;
  using Acc = uint8_t;
  using Out = bool;
  static constexpr bool kVectorise = true;
  Acc init() const { return 0; }
  Acc combine(Acc acc, compute_t<T> x) const { return acc | uint8_t(x != compute_t<T>(0)); }
  Acc merge(Acc a, Acc b) const { return a | b; }
  Out finish(Acc acc, int64_t) const { return acc != 0; }
};

template <class T>
struct AllOp : AnyOp<T> {
  using Acc = uint8_t;
  Acc init() const { return 1; }
  Acc combine(Acc acc, compute_t<T> x) const { return acc & uint8_t(x != compute_t<T>(0)); }
  Acc merge(Acc a, Acc b) const { return a & b; }
};

template <class T>
struct CountNonzeroOp {
  using In = T;
  using Acc = int64_t;
  using Out = int64_t;
  static constexpr bool kVectorise = true;
  Acc init() const { return 0; }
  Acc combine(Acc acc, compute_t<T> x) const { return acc + (x != compute_t<T>(0)); }
  Acc merge(Acc a, Acc b) const { return a + b; }
  Out finish(Acc acc, int64_t) const { return acc; }
};

struct MeanOp : SumOp<float> {
  Acc finish(Acc acc, int64_t n) const { return acc / static_cast<float>(n); }
};

// One view: sizes and strides, and which dimensions are reduced.
struct View {
  std::vector<int64_t> sizes, strides;
  std::vector<bool> reduced;
  int64_t offset = 0, span = 1;
};

View contiguous(std::vector<int64_t> sizes, std::vector<bool> reduced) {
  View view{sizes, std::vector<int64_t>(sizes.size()), reduced};
  for (size_t i = sizes.size(); i-- > 0;) {
    view.strides[i] = view.span;
    view.span *= sizes[i];
  }
  return view;
}

template <class Op>
void check(const char* name, const View& view, const std::vector<typename Op::In>& data,
           double init, const std::function<double(double, double)>& combine,
           const std::function<double(double, int64_t)>& finish, double tolerance) {
  std::vector<int64_t> kept_sizes, kept_strides, reduced_sizes, reduced_strides;
  int64_t outputs = 1, combined = 1;
  for (size_t i = 0; i < view.sizes.size(); ++i) {
    (view.reduced[i] ? reduced_sizes : kept_sizes).push_back(view.sizes[i]);
    (view.reduced[i] ? reduced_strides : kept_strides).push_back(view.strides[i]);
    (view.reduced[i] ? combined : outputs) *= view.sizes[i];
  }
  std::vector<char> bytes(outputs * sizeof(typename Op::Out));
  const cpu::ReduceShape shape{kept_sizes, kept_strides, reduced_sizes, reduced_strides};
  twice(bytes, [&] { simd::reduce<Op>(shape, data.data() + view.offset, bytes.data()); }, name);
  const auto* result = reinterpret_cast<const typename Op::Out*>(bytes.data());
  for (int64_t o = 0; o < outputs; ++o) {
    int64_t base = view.offset, rest = o;
    for (size_t i = kept_sizes.size(); i-- > 0;) {
      base += rest % kept_sizes[i] * kept_strides[i];
      rest /= kept_sizes[i];
    }
    double expected = init;
    for (int64_t r = 0; r < combined; ++r) {
      int64_t at = base;
      rest = r;
      for (size_t i = reduced_sizes.size(); i-- > 0;) {
        at += rest % reduced_sizes[i] * reduced_strides[i];
        rest /= reduced_sizes[i];
      }
      expected = combine(expected, as_double(data[at]));
    }
    expected = finish(expected, combined);
    if (!near(as_double(result[o]), expected, tolerance)) {
      EXPECT(false, "%s output %ld: %.9g instead of %.9g", name, static_cast<long>(o),
             as_double(result[o]), expected);
      return;
    }
  }
}

double max_propagating(double a, double b) { return b > a || b != b ? b : a; }
double min_propagating(double a, double b) { return b < a || b != b ? b : a; }
double identity(double x, int64_t) { return x; }

std::vector<View> views() {
  std::vector<View> all;
  for (int64_t n :
       {1, 2, 3, 7, 15, 16, 17, 31, 63, 64, 65, 100, 127, 128, 129, 1000, 20000, 70001}) {
    all.push_back(contiguous({n}, {true}));
    all.push_back(contiguous({n}, {false}));
    all.push_back(contiguous({3, n}, {false, true}));
    all.push_back(contiguous({n, 3}, {true, false}));
    all.push_back(contiguous({n, 3}, {false, true}));
    all.push_back(contiguous({5, n, 4}, {false, true, false}));
    all.push_back(contiguous({5, n, 4}, {true, false, true}));
  }
  all.push_back(contiguous({300, 300}, {true, false}));
  all.push_back(contiguous({300, 300}, {false, true}));
  all.push_back(contiguous({70, 5, 600}, {true, false, true}));
  all.push_back(contiguous({6, 300, 301}, {false, true, false}));
  all.push_back(contiguous({100, 300, 70}, {false, true, false}));
  all.push_back(contiguous({2, 3, 4, 5, 6, 7}, {true, false, true, false, true, false}));
  all.push_back(
      contiguous({2, 3, 2, 3, 2, 3, 2, 2, 2, 2, 2},
                 {false, true, false, true, false, true, false, true, true, true, false}));
  all.push_back(contiguous({0, 4}, {true, false}));
  all.push_back(contiguous({4, 0}, {true, false}));
  all.push_back(contiguous({}, {}));
  View transposed = contiguous({50, 333}, {true, false});
  std::swap(transposed.sizes[0], transposed.sizes[1]);
  std::swap(transposed.strides[0], transposed.strides[1]);
  all.push_back(transposed);
  transposed.reduced = {false, true};
  all.push_back(transposed);
  all.push_back({{40, 70}, {280, 2}, {true, false}, 0, 40 * 280});
  all.push_back({{40, 70}, {280, 2}, {false, true}, 0, 40 * 280});
  all.push_back({{300, 70}, {0, 1}, {true, false}, 0, 70});
  all.push_back({{300, 70}, {1, 0}, {true, false}, 0, 300});
  all.push_back({{300, 70}, {1, 0}, {false, true}, 0, 300});
  all.push_back({{300, 70}, {-70, -1}, {false, true}, 300 * 70 - 1, 300 * 70});
  all.push_back({{300, 70}, {-70, -1}, {true, false}, 300 * 70 - 1, 300 * 70});
  return all;
}

template <class T>
void test_reduce(const char* type, double tolerance) {
  const double rounding = is_reduced_v<T> ? tolerance : 0;
  for (const View& view : views()) {
    const auto data = random_values<T>(view.span);
    const auto add = [](double a, double b) { return a + b; };
    check<SumOp<T>>(type, view, data, 0, add, identity, tolerance);
    if (view.span > 0) {  // the callers refuse a maximum of nothing
      check<AmaxOp<T>>(type, view, data, -kInf, max_propagating, identity, rounding);
      check<AminOp<T>>(type, view, data, kInf, min_propagating, identity, rounding);
    }
    check<NansumOp<T>>(type, view, data, 0, add, identity, tolerance);
    check<CountNonzeroOp<T>>(
        type, view, data, 0, [](double a, double b) { return a + (b != 0); }, identity, 0);
    check<AnyOp<T>>(
        type, view, data, 0, [](double a, double b) { return double(a != 0 || b != 0); }, identity,
        0);
    check<AllOp<T>>(
        type, view, data, 1, [](double a, double b) { return double(a != 0 && b != 0); }, identity,
        0);
    const auto close_to_one = random_values<T>(view.span, 0.999, 1.001);
    check<ProdOp<T>>(
        type, view, close_to_one, 1, [](double a, double b) { return a * b; }, identity,
        50 * tolerance);
  }
}

void test_reduce_special_values() {
  for (const View& view : views()) {
    if (view.span < 2) continue;
    auto data = random_values<float>(view.span);
    data[view.span / 3] = static_cast<float>(kNaN);
    check<AmaxOp<float>>("amax nan", view, data, -kInf, max_propagating, identity, 0);
    check<AminOp<float>>("amin nan", view, data, kInf, min_propagating, identity, 0);
    check<NansumOp<float>>(
        "nansum", view, data, 0, [](double a, double b) { return b == b ? a + b : a; }, identity,
        2e-4);
  }
  const View rows = contiguous({9, 500}, {false, true});
  check<MeanOp>(
      "mean", rows, random_values<float>(rows.span), 0, [](double a, double b) { return a + b; },
      [](double a, int64_t n) { return a / static_cast<double>(n); }, 1e-6);
  const View bits = contiguous({40, 80}, {false, true});
  std::vector<uint8_t> flags(bits.span);
  flags[85] = 1;
  check<AnyOp<uint8_t>>(
      "any", bits, flags, 0, [](double a, double b) { return double(a != 0 || b != 0); }, identity,
      0);
  // A long sum of equal terms: plain accumulation in float would stall.
  const View all = contiguous({1 << 22}, {true});
  check<SumOp<float>>(
      "pairwise", all, std::vector<float>(all.span, 0.1f), 0,
      [](double a, double b) { return a + b; }, identity, 5e-6);
  const View complex_view = contiguous({7, 33, 5}, {false, true, false});
  std::vector<complex64> complex_data(complex_view.span);
  for (auto& z : complex_data) z = {random_values<float>(1)[0], random_values<float>(1)[0]};
  check<SumOp<complex64>>(
      "complex", complex_view, complex_data, 0, [](double a, double b) { return a + b; }, identity,
      1e-4);
}

}  // namespace

int main() {
  test_reduce<float>("float32", 2e-5);
  test_reduce<double>("float64", 1e-12);
  test_reduce<Half>("float16", 1e-3);
  test_reduce<BFloat16>("bfloat16", 1e-2);
  test_reduce<int64_t>("int64", 0);
  test_reduce<int32_t>("int32", 0);
  test_reduce_special_values();
  if (failures == 0) std::printf("kernels_reduce_test: all passed\n");
  return failures != 0;
}
