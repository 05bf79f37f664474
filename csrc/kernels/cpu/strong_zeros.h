// The switch of strong zeros (math::strong_product). Kernels read it; the bindings set it.
#pragma once

namespace wengert::math {

extern constinit bool strong_zeros;

}  // namespace wengert::math
