// Pointwise kernels that a backward pass puts off, to run them together, tile by tile.
//
// Rule after rule, each over a million elements, is bound by the memory that gradients travel
// through. While the engine runs pointwise rules it lets their kernels join a chain; before
// anything else happens, the chain is run: all kernels over the first tile, then all over the next.
// What one kernel leaves for another stays in the first-level cache, and a value that nobody but
// the chain knows any more never reaches memory. Each element sees the same kernels in the same
// order as without a chain, so not a bit differs.
//
// Nothing sees unfinished memory: reading or writing the bytes of a tensor that takes part runs the
// chain first (Storage::pending).
#pragma once
#include <memory>
#include <vector>

#include "ops/direct_call.h"
#include "tensor/tensor.h"

namespace wengert {

// Is all that knows of this tensor's memory so many handles of this tensor?
bool is_held_by(uint32_t handles, const Tensor& tensor);

class Chain {
 public:
  Chain() = default;
  ~Chain() { clear(); }  // what is still here belongs to a pass that raised
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Joins a call over `numel` elements of operands of these dtypes, the output first. Constants and
  // parameters are copied. False if there are too many of these: then the call has to run now.
  bool take(const DirectCall& call, int parameters, const Tensor* const* tensors,
            const DType* dtypes, int64_t numel);
  void run();
  // Does the chain hold this tensor?
  bool holds(const TensorImpl* impl) const;
  // An output like `like` for a call that may join: it gets memory when it turns out to need some.
  static Tensor output_like(const Tensor& like, DType dtype);
  // Gives memory to such an output whose call did not join after all.
  static void provide(const Tensor& output);

 private:
  static constexpr size_t kMost = 16;  // calls: what was saved for them is freed only afterwards
  static constexpr int64_t kElements = 2048;  // a tile: a few of them fit into 32 kB
  static constexpr int kSlots = 4;            // tiles for values that never reach memory
  static constexpr size_t kSlotItem = 8;      // bytes
  static constexpr int kParameters = 4;

  struct Value {
    Tensor tensor;
    size_t last = 0;  // the last call that it appears in
    int slot = -1;
    char* home = nullptr;  // its memory, if it has any
  };
  struct Call {
    DirectCall direct;
    int values[Plan::kMaxOperands];  // -1: a constant
    Scalar parameters[kParameters];
    bool constants;  // are there any?
  };
  int value_of(const Tensor& tensor);
  void assign_places();
  void run_tiles(int64_t begin, int64_t end) const;
  void clear();

  std::vector<Call> calls_;
  std::vector<Value> values_;
  std::vector<std::unique_ptr<Tile>> constants_;
  int64_t numel_ = 0;
};

// The chain of this thread's backward pass that kernels may join now, or null.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Chain* open_chain;

class ChainScope {
 public:
  explicit ChainScope(Chain* chain) : before_(open_chain) { open_chain = chain; }
  ~ChainScope() { open_chain = before_; }
  ChainScope(const ChainScope&) = delete;
  ChainScope& operator=(const ChainScope&) = delete;

 private:
  Chain* before_;
};

}  // namespace wengert
