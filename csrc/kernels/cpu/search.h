// Distinct values, binary search and histograms.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// The sorted distinct values of a flat buffer; returns how many there are. `values` and `counts`
// have room for n; `inverse` (position of x[i] in values) and `counts` may be null. NaNs are all
// different, -0 equals +0 and the first one met stands for both.
int64_t unique(DType dtype, const void* x, int64_t n, void* values, int64_t* inverse,
               int64_t* counts);

// The same without sorting: only runs of equal neighbours are merged.
int64_t unique_consecutive(DType dtype, const void* x, int64_t n, void* values, int64_t* inverse,
                           int64_t* counts);

// Distinct rows of a contiguous [rows, width] buffer, in lexicographic order, or with `consecutive`
// in the order met with only equal neighbours merged. `first` (room for rows) gets the index of the
// first row of each kind; `inverse` and `counts` as above. Returns the number of kinds.
int64_t unique_rows(DType dtype, const void* x, int64_t rows, int64_t width, bool consecutive,
                    int64_t* first, int64_t* inverse, int64_t* counts);

// For each of values[rows, m] the insertion point in sorted[rows, n], or in the one row sorted[n]
// where shared. right: after equal values. sorter (shaped as sorted) may be null.
void searchsorted(DType dtype, const void* sorted, const int64_t* sorter, bool shared,
                  const void* values, int64_t rows, int64_t n, int64_t m, bool right, int64_t* out);

// The length of bincount's result; raises on negative values.
int64_t bincount_size(const int64_t* x, int64_t n, int64_t min_length);

// Counts into out[bins], int64, or sums weights: float32 weights into float32, every other real
// dtype into float64. weights may be null.
void bincount(const int64_t* x, int64_t n, DType weights_dtype, const void* weights, void* out,
              int64_t bins);

// Counts in `bins` equal bins between low and high, both inclusive, into out, of the input's dtype,
// which is floating. low == high takes the range of the data.
void histc(DType dtype, const void* x, int64_t n, int64_t bins, double low, double high, void* out);

}  // namespace wengert::cpu
