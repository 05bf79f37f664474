// Reduction of any set of dimensions with any combining function. Included by sources that are
// compiled once per instruction set (isa.h).
//
// An Op says what is computed; it may carry state (the p of a norm):
//   struct Op {
//     using In; using Acc; using Out;        // Acc is trivially copyable
//     static constexpr bool kVectorise;      // false: the compiler gains nothing from many lanes
//     Acc init() const;
//     Acc combine(Acc acc, compute_t<In> x) const;
//     Acc merge(Acc a, Acc b) const;
//     Out finish(Acc acc, int64_t n) const;  // n: how many elements were combined
//   };
//
// The input is cut into tiles of neighbouring columns; a tile's accumulators are a small array that
// takes in one row after the other, so that every combine is vectorised across the array. A sum
// along contiguous memory is the same thing with one column: the run is folded into `replicas`
// lanes which are merged at the end. Rows come in blocks of fixed size whose results are merged
// pairwise, so that rounding errors grow with the logarithm of the length and no bit depends on the
// threads.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include "base/dtype.h"
#include "device/cpu/parallel.h"
#include "kernels/cpu/reduce_shape.h"
#include "kernels/cpu/scratch.h"

namespace wengert::cpu::WENGERT_ISA {

inline constexpr int64_t kReduceBlock = 16384;  // elements combined one after the other
inline constexpr int64_t kReduceGrain = 32768;  // elements worth handing to another thread
inline constexpr int64_t kReduceTile = 1024;    // columns that are accumulated together
inline constexpr int64_t kReduceRows = 64;      // rows in a block, if they are that wide

#ifdef __AVX512F__
inline constexpr int64_t kVectorLanes = 16;  // floats in a register
#else
inline constexpr int64_t kVectorLanes = 8;
#endif

struct ReduceDim {
  int64_t size, stride, out_stride;
};

// A few dimensions inline, the rest on the heap.
class ReduceDims {
 public:
  explicit ReduceDims(size_t capacity)
      : data_(capacity <= kInline
                  ? inline_
                  : static_cast<ReduceDim*>(std::malloc(sizeof(ReduceDim) * capacity))) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~ReduceDims() {
    if (data_ != inline_) std::free(data_);
  }
  ReduceDims(const ReduceDims&) = delete;
  ReduceDims& operator=(const ReduceDims&) = delete;

  // Keeps the dimensions sorted, the one with the smallest stride first.
  void insert(ReduceDim dim) {
    if (dim.size == 1) return;
    int at = count_++;
    for (; at > 0 && std::abs(data_[at - 1].stride) > std::abs(dim.stride); --at) {
      data_[at] = data_[at - 1];
    }
    data_[at] = dim;
  }
  ReduceDim pop_front() {
    if (count_ == 0) return {1, 0, 0};
    const ReduceDim first = data_[0];
    for (int i = 1; i < count_; ++i) data_[i - 1] = data_[i];
    --count_;
    return first;
  }
  int64_t count() const { return count_; }
  const ReduceDim& front() const { return data_[0]; }
  int64_t elements() const {
    int64_t total = 1;
    for (int i = 0; i < count_; ++i) total *= data_[i].size;
    return total;
  }
  // The offsets in input and output of a linear index, the first dimension running fastest.
  void locate(int64_t index, int64_t& in, int64_t& out) const {
    in = out = 0;
    for (int i = 0; i < count_; ++i) {
      const int64_t at = i + 1 == count_ ? index : index % data_[i].size;
      in += at * data_[i].stride;
      out += at * data_[i].out_stride;
      if (i + 1 < count_) index /= data_[i].size;
    }
  }

 private:
  static constexpr size_t kInline = 8;
  int count_ = 0;
  ReduceDim inline_[kInline];
  ReduceDim* data_;
};

// How a reduction is cut into tiles, lanes and blocks: from the shape alone, never from the number
// of threads. Not a template, so that it is compiled once for all Ops.
class ReducePlan {
 public:
  ReducePlan(const ReduceShape& shape, int64_t lanes)
      : kept_(shape.kept_sizes.size()), reduced_(shape.reduced_sizes.size()) {
    int64_t out_stride = 1;
    for (size_t i = shape.kept_sizes.size(); i-- > 0;) {
      kept_.insert({shape.kept_sizes[i], shape.kept_strides[i], out_stride});
      out_stride *= shape.kept_sizes[i];
    }
    for (size_t i = shape.reduced_sizes.size(); i-- > 0;) {
      reduced_.insert({shape.reduced_sizes[i], shape.reduced_strides[i], 0});
    }
    outputs_ = out_stride;
    combined_ = reduced_.elements();
    if (outputs_ > 0 && combined_ > 0) choose(lanes);
  }

 protected:
  struct Group {
    int64_t input, output, columns;  // offsets in elements, and how many columns
  };

  Group group_at(int64_t group) const {
    Group at;
    const int64_t tile = tiles_ == 1 ? 0 : group % tiles_;
    kept_.locate(tiles_ == 1 ? group : group / tiles_, at.input, at.output);
    const int64_t first = tile * tile_;
    at.input += first * columns_.stride;
    at.output += first * columns_.out_stride;
    at.columns = std::min(tile_, columns_.size - first);
    return at;
  }

  // What a block takes in: so many rows of each of these outer dimensions.
  struct Rows {
    int64_t first_row, rows, first_outer, last_outer;
  };

  Rows rows_of(int64_t block) const {
    if (blocks_ == 1) return {0, rows_.size, 0, outer_};
    const int64_t first_row = block % inner_blocks_ * block_inner_;
    const int64_t first_outer = block / inner_blocks_ * block_outer_;
    return {first_row, std::min(block_inner_, rows_.size - first_row), first_outer,
            std::min(outer_, first_outer + block_outer_)};
  }

  bool is_run() const { return columns_.size == 1 && columns_.stride == 1; }

  int64_t groups() const { return tiles_ * kept_.elements(); }

  ReduceDims kept_;
  ReduceDims reduced_;
  int64_t outputs_, combined_;
  ReduceDim columns_{};  // the columns of the tiles
  ReduceDim rows_{};     // the innermost reduced dimension; `reduced_` keeps the others
  int64_t tile_ = 0, tiles_ = 0, replicas_ = 0;
  int64_t outer_ = 0, block_inner_ = 0, block_outer_ = 0, inner_blocks_ = 0, blocks_ = 0;

 private:
  // Decides what a tile is and how its rows are cut into blocks, from the shape alone.
  void choose(int64_t lanes) {
    const ReduceDim inner = reduced_.count() > 0 ? reduced_.front() : ReduceDim{1, 0, 0};
    const bool have_kept = kept_.count() > 0;
    const int64_t kept_stride = have_kept ? std::abs(kept_.front().stride) : 0;
    const int64_t kept_size = have_kept ? kept_.front().size : 1;
    const bool by_columns = have_kept && (kept_stride < std::abs(inner.stride) || combined_ == 1 ||
                                          (combined_ < 16 && kept_size >= 8));
    rows_ = reduced_.pop_front();
    columns_ = {1, rows_.stride, 0};
    if (by_columns) columns_ = kept_.pop_front();
    tile_ = kReduceTile;
    tiles_ = (columns_.size + tile_ - 1) / tile_;
    // Few columns whose rows follow one another in memory: several rows make one wide row.
    const bool foldable = !by_columns || rows_.stride == columns_.stride * columns_.size;
    replicas_ = 1;
    if (foldable && columns_.size <= lanes / 2) {
      const int64_t most = rows_.size >= 2 * lanes ? lanes : lanes / 4;
      replicas_ = std::max<int64_t>(
          1, std::min<int64_t>(std::bit_floor(static_cast<uint64_t>(rows_.size)), most) /
                 columns_.size);
      replicas_ = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(replicas_)));
    }
    const int64_t width = std::min(columns_.size, tile_);
    outer_ = combined_ / rows_.size;
    const int64_t block_rows = std::max<int64_t>(kReduceRows, kReduceBlock / width);
    if (rows_.size >= block_rows) {
      block_inner_ = block_rows;
      block_outer_ = 1;
    } else {
      block_inner_ = rows_.size;
      block_outer_ = std::max<int64_t>(1, block_rows / rows_.size);
    }
    inner_blocks_ = (rows_.size + block_inner_ - 1) / block_inner_;
    blocks_ = inner_blocks_ * ((outer_ + block_outer_ - 1) / block_outer_);
  }
};

template <class Op>
class Reducer : private ReducePlan {
 public:
  using In = typename Op::In;
  using Acc = typename Op::Acc;
  using Out = typename Op::Out;
  using Compute = compute_t<In>;

  Reducer(const Op& op, const ReduceShape& shape) : ReducePlan(shape, kLanes), op_(op) {}

  void run(const In* input, Out* output) {
    if (outputs_ == 0) return;
    if (combined_ == 0) {
      for (int64_t i = 0; i < outputs_; ++i) output[i] = op_.finish(op_.init(), 0);
      return;
    }
    const int64_t groups = this->groups();
    const int64_t group_work = combined_ * std::min(columns_.size, tile_);
    if (blocks_ > 1 && groups < 64) {
      run_blocks(input, output, groups);
      return;
    }
    parallel_sweep(groups, std::max<int64_t>(1, kReduceGrain / std::max<int64_t>(1, group_work)),
                   [&](int64_t begin, int64_t end) { run_groups(input, output, begin, end); });
  }

 private:
  static constexpr int64_t kLanes = !Op::kVectorise ? 4 : sizeof(Acc) > 8 ? 16 : 64;
  // The fastest loops triple the code; only the dtypes that training reduces have them.
  static constexpr bool kInRegisters = std::is_floating_point_v<In>;

  // acc[j] takes in x[r * row_stride + j * columns_.stride] for all rows r.
  void accumulate(Acc* acc, const In* x, int64_t rows, int64_t row_stride, int64_t width) const {
    if (columns_.stride == 1) {
      accumulate_contiguous(acc, x, rows, row_stride, width);
    } else {
      accumulate_strided(acc, x, rows, row_stride, width);
    }
  }

  [[gnu::noinline]] void accumulate_contiguous(Acc* acc, const In* x, int64_t rows,
                                               int64_t row_stride, int64_t width) const {
    const Op op = op_;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      const In* x0 = x + r * row_stride;
      const In* x1 = x0 + row_stride;
      const In* x2 = x1 + row_stride;
      const In* x3 = x2 + row_stride;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        Acc a = op.combine(acc[j], convert<Compute>(x0[j]));
        a = op.combine(a, convert<Compute>(x1[j]));
        a = op.combine(a, convert<Compute>(x2[j]));
        acc[j] = op.combine(a, convert<Compute>(x3[j]));
      }
    }
    for (; r < rows; ++r) {
      const In* x0 = x + r * row_stride;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) acc[j] = op.combine(acc[j], convert<Compute>(x0[j]));
    }
  }

  [[gnu::noinline]] void accumulate_strided(Acc* acc, const In* x, int64_t rows, int64_t row_stride,
                                            int64_t width) const {
    const Op op = op_;
    const int64_t column_stride = columns_.stride;
    for (int64_t r = 0; r < rows; ++r) {
      const In* x0 = x + r * row_stride;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        acc[j] = op.combine(acc[j], convert<Compute>(x0[j * column_stride]));
      }
    }
  }

  // The result of one block of rows, for `columns` columns from `x` on.
  void run_block(const In* x, int64_t columns, int64_t block, Acc* acc) const {
    const Rows rows = rows_of(block);
    if constexpr (kInRegisters) {
      if (is_run() && replicas_ == kLanes) return void(acc[0] = run<kLanes>(op_, x, rows));
      if (is_run() && replicas_ == kLanes / 4) return void(acc[0] = run<kLanes / 4>(op_, x, rows));
    }
    run_columns(x, columns, rows, acc);
  }

  [[gnu::noinline]] void run_columns(const In* x, int64_t columns, const Rows& at, Acc* acc) const {
    const int64_t width = columns * replicas_;
    for (int64_t j = 0; j < width; ++j) acc[j] = op_.init();
    const int64_t row_stride = replicas_ * rows_.stride;
    const int64_t whole = at.rows / replicas_, rest = at.rows - whole * replicas_;
    for (int64_t outer = at.first_outer; outer < at.last_outer; ++outer) {
      int64_t in, unused;
      reduced_.locate(outer, in, unused);
      const In* start = x + in + at.first_row * rows_.stride;
      accumulate(acc, start, whole, row_stride, width);
      if (rest > 0) accumulate(acc, start + whole * row_stride, 1, 0, rest * columns);
    }
    for (int64_t half = replicas_ / 2; half > 0; half /= 2) {
      merge_into(acc, acc + half * columns, half * columns);
    }
  }

  // One contiguous column in kWidth lanes. A run at a time: lanes that live on through the loop
  // over the outer dimensions are kept in memory by the compiler.
  template <int64_t kWidth>
  Acc run(const Op& op, const In* x, const Rows& at) const {
    x += at.first_row;
    if (outer_ == 1) return take_run<kWidth>(op, x, at.rows);
    Acc total = op.init();
    for (int64_t outer = at.first_outer; outer < at.last_outer; ++outer) {
      int64_t in, unused;
      reduced_.locate(outer, in, unused);
      total = op.merge(total, take_run<kWidth>(op, x + in, at.rows));
    }
    return total;
  }

  template <int64_t kWidth>
  [[gnu::noinline]] static Acc take_run(const Op& op, const In* x, int64_t count) {
    alignas(64) Acc acc[kWidth];
#pragma omp simd
    for (int64_t j = 0; j < kWidth; ++j) acc[j] = op.init();
    const int64_t whole = count / kWidth;
    for (int64_t r = 0; r < whole; ++r, x += kWidth) {
#pragma omp simd
      for (int64_t j = 0; j < kWidth; ++j) acc[j] = op.combine(acc[j], convert<Compute>(x[j]));
    }
    constexpr int64_t kStep = kWidth < kVectorLanes ? kWidth : kVectorLanes;
    int64_t rest = count & (kWidth - 1);
    for (; rest >= kStep; rest -= kStep, x += kStep) {
#pragma omp simd
      for (int64_t j = 0; j < kStep; ++j) acc[j] = op.combine(acc[j], convert<Compute>(x[j]));
    }
    // With a mask: stores of single lanes would stall the wide loads that follow.
    if (rest > 0) {
#pragma omp simd
      for (int64_t j = 0; j < kStep; ++j) {
        if (j < rest) acc[j] = op.combine(acc[j], convert<Compute>(x[j]));
      }
    }
    return fold<kWidth>(op, acc);
  }

  // Merges two halves until one lane is left.
  template <int64_t kWidth>
  static Acc fold(const Op& op, const Acc* acc) {
    if constexpr (kWidth == 1) {
      return acc[0];
    } else {
      alignas(64) Acc half[kWidth / 2];
#pragma omp simd
      for (int64_t j = 0; j < kWidth / 2; ++j) half[j] = op.merge(acc[j], acc[j + kWidth / 2]);
      return fold<kWidth / 2>(op, half);
    }
  }

  // Contiguous columns that are one block each.
  template <int64_t kWidth>
  [[gnu::noinline]] void run_runs(const In* input, Out* output, int64_t begin, int64_t end) const {
    const Op op = op_;
    const Rows rows = rows_of(0);
    for (int64_t g = begin; g < end; ++g) {
      int64_t in, out;
      kept_.locate(g, in, out);
      output[out] = convert<Out>(op.finish(run<kWidth>(op, input + in, rows), combined_));
    }
  }

  [[gnu::noinline]] void merge_into(Acc* acc, const Acc* other, int64_t count) const {
    const Op op = op_;
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) acc[j] = op.merge(acc[j], other[j]);
  }

  [[gnu::noinline]] void finish(Out* output, const Group& group, const Acc* acc) const {
    for (int64_t j = 0; j < group.columns; ++j) {
      output[group.output + j * columns_.out_stride] = convert<Out>(op_.finish(acc[j], combined_));
    }
  }

  [[gnu::noinline]] void run_groups(const In* input, Out* output, int64_t begin,
                                    int64_t end) const {
    alignas(64) unsigned char storage[sizeof(Acc) * kReduceTile];
    Acc* acc = reinterpret_cast<Acc*>(storage);
    if (blocks_ == 1) {
      if constexpr (kInRegisters) {
        if (is_run() && replicas_ == kLanes) return run_runs<kLanes>(input, output, begin, end);
        if (is_run() && replicas_ == kLanes / 4) {
          return run_runs<kLanes / 4>(input, output, begin, end);
        }
      }
      for (int64_t g = begin; g < end; ++g) {
        const Group group = group_at(g);
        run_block(input + group.input, group.columns, 0, acc);
        finish(output, group, acc);
      }
      return;
    }
    // A binary counter: level k holds the result of 2^k blocks until a second one arrives.
    const int levels = std::bit_width(static_cast<uint64_t>(blocks_));
    const Scratch<Acc> pending(levels * kReduceTile);
    for (int64_t g = begin; g < end; ++g) {
      const Group group = group_at(g);
      for (int64_t block = 0; block < blocks_; ++block) {
        run_block(input + group.input, group.columns, block, acc);
        int level = 0;
        for (; (block >> level) & 1; ++level) {
          merge_into(acc, pending.get() + level * kReduceTile, group.columns);
        }
        std::copy(acc, acc + group.columns, pending.get() + level * kReduceTile);
      }
      bool first = true;
      for (int level = 0; level < levels; ++level) {
        if (((blocks_ >> level) & 1) == 0) continue;
        const Acc* from = pending.get() + level * kReduceTile;
        if (first) {
          std::copy(from, from + group.columns, acc);
        } else {
          merge_into(acc, from, group.columns);
        }
        first = false;
      }
      finish(output, group, acc);
    }
  }

  // Few tiles with many rows: the blocks are what is shared between threads.
  void run_blocks(const In* input, Out* output, int64_t groups) const {
    const int64_t width = std::min(columns_.size, tile_);
    const Scratch<Acc> partial(groups * blocks_ * width);
    const int64_t block_work = width * block_inner_ * block_outer_;
    parallel_sweep(groups * blocks_, std::max<int64_t>(1, kReduceGrain / block_work),
                   [&](int64_t begin, int64_t end) {
                     alignas(64) unsigned char storage[sizeof(Acc) * kReduceTile];
                     Acc* acc = reinterpret_cast<Acc*>(storage);
                     for (int64_t i = begin; i < end; ++i) {
                       const Group group = group_at(i / blocks_);
                       run_block(input + group.input, group.columns, i % blocks_, acc);
                       std::copy(acc, acc + group.columns, partial.get() + i * width);
                     }
                   });
    for (int64_t g = 0; g < groups; ++g) {
      const Group group = group_at(g);
      Acc* base = partial.get() + g * blocks_ * width;
      for (int64_t step = 1; step < blocks_; step *= 2) {
        for (int64_t block = 0; block + step < blocks_; block += 2 * step) {
          merge_into(base + block * width, base + (block + step) * width, group.columns);
        }
      }
      finish(output, group, base);
    }
  }

  Op op_;
};

// A few numbers in a row, such as the losses of a small batch: making a plan takes longer.
template <class Op>
void reduce_few(const Op& op, const typename Op::In* input, int64_t count, void* output) {
  typename Op::Acc acc = op.init();
  for (int64_t i = 0; i < count; ++i) {
    acc = op.combine(acc, convert<compute_t<typename Op::In>>(input[i]));
  }
  *static_cast<typename Op::Out*>(output) = convert<typename Op::Out>(op.finish(acc, count));
}

template <class Op>
void reduce(const Op& op, const ReduceShape& shape, const void* input, void* output) {
  const auto* from = static_cast<const typename Op::In*>(input);
  if (shape.kept_sizes.empty() && shape.reduced_sizes.size() == 1 &&
      shape.reduced_strides[0] == 1 && shape.reduced_sizes[0] <= 16) {
    return reduce_few(op, from, shape.reduced_sizes[0], output);
  }
  Reducer<Op>(op, shape).run(from, static_cast<typename Op::Out*>(output));
}

template <class Op>
void reduce(const ReduceShape& shape, const void* input, void* output) {
  reduce(Op{}, shape, input, output);
}

}  // namespace wengert::cpu::WENGERT_ISA
