// Softmax, normalisation, losses, variances, norms and positions of extremes against plain loops in
// double, and the same bits for any number of threads.
#include "base/error.h"
#include "kernels/cpu/simd/loss.h"
#include "kernels/cpu/simd/norm.h"
#include "kernels/cpu/simd/reduce_special.h"
#include "kernels/cpu/simd/softmax.h"
#include "kernels_test.h"

namespace {

using Doubles = std::vector<double>;

template <class T>
constexpr double tolerance() {
  return std::is_same_v<T, double>  ? 1e-11
         : std::is_same_v<T, float> ? 3e-5
         : std::is_same_v<T, Half>  ? 4e-3
                                    : 3e-2;
}

template <class T>
Doubles widen(const std::vector<T>& values) {
  Doubles out;
  for (const T& value : values) out.push_back(as_double(value));
  return out;
}

template <class T>
void compare(const char* name, const std::vector<T>& result, const Doubles& expected,
             double scale = 1) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (near(as_double(result[i]), expected[i], scale * tolerance<T>())) continue;
    EXPECT(false, "%s<%s>[%zu of %zu]: %.9g instead of %.9g", name, dtype_name(dtype_of_v<T>), i,
           expected.size(), as_double(result[i]), expected[i]);
    return;
  }
}

struct Shape {
  int64_t outer, n, inner;
  int64_t count() const { return outer * n * inner; }
  int64_t at(int64_t o, int64_t k, int64_t i) const { return (o * n + k) * inner + i; }
};

const Shape kShapes[] = {{1, 1, 1},   {3, 5, 1},     {2, 1030, 1}, {700, 70, 1}, {1, 100001, 1},
                         {1, 300, 7}, {4, 50, 130},  {0, 4, 3},    {3, 0, 2},    {3, 0, 1},
                         {2, 3, 900}, {1, 40000, 3}, {300, 9, 2}};

template <class T>
void test_softmax() {
  for (const Shape& s : kShapes) {
    const cpu::SoftmaxShape shape{s.outer, s.n, s.inner};
    const auto x = random_values<T>(s.count(), -4, 4), g = random_values<T>(s.count());
    const Doubles xd = widen(x), gd = widen(g);
    for (bool log : {false, true}) {
      std::vector<T> y(s.count()), dx(s.count()), lse(s.outer * s.inner);
      const DType dtype = dtype_of_v<T>;
      twice(y, [&] { cpu::softmax_forward(dtype, shape, log, x.data(), y.data()); }, "softmax");
      twice(
          dx, [&] { cpu::softmax_backward(dtype, shape, log, g.data(), y.data(), dx.data()); },
          "softmax backward");
      twice(lse, [&] { cpu::logsumexp_forward(dtype, shape, x.data(), lse.data()); }, "logsumexp");
      const Doubles saved = widen(y);
      Doubles expected(s.count()), gradient(s.count()), sums(s.outer * s.inner);
      for (int64_t o = 0; o < s.outer; ++o) {
        for (int64_t i = 0; i < s.inner; ++i) {
          double sum = 0, g_sum = 0;
          for (int64_t k = 0; k < s.n; ++k) {
            sum += std::exp(xd[s.at(o, k, i)]);
            g_sum += log ? gd[s.at(o, k, i)] : gd[s.at(o, k, i)] * saved[s.at(o, k, i)];
          }
          sums[o * s.inner + i] = std::log(sum);
          for (int64_t k = 0; k < s.n; ++k) {
            const int64_t at = s.at(o, k, i);
            expected[at] = log ? xd[at] - std::log(sum) : std::exp(xd[at]) / sum;
            gradient[at] =
                log ? gd[at] - std::exp(saved[at]) * g_sum : saved[at] * (gd[at] - g_sum);
          }
        }
      }
      compare("softmax", y, expected);
      compare("softmax backward", dx, gradient);
      compare("logsumexp", lse, sums);
    }
  }
}

void test_softmax_special_values() {
  const float inf = std::numeric_limits<float>::infinity();
  for (int64_t inner : {1, 2}) {
    std::vector<float> x(8 * inner, -inf), y(8 * inner);
    const cpu::SoftmaxShape shape{1, 8, inner};
    cpu::softmax_forward(DType::float32, shape, false, x.data(), y.data());
    EXPECT(std::isnan(y[0]) && std::isnan(y[7 * inner]), "softmax of -inf");
    cpu::logsumexp_forward(DType::float32, shape, x.data(), y.data());
    EXPECT(y[0] == -inf, "logsumexp of -inf");
    x[3 * inner] = 5;
    cpu::softmax_forward(DType::float32, shape, false, x.data(), y.data());
    EXPECT(y[0] == 0 && y[3 * inner] == 1, "softmax with one finite element");
    x[2 * inner] = inf;
    cpu::logsumexp_forward(DType::float32, shape, x.data(), y.data());
    EXPECT(y[0] == inf, "logsumexp with inf");
    x[2 * inner] = std::nanf("");
    cpu::softmax_forward(DType::float32, shape, true, x.data(), y.data());
    EXPECT(std::isnan(y[0]), "log_softmax with NaN");
    cpu::logsumexp_forward(DType::float32, shape, x.data(), y.data());
    EXPECT(std::isnan(y[0]), "logsumexp with NaN");
  }
}

template <class T>
void test_row_norm() {
  using C = compute_t<T>;
  const double eps = 1e-5;
  for (auto [rows, n] :
       {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {500, 64}, {40, 3000}, {0, 5}}) {
    for (int variant = 0; variant < 8; ++variant) {
      const bool centered = variant & 1, weighted = variant & 2, biased = variant & 4;
      const auto x = random_values<T>(rows * n), g = random_values<T>(rows * n);
      const auto w = random_values<T>(n), b = random_values<T>(n);
      const Doubles xd = widen(x), gd = widen(g), wd = widen(w), bd = widen(b);
      std::vector<T> y(rows * n), dx(rows * n), dw(n), db(n);
      std::vector<C> mean(rows), rstd(rows);
      const T* weight = weighted ? w.data() : nullptr;
      const cpu::RowNormShape shape{dtype_of_v<T>, rows, n, centered};
      twice(
          y,
          [&] {
            cpu::row_norm_forward(shape, eps, x.data(), weight, biased ? b.data() : nullptr,
                                  y.data(), mean.data(), rstd.data());
          },
          "row norm");
      const auto backward = [&] {
        cpu::row_norm_backward(shape, g.data(), x.data(), weight, mean.data(), rstd.data(),
                               dx.data(), dw.data(), db.data());
      };
      twice(dx, backward, "row norm dx");
      twice(dw, backward, "row norm dweight");
      twice(db, backward, "row norm dbias");
      Doubles yd(rows * n), dxd(rows * n), dwd(n), dbd(n);
      for (int64_t r = 0; r < rows; ++r) {
        double m = 0, v = 0, along = 0, shift = 0;
        for (int64_t i = 0; i < n && centered; ++i) m += xd[r * n + i] / n;
        for (int64_t i = 0; i < n; ++i) v += (xd[r * n + i] - m) * (xd[r * n + i] - m) / n;
        const double s = 1 / std::sqrt(v + eps);
        for (int64_t i = 0; i < n; ++i) {
          const double normal = (xd[r * n + i] - m) * s, wi = weighted ? wd[i] : 1;
          yd[r * n + i] = normal * wi + (biased ? bd[i] : 0);
          along += gd[r * n + i] * wi * normal / n;
          if (centered) shift += gd[r * n + i] * wi / n;
          dwd[i] += gd[r * n + i] * normal;
          dbd[i] += gd[r * n + i];
        }
        for (int64_t i = 0; i < n; ++i) {
          const double normal = (xd[r * n + i] - m) * s, wi = weighted ? wd[i] : 1;
          dxd[r * n + i] = s * (gd[r * n + i] * wi - shift - normal * along);
        }
      }
      compare("row norm", y, yd);
      if (n > 1) compare("row norm dx", dx, dxd, 4);  // one element: only rounding is left
      compare("row norm dweight", dw, dwd, 4);
      compare("row norm dbias", db, dbd, 4);
    }
  }
}

template <class T>
void test_batch_norm() {
  using C = compute_t<T>;
  const double eps = 1e-5, momentum = 0.1;
  for (const Shape& s : {Shape{5, 3, 1}, {700, 70, 1}, {4, 3, 900}, {9, 130, 5}, {2, 2, 40000}}) {
    const int64_t channels = s.n;
    const double count = static_cast<double>(s.outer * s.inner);
    const auto x = random_values<T>(s.count(), 1, 4), g = random_values<T>(s.count());
    const auto w = random_values<T>(channels), b = random_values<T>(channels);
    const auto old_mean = random_values<T>(channels), old_var = random_values<T>(channels, 0.5, 2);
    const Doubles xd = widen(x), gd = widen(g), wd = widen(w), bd = widen(b);
    const cpu::BatchNormShape shape{dtype_of_v<T>, s.outer, channels, s.inner};
    for (bool training : {true, false}) {
      std::vector<T> y(s.count()), dx(s.count()), dw(channels), db(channels);
      std::vector<T> running_mean = old_mean, running_var = old_var;
      std::vector<C> mean(channels), rstd(channels);
      twice(
          y,
          [&] {
            running_mean = old_mean;
            running_var = old_var;
            if (training) {
              cpu::batch_norm_forward(shape, eps, momentum, x.data(), w.data(), b.data(), y.data(),
                                      mean.data(), rstd.data(), running_mean.data(),
                                      running_var.data());
            } else {
              cpu::batch_norm_eval(shape, eps, x.data(), w.data(), b.data(), running_mean.data(),
                                   running_var.data(), y.data());
              for (int64_t c = 0; c < channels; ++c) {
                mean[c] = convert<C>(old_mean[c]);
                rstd[c] = 1 / std::sqrt(convert<C>(old_var[c]) + static_cast<C>(eps));
              }
            }
          },
          "batch norm");
      const auto backward = [&] {
        cpu::batch_norm_backward(shape, training, g.data(), x.data(), w.data(), mean.data(),
                                 rstd.data(), dx.data(), dw.data(), db.data());
      };
      twice(dx, backward, "batch norm dx");
      twice(dw, backward, "batch norm dweight");
      Doubles yd(s.count()), dxd(s.count()), dwd(channels), dbd(channels);
      Doubles mean_d(channels), var_d(channels);
      for (int64_t c = 0; c < channels; ++c) {
        double m = 0, v = 0;
        for (int64_t o = 0; o < s.outer; ++o) {
          for (int64_t i = 0; i < s.inner; ++i) m += xd[s.at(o, c, i)] / count;
        }
        for (int64_t o = 0; o < s.outer; ++o) {
          for (int64_t i = 0; i < s.inner; ++i) {
            v += (xd[s.at(o, c, i)] - m) * (xd[s.at(o, c, i)] - m) / count;
          }
        }
        mean_d[c] = as_double(old_mean[c]);
        var_d[c] = as_double(old_var[c]);
        if (training) {
          mean_d[c] += momentum * (m - mean_d[c]);
          var_d[c] += momentum * (v * count / (count - 1) - var_d[c]);
        } else {
          m = mean_d[c];
          v = var_d[c];
        }
        const double scale = 1 / std::sqrt(v + eps);
        double sum = 0, along = 0;
        for (int64_t o = 0; o < s.outer; ++o) {
          for (int64_t i = 0; i < s.inner; ++i) {
            const int64_t at = s.at(o, c, i);
            const double normal = (xd[at] - m) * scale;
            yd[at] = normal * wd[c] + bd[c];
            sum += gd[at];
            along += gd[at] * normal;
          }
        }
        dwd[c] = along;
        dbd[c] = sum;
        for (int64_t o = 0; o < s.outer; ++o) {
          for (int64_t i = 0; i < s.inner; ++i) {
            const int64_t at = s.at(o, c, i);
            const double normal = (xd[at] - m) * scale;
            dxd[at] =
                scale * wd[c] * (training ? gd[at] - sum / count - normal * along / count : gd[at]);
          }
        }
      }
      compare("batch norm", y, yd, 2);
      compare("batch norm dx", dx, dxd, 4);
      compare("batch norm dweight", dw, dwd, 4);
      compare("batch norm dbias", db, dbd, 4);
      compare("running mean", running_mean, mean_d);
      compare("running var", running_var, var_d);
    }
  }
}

template <class T>
void test_losses() {
  using C = compute_t<T>;
  for (const Shape& s : {Shape{1, 2, 1}, {400, 10, 1}, {7, 3000, 1}, {3, 5, 333}, {2, 20, 7}}) {
    for (int variant = 0; variant < 12; ++variant) {
      const auto reduction = static_cast<cpu::LossReduction>(variant % 3);
      const bool weighted = variant / 3 % 2, smoothed = variant / 6;
      const int64_t positions = s.outer * s.inner, classes = s.n;
      const auto x = random_values<T>(s.count(), -3, 3), g = random_values<T>(positions, 0.5, 1);
      const auto w = random_values<T>(classes, 0.5, 2);
      std::vector<int64_t> target(positions);
      for (int64_t i = 0; i < positions; ++i) {
        target[i] = i % 5 == 4 ? -100 : static_cast<int64_t>(generator() % classes);
      }
      const Doubles xd = widen(x), gd = widen(g), wd = widen(w);
      const T* weight = weighted ? w.data() : nullptr;
      const auto weight_d = [&](int64_t c) { return weighted ? wd[c] : 1.0; };
      const double smoothing = smoothed ? 0.2 : 0;
      const cpu::LossShape shape{dtype_of_v<T>, s.outer, classes, s.inner, -100, reduction};
      const bool none = reduction == cpu::LossReduction::kNone;
      const int64_t outputs = none ? positions : 1;
      std::vector<T> y(outputs), dx(s.count()), nll(outputs), nll_dx(s.count());
      std::vector<C> lse(positions);
      C total = 0;
      twice(
          y,
          [&] {
            cpu::cross_entropy_forward(shape, smoothing, x.data(), target.data(), weight, y.data(),
                                       lse.data(), &total);
          },
          "cross entropy");
      twice(
          dx,
          [&] {
            cpu::cross_entropy_backward(shape, smoothing, g.data(), x.data(), target.data(), weight,
                                        lse.data(), &total, dx.data());
          },
          "cross entropy backward");
      twice(
          nll,
          [&] {
            cpu::nll_loss_forward(shape, x.data(), target.data(), weight, nll.data(), &total);
          },
          "nll");
      twice(
          nll_dx,
          [&] {
            cpu::nll_loss_backward(shape, g.data(), target.data(), weight, &total, nll_dx.data());
          },
          "nll backward");
      double total_d = 0;
      for (int64_t t : target) total_d += t >= 0 ? weight_d(t) : 0;
      Doubles losses(positions), nlls(positions), dxd(s.count()), nll_dxd(s.count());
      for (int64_t o = 0; o < s.outer; ++o) {
        for (int64_t i = 0; i < s.inner; ++i) {
          const int64_t at = o * s.inner + i, t = target[at];
          if (t < 0) continue;
          double sum = 0, weights = 0;
          for (int64_t c = 0; c < classes; ++c) {
            sum += std::exp(xd[s.at(o, c, i)]);
            weights += weight_d(c);
          }
          const double factor = none                                     ? gd[at]
                                : reduction == cpu::LossReduction::kMean ? gd[0] / total_d
                                                                         : gd[0];
          for (int64_t c = 0; c < classes; ++c) {
            const double share = ((c == t) * (1 - smoothing) + smoothing / classes) * weight_d(c);
            const double z = xd[s.at(o, c, i)];
            losses[at] += share * (std::log(sum) - z);
            dxd[s.at(o, c, i)] =
                factor * (std::exp(z) / sum *
                              ((1 - smoothing) * weight_d(t) + smoothing / classes * weights) -
                          share);
          }
          nlls[at] = -xd[s.at(o, t, i)] * weight_d(t);
          nll_dxd[s.at(o, t, i)] = -factor * weight_d(t);
        }
      }
      if (!none) {
        double sum = 0, nll_sum = 0;
        for (double loss : losses) sum += loss;
        for (double loss : nlls) nll_sum += loss;
        const double divisor = reduction == cpu::LossReduction::kMean ? total_d : 1;
        losses = {sum / divisor};
        nlls = {nll_sum / divisor};
      }
      compare("cross entropy", y, losses);
      compare("cross entropy backward", dx, dxd);
      compare("nll", nll, nlls, 4);
      compare("nll backward", nll_dx, nll_dxd);
    }
  }
}

void test_target_errors() {
  const float x[6] = {};
  float y[2], lse[2], total;
  const cpu::LossShape shape{DType::float32, 2, 3, 1, -100, cpu::LossReduction::kMean};
  for (int64_t bad : {5, 3, -1}) {
    const int64_t target[2] = {0, bad};
    std::string message;
    try {
      cpu::cross_entropy_forward(shape, 0, x, target, nullptr, y, lse, &total);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kIndex) message = error.what();
    }
    EXPECT(message == "Target " + std::to_string(bad) + " is out of bounds.", "said: %s",
           message.c_str());
  }
}

template <class T>
void test_argreduce() {
  for (const Shape& s : kShapes) {
    if (s.n == 0) continue;
    for (int variant = 0; variant < 4; ++variant) {
      const bool largest = variant & 1, with_nan = variant & 2;
      auto x = random_values<T>(s.count());
      if constexpr (!std::is_integral_v<T>) {
        for (size_t i = 7; i < x.size() && with_nan; i += 301) x[i] = T(static_cast<float>(kNaN));
      }
      std::vector<int64_t> indices(s.outer * s.inner), expected(s.outer * s.inner);
      std::vector<T> values(s.outer * s.inner);
      twice(
          indices,
          [&] {
            cpu::argreduce(dtype_of_v<T>, {s.outer, s.n, s.inner}, largest, x.data(),
                           indices.data(), values.data());
          },
          "argreduce");
      for (int64_t o = 0; o < s.outer; ++o) {
        for (int64_t i = 0; i < s.inner; ++i) {
          int64_t at = 0;
          for (int64_t k = 1; k < s.n; ++k) {
            const double a = as_double(x[s.at(o, k, i)]), best = as_double(x[s.at(o, at, i)]);
            if (best == best && (a != a || (largest ? a > best : a < best))) at = k;
          }
          expected[o * s.inner + i] = at;
        }
      }
      EXPECT(indices == expected, "argreduce<%s> [%ld, %ld, %ld]", dtype_name(dtype_of_v<T>),
             long(s.outer), long(s.n), long(s.inner));
    }
  }
}

template <class T>
void test_variance() {
  for (const Shape& s : kShapes) {
    // A mean far from zero would ruin a difference of squares.
    const double center = std::is_same_v<T, float> || std::is_same_v<T, double> ? 1000 : 3;
    const auto x = random_values<T>(s.count(), center, center + 2);
    const Doubles xd = widen(x);
    for (double correction : {1.0, 0.0, 2.5}) {
      std::vector<T> var(s.outer * s.inner), mean(s.outer * s.inner);
      const auto run = [&](bool root) {
        cpu::variance(dtype_of_v<T>, {s.outer, s.n, s.inner}, correction, root, x.data(),
                      var.data(), mean.data());
      };
      twice(var, [&] { run(false); }, "variance");
      twice(mean, [&] { run(false); }, "variance mean");
      Doubles vars(s.outer * s.inner), means(s.outer * s.inner);
      for (int64_t o = 0; o < s.outer; ++o) {
        for (int64_t i = 0; i < s.inner; ++i) {
          double m = 0, q = 0;
          for (int64_t k = 0; k < s.n; ++k) m += xd[s.at(o, k, i)];
          m /= static_cast<double>(s.n);
          for (int64_t k = 0; k < s.n; ++k) {
            q += (xd[s.at(o, k, i)] - m) * (xd[s.at(o, k, i)] - m);
          }
          means[o * s.inner + i] = m;
          vars[o * s.inner + i] = q / std::max(0.0, static_cast<double>(s.n) - correction);
        }
      }
      if (s.n != 1) compare("variance", var, vars);
      compare("mean", mean, means);
      run(true);
      for (double& v : vars) v = std::sqrt(v);
      if (s.n != 1) compare("standard deviation", var, vars);
    }
  }
}

template <class T>
void test_vector_norm() {
  const auto x = random_values<T>(300 * 40, -1, 1);
  for (double p : {0.0, 1.0, 2.0, 3.0, 0.5, kInf, -kInf}) {
    const int64_t sizes[] = {300, 40}, strides[] = {40, 1};
    const cpu::ReduceShape columns{{sizes + 1, 1}, {strides + 1, 1}, {sizes, 1}, {strides, 1}};
    std::vector<T> y(40);
    twice(y, [&] { cpu::vector_norm(dtype_of_v<T>, columns, p, x.data(), y.data()); }, "norm");
    Doubles expected(40);
    for (int64_t c = 0; c < 40; ++c) {
      double acc = p == -kInf ? kInf : 0;
      for (int64_t r = 0; r < 300; ++r) {
        const double a = std::fabs(as_double(x[r * 40 + c]));
        acc = p == kInf    ? std::max(acc, a)
              : p == -kInf ? std::min(acc, a)
              : p == 0     ? acc + (a != 0)
                           : acc + std::pow(a, p);
      }
      expected[c] = std::isinf(p) || p == 0 ? acc : std::pow(acc, 1 / p);
    }
    compare("norm", y, expected, 2);
  }
}

template <class T>
void test_floating() {
  test_softmax<T>();
  test_row_norm<T>();
  test_batch_norm<T>();
  test_losses<T>();
  test_argreduce<T>();
  test_variance<T>();
  test_vector_norm<T>();
}

}  // namespace

int main() {
  test_floating<float>();
  test_floating<double>();
  test_floating<Half>();
  test_floating<BFloat16>();
  test_argreduce<int64_t>();
  test_argreduce<uint8_t>();
  test_softmax_special_values();
  test_target_errors();
  const complex64 z[2] = {{3, 4}, {0, 12}};
  const int64_t two = 2, one = 1;
  float norm = 0;
  cpu::vector_norm(DType::complex64, {{}, {}, {&two, 1}, {&one, 1}}, 2, z, &norm);
  EXPECT(norm == 13, "complex norm %g", norm);
  if (failures == 0) std::printf("kernels_rows_test: all passed\n");
  return failures != 0;
}
