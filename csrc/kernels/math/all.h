// Everything that a formula may call.
#pragma once
#include "kernels/math/activation.h"
#include "kernels/math/basic.h"
#include "kernels/math/bessel.h"
#include "kernels/math/bessel_second.h"
#include "kernels/math/elementary.h"
#include "kernels/math/error_function.h"
#include "kernels/math/gamma.h"
#include "kernels/math/incomplete_gamma.h"
#include "kernels/math/lanes.h"
