// The plan of an elementwise kernel call: operands broadcast against the output, dimensions put in
// the order of the output's memory and merged where all operands allow it.
#pragma once
#include "tensor/tensor.h"

namespace wengert {

struct Plan {
  static constexpr int kMaxOperands = 8;
  static constexpr int kMaxDims = 64;

  int ndim;      // at least 1
  int operands;  // operand 0 is the output
  int64_t numel;
  int64_t sizes[kMaxDims];                  // innermost last
  int64_t strides[kMaxOperands][kMaxDims];  // in bytes
  char* data[kMaxOperands];
  DType dtypes[kMaxOperands];

  // Adds nothing by itself: call add() for the output first, then for each input, then finish().
  explicit Plan(const Dims& shape);
  void add(const Tensor& tensor);
  void finish();

  // Where operand k's element with linear index `index` lies, and how many elements follow it in
  // its innermost run.
  struct Position {
    int64_t index[kMaxDims];
  };
  void locate(int64_t linear, Position* position) const;
  // The same place in the next row: the innermost dimension stays.
  void next_row(Position* position) const {
    for (int d = ndim - 2; d >= 0; --d) {
      if (++position->index[d] < sizes[d]) return;
      position->index[d] = 0;
    }
  }
  char* address(int operand, const Position& position) const {
    char* result = data[operand];
    for (int d = 0; d < ndim; ++d) result += position.index[d] * strides[operand][d];
    return result;
  }
};

}  // namespace wengert
