// float16 and bfloat16 to float32 and back, for kernels that compute in float32.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/dtype.h"
#include "device/cpu/parallel.h"

namespace wengert::cpu {

inline constexpr int64_t kConvertGrain = 32768;

// Rows that lie `ld` elements apart, into or out of packed ones.
template <typename Reduced>
void widen(const Reduced* from, int64_t ld, float* to, int64_t rows, int64_t columns) {
  parallel_for(rows, kConvertGrain / std::max<int64_t>(columns, 1) + 1,
               [=](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   for (int64_t j = 0; j < columns; ++j) {
                     to[i * columns + j] = static_cast<float>(from[i * ld + j]);
                   }
                 }
               });
}

template <typename Reduced>
void narrow(const float* from, Reduced* to, int64_t ld, int64_t rows, int64_t columns) {
  parallel_for(rows, kConvertGrain / std::max<int64_t>(columns, 1) + 1,
               [=](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   for (int64_t j = 0; j < columns; ++j) {
                     to[i * ld + j] = Reduced(from[i * columns + j]);
                   }
                 }
               });
}

// A float32 copy of a contiguous float16 or bfloat16 array. A null array has a null copy.
class WideCopy {
 public:
  WideCopy(DType dtype, int64_t count, const void* from) : WideCopy(dtype, count, from != nullptr) {
    if (from == nullptr) return;
    visit([&](auto tag) {
      const auto* source = static_cast<const decltype(tag)*>(from);
      float* target = data();
      parallel_for(count_, kConvertGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) target[i] = static_cast<float>(source[i]);
      });
    });
  }
  // Not filled.
  WideCopy(DType dtype, int64_t count, bool wanted) : dtype_(dtype), count_(count) {
    if (wanted) data_ = std::make_unique_for_overwrite<float[]>(std::max<int64_t>(count, 1));
  }

  float* data() const { return data_.get(); }

  // Rounds into an array of the reduced type.
  void store(void* to) const {
    if (data_ == nullptr) return;
    visit([&](auto tag) {
      using Reduced = decltype(tag);
      Reduced* target = static_cast<Reduced*>(to);
      const float* source = data();
      parallel_for(count_, kConvertGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) target[i] = Reduced(source[i]);
      });
    });
  }

 private:
  template <typename Body>
  void visit(const Body& body) const {
    if (dtype_ == DType::float16) {
      body(Half());
    } else {
      body(BFloat16());
    }
  }

  DType dtype_;
  int64_t count_;
  std::unique_ptr<float[]> data_;
};

}  // namespace wengert::cpu
