// Errors: one exception type that carries which Python exception class it becomes.
#pragma once
#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace wengert {

enum class ErrorKind {
  kRuntime,
  kValue,
  kType,
  kIndex,
  kNotImplemented,
  kMemory,
  kBuffer,
  kPython,  // a Python exception is already set; the binding only has to return
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

// Joins its arguments as text. Only for cold paths.
template <typename... Args>
[[gnu::cold, gnu::noinline]] std::string str(const Args&... args) {
  std::ostringstream out;
  out << std::boolalpha;
  (out << ... << args);
  return std::move(out).str();
}

template <typename... Args>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const Args&... args) {
  throw Error(kind, str(args...));
}

// The message is only built when the condition is false.
#define WENGERT_CHECK(condition, kind, ...)                     \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::wengert::fail(::wengert::ErrorKind::kind, __VA_ARGS__); \
  } while (0)

}  // namespace wengert
