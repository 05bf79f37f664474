// Groups the positions of an index buffer by the target that they name, so that sums into targets
// can run in parallel over targets and still take their terms in index order.
#pragma once
#include <cstdint>
#include <vector>

namespace wengert::cpu {

struct IndexGroups {
  struct Group {
    int64_t target;
    int64_t begin, end;  // in order
  };
  std::vector<Group> groups;   // targets ascend
  std::vector<int64_t> order;  // positions, ascending within a group
};

// Indices are in [0, size); those that equal `skip` are left out (-1: none).
template <typename I>
IndexGroups group_index(const I* index, int64_t count, int64_t size, int64_t skip = -1);

extern template IndexGroups group_index(const int32_t*, int64_t, int64_t, int64_t);
extern template IndexGroups group_index(const int64_t*, int64_t, int64_t, int64_t);

}  // namespace wengert::cpu
