#include "tensor/wrapper.h"

namespace wengert {

std::vector<Level>& levels() {
  thread_local std::vector<Level> stack;
  return stack;
}

uint64_t next_level_id() {
  static uint64_t last = 0;  // under Python's lock
  return ++last;
}

const Level* find_level(uint64_t id) {
  for (const Level& level : levels()) {
    if (level.id == id) return &level;
  }
  return nullptr;
}

void follow_inner(TensorImpl& impl) {
  const Wrapper& wrapper = *impl.wrapper;
  Dims sizes = wrapper.inner.sizes(), strides = wrapper.inner.strides();
  if (wrapper.dim >= 0) {
    sizes.erase(static_cast<size_t>(wrapper.dim));
    strides.erase(static_cast<size_t>(wrapper.dim));
  }
  impl.dtype = wrapper.inner.dtype();
  impl.storage = wrapper.inner.storage();
  set_geometry(impl, sizes, strides, wrapper.inner.offset());
}

Tensor make_wrapper(Wrapper::Kind kind, uint64_t level, const Tensor& inner, int64_t dim,
                    const Tensor& tangent) {
  Tensor result = alias(inner);
  auto* wrapper = new Wrapper();
  delete result->wrapper;
  result->wrapper = wrapper;
  wrapper->kind = kind;
  wrapper->level = level;
  wrapper->dim = dim;
  wrapper->inner = inner;
  wrapper->tangent = tangent;
  follow_inner(*result.impl());
  return result;
}

void settle(TensorImpl& impl) {
  while (impl.wrapper != nullptr && find_level(impl.wrapper->level) == nullptr) {
    WENGERT_CHECK(
        impl.wrapper->kind == Wrapper::Kind::kDual || impl.wrapper->dim < 0, kRuntime,
        "a tensor is used outside of the vmap that it belongs to: it stands for a whole "
        "batch of tensors. Return it from the function that is mapped instead\n  tensor: ",
        dtype_name(impl.dtype), to_string(impl.sizes), " per sample");
    const Tensor primal = impl.wrapper->inner;
    delete impl.wrapper;
    impl.wrapper = primal->wrapper == nullptr ? nullptr : new Wrapper(*primal->wrapper);
    if (!impl.grad_fn && !impl.requires_grad) {
      impl.grad_fn = primal->grad_fn;
      impl.output_index = primal->output_index;
    }
  }
}

void open_wrapper(TensorImpl& impl) {
  settle(impl);
  WENGERT_CHECK(impl.wrapper == nullptr, kNotImplemented,
                "this operation reads a tensor's memory, which a tensor inside of vmap or forward "
                "mode does not have\n  tensor: ",
                dtype_name(impl.dtype), to_string(impl.sizes));
}

}  // namespace wengert
