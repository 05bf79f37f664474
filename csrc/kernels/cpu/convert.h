// Blocks of float16 and bfloat16 to float32 and back, for kernels that compute in float32.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "device/cpu/parallel.h"

namespace wengert::cpu {

template <typename Reduced>
void widen(const Reduced* from, int64_t from_ld, float* to, int64_t rows, int64_t columns) {
  parallel_for(rows, std::max<int64_t>(1, 32768 / std::max<int64_t>(columns, 1)),
               [=](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   for (int64_t j = 0; j < columns; ++j) {
                     to[i * columns + j] = static_cast<float>(from[i * from_ld + j]);
                   }
                 }
               });
}

template <typename Reduced>
void narrow(const float* from, Reduced* to, int64_t to_ld, int64_t rows, int64_t columns) {
  parallel_for(rows, std::max<int64_t>(1, 32768 / std::max<int64_t>(columns, 1)),
               [=](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   for (int64_t j = 0; j < columns; ++j) {
                     to[i * to_ld + j] = Reduced(from[i * columns + j]);
                   }
                 }
               });
}

}  // namespace wengert::cpu
