#include "kernels/cpu/gather.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <type_traits>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/arithmetic.h"
#include "kernels/cpu/index_check.h"
#include "kernels/cpu/item.h"

namespace wengert::cpu {

namespace {

// Lanes that are walked together, so that an inner dimension runs along memory.
constexpr int64_t kLanes = 64;

struct Extent {
  int64_t size, index, self, other;  // a size and the strides of the three operands
};

// The walk over the index: `outer` dimensions, then the indexed one, then one inner dimension.
struct Walk {
  std::vector<Extent> outer;
  Extent indexed;
  Extent lane{1, 0, 0, 0};
  int64_t outer_count = 1;
  int64_t total = 0;
  int64_t lane_block = kLanes;
};

Walk make_walk(const GatherPlan& plan) {
  Walk walk;
  const auto extent = [&](int d) {
    return Extent{plan.sizes[d], plan.index_strides[d], plan.self_strides[d],
                  plan.other_strides[d]};
  };
  walk.indexed = extent(plan.dim);
  for (int d = 0; d < plan.ndim; ++d) {
    if (d == plan.dim || plan.sizes[d] == 1) continue;
    const Extent next = extent(d);
    // Neighbours on the same side of the indexed dimension merge where all strides allow.
    const bool same_side = !walk.outer.empty() && (d < plan.dim || d - 1 > plan.dim);
    if (same_side) {
      Extent& last = walk.outer.back();
      if (last.index == next.index * next.size && last.self == next.self * next.size &&
          last.other == next.other * next.size) {
        last = {last.size * next.size, next.index, next.self, next.other};
        continue;
      }
    }
    walk.outer.push_back(next);
  }
  // The innermost dimension beyond the indexed one becomes the lanes.
  bool has_inner = false;
  for (int d = plan.dim + 1; d < plan.ndim; ++d) has_inner |= plan.sizes[d] != 1;
  if (has_inner) {
    walk.lane = walk.outer.back();
    walk.outer.pop_back();
  }
  for (const Extent& e : walk.outer) walk.outer_count *= e.size;
  walk.total = walk.outer_count * walk.indexed.size * walk.lane.size;
  return walk;
}

struct Offsets {
  int64_t index = 0, self = 0, other = 0;
};

Offsets offsets_of(const Walk& walk, int64_t outer) {
  Offsets result;
  for (auto e = walk.outer.rbegin(); e != walk.outer.rend(); ++e) {
    const int64_t i = outer % e->size;
    outer /= e->size;
    result.index += i * e->index;
    result.self += i * e->self;
    result.other += i * e->other;
  }
  return result;
}

// Calls fn(offsets, lanes) for every block of lanes at every outer position, in parallel.
template <typename Fn>
void for_each_block(const Walk& walk, const Fn& fn) {
  if (walk.total == 0) return;
  const int64_t lane_blocks = (walk.lane.size + walk.lane_block - 1) / walk.lane_block;
  const int64_t work =
      std::max<int64_t>(1, walk.indexed.size * std::min(walk.lane.size, walk.lane_block));
  const int64_t grain = std::max<int64_t>(1, 16384 / work);
  parallel_for(walk.outer_count * lane_blocks, grain, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      Offsets at = offsets_of(walk, block / lane_blocks);
      const int64_t start = block % lane_blocks * walk.lane_block;
      at.index += start * walk.lane.index;
      at.self += start * walk.lane.self;
      at.other += start * walk.lane.other;
      fn(at, std::min(walk.lane_block, walk.lane.size - start));
    }
  });
}

// Calls fn(self offset, other offset) for all elements of one block, in index order.
template <typename Fn>
inline void for_each_element(const GatherPlan& plan, const Walk& walk, Offsets at, int64_t lanes,
                             const Fn& fn) {
  const int64_t self_stride = plan.self_strides[plan.dim];
  const Extent indexed = walk.indexed;
  if (lanes == 1) {
    const int64_t* index = plan.index + at.index;
    if (indexed.index == 1 && indexed.other == 1 && self_stride == 1) {
      for (int64_t i = 0; i < indexed.size; ++i) fn(at.self + index[i], at.other + i);
      return;
    }
    for (int64_t i = 0; i < indexed.size; ++i) {
      fn(at.self + index[i * indexed.index] * self_stride, at.other + i * indexed.other);
    }
    return;
  }
  for (int64_t i = 0; i < indexed.size; ++i) {
    const int64_t* index = plan.index + at.index + i * indexed.index;
    const int64_t other = at.other + i * indexed.other;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t position = index[lane * walk.lane.index];
      fn(at.self + lane * walk.lane.self + position * self_stride, other + lane * walk.lane.other);
    }
  }
}

void check_index(const GatherPlan& plan, const Walk& walk) {
  std::atomic<bool> bad{false};
  for_each_block(walk, [&](Offsets at, int64_t lanes) {
    uint64_t flags = 0;
    if (lanes == 1 && walk.indexed.index == 1) {
      const int64_t* index = plan.index + at.index;
      const int64_t size = plan.dim_size, count = walk.indexed.size;
      for (int64_t i = 0; i < count; ++i) flags |= out_of_range(index[i], size);
    } else {
      for (int64_t i = 0; i < walk.indexed.size; ++i) {
        const int64_t* index = plan.index + at.index + i * walk.indexed.index;
        for (int64_t lane = 0; lane < lanes; ++lane) {
          flags |= out_of_range(index[lane * walk.lane.index], plan.dim_size);
        }
      }
    }
    if (flags >> 63 != 0) bad.store(true, std::memory_order_relaxed);
  });
  if (!bad.load()) [[likely]]
    return;
  for (int64_t outer = 0; outer < walk.outer_count; ++outer) {
    const int64_t base = offsets_of(walk, outer).index;
    for (int64_t i = 0; i < walk.indexed.size; ++i) {
      for (int64_t lane = 0; lane < walk.lane.size; ++lane) {
        const int64_t value = plan.index[base + i * walk.indexed.index + lane * walk.lane.index];
        WENGERT_CHECK(value >= 0 && value < plan.dim_size, kRuntime, plan.name, "(): index ", value,
                      " is out of bounds for dimension ", plan.dim, " with size ", plan.dim_size);
      }
    }
  }
}

template <typename C>
inline C combine(ScatterReduce reduce, C a, C b) {
  switch (reduce) {
    case ScatterReduce::kSum:
    case ScatterReduce::kMean:
      return add(a, b);
    case ScatterReduce::kProd:
      return multiply(a, b);
    case ScatterReduce::kMax:
    case ScatterReduce::kMin:
      if constexpr (!is_complex_v<C>) {
        if (a != a) return a;
        return (reduce == ScatterReduce::kMax ? b > a : b < a) || b != b ? b : a;
      }
  }
  return a;
}

// Integer means round down, as PyTorch's do.
template <typename C>
inline C divide_by_count(C sum, int64_t count) {
  if constexpr (is_complex_v<C>) {
    return sum / static_cast<typename C::value_type>(count);
  } else if constexpr (std::is_integral_v<C> && std::is_signed_v<C>) {
    const int64_t wide = sum;
    return static_cast<C>(wide / count - (wide % count < 0 ? 1 : 0));
  } else {
    return static_cast<C>(sum / static_cast<C>(count));
  }
}

// Reduces line by line through a buffer in the compute type, with a count for every element of the
// line: needed for means, for include_self = false and for the 16-bit floats.
template <typename T>
void reduce_buffered(const GatherPlan& plan, Walk walk, ScatterReduce reduce, bool include_self,
                     T* self, const T* source) {
  using C = compute_t<T>;
  if (walk.total == 0) return;
  // Long lines are taken few at a time, to bound the buffers.
  walk.lane_block = std::clamp<int64_t>(65536 / plan.dim_size, 1, kLanes);
  const int64_t slots = plan.dim_size * std::min(walk.lane.size, walk.lane_block);
  const auto buffers = std::make_unique_for_overwrite<C[]>(num_threads() * slots);
  const auto count_buffers = std::make_unique_for_overwrite<int64_t[]>(num_threads() * slots);
  const int64_t self_stride = plan.self_strides[plan.dim];
  const int64_t own = include_self ? 1 : 0;
  for_each_block(walk, [&](Offsets at, int64_t lanes) {
    const int thread = omp_get_thread_num();
    C* sums = buffers.get() + thread * slots;
    int64_t* counts = count_buffers.get() + thread * slots;
    std::fill_n(counts, plan.dim_size * lanes, int64_t{0});
    for (int64_t i = 0; i < walk.indexed.size; ++i) {
      const int64_t* index = plan.index + at.index + i * walk.indexed.index;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const int64_t position = index[lane * walk.lane.index];
        const int64_t slot = position * lanes + lane;
        const C value =
            convert<C>(source[at.other + i * walk.indexed.other + lane * walk.lane.other]);
        if (counts[slot] > 0) {
          sums[slot] = combine(reduce, sums[slot], value);
        } else if (include_self) {
          const T& target = self[at.self + lane * walk.lane.self + position * self_stride];
          sums[slot] = combine(reduce, convert<C>(target), value);
        } else {
          sums[slot] = value;
        }
        ++counts[slot];
      }
    }
    for (int64_t slot = 0; slot < plan.dim_size * lanes; ++slot) {
      if (counts[slot] == 0) continue;
      C result = sums[slot];
      if (reduce == ScatterReduce::kMean) result = divide_by_count(result, counts[slot] + own);
      self[at.self + slot % lanes * walk.lane.self + slot / lanes * self_stride] =
          convert<T>(result);
    }
  });
}

}  // namespace

void gather(const GatherPlan& plan, size_t item_size, const void* self, void* out) {
  const Walk walk = make_walk(plan);
  check_index(plan, walk);
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_block(walk, [&](Offsets at, int64_t lanes) {
      for_each_element(plan, walk, at, lanes, [&](int64_t from, int64_t to) {
        static_cast<T*>(out)[to] = static_cast<const T*>(self)[from];
      });
    });
  });
}

void scatter(const GatherPlan& plan, size_t item_size, void* self, const void* source) {
  const Walk walk = make_walk(plan);
  check_index(plan, walk);
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_block(walk, [&](Offsets at, int64_t lanes) {
      for_each_element(plan, walk, at, lanes, [&](int64_t to, int64_t from) {
        static_cast<T*>(self)[to] = static_cast<const T*>(source)[from];
      });
    });
  });
}

void scatter_add(const GatherPlan& plan, DType dtype, void* self, const void* source) {
  scatter_reduce(plan, dtype, ScatterReduce::kSum, true, self, source);
}

void scatter_reduce(const GatherPlan& plan, DType dtype, ScatterReduce reduce, bool include_self,
                    void* self, const void* source) {
  WENGERT_CHECK(
      !is_complex(dtype) || (reduce != ScatterReduce::kMax && reduce != ScatterReduce::kMin),
      kNotImplemented, plan.name, "(): amax and amin are not implemented for ", dtype_name(dtype));
  WENGERT_CHECK(dtype != DType::bool_ || reduce != ScatterReduce::kMean, kNotImplemented, plan.name,
                "(): mean is not implemented for bool");
  const Walk walk = make_walk(plan);
  check_index(plan, walk);
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* target = static_cast<T*>(self);
    const T* values = static_cast<const T*>(source);
    if (is_reduced_v<T> || !include_self || reduce == ScatterReduce::kMean) {
      return reduce_buffered(plan, walk, reduce, include_self, target, values);
    }
    if constexpr (!is_reduced_v<T>) {
      if (reduce == ScatterReduce::kSum) {  // by far the most used: no switch in the loop
        for_each_block(walk, [&](Offsets at, int64_t lanes) {
          for_each_element(plan, walk, at, lanes, [&](int64_t to, int64_t from) {
            target[to] = add(target[to], values[from]);
          });
        });
        return;
      }
      for_each_block(walk, [&](Offsets at, int64_t lanes) {
        for_each_element(plan, walk, at, lanes, [&](int64_t to, int64_t from) {
          target[to] = combine(reduce, target[to], values[from]);
        });
      });
    }
  });
}

}  // namespace wengert::cpu
