#include "kernels/cpu/simd/blocked_gemm.h"

#include <cstring>

#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd/gemm_tile.h"

// The loops around the block in registers follow F. Van Zee and R. van de Geijn, BLIS (2015).
namespace wengert::cpu::WENGERT_ISA {
namespace {

constexpr int64_t kPanelColumns = 1024;  // of B, laid out at a time, in the third-level cache
constexpr int64_t kPanelRows = 48;       // of A, in the second

// Memory that a thread keeps, aligned: a fresh megabyte costs as much as a small product.
float* working_memory() {
  constexpr int64_t kLine = 64;
  static thread_local Scratch<char> memory(4 * kDepth * (kPanelColumns + kPanelRows) + kLine);
  const auto address = reinterpret_cast<uintptr_t>(memory.get());
  return reinterpret_cast<float*>((address + kLine - 1) & -kLine);
}

// Columns of A, each contiguous, as kRows elements of one column after those of the column before.
// A few columns at a time, so that what is read of a line is still there for the next group.
void pack_columns_of_a(int64_t rows, int64_t depth, const float* a, int64_t column, float* packed) {
  constexpr int64_t kStrip = 16;
  const int64_t whole = rows / kRows * kRows;
  for (int64_t first = 0; first < depth; first += kStrip) {
    const int64_t last = std::min(depth, first + kStrip);
    for (int64_t i = 0; i < whole; i += kRows) {
      const float* from = a + i + first * column;
      float* to = packed + i * depth + first * kRows;
      for (int64_t p = first; p < last; ++p, from += column, to += kRows) {
        std::memcpy(to, from, sizeof(float) * kRows);
      }
    }
    for (int64_t p = first; p < last; ++p) {
      float* to = packed + whole * depth + p * kRows;
      for (int64_t i = whole; i < rows; ++i) *to++ = a[i + p * column];
    }
  }
}

// The same of rows that are contiguous.
void pack_rows_of_a(int64_t rows, int64_t depth, const float* a, int64_t row, float* packed) {
  for (int64_t i = 0; i < rows; i += kRows, packed += depth * kRows) {
    const float* from = a + i * row;
    const int64_t count = std::min<int64_t>(kRows, rows - i);
    int64_t p = 0;
#if defined(__AVX2__) && !defined(__AVX512F__)
    if (count == kRows) {
      for (; p + 8 <= depth; p += 8) transpose_rows(from + p, row, packed + p * kRows);
    }
#endif
    for (; p < depth; ++p) {
      for (int64_t l = 0; l < count; ++l) packed[p * kRows + l] = from[l * row + p];
    }
  }
}

}  // namespace

void blocked_gemm(const DirectGemm& g) {
  const auto* a = static_cast<const float*>(g.a);
  const auto* b = static_cast<const float*>(g.b);
  auto* c = static_cast<float*>(g.c);
  float* const columns_of_b = working_memory();
  float* const rows_of_a = columns_of_b + kDepth * kPanelColumns;
  constexpr int64_t kWidth = kColumns<float>;
  // Rows far apart share few places in the caches too.
  const bool by_row = g.a_column == 1 && g.a_row % 512 == 0;
  const bool by_column = g.a_column != 1 && g.a_row == 1;
  for (int64_t j = 0; j < g.n; j += kPanelColumns) {
    const int64_t columns = std::min(kPanelColumns, g.n - j);
    for (int64_t p = 0; p < g.k; p += kDepth) {
      const int64_t depth = std::min(kDepth, g.k - p);
      pack(depth, columns, b + p * g.b_row + j * g.b_column, g.b_row, g.b_column, columns_of_b);
      Scale<float> scale{static_cast<float>(g.alpha), p == 0 ? static_cast<float>(g.beta) : 1.0f,
                         nullptr};
      for (int64_t i = 0; i < g.m; i += kPanelRows) {
        const int64_t rows = std::min(kPanelRows, g.m - i);
        const float* block = a + i * g.a_row + p * g.a_column;
        if (by_row) {
          pack_rows_of_a(rows, depth, block, g.a_row, rows_of_a);
        } else if (by_column) {
          pack_columns_of_a(rows, depth, block, g.a_column, rows_of_a);
        }
        for (int64_t l = 0; l < columns; l += kWidth) {
          const int64_t width = std::min(kWidth, columns - l);
          float* out = c + i * g.ldc + j + l;
          if (g.bias != nullptr && p == 0) {
            scale.bias = static_cast<const float*>(g.bias) + j + l;
          }
          const float* panel = columns_of_b + l * depth;
          if (by_row || by_column) {
            all_packed_rows(rows, rows_of_a, panel, depth, out, g.ldc, width, scale);
          } else {
            all_rows(rows, block, g.a_row, g.a_column, panel, kWidth, depth, out, g.ldc, width,
                     scale);
          }
        }
      }
    }
  }
}

}  // namespace wengert::cpu::WENGERT_ISA
