#include "kernels/cpu/advanced_index.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/arithmetic.h"
#include "kernels/cpu/index_check.h"
#include "kernels/cpu/index_groups.h"
#include "kernels/cpu/item.h"

namespace wengert::cpu {

namespace {

struct Position {
  int64_t self, value;  // byte offsets
};

// The plan, resolved: an offset pair for every element of the index shape, one for every outer kept
// element, and one innermost kept dimension.
struct Resolved {
  std::vector<Position> positions;
  std::vector<int64_t> keys;  // linear position among the indexed dimensions, for grouping
  int64_t key_limit = 1;
  std::vector<IndexPlan::Dim> outer;
  int64_t outer_count = 1;
  IndexPlan::Dim inner{1, 0, 0};
};

Position offset_of(const Resolved& plan, int64_t outer) {
  Position result{0, 0};
  for (auto dim = plan.outer.rbegin(); dim != plan.outer.rend(); ++dim) {
    const int64_t i = outer % dim->size;
    outer /= dim->size;
    result.self += i * dim->self_stride;
    result.value += i * dim->value_stride;
  }
  return result;
}

// Calls fn(linear position, coordinates) over the index shape in row-major order.
template <typename Fn>
void walk_index_shape(const IndexPlan& plan, int64_t count, const Fn& fn) {
  int64_t at[IndexPlan::kMaxDims] = {};
  for (int64_t i = 0; i < count; ++i) {
    fn(i, at);
    for (int d = plan.index_ndim - 1; d >= 0 && ++at[d] == plan.index_shape[d].size; --d) at[d] = 0;
  }
}

bool is_contiguous(const IndexPlan& plan, const int64_t* strides) {
  int64_t expected = 1;
  for (int d = plan.index_ndim - 1; d >= 0; --d) {
    if (plan.index_shape[d].size != 1 && strides[d] != expected) return false;
    expected *= plan.index_shape[d].size;
  }
  return true;
}

Resolved resolve(const IndexPlan& plan, bool want_keys) {
  Resolved result;
  int64_t count = 1;
  for (int d = 0; d < plan.index_ndim; ++d) count *= plan.index_shape[d].size;
  result.positions.assign(count, Position{0, 0});
  if (want_keys) result.keys.assign(count, 0);

  std::vector<int64_t> gathered;
  for (int k = 0; k < plan.indexed_count; ++k) {
    const IndexPlan::Indexed& part = plan.indexed[k];
    const int64_t* index = part.index;
    if (!is_contiguous(plan, part.index_strides)) {
      gathered.resize(count);
      walk_index_shape(plan, count, [&](int64_t i, const int64_t* at) {
        int64_t offset = 0;
        for (int d = 0; d < plan.index_ndim; ++d) offset += at[d] * part.index_strides[d];
        gathered[i] = part.index[offset];
      });
      index = gathered.data();
    }
    const int64_t bad = first_out_of_range(index, count, -part.size, part.size);
    WENGERT_CHECK(bad < 0, kIndex, "index ", index[bad], " is out of bounds for dimension ",
                  part.dim, " with size ", part.size);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t wrapped = index[i] < 0 ? index[i] + part.size : index[i];
      result.positions[i].self += wrapped * part.self_stride;
      if (want_keys) result.keys[i] = result.keys[i] * part.size + wrapped;
    }
    result.key_limit *= part.size;
  }
  walk_index_shape(plan, count, [&](int64_t i, const int64_t* at) {
    int64_t offset = 0;
    for (int d = 0; d < plan.index_ndim; ++d) offset += at[d] * plan.index_shape[d].value_stride;
    result.positions[i].value = offset;
  });

  for (int d = 0; d < plan.kept_ndim; ++d) {
    const IndexPlan::Dim& next = plan.kept[d];
    if (next.size == 1) continue;
    if (!result.outer.empty()) {
      IndexPlan::Dim& last = result.outer.back();
      if (last.self_stride == next.self_stride * next.size &&
          last.value_stride == next.value_stride * next.size) {
        last = {last.size * next.size, next.self_stride, next.value_stride};
        continue;
      }
    }
    result.outer.push_back(next);
  }
  if (!result.outer.empty()) {
    // Where the index runs along memory and the last kept dimension does not, as in x[:, i], the
    // index is the inner loop.
    const int64_t index_stride =
        plan.index_ndim > 0 ? plan.index_shape[plan.index_ndim - 1].value_stride : INT64_MAX;
    if (result.outer.back().value_stride <= index_stride || count < 8) {
      result.inner = result.outer.back();
      result.outer.pop_back();
    }
  }
  for (const IndexPlan::Dim& dim : result.outer) result.outer_count *= dim.size;
  return result;
}

// Copies `count` elements with strides in bytes.
template <typename T>
inline void copy_elements(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                          int64_t count) {
  if (to_stride == sizeof(T) && from_stride == sizeof(T)) {
    std::memcpy(to, from, count * sizeof(T));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, sizeof(T));
  }
}

int64_t grain_of(int64_t elements) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(elements, 1));
}

}  // namespace

void index_get(const IndexPlan& plan, size_t item_size, const void* self, void* values) {
  const Resolved resolved = resolve(plan, false);
  const int64_t count = static_cast<int64_t>(resolved.positions.size());
  const IndexPlan::Dim inner = resolved.inner;
  if (count == 0 || inner.size == 0) return;
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(resolved.outer_count * count, grain_of(inner.size),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last;) {
                     const Position base = offset_of(resolved, i / count);
                     const int64_t end = std::min(last, (i / count + 1) * count);
                     const char* from = static_cast<const char*>(self) + base.self;
                     char* to = static_cast<char*>(values) + base.value;
                     const Position* at = resolved.positions.data() + i % count;
                     if (inner.size == 1) {
                       for (; i < end; ++i, ++at)
                         std::memcpy(to + at->value, from + at->self, sizeof(T));
                     } else {
                       for (; i < end; ++i, ++at) {
                         copy_elements<T>(to + at->value, inner.value_stride, from + at->self,
                                          inner.self_stride, inner.size);
                       }
                     }
                   }
                 });
  });
}

void index_put(const IndexPlan& plan, size_t item_size, void* self, const void* values) {
  const Resolved resolved = resolve(plan, false);
  const int64_t count = static_cast<int64_t>(resolved.positions.size());
  const IndexPlan::Dim inner = resolved.inner;
  if (count == 0 || inner.size == 0) return;
  // Parallel over kept elements alone, so that repeated positions are written in order.
  constexpr int64_t kPiece = 1024;
  const int64_t pieces = (inner.size + kPiece - 1) / kPiece;
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(resolved.outer_count * pieces, grain_of(count * std::min(inner.size, kPiece)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t task = first; task < last; ++task) {
                     const Position base = offset_of(resolved, task / pieces);
                     const int64_t start = task % pieces * kPiece;
                     const int64_t length = std::min(kPiece, inner.size - start);
                     char* to = static_cast<char*>(self) + base.self + start * inner.self_stride;
                     const char* from =
                         static_cast<const char*>(values) + base.value + start * inner.value_stride;
                     for (const Position& at : resolved.positions) {
                       copy_elements<T>(to + at.self, inner.self_stride, from + at.value,
                                        inner.value_stride, length);
                     }
                   }
                 });
  });
}

void index_put_accumulate(const IndexPlan& plan, DType dtype, void* self, const void* values) {
  const Resolved resolved = resolve(plan, true);
  const int64_t count = static_cast<int64_t>(resolved.positions.size());
  const IndexPlan::Dim inner = resolved.inner;
  if (count == 0 || inner.size == 0) return;
  const IndexGroups index = group_index(resolved.keys.data(), count, resolved.key_limit);
  const int64_t groups = static_cast<int64_t>(index.groups.size());
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    constexpr int64_t kBlock = 256;
    const int64_t work = std::max<int64_t>(1, inner.size * (count / groups));
    parallel_for(resolved.outer_count * groups, grain_of(work), [&](int64_t first, int64_t last) {
      C sums[kBlock];
      int64_t current = -1;
      Position base{0, 0};
      for (int64_t task = first; task < last; ++task) {
        const IndexGroups::Group& group = index.groups[task % groups];
        if (task / groups != current) base = offset_of(resolved, current = task / groups);
        const int64_t target = resolved.positions[index.order[group.begin]].self;
        char* to = static_cast<char*>(self) + base.self + target;
        for (int64_t start = 0; start < inner.size; start += kBlock) {
          const int64_t length = std::min(kBlock, inner.size - start);
          char* block = to + start * inner.self_stride;
          for (int64_t j = 0; j < length; ++j) {
            sums[j] = convert<C>(*reinterpret_cast<const T*>(block + j * inner.self_stride));
          }
          for (int64_t i = group.begin; i < group.end; ++i) {
            const char* from = static_cast<const char*>(values) + base.value +
                               resolved.positions[index.order[i]].value +
                               start * inner.value_stride;
            for (int64_t j = 0; j < length; ++j) {
              const T& term = *reinterpret_cast<const T*>(from + j * inner.value_stride);
              sums[j] = add(sums[j], convert<C>(term));
            }
          }
          for (int64_t j = 0; j < length; ++j) {
            *reinterpret_cast<T*>(block + j * inner.self_stride) = convert<T>(sums[j]);
          }
        }
      }
    });
  });
}

}  // namespace wengert::cpu
