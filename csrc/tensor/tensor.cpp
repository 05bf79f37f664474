#include "tensor/tensor.h"

#include <algorithm>
#include <array>
#include <vector>

#include "device/allocator.h"
#include "tensor/live.h"
#include "tensor/wrapper.h"

namespace wengert {

namespace {

// Dead TensorImpls, kept for reuse: making one is then a pop.
constexpr int kMaxFree = 4096;
std::vector<TensorImpl*>& free_impls() {
  static auto* list = new std::vector<TensorImpl*>();
  return *list;
}

TensorImpl* new_impl() {
  ++live_objects.tensors;
  auto& list = free_impls();
  if (!list.empty()) {
    TensorImpl* impl = list.back();
    list.pop_back();
    return impl;
  }
  return new TensorImpl();
}

Site no_site() { return {}; }

}  // namespace

Site (*current_site)() = no_site;
void (*run_pending)() = nullptr;

constinit LiveObjects live_objects;

void destroy(TensorImpl* impl) {
  --live_objects.tensors;
  if (impl->extra != nullptr) {
    destroy(impl->extra);
    impl->extra = nullptr;
  }
  if (impl->wrapper != nullptr) {
    delete impl->wrapper;
    impl->wrapper = nullptr;
  }
  impl->storage.reset();
  impl->grad_fn.reset();
  impl->trail.reset();
  auto& list = free_impls();
  if (list.size() < kMaxFree) {
    impl->output_index = 0;
    impl->requires_grad = false;
    impl->unchecked = false;
    impl->python = nullptr;
    list.push_back(impl);
  } else {
    delete impl;
  }
}

// --- storage ---

namespace {
// The header lies in front of the bytes, in one block.
constexpr size_t kHeader = 128;
static_assert(sizeof(Storage) <= kHeader);
}  // namespace

constinit thread_local bool inference_mode = false;

Ref<Storage> new_storage(size_t bytes) {
  void* block = allocator::allocate(kHeader + bytes);
  auto* storage = new (block) Storage();
  storage->data = static_cast<char*>(block) + kHeader;
  storage->bytes = bytes;
  storage->inference = inference_mode;
  return Ref<Storage>(storage);
}

Ref<Storage> borrow_storage(void* data, size_t bytes, void (*release)(void*), void* context) {
  void* block = allocator::allocate(kHeader);
  auto* storage = new (block) Storage();
  storage->data = static_cast<char*>(data);
  storage->bytes = bytes;
  storage->release = release;
  storage->context = context;
  storage->inference = inference_mode;
  return Ref<Storage>(storage);
}

void destroy(Storage* storage) {
  delete storage->log;
  const bool borrowed = storage->release != nullptr;
  const size_t bytes = storage->bytes;
  if (borrowed) storage->release(storage->context);
  allocator::deallocate(storage, borrowed ? kHeader : kHeader + bytes);
}

// --- making tensors ---

namespace {

int64_t checked_numel(const Dims& sizes) {
  int64_t numel = 1;
  bool zero = false, overflow = false;
  for (int64_t size : sizes) {
    WENGERT_CHECK(size >= 0, kRuntime, "Trying to create tensor with negative dimension ", size,
                  ": ", to_string(sizes));
    zero |= size == 0;
    overflow |= __builtin_mul_overflow(numel, size, &numel);
  }
  WENGERT_CHECK(zero || !overflow, kRuntime, "numel: integer multiplication overflow for sizes ",
                to_string(sizes));
  return zero ? 0 : numel;
}

size_t checked_bytes(int64_t numel, DType dtype) {
  int64_t bytes;
  WENGERT_CHECK(!__builtin_mul_overflow(numel, static_cast<int64_t>(item_size(dtype)), &bytes),
                kRuntime, "Storage size calculation overflowed with ", numel, " elements of ",
                dtype_name(dtype));
  return static_cast<size_t>(bytes);
}

}  // namespace

namespace {

Tensor empty_of(const Dims& sizes, int64_t numel, DType dtype) {
  TensorImpl* impl = new_impl();
  Tensor result{impl};
  impl->dtype = dtype;
  impl->numel = numel;
  impl->sizes = sizes;
  const size_t ndim = sizes.size();
  impl->strides.resize(ndim);
  int64_t step = 1;
  for (size_t i = ndim; i-- > 0;) {
    impl->strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  }
  impl->contiguous = true;
  impl->offset = 0;
  impl->storage = new_storage(checked_bytes(numel, dtype));
  return result;
}

}  // namespace

Tensor empty(const Dims& sizes, DType dtype) {
  return empty_of(sizes, checked_numel(sizes), dtype);
}

Tensor empty_strided(const Dims& sizes, const Dims& strides, DType dtype) {
  WENGERT_CHECK(sizes.size() == strides.size(), kRuntime,
                "empty_strided(): mismatch in length of strides and shape: ", sizes.size(), " and ",
                strides.size());
  const int64_t numel = checked_numel(sizes);
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    WENGERT_CHECK(strides[i] >= 0, kRuntime,
                  "as_strided: Negative strides are not supported at the moment, got strides: ",
                  to_string(strides));
    if (numel != 0) last += (sizes[i] - 1) * strides[i];
  }
  return from_storage(new_storage(checked_bytes(numel == 0 ? 0 : last + 1, dtype)), sizes, strides,
                      0, dtype);
}

Tensor empty_like(const Tensor& like, DType dtype) {
  if (like.is_contiguous() || !is_dense(like.sizes(), like.strides())) {
    return empty_of(like.sizes(), like.numel(), dtype);
  }
  return empty_strided(like.sizes(), like.strides(), dtype);
}

Tensor empty_like(const Tensor& like, DType dtype, MemoryFormat format) {
  if (format == MemoryFormat::kPreserve) return empty_like(like, dtype);
  return empty_strided(like.sizes(), format_strides(like.sizes(), format), dtype);
}

void set_geometry(TensorImpl& impl, const Dims& sizes, const Dims& strides, int64_t offset) {
  impl.numel = product(sizes);
  impl.sizes = sizes;
  impl.strides = strides;
  impl.offset = offset;
  impl.contiguous = is_contiguous(sizes, strides);
}

Tensor from_storage(Ref<Storage> storage, const Dims& sizes, const Dims& strides, int64_t offset,
                    DType dtype) {
  TensorImpl* impl = new_impl();
  Tensor result{impl};
  impl->dtype = dtype;
  impl->storage = std::move(storage);
  set_geometry(*impl, sizes, strides, offset);
  return result;
}

Tensor alias(const Tensor& base, const Dims& sizes, const Dims& strides, int64_t offset) {
  if (base->storage->pending) [[unlikely]]
    run_pending();  // which may give it other memory
  if (base->wrapper != nullptr) [[unlikely]]
    open_wrapper(*base.impl());
  const Tensor result = from_storage(base.storage(), sizes, strides, offset, base.dtype());
  result->unchecked = base->unchecked;
  return result;
}

Tensor alias(const Tensor& base) {
  if (base->storage->pending) [[unlikely]]
    run_pending();
  TensorImpl* impl = new_impl();
  Tensor result{impl};
  impl->dtype = base.dtype();
  impl->storage = base.storage();
  impl->numel = base->numel;
  impl->sizes = base->sizes;
  impl->strides = base->strides;
  impl->offset = base->offset;
  impl->contiguous = base->contiguous;
  impl->unchecked = base->unchecked;
  if (base->wrapper != nullptr) [[unlikely]]
    impl->wrapper = new Wrapper(*base->wrapper);
  return result;
}

void resize_output(const Tensor& out, const Dims& sizes, const char* op) {
  if (out.sizes() == sizes) return;
  const size_t bytes = checked_bytes(checked_numel(sizes), out.dtype());
  Storage& storage = *out.storage();
  const size_t start = static_cast<size_t>(out.offset()) * out.item_size();
  WENGERT_CHECK(start + bytes <= storage.bytes || storage.release == nullptr, kRuntime, op,
                "(): out: cannot resize memory that is owned by someone else",
                describe_argument("out", out));
  if (start + bytes > storage.bytes) {
    Ref<Storage> fresh = new_storage(bytes);
    fresh->version = storage.version;
    fresh->inference = storage.inference;
    out->storage = std::move(fresh);
    set_geometry(*out.impl(), sizes, contiguous_strides(sizes), 0);
  } else {
    set_geometry(*out.impl(), sizes, contiguous_strides(sizes), out.offset());
  }
}

// --- geometry ---

int64_t Tensor::size(int64_t dim) const { return sizes()[wrap_dim(dim, ndim(), "size")]; }
int64_t Tensor::stride(int64_t dim) const { return strides()[wrap_dim(dim, ndim(), "stride")]; }

Dims contiguous_strides(const Dims& sizes) {
  Dims strides;
  strides.resize(sizes.size());
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

Dims format_strides(const Dims& sizes, MemoryFormat format) {
  if (format == MemoryFormat::kContiguous || format == MemoryFormat::kPreserve) {
    return contiguous_strides(sizes);
  }
  const size_t rank = format == MemoryFormat::kChannelsLast ? 4 : 5;
  WENGERT_CHECK(sizes.size() == rank, kRuntime, "required rank ", rank,
                " tensor to use channels_last", rank == 5 ? "_3d" : "", " format");
  Dims strides(rank, 1);
  int64_t step = std::max<int64_t>(sizes[1], 1);
  for (size_t i = rank; i-- > 0;) {
    if (i == 1) continue;
    strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

bool has_format(const Dims& sizes, const Dims& strides, MemoryFormat format) {
  if (format == MemoryFormat::kContiguous) return is_contiguous(sizes, strides);
  if (format == MemoryFormat::kPreserve) return true;
  if (sizes.size() != (format == MemoryFormat::kChannelsLast ? 4 : 5)) return false;
  const Dims wanted = format_strides(sizes, format);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != 1 && strides[i] != wanted[i]) return false;
  }
  return true;
}

bool is_contiguous(const Dims& sizes, const Dims& strides) {
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 0) return true;
  }
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= sizes[i];
  }
  return true;
}

namespace {

// The dimensions that matter (size > 1), by increasing stride.
struct Extent {
  int64_t size;
  int64_t stride;
};
std::vector<Extent> sorted_extents(const Dims& sizes, const Dims& strides) {
  std::vector<Extent> extents;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > 1) extents.push_back({sizes[i], strides[i]});
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.stride < b.stride; });
  return extents;
}

}  // namespace

bool is_dense(const Dims& sizes, const Dims& strides) {
  int64_t step = 1;
  for (const Extent& e : sorted_extents(sizes, strides)) {
    if (e.stride != step) return false;
    step *= e.size;
  }
  return true;
}

bool has_internal_overlap(const TensorImpl& impl) {
  if (impl.contiguous || impl.numel <= 1) return false;
  int64_t reach = 0;  // the largest offset that the smaller strides can make
  for (const Extent& e : sorted_extents(impl.sizes, impl.strides)) {
    if (e.stride <= reach) return true;
    reach += (e.size - 1) * e.stride;
  }
  return false;
}

bool partially_overlaps(const TensorImpl& a, const TensorImpl& b) {
  if (a.storage.get() != b.storage.get() || a.numel == 0 || b.numel == 0) return false;
  if (a.offset == b.offset && a.dtype == b.dtype && a.sizes == b.sizes && a.strides == b.strides) {
    return false;
  }
  auto range = [](const TensorImpl& t) {
    int64_t last = 0;
    for (size_t i = 0; i < t.sizes.size(); ++i) last += (t.sizes[i] - 1) * t.strides[i];
    const auto width = static_cast<int64_t>(item_size(t.dtype));
    return std::array<int64_t, 2>{t.offset * width, (t.offset + last + 1) * width};
  };
  const auto x = range(a), y = range(b);
  return x[0] < y[1] && y[0] < x[1];
}

int64_t wrap_dim(int64_t dim, int64_t ndim, const char* op) {
  const int64_t range = std::max<int64_t>(ndim, 1);
  if (dim < -range || dim >= range) [[unlikely]] {
    fail(ErrorKind::kIndex, op, "(): Dimension out of range (expected to be in range of [", -range,
         ", ", range - 1, "], but got ", dim, ")");
  }
  return dim < 0 ? dim + range : dim;
}

Dims wrap_dims(const Dims& dims, int64_t ndim, const char* op) {
  Dims result = dims;
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = wrap_dim(result[i], ndim, op);
    for (size_t j = 0; j < i; ++j) {
      WENGERT_CHECK(result[i] != result[j], kRuntime, op, "(): dim ", result[i],
                    " appears multiple times in the list of dims");
    }
  }
  return result;
}

Dims broadcast_sizes(const Dims& a, const Dims& b, const char* op) {
  if (a == b) return a;
  const bool a_longer = a.size() >= b.size();
  const Dims& longer = a_longer ? a : b;
  const Dims& shorter = a_longer ? b : a;
  Dims result = longer;
  const size_t shift = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const int64_t x = longer[shift + i], y = shorter[i];
    if (x == y || y == 1) continue;
    if (x == 1) {
      result[shift + i] = y;
      continue;
    }
    fail(ErrorKind::kRuntime, op, "(): The size of tensor a (", a_longer ? x : y,
         ") must match the size of tensor b (", a_longer ? y : x, ") at non-singleton dimension ",
         shift + i, "\n  a: ", to_string(a), "\n  b: ", to_string(b));
  }
  return result;
}

bool broadcastable_to(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  const size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != to[shift + i] && from[i] != 1) return false;
  }
  return true;
}

Dims expand_strides(const Dims& sizes, const Dims& strides, const Dims& target) {
  Dims result(target.size(), 0);
  const size_t shift = target.size() - sizes.size();
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == target[shift + i]) result[shift + i] = sizes[i] == 1 ? 0 : strides[i];
  }
  return result;
}

// --- words ---

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

std::string describe(const Tensor& tensor) {
  if (!tensor.defined()) return "None";
  return str(dtype_name(tensor.dtype()), to_string(tensor.sizes()), " cpu");
}

std::string describe_argument(const char* name, const Tensor& tensor) {
  return str("\n  ", name, ": ", describe(tensor));
}

void bump_version(const Tensor& tensor, const char* op, uint8_t how) {
  if (!tensor->unchecked) log_write(*tensor.storage(), op, current_site(), how);
}

void log_write(Storage& storage, const char* op, Site site, uint8_t how) {
  ++storage.version;
  if (storage.log == nullptr) storage.log = new WriteLog();
  WriteLog& log = *storage.log;
  for (int i = WriteLog::kKept - 1; i > 0; --i) log.writes[i] = log.writes[i - 1];
  log.writes[0] = {op, site, storage.version, how};
  if (log.count < WriteLog::kKept) ++log.count;
}

}  // namespace wengert
