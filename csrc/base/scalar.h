// A Python number kept as an immediate: it never becomes a 0-d tensor.
#pragma once
#include <complex>
#include <cstdint>

#include "base/dtype.h"

namespace wengert {

class Scalar {
 public:
  enum class Kind : uint8_t { kBool, kInt, kFloat, kComplex };

  constexpr Scalar() : kind_(Kind::kInt), int_(0) {}
  constexpr Scalar(bool v) : kind_(Kind::kBool), int_(v) {}                         // NOLINT
  constexpr Scalar(int v) : kind_(Kind::kInt), int_(v) {}                           // NOLINT
  constexpr Scalar(int64_t v) : kind_(Kind::kInt), int_(v) {}                       // NOLINT
  constexpr Scalar(double v) : kind_(Kind::kFloat), float_(v) {}                    // NOLINT
  constexpr Scalar(std::complex<double> v) : kind_(Kind::kComplex), complex_(v) {}  // NOLINT

  Kind kind() const { return kind_; }
  bool is_integral() const { return kind_ <= Kind::kInt; }
  bool is_complex() const { return kind_ == Kind::kComplex; }

  template <typename T>
  [[gnu::always_inline]] T to() const {
    switch (kind_) {
      case Kind::kBool:
        return convert<T>(int_ != 0);
      case Kind::kInt:
        return convert<T>(int_);
      case Kind::kFloat:
        return convert<T>(float_);
      case Kind::kComplex:
        break;
    }
    return convert<T>(complex_);
  }
  Scalar operator-() const {
    switch (kind_) {
      case Kind::kFloat:
        return Scalar(-float_);
      case Kind::kComplex:
        return Scalar(-complex_);
      default:
        return Scalar(-int_);
    }
  }
  double real() const { return kind_ == Kind::kComplex ? complex_.real() : to<double>(); }
  bool equals(double value) const {
    return kind_ == Kind::kComplex ? complex_ == std::complex<double>(value)
                                   : to<double>() == value;
  }
  // Writes the value as an element of `dtype`.
  void store(DType dtype, void* out) const {
    visit_dtype(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      *static_cast<T*>(out) = to<T>();
    });
  }
  static Scalar load(DType dtype, const void* from) {
    return visit_dtype(dtype, [&](auto tag) -> Scalar {
      using T = typename decltype(tag)::type;
      const T value = *static_cast<const T*>(from);
      if constexpr (std::is_same_v<T, bool>)
        return Scalar(value);
      else if constexpr (std::is_integral_v<T>)
        return Scalar(static_cast<int64_t>(value));
      else if constexpr (is_complex_v<T>)
        return Scalar(convert<std::complex<double>>(value));
      else
        return Scalar(convert<double>(value));
    });
  }

 private:
  Kind kind_;
  union {
    int64_t int_;
    double float_;
    std::complex<double> complex_;
  };
};

}  // namespace wengert
