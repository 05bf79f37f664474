#include "device/cpu/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace wengert {

LockHooks lock_hooks;

namespace {

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

// The quota of the control group, rounded up, or a large number where there is none.
int cgroup_quota() {
  long quota = -1, period = 100000;
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    char text[32] = {0};
    if (std::fscanf(file, "%31s %ld", text, &period) == 2 && std::strcmp(text, "max") != 0) {
      quota = std::atol(text);
    }
    std::fclose(file);
  } else if (FILE* v1 = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) {
    if (std::fscanf(v1, "%ld", &quota) != 1) quota = -1;
    std::fclose(v1);
    if (FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r")) {
      if (std::fscanf(p, "%ld", &period) != 1) period = 100000;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 1 << 20;
  return static_cast<int>(std::max(1L, (quota + period - 1) / period));
}

int default_count() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const int count = std::atoi(text);
    if (count > 0) return count;
  }
  return std::min(affinity_count(), cgroup_quota());
}

// The most that were ever allowed: threads of the pool that may exist.
int most_threads = 1;
// A forked child has none of the parent's threads, and libgomp would wait for them for ever: the
// child stays with one thread.
bool pool_is_lost = false;

int& thread_count() {
  static int count = [] {
    most_threads = default_count();
    omp_set_num_threads(most_threads);
    pthread_atfork(nullptr, nullptr, [] {
      pool_is_lost = pool_is_lost || most_threads > 1;
      set_num_threads(1);
    });
    return most_threads;
  }();
  return count;
}

}  // namespace

int num_threads() { return thread_count(); }

bool next_sweep_reverses() {
  static std::atomic<bool> last{false};
  const bool reverse = !last.load(std::memory_order_relaxed);
  last.store(reverse, std::memory_order_relaxed);
  return reverse;
}

void set_num_threads(int count) {
  thread_count() = pool_is_lost ? 1 : std::max(1, count);
  most_threads = std::max(most_threads, thread_count());
  omp_set_num_threads(thread_count());
}

}  // namespace wengert
