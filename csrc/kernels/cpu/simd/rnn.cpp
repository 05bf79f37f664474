#include "kernels/cpu/simd_math.h"
//
#include "kernels/cpu/simd/rnn.h"

#include <cmath>

#include "device/cpu/parallel.h"
#include "kernels/math/activation.h"
#include "kernels/math/lanes.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

constexpr int64_t kGrain = 4096;  // elements of the state worth handing to another thread

int64_t rows_per_piece(const CellShape& shape) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, shape.size));
}

template <typename T>
void step(int64_t size, const T* given, const T* memory_before, T* gates, T* memory, T* hidden) {
  const T *x0 = given, *x1 = given + size, *x2 = given + 2 * size, *x3 = given + 3 * size;
  T *a0 = gates, *a1 = gates + size, *a2 = gates + 2 * size, *a3 = gates + 3 * size;
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    const T into = math::sigmoid(a0[j] + x0[j]), keep = math::sigmoid(a1[j] + x1[j]);
    const T fresh = std::tanh(a2[j] + x2[j]), out = math::sigmoid(a3[j] + x3[j]);
    const T value = keep * memory_before[j] + into * fresh;
    a0[j] = into;
    a1[j] = keep;
    a2[j] = fresh;
    a3[j] = out;
    memory[j] = value;
    hidden[j] = out * std::tanh(value);
  }
}

template <typename T>
void step_backward(int64_t size, const T* g_hidden, const T* g_memory, const T* g_gates,
                   const T* gates, const T* memory_before, const T* memory, const T* carried_hidden,
                   T* carried_memory, T* d) {
  const T *a0 = gates, *a1 = gates + size, *a2 = gates + 2 * size, *a3 = gates + 3 * size;
  T *d0 = d, *d1 = d + size, *d2 = d + 2 * size, *d3 = d + 3 * size;
  const T *e0 = g_gates, *e1 = g_gates + size, *e2 = g_gates + 2 * size, *e3 = g_gates + 3 * size;
  const bool have_gates = g_gates != nullptr;
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    const T into = a0[j], keep = a1[j], fresh = a2[j], out = a3[j];
    const T bent = std::tanh(memory[j]);
    const T dh = carried_hidden[j] + (g_hidden != nullptr ? g_hidden[j] : T(0));
    const T dc = carried_memory[j] + (g_memory != nullptr ? g_memory[j] : T(0)) +
                 dh * out * (1 - bent * bent);
    const T d_into = dc * fresh + (have_gates ? e0[j] : T(0));
    const T d_keep = dc * memory_before[j] + (have_gates ? e1[j] : T(0));
    const T d_fresh = dc * into + (have_gates ? e2[j] : T(0));
    const T d_out = dh * bent + (have_gates ? e3[j] : T(0));
    d0[j] = d_into * into * (1 - into);
    d1[j] = d_keep * keep * (1 - keep);
    d2[j] = d_fresh * (1 - fresh * fresh);
    d3[j] = d_out * out * (1 - out);
    carried_memory[j] = dc * keep;
  }
}

template <typename T>
void gru(int64_t size, const T* given, const T* past, const T* shift, const T* before, T* values,
         T* hidden) {
  const T *x0 = given, *x1 = given + size, *x2 = given + 2 * size;
  const T *p0 = past, *p1 = past + size, *p2 = past + 2 * size;
  const T *s0 = shift, *s1 = shift + size, *s2 = shift + 2 * size;
  T *a0 = values, *a1 = values + size, *a2 = values + 2 * size, *a3 = values + 3 * size;
  const bool shifted = shift != nullptr;
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    const T reset = math::sigmoid(p0[j] + (shifted ? s0[j] : T(0)) + x0[j]);
    const T update = math::sigmoid(p1[j] + (shifted ? s1[j] : T(0)) + x1[j]);
    const T share = p2[j] + (shifted ? s2[j] : T(0));
    const T fresh = std::tanh(x2[j] + reset * share);
    a0[j] = reset;
    a1[j] = update;
    a2[j] = fresh;
    a3[j] = share;
    hidden[j] = fresh + update * (before[j] - fresh);
  }
}

template <typename T>
void gru_backward(int64_t size, const T* g_hidden, const T* g_values, const T* values,
                  const T* before, T* carried, T* d_given, T* d_past) {
  const T *a0 = values, *a1 = values + size, *a2 = values + 2 * size, *a3 = values + 3 * size;
  const T *e0 = g_values, *e1 = g_values + size, *e2 = g_values + 2 * size;
  const T* e3 = g_values + 3 * size;
  T *d0 = d_given, *d1 = d_given + size, *d2 = d_given + 2 * size;
  T *q0 = d_past, *q1 = d_past + size, *q2 = d_past + 2 * size;
  const bool have_values = g_values != nullptr;
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    const T reset = a0[j], update = a1[j], fresh = a2[j], share = a3[j];
    const T dh = carried[j] + (g_hidden != nullptr ? g_hidden[j] : T(0));
    const T d_update = dh * (before[j] - fresh) + (have_values ? e1[j] : T(0));
    const T d_fresh = dh * (1 - update) + (have_values ? e2[j] : T(0));
    const T inner = d_fresh * (1 - fresh * fresh);
    const T d_reset = inner * share + (have_values ? e0[j] : T(0));
    d0[j] = q0[j] = d_reset * reset * (1 - reset);
    d1[j] = q1[j] = d_update * update * (1 - update);
    d2[j] = inner;
    q2[j] = inner * reset + (have_values ? e3[j] : T(0));
    carried[j] = dh * update;
  }
}

#ifdef WENGERT_LANES_AVX2
// The same, sixteen elements at a time.
using math::Lanes;

// Calls fn(load, store) for groups of elements, the last with masks.
template <typename Fn>
void for_groups(int64_t size, const Fn& fn) {
  int64_t j = 0;
  for (; j + Lanes::kCount <= size; j += Lanes::kCount) {
    fn([j](const float* from) { return Lanes(from + j); },
       [j](Lanes value, float* to) { value.store(to + j); });
  }
  if (j == size) return;
  fn([=](const float* from) { return Lanes(from + j, size - j); },
     [=](Lanes value, float* to) { value.store(to + j, size - j); });
}

template <>
void step<float>(int64_t size, const float* given, const float* memory_before, float* gates,
                 float* memory, float* hidden) {
  for_groups(size, [&](const auto& load, const auto& store) {
    const auto sum = [&](int number) {
      return math::add(load(gates + number * size), load(given + number * size));
    };
    const Lanes into = math::sigmoid(sum(0)), fresh = math::tanh(sum(2));
    store(into, gates);
    store(fresh, gates + 2 * size);
    const Lanes keep = math::sigmoid(sum(1));
    store(keep, gates + size);
    const Lanes value = math::LanesSet::fma(keep, load(memory_before), math::mul(into, fresh));
    store(value, memory);
    const Lanes out = math::sigmoid(sum(3));
    store(out, gates + 3 * size);
    store(math::mul(out, math::tanh(value)), hidden);
  });
}

template <>
void step_backward<float>(int64_t size, const float* g_hidden, const float* g_memory,
                          const float* g_gates, const float* gates, const float* memory_before,
                          const float* memory, const float* carried_hidden, float* carried_memory,
                          float* d) {
  for_groups(size, [&](const auto& load, const auto& store) {
    const auto plus = [&](Lanes sum, const float* more) {
      return more == nullptr ? sum : math::add(sum, load(more));
    };
    const auto gate = [&](int number) { return load(gates + number * size); };
    // Stores outer * other + the gate's own gradient, times slope.
    const auto finish = [&](int number, Lanes outer, Lanes other, Lanes slope) {
      const float* own = g_gates == nullptr ? nullptr : g_gates + number * size;
      store(math::mul(plus(math::mul(outer, other), own), slope), d + number * size);
    };
    const auto bend = [](Lanes y) { return math::LanesSet::fma(math::neg(y), y, Lanes(1)); };
    const auto slope = [](Lanes y) { return math::mul(y, math::sub(Lanes(1), y)); };
    const Lanes bent = math::tanh(load(memory)), out = gate(3);
    const Lanes dh = plus(load(carried_hidden), g_hidden);
    finish(3, dh, bent, slope(out));
    const Lanes dc =
        math::LanesSet::fma(math::mul(dh, out), bend(bent), plus(load(carried_memory), g_memory));
    const Lanes into = gate(0), keep = gate(1), fresh = gate(2);
    finish(0, dc, fresh, slope(into));
    finish(1, dc, load(memory_before), slope(keep));
    finish(2, dc, into, bend(fresh));
    store(math::mul(dc, keep), carried_memory);
  });
}
template <>
void gru<float>(int64_t size, const float* given, const float* past, const float* shift,
                const float* before, float* values, float* hidden) {
  for_groups(size, [&](const auto& load, const auto& store) {
    const auto share_of = [&](int number) {
      const Lanes sum = load(past + number * size);
      return shift == nullptr ? sum : math::add(sum, load(shift + number * size));
    };
    const auto sum = [&](int number) {
      return math::add(share_of(number), load(given + number * size));
    };
    const Lanes reset = math::sigmoid(sum(0)), update = math::sigmoid(sum(1)), share = share_of(2);
    store(reset, values);
    store(update, values + size);
    store(share, values + 3 * size);
    const Lanes fresh = math::tanh(math::LanesSet::fma(reset, share, load(given + 2 * size)));
    store(fresh, values + 2 * size);
    store(math::LanesSet::fma(update, math::sub(load(before), fresh), fresh), hidden);
  });
}
#endif

template <typename Fn>
void visit(DType dtype, const Fn& fn) {
  if (dtype == DType::float64) {
    fn(TypeTag<double>{});
  } else {
    fn(TypeTag<float>{});
  }
}

template <typename T>
const T* at(const void* data, int64_t offset) {
  return data == nullptr ? nullptr : static_cast<const T*>(data) + offset;
}

// Calls fn(tag, first) for the rows of the batch: `tag` tells the type, `first` is the number of
// the row's first element of the state.
template <typename Fn>
void for_rows(const CellShape& shape, const Fn& fn) {
  visit(shape.dtype, [&](auto tag) {
    parallel_for(shape.batch, rows_per_piece(shape), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) fn(tag, row * shape.size);
    });
  });
}

}  // namespace

void lstm_step(const CellShape& shape, const void* given, const void* memory_before, void* gates,
               void* memory, void* hidden) {
  for_rows(shape, [&](auto tag, int64_t one) {
    using T = typename decltype(tag)::type;
    const int64_t four = 4 * one;
    step<T>(shape.size, at<T>(given, four), at<T>(memory_before, one),
            static_cast<T*>(gates) + four, static_cast<T*>(memory) + one,
            static_cast<T*>(hidden) + one);
  });
}

void lstm_step_backward(const CellShape& shape, const LstmStepGradients& gradients,
                        const void* gates, const void* memory_before, const void* memory,
                        const void* carried_hidden, void* carried_memory, void* d_gates) {
  for_rows(shape, [&](auto tag, int64_t one) {
    using T = typename decltype(tag)::type;
    const int64_t four = 4 * one;
    step_backward<T>(shape.size, at<T>(gradients.hidden, one), at<T>(gradients.memory, one),
                     at<T>(gradients.gates, four), at<T>(gates, four), at<T>(memory_before, one),
                     at<T>(memory, one), at<T>(carried_hidden, one),
                     static_cast<T*>(carried_memory) + one, static_cast<T*>(d_gates) + four);
  });
}

void gru_step(const CellShape& shape, const void* given, const void* past, const void* shift,
              const void* hidden_before, void* values, void* hidden) {
  for_rows(shape, [&](auto tag, int64_t one) {
    using T = typename decltype(tag)::type;
    gru<T>(shape.size, at<T>(given, 3 * one), at<T>(past, 3 * one), at<T>(shift, 0),
           at<T>(hidden_before, one), static_cast<T*>(values) + 4 * one,
           static_cast<T*>(hidden) + one);
  });
}

void gru_step_backward(const CellShape& shape, const GruStepGradients& gradients,
                       const void* values, const void* hidden_before, void* carried, void* d_given,
                       void* d_past) {
  for_rows(shape, [&](auto tag, int64_t one) {
    using T = typename decltype(tag)::type;
    gru_backward<T>(shape.size, at<T>(gradients.hidden, one), at<T>(gradients.values, 4 * one),
                    at<T>(values, 4 * one), at<T>(hidden_before, one),
                    static_cast<T*>(carried) + one, static_cast<T*>(d_given) + 3 * one,
                    static_cast<T*>(d_past) + 3 * one);
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
