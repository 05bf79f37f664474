// The tensor: a handle to sizes, strides, a dtype and a storage. What autograd adds (the node that
// made it, its gradient) hangs on two opaque pointers, so this layer knows nothing of graphs.
#pragma once
#include <memory>
#include <string>

#include "base/dims.h"
#include "base/dtype.h"
#include "base/intrusive.h"
#include "base/scalar.h"
#include "tensor/storage.h"
#include "tensor/trail.h"

namespace wengert {

// A node of the graph, which this layer can only own: see graph/node.h.
struct GraphObject {
  uint32_t refs = 0;
};
struct AutogradExtra;  // graph/node.h
struct Wrapper;        // tensor/wrapper.h
void destroy(GraphObject* node);
void destroy(AutogradExtra* extra);

struct TensorImpl {
  uint32_t refs = 0;
  uint32_t output_index = 0;  // which output of grad_fn this is
  DType dtype = DType::float32;
  bool requires_grad = false;  // asked for by the user; true only for leaves
  bool contiguous = true;      // row-major without gaps
  bool unchecked = false;      // of .data and its views: writes do not raise the version
  int64_t offset = 0;          // in elements
  int64_t numel = 0;
  Ref<Storage> storage;
  Ref<GraphObject> grad_fn;
  AutogradExtra* extra = nullptr;
  Wrapper* wrapper = nullptr;  // of a tensor inside of vmap or forward mode
  Ref<Trail> trail;            // where it comes from, if it has no history
  void* python = nullptr;      // the Python object of this tensor, borrowed
  Dims sizes;
  Dims strides;  // in elements
};

void destroy(TensorImpl* impl);
// Runs the kernels that this thread has put off; installed by ops/chain.cpp.
extern void (*run_pending)();
// Before the bytes of a wrapped tensor are read: raises, unless its transform has ended.
[[gnu::cold, gnu::noinline]] void open_wrapper(TensorImpl& impl);

class Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(Ref<TensorImpl> impl) noexcept : impl_(std::move(impl)) {}
  explicit Tensor(TensorImpl* impl) noexcept : impl_(impl) {}

  bool defined() const noexcept { return static_cast<bool>(impl_); }
  TensorImpl* impl() const noexcept { return impl_.get(); }
  TensorImpl* operator->() const noexcept { return impl_.get(); }
  Ref<TensorImpl> release() && noexcept { return std::move(impl_); }

  DType dtype() const noexcept { return impl_->dtype; }
  const Dims& sizes() const noexcept { return impl_->sizes; }
  const Dims& strides() const noexcept { return impl_->strides; }
  int64_t ndim() const noexcept { return static_cast<int64_t>(impl_->sizes.size()); }
  int64_t size(int64_t dim) const;    // negative dims count from the end
  int64_t stride(int64_t dim) const;  // in elements
  int64_t numel() const noexcept { return impl_->numel; }
  int64_t offset() const noexcept { return impl_->offset; }
  bool is_contiguous() const noexcept { return impl_->contiguous; }
  size_t item_size() const noexcept { return wengert::item_size(impl_->dtype); }
  const Ref<Storage>& storage() const noexcept { return impl_->storage; }

  // The first element. Only the plan and the ops layer, which hand pointers to kernels, use these.
  char* data() const {
    if (impl_->storage->pending) [[unlikely]]
      run_pending();
    return address();
  }
  // The same, where kernels that were put off may still have to write the bytes.
  char* address() const {
    if (impl_->wrapper != nullptr) [[unlikely]]
      open_wrapper(*impl_);
    return impl_->storage->data + impl_->offset * static_cast<int64_t>(item_size());
  }
  template <typename T>
  T* data_as() const {
    return reinterpret_cast<T*>(data());
  }

  bool same(const Tensor& other) const noexcept { return impl_ == other.impl_; }

 private:
  Ref<TensorImpl> impl_;
};

// --- making tensors (memory is not initialised) ---
Tensor empty(const Dims& sizes, DType dtype);
Tensor empty_strided(const Dims& sizes, const Dims& strides, DType dtype);
// Same sizes; the strides of `like` where it is dense without overlap, else row-major.
Tensor empty_like(const Tensor& like, DType dtype);
inline Tensor empty_like(const Tensor& like) { return empty_like(like, like.dtype()); }
// A new tensor over the same storage; no autograd history.
Tensor alias(const Tensor& base, const Dims& sizes, const Dims& strides, int64_t offset);
Tensor alias(const Tensor& base);  // same geometry: a detached twin
Tensor from_storage(Ref<Storage> storage, const Dims& sizes, const Dims& strides, int64_t offset,
                    DType dtype);
void set_geometry(TensorImpl& impl, const Dims& sizes, const Dims& strides, int64_t offset);
// For out=: gives `out` the sizes, keeping its storage where it is large enough.
void resize_output(const Tensor& out, const Dims& sizes, const char* op);

// In which order memory holds the dimensions. The channels come last in images of [N, C, H, W] and
// volumes of [N, C, D, H, W]; kPreserve keeps the order of the source.
enum class MemoryFormat : uint8_t { kContiguous, kPreserve, kChannelsLast, kChannelsLast3d };

Dims contiguous_strides(const Dims& sizes);
Dims format_strides(const Dims& sizes, MemoryFormat format);
bool has_format(const Dims& sizes, const Dims& strides, MemoryFormat format);
// Same sizes in a memory format.
Tensor empty_like(const Tensor& like, DType dtype, MemoryFormat format);
bool is_contiguous(const Dims& sizes, const Dims& strides);
bool is_dense(const Dims& sizes, const Dims& strides);  // a permutation of row-major
bool has_internal_overlap(const TensorImpl& impl);      // one element, several indices
// Do the two touch a common byte without being the same view?
bool partially_overlaps(const TensorImpl& a, const TensorImpl& b);

// --- shapes ---
int64_t wrap_dim(int64_t dim, int64_t ndim, const char* op);  // IndexError when out of range
Dims wrap_dims(const Dims& dims, int64_t ndim, const char* op);
Dims broadcast_sizes(const Dims& a, const Dims& b, const char* op);
bool broadcastable_to(const Dims& from, const Dims& to);
// Strides that read `sizes`/`strides` as if it had `target` sizes (0 where broadcast).
Dims expand_strides(const Dims& sizes, const Dims& strides, const Dims& target);

// "float32[2, 3] cpu"
std::string describe(const Tensor& tensor);
// An error line per argument: "\n  input: float32[2, 3] cpu"
std::string describe_argument(const char* name, const Tensor& tensor);

// Marks a write by `op` to the storage of `tensor`, unless it came by .data, whose writes nobody
// checks: that is what programs use it for.
void bump_version(const Tensor& tensor, const char* op, uint8_t how = WriteLog::kPlain);
void log_write(Storage& storage, const char* op, Site site, uint8_t how);
// Where the program is now; installed by the bindings.
extern Site (*current_site)();

}  // namespace wengert
