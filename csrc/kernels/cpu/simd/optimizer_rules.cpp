// The steps of the optimizers other than SGD and Adam; see optimizer.h.
#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include <cmath>

#include "kernels/cpu/simd/optimizer.h"
#include "kernels/cpu/simd/row_tools.h"
#include "kernels/cpu/simd/towards.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

// The gradient that a rule sees: turned round to climb, with the L2 penalty added.
template <class C>
struct Penalized {
  C sign, decay;
  bool decays;
  Penalized(bool maximize, double weight_decay)
      : sign(maximize ? C(-1) : C(1)),
        decay(static_cast<C>(weight_decay)),
        decays(weight_decay != 0) {}
  C operator()(C grad, C p) const {
    const C g = sign * grad;
    return decays ? g + decay * p : g;
  }
};

// Runs Rule::range<T> over all elements.
template <class Rule, class Step, class... State>
void run(DType dtype, int64_t n, const Step& step, void* param, const void* grad, State*... state) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
      Rule::template range<T>(begin, end, step, static_cast<T*>(param), static_cast<const T*>(grad),
                              static_cast<T*>(state)...);
    });
  });
}

struct Adamax {
  template <class T>
  static void range(int64_t begin, int64_t end, const AdamaxStep& step, T* param, const T* grad,
                    T* exp_avg, T* exp_inf) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize, step.weight_decay);
    const Towards<C> towards(1 - step.beta1);
    const C beta2 = static_cast<C>(step.beta2), eps = static_cast<C>(step.eps);
    const C size = static_cast<C>(-step.lr / step.correction1);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C p = convert<C>(param[i]);
      const C g = penalized(convert<C>(grad[i]), p);
      const C m = towards(convert<C>(exp_avg[i]), g);
      const C old = beta2 * convert<C>(exp_inf[i]), now = std::abs(g) + eps;
      const C u = !(now <= old) ? now : old;  // a NaN in the gradient wins
      exp_avg[i] = convert<T>(m);
      exp_inf[i] = convert<T>(u);
      param[i] = convert<T>(p + size * (m / u));
    }
  }
};

struct NAdam {
  template <class T>
  static void range(int64_t begin, int64_t end, const NAdamStep& step, T* param, const T* grad,
                    T* exp_avg, T* exp_avg_sq) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize,
                                 step.decoupled_weight_decay ? 0 : step.weight_decay);
    const C shrink =
        static_cast<C>(step.decoupled_weight_decay ? 1 - step.lr * step.weight_decay : 1);
    const Towards<C> towards(1 - step.beta1);
    const C beta2 = static_cast<C>(step.beta2), take2 = static_cast<C>(1 - step.beta2);
    const C eps = static_cast<C>(step.eps), correction2 = static_cast<C>(step.correction2);
    const C of_grad = static_cast<C>(step.of_grad), of_mean = static_cast<C>(step.of_mean);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C old = convert<C>(param[i]), p = shrink * old;
      const C g = penalized(convert<C>(grad[i]), old);
      const C m = towards(convert<C>(exp_avg[i]), g);
      const C v = beta2 * convert<C>(exp_avg_sq[i]) + take2 * g * g;
      exp_avg[i] = convert<T>(m);
      exp_avg_sq[i] = convert<T>(v);
      const C under = std::sqrt(v / correction2) + eps;
      param[i] = convert<T>(p + of_grad * (g / under) + of_mean * (m / under));
    }
  }
};

struct RAdam {
  template <class T>
  static void range(int64_t begin, int64_t end, const RAdamStep& step, T* param, const T* grad,
                    T* exp_avg, T* exp_avg_sq) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize,
                                 step.decoupled_weight_decay ? 0 : step.weight_decay);
    const C shrink =
        static_cast<C>(step.decoupled_weight_decay ? 1 - step.lr * step.weight_decay : 1);
    const Towards<C> towards(1 - step.beta1);
    const C beta2 = static_cast<C>(step.beta2), take2 = static_cast<C>(1 - step.beta2);
    const C eps = static_cast<C>(step.eps), correction1 = static_cast<C>(step.correction1);
    const C lr = static_cast<C>(step.lr), rectifier = static_cast<C>(step.rectifier);
    const bool rectified = step.rectifier > 0;
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C old = convert<C>(param[i]), p = shrink * old;
      const C g = penalized(convert<C>(grad[i]), old);
      const C m = towards(convert<C>(exp_avg[i]), g);
      const C v = beta2 * convert<C>(exp_avg_sq[i]) + take2 * g * g;
      exp_avg[i] = convert<T>(m);
      exp_avg_sq[i] = convert<T>(v);
      const C plain = m / correction1 * lr;
      param[i] = convert<T>(p - (rectified ? plain * (rectifier / (std::sqrt(v) + eps)) : plain));
    }
  }
};

struct Adagrad {
  template <class T>
  static void range(int64_t begin, int64_t end, const AdagradStep& step, T* param, const T* grad,
                    T* sum) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize, step.weight_decay);
    const C size = static_cast<C>(-step.lr), eps = static_cast<C>(step.eps);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C p = convert<C>(param[i]);
      const C g = penalized(convert<C>(grad[i]), p);
      const C s = convert<C>(sum[i]) + g * g;
      sum[i] = convert<T>(s);
      param[i] = convert<T>(p + size * (g / (std::sqrt(s) + eps)));
    }
  }
};

struct Adadelta {
  template <class T>
  static void range(int64_t begin, int64_t end, const AdadeltaStep& step, T* param, const T* grad,
                    T* square_avg, T* acc_delta) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize, step.weight_decay);
    const C rho = static_cast<C>(step.rho), take = static_cast<C>(1 - step.rho);
    const C size = static_cast<C>(-step.lr), eps = static_cast<C>(step.eps);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C p = convert<C>(param[i]);
      const C g = penalized(convert<C>(grad[i]), p);
      const C v = rho * convert<C>(square_avg[i]) + take * g * g;
      const C moved = convert<C>(acc_delta[i]);
      const C delta = std::sqrt(moved + eps) / std::sqrt(v + eps) * g;
      square_avg[i] = convert<T>(v);
      acc_delta[i] = convert<T>(rho * moved + take * delta * delta);
      param[i] = convert<T>(p + size * delta);
    }
  }
};

template <bool kCentered, bool kMomentum>
struct RMSprop {
  template <class T>
  static void range(int64_t begin, int64_t end, const RMSpropStep& step, T* param, const T* grad,
                    T* square_avg, T* grad_avg, T* buffer) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize, step.weight_decay);
    const Towards<C> towards(1 - step.alpha);
    const C alpha = static_cast<C>(step.alpha), take = static_cast<C>(1 - step.alpha);
    const C size = static_cast<C>(-step.lr), eps = static_cast<C>(step.eps);
    const C keep = static_cast<C>(step.momentum);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C p = convert<C>(param[i]);
      const C g = penalized(convert<C>(grad[i]), p);
      const C v = alpha * convert<C>(square_avg[i]) + take * g * g;
      square_avg[i] = convert<T>(v);
      C spread = v;
      if constexpr (kCentered) {
        const C mean = towards(convert<C>(grad_avg[i]), g);
        grad_avg[i] = convert<T>(mean);
        spread = v - mean * mean;
      }
      C change = g / (std::sqrt(spread) + eps);
      if constexpr (kMomentum) {
        change = keep * convert<C>(buffer[i]) + change;
        buffer[i] = convert<T>(change);
      }
      param[i] = convert<T>(p + size * change);
    }
  }
};

struct Rprop {
  template <class T>
  static void range(int64_t begin, int64_t end, const RpropStep& step, T* param, const T* grad,
                    T* previous, T* step_size) {
    using C = compute_t<T>;
    const C sign = step.maximize ? C(-1) : C(1);
    const C minus = static_cast<C>(step.eta_minus), plus = static_cast<C>(step.eta_plus);
    const C least = static_cast<C>(step.least), most = static_cast<C>(step.most);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C g = sign * convert<C>(grad[i]);
      const C agreement = g * convert<C>(previous[i]);
      const bool back = agreement < C(0);
      C size = convert<C>(step_size[i]);
      size = agreement > C(0) ? size * plus : back ? size * minus : size;
      size = size < least ? least : size;
      size = size > most ? most : size;
      const C used = back ? C(0) : g;
      const C direction = used > C(0) ? C(1) : used < C(0) ? C(-1) : used;  // NaN stays
      step_size[i] = convert<T>(size);
      previous[i] = convert<T>(used);
      param[i] = convert<T>(convert<C>(param[i]) - direction * size);
    }
  }
};

struct ASGD {
  template <class T>
  static void range(int64_t begin, int64_t end, const ASGDStep& step, T* param, const T* grad,
                    T* average) {
    using C = compute_t<T>;
    const Penalized<C> penalized(step.maximize, step.weight_decay);
    const C shrink = static_cast<C>(1 - step.lambd * step.eta), size = static_cast<C>(-step.eta);
    const C mu = static_cast<C>(step.mu);
    const bool copies = step.mu == 1;
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const C old = convert<C>(param[i]);
      const C g = penalized(convert<C>(grad[i]), old);
      const C p = shrink * old + size * g;
      const C before = convert<C>(average[i]);
      param[i] = convert<T>(p);
      average[i] = convert<T>(copies ? p : before + (p - before) * mu);
    }
  }
};

// One parameter, `count` values laid out as [..., rows, columns] where it is factored.
template <class T>
void adafactor(const AdafactorStep& step, int64_t count, T* param, const T* grad, T* variance,
               T* row_variance, T* column_variance) {
  using C = compute_t<T>;
  const int64_t rows = step.rows, columns = step.columns;
  const int64_t lines = columns == 0 ? 0 : count / columns;
  const int64_t matrices = rows == 0 ? 0 : lines / rows;
  const C take = static_cast<C>(step.share), sign = step.maximize ? C(-1) : C(1);
  const C floor = static_cast<C>(step.eps1 * step.eps1), eps1 = static_cast<C>(step.eps1);
  const Towards<C> towards(step.share);
  const bool factored = row_variance != nullptr;
  // Sums per line, added up in order: the result does not depend on the number of threads.
  Scratch<double> sums(lines);
  const auto total = [&] {
    double all = 0;
    for (int64_t line = 0; line < lines; ++line) all += sums.get()[line];
    return all;
  };
  parallel_for(lines, grain_for(columns), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const T* p = param + line * columns;
      const T* g = grad + line * columns;
      sums.get()[line] = sum_terms<C>(0, columns, [=](int64_t i) {
        const C x = convert<C>(p[i]);
        return x * x;
      });
      if (!factored) continue;
      const double squares = sum_terms<C>(0, columns, [=](int64_t i) {
        const C x = convert<C>(g[i]);
        return x * x;
      });
      row_variance[line] = convert<T>(towards(
          convert<C>(row_variance[line]), static_cast<C>(squares / static_cast<double>(columns))));
    }
  });
  const double scale =
      std::max(step.eps2, std::sqrt(total()) / std::sqrt(static_cast<double>(count))) * step.rho;
  Scratch<C> row_means(factored ? matrices : 0);
  if (factored) {
    const int64_t tiles = (columns + kRowTile - 1) / kRowTile;
    parallel_for(matrices * tiles, grain_for(rows * kRowTile), [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t matrix = piece / tiles, first = piece % tiles * kRowTile;
        const int64_t width = std::min(kRowTile, columns - first);
        double squares[kRowTile] = {};
        for (int64_t row = 0; row < rows; ++row) {
          const T* g = grad + (matrix * rows + row) * columns + first;
          for (int64_t j = 0; j < width; ++j) {
            const double x = static_cast<double>(convert<C>(g[j]));
            squares[j] += x * x;
          }
        }
        T* v = column_variance + matrix * columns + first;
        for (int64_t j = 0; j < width; ++j) {
          v[j] = convert<T>(
              towards(convert<C>(v[j]), static_cast<C>(squares[j] / static_cast<double>(rows))));
        }
      }
    });
    for (int64_t matrix = 0; matrix < matrices; ++matrix) {
      const T* r = row_variance + matrix * rows;
      const double sum = sum_terms<C>(0, rows, [&](int64_t i) { return convert<C>(r[i]); });
      const C mean = static_cast<C>(sum / static_cast<double>(rows));
      row_means.get()[matrix] = mean < eps1 ? eps1 : mean;
    }
  } else {
    parallel_for(count, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const C g = convert<C>(grad[i]), v = convert<C>(variance[i]);
        variance[i] = convert<T>(v + take * (g * g - v));
      }
    });
  }
  // The update is computed twice: for its size, and to be applied. In one line the variance is a
  // multiple of these values:
  const auto line_variance = [&](int64_t line) {
    return factored ? column_variance + line / rows * columns : variance + line * columns;
  };
  const auto line_factor = [&](int64_t line) {
    return factored ? convert<C>(row_variance[line]) / row_means.get()[line / rows] : C(1);
  };
  parallel_for(lines, grain_for(columns), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const T* g = grad + line * columns;
      const T* v = line_variance(line);
      const C factor = line_factor(line), least = floor;
      sums.get()[line] = sum_terms<C>(0, columns, [=](int64_t i) {
        const C x = convert<C>(g[i]), spread = factor * convert<C>(v[i]);
        return x * x / (spread < least ? least : spread);
      });
    }
  });
  const double clip =
      std::max(1.0, std::sqrt(total()) / (std::sqrt(static_cast<double>(count)) * step.clip));
  const C size = static_cast<C>(-scale / clip);
  const C shrink = static_cast<C>(1 - step.lr * step.weight_decay);
  parallel_for(lines, grain_for(columns), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      T* p = param + line * columns;
      const T* g = grad + line * columns;
      const T* v = line_variance(line);
      const C factor = line_factor(line), least = floor, move = sign * size, keep = shrink;
#pragma omp simd
      for (int64_t i = 0; i < columns; ++i) {
        const C spread = factor * convert<C>(v[i]);
        const C root = std::sqrt(spread < least ? least : spread);
        p[i] = convert<T>(keep * convert<C>(p[i]) + move * (convert<C>(g[i]) / root));
      }
    }
  });
}

}  // namespace

void adamax_step(DType dtype, int64_t n, const AdamaxStep& step, void* param, const void* grad,
                 void* exp_avg, void* exp_inf) {
  run<Adamax>(dtype, n, step, param, grad, exp_avg, exp_inf);
}

void nadam_step(DType dtype, int64_t n, const NAdamStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_avg_sq) {
  run<NAdam>(dtype, n, step, param, grad, exp_avg, exp_avg_sq);
}

void radam_step(DType dtype, int64_t n, const RAdamStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_avg_sq) {
  run<RAdam>(dtype, n, step, param, grad, exp_avg, exp_avg_sq);
}

void adagrad_step(DType dtype, int64_t n, const AdagradStep& step, void* param, const void* grad,
                  void* sum) {
  run<Adagrad>(dtype, n, step, param, grad, sum);
}

void adadelta_step(DType dtype, int64_t n, const AdadeltaStep& step, void* param, const void* grad,
                   void* square_avg, void* acc_delta) {
  run<Adadelta>(dtype, n, step, param, grad, square_avg, acc_delta);
}

void rmsprop_step(DType dtype, int64_t n, const RMSpropStep& step, void* param, const void* grad,
                  void* square_avg, void* grad_avg, void* momentum_buffer) {
  if (grad_avg != nullptr && momentum_buffer != nullptr) {
    run<RMSprop<true, true>>(dtype, n, step, param, grad, square_avg, grad_avg, momentum_buffer);
  } else if (grad_avg != nullptr) {
    run<RMSprop<true, false>>(dtype, n, step, param, grad, square_avg, grad_avg, momentum_buffer);
  } else if (momentum_buffer != nullptr) {
    run<RMSprop<false, true>>(dtype, n, step, param, grad, square_avg, grad_avg, momentum_buffer);
  } else {
    run<RMSprop<false, false>>(dtype, n, step, param, grad, square_avg, grad_avg, momentum_buffer);
  }
}

void rprop_step(DType dtype, int64_t n, const RpropStep& step, void* param, const void* grad,
                void* previous, void* step_size) {
  run<Rprop>(dtype, n, step, param, grad, previous, step_size);
}

void asgd_step(DType dtype, int64_t n, const ASGDStep& step, void* param, const void* grad,
               void* average) {
  run<ASGD>(dtype, n, step, param, grad, average);
}

void adafactor_step(DType dtype, int64_t n, const AdafactorStep& step, void* param,
                    const void* grad, void* variance, void* row_variance, void* column_variance) {
  if (n == 0) return;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    adafactor(step, n, static_cast<T*>(param), static_cast<const T*>(grad),
              static_cast<T*>(variance), static_cast<T*>(row_variance),
              static_cast<T*>(column_variance));
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
