// How many objects there are, for tests that look for leaks. Counted under Python's lock.
#pragma once
#include <cstdint>

namespace wengert {

struct LiveObjects {
  int64_t tensors = 0;
  int64_t nodes = 0;
};
extern constinit LiveObjects live_objects;

}  // namespace wengert
