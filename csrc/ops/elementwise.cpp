#include "ops/elementwise.h"

#include <algorithm>
#include <vector>

#include "device/cpu/parallel.h"
#include "ops/chain.h"
#include "ops/type_names.h"
#include "tensor/plan.h"

namespace wengert {

namespace {

using cpu::ElementwiseLoop;
using cpu::kLanes;

constexpr int64_t kRow = 256;  // rows shorter than this are gathered several at a time

const cpu::LoopRow* const loops = cpu::elementwise_loops();

DType code_dtype(char code, DType compute) {
  if (code == 'T') return compute;
  switch (code) {
    case 'B':
      return DType::bool_;
    case 'R':
      return to_real(compute);
    case 'C':
      return to_complex(compute);
    case 'I':
      return DType::int64;
    default:
      return compute;
  }
}

struct PlannedCall {
  ElementwiseLoop loop;
  const Scalar* parameters;
  const Plan& plan;
  const DType* dtypes;           // what the kernel reads and writes, per operand
  const char* const* constants;  // per operand: a filled tile, or null

  // Elements [start, start + count) of the plan's index space; count <= kTile.
  void piece(int64_t start, int64_t count, Tile* tiles) const {
    Plan::Position position;
    plan.locate(start, &position);
    const int inner = plan.ndim - 1;
    const bool in_row = position.index[inner] + count <= plan.sizes[inner];
    char* now[Plan::kMaxOperands];
    int slot = 0;
    for (int k = 0; k < plan.operands; ++k) {
      if (constants[k] != nullptr) {
        now[k] = const_cast<char*>(constants[k]);
        continue;
      }
      const auto width = static_cast<int64_t>(item_size(dtypes[k]));
      if (in_row && count % kLanes == 0 && plan.dtypes[k] == dtypes[k] &&
          plan.strides[k][inner] == width) {
        now[k] = plan.address(k, position);
        continue;
      }
      now[k] = tiles[slot++].bytes;
      if (k == 0) continue;
      transfer<true>(k, position, count, now[k]);
      repeat(now[k], width, now[k] + count * width, round_up(count) - count);
    }
    loop(now, round_up(count), parameters);
    if (now[0] == tiles[0].bytes) transfer<false>(0, position, count, now[0]);
  }

  // Between a dense tile and operand k's memory, run by run.
  template <bool kLoad>
  void transfer(int k, const Plan::Position& from, int64_t count, char* tile) const {
    Plan::Position position = from;
    const int inner = plan.ndim - 1;
    const int64_t stride = plan.strides[k][inner];
    const auto width = static_cast<int64_t>(item_size(dtypes[k]));
    char* memory = plan.address(k, position);
    while (count > 0) {
      const int64_t run = std::min(count, plan.sizes[inner] - position.index[inner]);
      if constexpr (kLoad) {
        cpu::convert_run(plan.dtypes[k], memory, stride, dtypes[k], tile, width, run);
      } else {
        cpu::convert_run(dtypes[k], tile, width, plan.dtypes[k], memory, stride, run);
      }
      tile += run * width;
      count -= run;
      if (count == 0) return;
      memory -= position.index[inner] * stride;
      position.index[inner] = 0;
      for (int d = inner - 1; d >= 0; --d) {
        memory += plan.strides[k][d];
        if (++position.index[d] < plan.sizes[d]) break;
        memory -= plan.sizes[d] * plan.strides[k][d];
        position.index[d] = 0;
      }
    }
  }

  void run() const {
    const int64_t row = plan.sizes[plan.ndim - 1];
    if (row < kRow) {
      const int64_t tiles_total = (plan.numel + kTile - 1) / kTile;
      parallel_for(tiles_total, kGrain / kTile, [&](int64_t begin, int64_t end) {
        Tile tiles[Plan::kMaxOperands];
        for (int64_t t = begin; t < end; ++t) {
          piece(t * kTile, std::min(kTile, plan.numel - t * kTile), tiles);
        }
      });
      return;
    }
    const int64_t chunks = (row + kTile - 1) / kTile;
    const int64_t rows = plan.numel / row;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::min(row, kTile));
    parallel_for(rows * chunks, grain, [&](int64_t begin, int64_t end) {
      Tile tiles[Plan::kMaxOperands];
      for (int64_t t = begin; t < end; ++t) {
        const int64_t first = t % chunks * kTile;
        const int64_t start = t / chunks * row + first;
        const int64_t count = std::min(kTile, row - first);
        const int64_t full = count & -kLanes;
        if (full != 0) piece(start, full, tiles);
        if (full != count) piece(start + full, count - full, tiles);
      }
    });
  }
};

[[noreturn, gnu::cold, gnu::noinline]] void fail_no_kernel(const ElementwiseKernel& kernel,
                                                           DType dtype) {
  fail(ErrorKind::kNotImplemented, "\"", kernel.name, "\" not implemented for '", dtype_name(dtype),
       "'");
}

// Is one number all that there is, whatever sizes it is spread over?
bool is_one_number(const Tensor& tensor) {
  if (tensor.is_contiguous()) return tensor.numel() == 1;
  for (size_t i = 0; i < tensor.sizes().size(); ++i) {
    if (tensor.strides()[i] != 0 && tensor.sizes()[i] != 1) return false;
  }
  return true;
}

// Input `which` overlaps the output: the kernel reads a copy of it.
[[gnu::cold, gnu::noinline]] void run_with_copy(const ElementwiseKernel& kernel, DType dtype,
                                                const Tensor& out, const Operand* operands,
                                                const Scalar* parameters, int which) {
  const Tensor& input = operands[which].tensor();
  const Tensor copy = empty(input.sizes(), input.dtype());
  copy_values(copy, input);
  std::vector<Operand> replaced(operands, operands + kernel.inputs);
  replaced[static_cast<size_t>(which)] = Operand(copy);
  run_elementwise(kernel, dtype, out, replaced.data(), parameters);
}

}  // namespace

DType elementwise_dtype(const Operand* operands, int count, const char* codes, IntegerRule rule) {
  // Tensors of one dtype are the usual case, and nothing to work out.
  bool uniform = operands[0].is_tensor();
  for (int k = 1; k < count && uniform; ++k) {
    uniform =
        operands[k].is_tensor() && operands[k].tensor().dtype() == operands[0].tensor().dtype();
  }
  DType dtype;
  if (uniform) {
    dtype = operands[0].tensor().dtype();
  } else {
    Promotion promotion;
    for (int k = 0; k < count; ++k) {
      if (codes[k + 1] == 'B' || codes[k + 1] == 'S') continue;
      if (operands[k].is_tensor()) {
        promotion.add(operands[k].tensor());
      } else {
        promotion.add(operands[k].scalar());
      }
    }
    dtype = promotion.result();
  }
  return rule == IntegerRule::kToFloat && is_integral(dtype) ? default_dtype() : dtype;
}

Dims elementwise_shape(const char* op, const Operand* operands, int count) {
  Dims shape;
  bool first = true;
  for (int k = 0; k < count; ++k) {
    if (!operands[k].is_tensor()) continue;
    const Dims& sizes = operands[k].tensor().sizes();
    if (first) {
      shape = sizes;
      first = false;
    } else if (!(shape == sizes)) {
      shape = broadcast_sizes(shape, sizes, op);
    }
  }
  return shape;
}

DType result_dtype(ResultRule rule, DType dtype) {
  switch (rule) {
    case ResultRule::kBool:
      return DType::bool_;
    case ResultRule::kReal:
      return to_real(dtype);
    case ResultRule::kComplex:
      return to_complex(dtype);
    default:
      return dtype;
  }
}

void run_elementwise(const ElementwiseKernel& kernel, DType dtype, const Tensor& out,
                     const Operand* operands, const Scalar* parameters) {
  const DType compute = compute_dtype(dtype);
  const ElementwiseLoop loop = loops[kernel.number][static_cast<int>(compute)];
  if (loop == nullptr) [[unlikely]] {
    fail_no_kernel(kernel, dtype);
  }
  const int64_t numel = out.numel();
  if (numel == 0) return;

  const int count = kernel.inputs + 1;
  DType dtypes[Plan::kMaxOperands];
  dtypes[0] = code_dtype(kernel.codes[0], compute);
  bool direct = out.is_contiguous() && out.dtype() == dtypes[0];
  DirectCall call;
  call.data[0] = out.address();
  bool pending = out.storage()->pending;  // must kernels that were put off run first?
  call.width[0] = static_cast<int64_t>(item_size(dtypes[0]));
  uint32_t constants = 0;  // a bit per operand that is one number
  const Tensor* tensors[Plan::kMaxOperands];
  tensors[0] = &out;
  for (int k = 1; k < count; ++k) {
    const Operand& operand = operands[k - 1];
    dtypes[k] = code_dtype(kernel.codes[k], compute);
    tensors[k] = operand.is_tensor() ? &operand.tensor() : nullptr;
    if (tensors[k] == nullptr || (numel != 1 && is_one_number(*tensors[k]))) {
      constants |= 1u << k;
      call.width[k] = 0;
      continue;
    }
    const Tensor* tensor = tensors[k];
    if (tensor->storage().get() == out.storage().get() &&
        partially_overlaps(*tensor->impl(), *out.impl())) [[unlikely]] {
      return run_with_copy(kernel, dtype, out, operands, parameters, k - 1);
    }
    call.data[k] = tensor->address();
    pending = pending || tensor->storage()->pending;
    call.width[k] = static_cast<int64_t>(item_size(dtypes[k]));
    direct = direct && tensor->is_contiguous() && tensor->dtype() == dtypes[k] &&
             tensor->numel() == numel;
  }

  // Constants: converted once, repeated to as many elements as are read at a time.
  constexpr int kMaxConstants = 6;
  const int64_t read = std::min(kTile, round_up(numel));
  Tile tile_store[kMaxConstants];
  if (constants != 0) {
    int used = 0;
    for (int k = 1; k < count; ++k) {
      if ((constants >> k & 1) == 0) continue;
      alignas(16) char value[kMaxItemSize];
      if (tensors[k] != nullptr) {
        cpu::convert_run(tensors[k]->dtype(), tensors[k]->data(), 0, dtypes[k], value, 0, 1);
      } else {
        operands[k - 1].scalar().store(dtypes[k], value);
      }
      WENGERT_CHECK(used < kMaxConstants, kRuntime, kernel.name, "(): too many scalar operands");
      call.data[k] = tile_store[used].bytes;
      repeat(value, static_cast<int64_t>(item_size(dtypes[k])), tile_store[used++].bytes, read);
    }
  }

  call.loop = loop;
  call.parameters = parameters;
  call.operands = count;
  if (open_chain != nullptr && direct && numel > kGrain &&
      open_chain->take(call, kernel.parameters, tensors, dtypes, numel)) {
    return;
  }
  if (pending || open_chain != nullptr) [[unlikely]] {
    if (pending) run_pending();
    Chain::provide(out);
    for (int k = 0; k < count; ++k) {
      if (call.width[k] != 0) call.data[k] = tensors[k]->address();
    }
  }
  if (direct) {
    if (numel <= kGrain) {
      call.run(0, numel, constants != 0);
    } else {
      parallel_sweep(numel, kGrain,
                     [&](int64_t begin, int64_t end) { call.run(begin, end, constants != 0); });
    }
    return;
  }
  Plan plan(out.sizes());
  const char* tile_of[Plan::kMaxOperands] = {};
  for (int k = 0; k < count; ++k) {
    const bool constant = (constants >> k & 1) != 0;
    if (constant) tile_of[k] = call.data[k];
    plan.add(constant ? out : *tensors[k]);
  }
  plan.finish();
  PlannedCall{loop, parameters, plan, dtypes, tile_of}.run();
}

namespace {

// Is it spread over sizes that its memory does not have? Then it has no layout to pass on.
bool is_expanded(const Tensor& tensor) {
  if (tensor.is_contiguous()) return false;
  for (size_t i = 0; i < tensor.sizes().size(); ++i) {
    if (tensor.strides()[i] == 0 && tensor.sizes()[i] > 1) return true;
  }
  return false;
}

// The first operand of these sizes that has a layout: permuted ones survive.
const Tensor* layout_of(const Operand* operands, int count, const Dims& sizes) {
  const Tensor* found = nullptr;
  for (int k = 0; k < count; ++k) {
    if (!operands[k].is_tensor() || !(operands[k].tensor().sizes() == sizes)) continue;
    const Tensor& tensor = operands[k].tensor();
    if (!is_expanded(tensor)) return &tensor;
    if (found == nullptr) found = &tensor;
  }
  return found;
}

}  // namespace

Tensor new_elementwise(const ElementwiseKernel& kernel, DType dtype, ResultRule rule,
                       const Operand* operands, const Scalar* parameters) {
  const DType out_dtype = result_dtype(rule, dtype);
  Tensor out;
  const auto new_like = [&](const Tensor& like) {
    if (open_chain != nullptr && like.numel() > kGrain && like.is_contiguous()) [[unlikely]]
      return Chain::output_like(like, out_dtype);
    return empty_like(like, out_dtype);
  };
  const Operand& first = operands[0];
  if (kernel.inputs == 1) {
    out = new_like(first.tensor());
  } else {
    const Tensor* like = nullptr;
    bool same_shape = true;
    for (int k = 0; k < kernel.inputs; ++k) {
      if (!operands[k].is_tensor()) continue;
      const Tensor& tensor = operands[k].tensor();
      if (like == nullptr) like = &tensor;
      same_shape = same_shape && tensor.sizes() == like->sizes();
    }
    if (like != nullptr && same_shape && like->is_contiguous()) {
      out = new_like(*like);
    } else {
      const Dims shape = elementwise_shape(kernel.name, operands, kernel.inputs);
      like = layout_of(operands, kernel.inputs, shape);
      out = like != nullptr ? new_like(*like) : empty(shape, out_dtype);
    }
  }
  run_elementwise(kernel, dtype, out, operands, parameters);
  return out;
}

void check_writable(const char* op, const Tensor& target) {
  WENGERT_CHECK(!has_internal_overlap(*target.impl()), kRuntime, op,
                "(): unsupported operation: more than one element of the written-to tensor refers "
                "to a single memory location. Please clone() the tensor before performing the "
                "operation.",
                describe_argument("out", target));
  WENGERT_CHECK(!target.storage()->read_only, kRuntime, op,
                "(): the tensor shares memory that is read-only (it came from a read-only array); "
                "clone() it before writing",
                describe_argument("out", target));
}

void run_elementwise_into(const ElementwiseKernel& kernel, DType dtype, ResultRule rule,
                          const Tensor& out, bool resize, const Operand* operands,
                          const Scalar* parameters) {
  const DType result = result_dtype(rule, dtype);
  WENGERT_CHECK(can_cast(result, out.dtype()), kRuntime, kernel.name, "(): result type ",
                type_name(result), " can't be cast to the desired output type ",
                type_name(out.dtype()), describe_argument("out", out));
  WENGERT_CHECK(resize || rule != ResultRule::kReal || !is_complex(dtype), kRuntime, "In-place ",
                kernel.name, " is not supported for complex tensors.",
                describe_argument("input", out));
  bool same_shape = true;
  for (int k = 0; k < kernel.inputs; ++k) {
    if (operands[k].is_tensor()) same_shape &= operands[k].tensor().sizes() == out.sizes();
  }
  if (!same_shape || resize) {
    const Dims shape = elementwise_shape(kernel.name, operands, kernel.inputs);
    if (!(shape == out.sizes())) {
      WENGERT_CHECK(resize, kRuntime, kernel.name, "(): output with shape ", to_string(out.sizes()),
                    " doesn't match the broadcast shape ", to_string(shape));
      resize_output(out, shape, kernel.name);
    }
  }
  check_writable(kernel.name, out);
  run_elementwise(kernel, dtype, out, operands, parameters);
}

void copy_values(const Tensor& target, const Tensor& source) {
  if (target.numel() == 0) return;
  if (partially_overlaps(*target.impl(), *source.impl())) {
    Tensor twin = empty(source.sizes(), source.dtype());
    copy_values(twin, source);
    return copy_values(target, twin);
  }
  Plan plan(target.sizes());
  plan.add(target);
  plan.add(source);
  plan.finish();
  const int inner = plan.ndim - 1;
  const int64_t row = plan.sizes[inner];
  const int64_t rows = plan.numel / row;
  auto copy_row = [&](char* to, const char* from, int64_t count) {
    cpu::convert_run(plan.dtypes[1], from, plan.strides[1][inner], plan.dtypes[0], to,
                     plan.strides[0][inner], count);
  };
  if (rows == 1) {
    parallel_for(row, kGrain, [&](int64_t begin, int64_t end) {
      copy_row(plan.data[0] + begin * plan.strides[0][inner],
               plan.data[1] + begin * plan.strides[1][inner], end - begin);
    });
    return;
  }
  parallel_for(rows, std::max<int64_t>(1, kGrain / row), [&](int64_t begin, int64_t end) {
    Plan::Position position;
    plan.locate(begin * row, &position);
    for (int64_t r = begin; r < end; ++r) {
      copy_row(plan.address(0, position), plan.address(1, position), row);
      plan.next_row(&position);
    }
  });
}

void fill_values(const Tensor& target, const Scalar& value) {
  alignas(16) char bytes[kMaxItemSize];
  value.store(target.dtype(), bytes);
  auto storage = borrow_storage(bytes, sizeof(bytes), [](void*) {}, nullptr);
  copy_values(target, from_storage(std::move(storage), {}, {}, 0, target.dtype()));
}

Tensor contiguous_values(const Tensor& tensor) {
  if (tensor.is_contiguous()) return tensor;
  Tensor result = empty(tensor.sizes(), tensor.dtype());
  copy_values(result, tensor);
  return result;
}

Tensor converted_values(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return contiguous_values(tensor);
  Tensor result = empty(tensor.sizes(), dtype);
  copy_values(result, tensor);
  return result;
}

}  // namespace wengert
