#include "base/error.h"
#include "kernels/cpu/simd/loss.h"

namespace wengert::cpu {

void check_targets(const int64_t* target, int64_t count, int64_t classes, int64_t ignore_index) {
  for (int64_t i = 0; i < count; ++i) {
    WENGERT_CHECK(target[i] == ignore_index || (target[i] >= 0 && target[i] < classes), kIndex,
                  "Target ", target[i], " is out of bounds.");
  }
}

}  // namespace wengert::cpu
