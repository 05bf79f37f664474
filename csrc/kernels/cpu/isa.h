// One source, compiled once per instruction set; the best that the machine has is picked when the
// library is loaded.
//
// A file in kernels/cpu/simd/ is compiled with WENGERT_ISA = v2, v3 and v4 (x86-64 levels; only v2,
// which then means "the baseline", on other machines and in WENGERT_NATIVE builds) and puts its
// code in namespace wengert::cpu::WENGERT_ISA. Its header declares each entry point with
//   WENGERT_KERNEL(softmax_rows, void, (DType dtype, const void* x, void* y, int64_t rows));
// and callers simply call cpu::softmax_rows(...).
#pragma once

#if defined(__x86_64__) && !defined(WENGERT_NATIVE)
#define WENGERT_HAS_ISA_LEVELS 1
#endif

namespace wengert::cpu {

// 2, 3 or 4. The environment variable WENGERT_ISA (v2, v3, v4) lowers it, for tests.
int isa_level();

template <typename Fn>
Fn* pick_isa(Fn* v2, [[maybe_unused]] Fn* v3, [[maybe_unused]] Fn* v4) {
  const int level = isa_level();
  return level >= 4 ? v4 : level == 3 ? v3 : v2;
}

}  // namespace wengert::cpu

#ifdef WENGERT_HAS_ISA_LEVELS
#define WENGERT_KERNEL(name, ret, params) \
  namespace v2 {                          \
  ret name params;                        \
  }                                       \
  namespace v3 {                          \
  ret name params;                        \
  }                                       \
  namespace v4 {                          \
  ret name params;                        \
  }                                       \
  inline ret(*const name) params = pick_isa<ret params>(v2::name, v3::name, v4::name)
#else
#define WENGERT_KERNEL(name, ret, params) \
  namespace v2 {                          \
  ret name params;                        \
  }                                       \
  inline ret(*const name) params = v2::name
#endif
