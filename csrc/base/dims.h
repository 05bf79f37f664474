// Sizes and strides: a vector of int64 whose first six elements lie in the object itself. These are
// always initialised, so that a copy is three plain moves, whatever the length.
#pragma once
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>

namespace wengert {

class Dims {
 public:
  static constexpr uint32_t kInline = 6;

  Dims() noexcept : size_(0), capacity_(kInline), inline_{} {}
  explicit Dims(size_t count, int64_t value = 0) : Dims() {
    resize(count);
    for (size_t i = 0; i < count; ++i) data()[i] = value;
  }
  Dims(std::initializer_list<int64_t> values) : Dims(values.begin(), values.size()) {}
  Dims(const int64_t* values, size_t count) : Dims() {
    resize(count);
    if (count != 0) std::memcpy(data(), values, count * sizeof(int64_t));
  }
  Dims(const Dims& other) : size_(other.size_), capacity_(kInline) {
    if (other.capacity_ == kInline) [[likely]] {
      std::memcpy(inline_, other.inline_, sizeof(inline_));
    } else {
      size_ = 0;
      *this = other;
    }
  }
  Dims(Dims&& other) noexcept : size_(other.size_), capacity_(other.capacity_) {
    if (other.capacity_ > kInline) {
      heap_ = other.heap_;
      other.size_ = 0;
      other.capacity_ = kInline;
    } else {
      std::memcpy(inline_, other.inline_, sizeof(inline_));
    }
  }
  Dims& operator=(const Dims& other) {
    if (capacity_ == kInline && other.capacity_ == kInline) [[likely]] {
      size_ = other.size_;
      std::memmove(inline_, other.inline_, sizeof(inline_));
    } else if (this != &other) {
      resize(other.size_);
      if (size_ != 0) std::memcpy(data(), other.data(), size_ * sizeof(int64_t));
    }
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      this->~Dims();
      new (this) Dims(static_cast<Dims&&>(other));
    }
    return *this;
  }
  ~Dims() {
    if (capacity_ > kInline) delete[] heap_;
  }

  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  int64_t* data() noexcept { return capacity_ > kInline ? heap_ : inline_; }
  const int64_t* data() const noexcept { return capacity_ > kInline ? heap_ : inline_; }
  int64_t* begin() noexcept { return data(); }
  int64_t* end() noexcept { return data() + size_; }
  const int64_t* begin() const noexcept { return data(); }
  const int64_t* end() const noexcept { return data() + size_; }
  int64_t& operator[](size_t i) noexcept { return data()[i]; }
  int64_t operator[](size_t i) const noexcept { return data()[i]; }
  int64_t back() const noexcept { return data()[size_ - 1]; }

  // Keeps what fits; new elements are not initialised.
  void resize(size_t count) {
    if (count > capacity_) {
      const size_t capacity = count < 2 * size_t{capacity_} ? 2 * size_t{capacity_} : count;
      auto* fresh = new int64_t[capacity];
      std::memcpy(fresh, data(), size_ * sizeof(int64_t));
      if (capacity_ > kInline) delete[] heap_;
      heap_ = fresh;
      capacity_ = static_cast<uint32_t>(capacity);
    }
    size_ = static_cast<uint32_t>(count);
  }
  void push_back(int64_t value) {
    resize(size_ + 1);
    data()[size_ - 1] = value;
  }
  void insert(size_t at, int64_t value) {
    resize(size_ + 1);
    std::memmove(data() + at + 1, data() + at, (size_ - 1 - at) * sizeof(int64_t));
    data()[at] = value;
  }
  void erase(size_t at) {
    std::memmove(data() + at, data() + at + 1, (size_ - 1 - at) * sizeof(int64_t));
    --size_;
  }

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    if (a.size_ != b.size_) return false;
    const int64_t *x = a.data(), *y = b.data();
    for (uint32_t i = 0; i < a.size_; ++i) {
      if (x[i] != y[i]) return false;
    }
    return true;
  }

 private:
  uint32_t size_;
  uint32_t capacity_;
  union {
    int64_t inline_[kInline];
    int64_t* heap_;
  };
};

inline int64_t product(const Dims& dims) {
  int64_t result = 1;
  for (int64_t d : dims) result *= d;
  return result;
}

// "[2, 3]"
std::string to_string(const Dims& dims);

}  // namespace wengert
