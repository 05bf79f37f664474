// Random numbers that need a varying number of draws each, and permutations and choices. Element i
// draws from a substream of its own, so results do not depend on the number of threads. Every
// function returns by how much the generator's offset must advance. (simd/random.h has the rest.)
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/philox.h"

namespace wengert::cpu {

// A random order of 0 ... n - 1.
uint64_t random_permutation(PhiloxState state, int64_t n, int64_t* out);

// Indices drawn with the given weights [rows, categories] (floating); out is [rows, samples].
// Raises RuntimeError for weights that are no distribution.
uint64_t multinomial(DType dtype, PhiloxState state, const void* weights, int64_t rows,
                     int64_t categories, int64_t samples, bool replacement, int64_t* out);

// Parameters and results are contiguous arrays of one floating dtype.
uint64_t random_poisson(DType dtype, PhiloxState state, int64_t n, const void* rates, void* out);
// Gamma with the given shapes and scale 1.
uint64_t random_gamma(DType dtype, PhiloxState state, int64_t n, const void* shapes, void* out);
uint64_t random_binomial(DType dtype, PhiloxState state, int64_t n, const void* counts,
                         const void* probabilities, void* out);

}  // namespace wengert::cpu
