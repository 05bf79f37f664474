#include "kernels/cpu/strong_zeros.h"

namespace wengert::math {

constinit bool strong_zeros = true;

}  // namespace wengert::math
