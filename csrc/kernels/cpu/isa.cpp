#include "kernels/cpu/isa.h"

#include <cstdlib>
#include <cstring>

namespace wengert::cpu {

namespace {

int detect() {
  int level = 2;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c")) {
    level = 3;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd")) {
      level = 4;
    }
  }
  if (const char* text = std::getenv("WENGERT_ISA")) {
    if (std::strcmp(text, "v2") == 0) level = 2;
    if (std::strcmp(text, "v3") == 0 && level > 3) level = 3;
  }
#endif
  return level;
}

}  // namespace

int isa_level() {
  static const int level = detect();
  return level;
}

}  // namespace wengert::cpu
