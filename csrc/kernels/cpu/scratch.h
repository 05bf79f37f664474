// Temporary memory for kernels that are compiled once per instruction set (isa.h).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace wengert::cpu::WENGERT_ISA {

// Uninitialised memory for trivial types. Not std::vector: its out-of-line members would be shared
// between the builds for different instruction sets.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t count) {
    data_ = static_cast<T*>(std::malloc(std::max<size_t>(1, sizeof(T) * count)));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }

 private:
  T* data_;
};

}  // namespace wengert::cpu::WENGERT_ISA
