// Threads: one loop primitive over OpenMP. Bodies must not touch Python, reference counts or throw.
#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace wengert {

// The number of threads that a parallel loop may use: min(affinity, cgroup quota) until set.
int num_threads();
void set_num_threads(int count);

// Long work runs without Python's lock. The bindings install the two functions; a scope is cheap
// when none are installed and nests safely.
struct LockHooks {
  void* (*release)() = nullptr;
  void (*acquire)(void*) = nullptr;
};
extern LockHooks lock_hooks;

class LongWorkScope {
 public:
  LongWorkScope() : state_(lock_hooks.release ? lock_hooks.release() : nullptr) {}
  ~LongWorkScope() {
    if (state_ != nullptr) lock_hooks.acquire(state_);
  }
  LongWorkScope(const LongWorkScope&) = delete;
  LongWorkScope& operator=(const LongWorkScope&) = delete;

 private:
  void* state_;
};

// Calls fn(begin, end) over pieces of [0, total). Pieces are whole multiples of `grain` (but for
// the last), so what one call sees never depends on the number of threads beyond its bounds.
template <typename Fn>
void parallel_for(int64_t total, int64_t grain, const Fn& fn) {
  if (total <= 0) return;
  if (grain < 1) grain = 1;
  const int64_t pieces = (total + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<int64_t>(num_threads(), pieces));
  if (threads <= 1 || omp_in_parallel()) {
    if (pieces > 1 && !omp_in_parallel()) {
      LongWorkScope scope;
      fn(int64_t{0}, total);
    } else {
      fn(int64_t{0}, total);
    }
    return;
  }
  LongWorkScope scope;
#pragma omp parallel num_threads(threads)
  {
    const int64_t id = omp_get_thread_num();
    const int64_t count = omp_get_num_threads();
    const int64_t first = pieces * id / count * grain;
    const int64_t last = std::min(total, pieces * (id + 1) / count * grain);
    if (first < last) fn(first, last);
  }
}

// The same for kernels that stream through memory. Each call takes one grain, and every other sweep
// goes through them backwards: what the last sweep touched at its end is what a core still has in
// its own cache, and the next sweep over it begins there. Results must not depend on the order.
bool next_sweep_reverses();
template <typename Fn>
void parallel_sweep(int64_t total, int64_t grain, const Fn& fn) {
  if (grain < 1) grain = 1;
  if (total <= 2 * grain) return parallel_for(total, grain, fn);
  const bool reverse = next_sweep_reverses();
  parallel_for(total, grain, [&](int64_t begin, int64_t end) {
    const int64_t strips = (end - begin + grain - 1) / grain;
    for (int64_t k = 0; k < strips; ++k) {
      const int64_t first = begin + (reverse ? strips - 1 - k : k) * grain;
      fn(first, std::min(end, first + grain));
    }
  });
}

}  // namespace wengert
