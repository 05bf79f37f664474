#include "kernels/cpu/index_groups.h"

#include <algorithm>

namespace wengert::cpu {

namespace {

// When there are many targets and few indices, the targets are not even looked through.
template <typename I>
void order_by_sorting(const I* index, int64_t count, int64_t skip, IndexGroups& result) {
  for (int64_t i = 0; i < count; ++i) {
    if (index[i] != skip) result.order.push_back(i);
  }
  std::sort(result.order.begin(), result.order.end(), [index](int64_t a, int64_t b) {
    return index[a] != index[b] ? index[a] < index[b] : a < b;
  });
  for (int64_t i = 0; i < static_cast<int64_t>(result.order.size()); ++i) {
    const int64_t target = index[result.order[i]];
    if (result.groups.empty() || result.groups.back().target != target) {
      result.groups.push_back({target, i, i});
    }
    ++result.groups.back().end;
  }
}

template <typename I>
void order_by_counting(const I* index, int64_t count, int64_t size, int64_t skip,
                       IndexGroups& result) {
  std::vector<int64_t> starts(size, 0);
  for (int64_t i = 0; i < count; ++i) ++starts[index[i]];
  if (skip >= 0 && skip < size) starts[skip] = 0;
  int64_t start = 0;
  for (int64_t target = 0; target < size; ++target) {
    const int64_t length = starts[target];
    if (length > 0) result.groups.push_back({target, start, start + length});
    starts[target] = start;
    start += length;
  }
  result.order.resize(start);
  for (int64_t i = 0; i < count; ++i) {
    if (index[i] != skip) result.order[starts[index[i]]++] = i;
  }
}

}  // namespace

template <typename I>
IndexGroups group_index(const I* index, int64_t count, int64_t size, int64_t skip) {
  IndexGroups result;
  result.groups.reserve(std::min(count, size));
  result.order.reserve(count);
  if (size / 16 > count) {
    order_by_sorting(index, count, skip, result);
  } else {
    order_by_counting(index, count, size, skip, result);
  }
  return result;
}

template IndexGroups group_index(const int32_t*, int64_t, int64_t, int64_t);
template IndexGroups group_index(const int64_t*, int64_t, int64_t, int64_t);

}  // namespace wengert::cpu
