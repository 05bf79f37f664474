// Where random numbers come from.
#pragma once
#include <cstdint>

#include "kernels/cpu/philox.h"

namespace wengert {

// Numbers are a function of seed and offset (kernels/cpu/philox.h), so the two are all its state.
struct Generator {
  uint64_t seed = 0;
  uint64_t offset = 0;
};

// Seeded from the system when the program starts.
Generator& default_generator();
uint64_t nondeterministic_seed();

// The state for an operator that makes `count` numbers. What it may need is taken at once and not
// when it is done, so that threads that draw at the same time get different numbers.
cpu::PhiloxState draw(Generator* generator, int64_t count);

}  // namespace wengert
