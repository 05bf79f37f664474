// Shared ownership with the count inside the object. Counts are plain integers: every handle is
// made, copied and dropped under Python's lock (kernels, which run without it, own no handles).
#pragma once
#include <cstdint>
#include <utility>

namespace wengert {

// T has a member `uint32_t refs` and a function `void destroy(T*)` in its namespace.
template <typename T>
class Ref {
 public:
  constexpr Ref() noexcept = default;
  constexpr Ref(std::nullptr_t) noexcept {}  // NOLINT: implicit on purpose
  explicit Ref(T* pointer) noexcept : pointer_(pointer) {
    if (pointer_ != nullptr) ++pointer_->refs;
  }
  Ref(const Ref& other) noexcept : Ref(other.pointer_) {}
  Ref(Ref&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Ref& operator=(const Ref& other) noexcept {
    Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  ~Ref() {
    if (pointer_ != nullptr && --pointer_->refs == 0) destroy(pointer_);
  }

  // Takes over a count that the caller owns.
  static Ref adopt(T* pointer) noexcept {
    Ref result;
    result.pointer_ = pointer;
    return result;
  }
  // Gives the count to the caller.
  T* release() noexcept { return std::exchange(pointer_, nullptr); }
  void reset() noexcept { Ref().swap(*this); }
  void swap(Ref& other) noexcept { std::swap(pointer_, other.pointer_); }

  T* get() const noexcept { return pointer_; }
  T* operator->() const noexcept { return pointer_; }
  T& operator*() const noexcept { return *pointer_; }
  explicit operator bool() const noexcept { return pointer_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.pointer_ == b.pointer_; }

 private:
  T* pointer_ = nullptr;
};

}  // namespace wengert
