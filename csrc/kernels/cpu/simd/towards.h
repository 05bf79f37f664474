// Interpolation, as the steps of optimizers use it.
#pragma once
#include "kernels/cpu/isa.h"

namespace wengert::cpu::WENGERT_ISA {

// Towards `aim` by the share `take`, from the nearer end.
template <class C>
struct Towards {
  C take, rest;
  bool mostly_new;
  explicit Towards(double share)
      : take(static_cast<C>(share)), rest(C(1) - take), mostly_new(take >= C(0.5)) {}
  C operator()(C old, C aim) const {
    return mostly_new ? aim - (aim - old) * rest : old + take * (aim - old);
  }
};

}  // namespace wengert::cpu::WENGERT_ISA
