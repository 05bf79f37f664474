// The record: one node per differentiable operation. Data only: which rule to apply is a pointer
// in the node's type, and who walks the graph is in autograd/engine.cpp.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/pooled.h"
#include "tensor/tensor.h"

namespace wengert {

struct Node;

// Where a gradient goes next: input `index` of the backward rule of `node`, which is to say
// output `index` of the operation that it recorded.
struct Edge {
  Ref<GraphObject> target;
  uint32_t index = 0;
  Ref<Trail> trail;  // where there is no target: how the value lost its history
  Node* node() const;
};

// What is known of an output, for zeros, casts and un-broadcasting of its gradient.
struct OutputInfo {
  DType dtype = DType::float32;
  Dims sizes;
};

class Saved;
using SavedVisitor = void (*)(const char* role, Saved& value, void* context);

// One per operator: how to go backwards and what is kept for that. Rules read the gradients of the
// outputs (undefined means zero) and fill one per edge (undefined means zero).
struct NodeType {
  const char* name;  // "MulBackward0"
  const char* op;    // "mul"
  void (*backward)(Node& node, Tensor* output_gradients, Tensor* input_gradients);
  // Calls `visit` for each saved value, by the name of the operand or "output".
  void (*saved)(Node& node, SavedVisitor visit, void* context);
  void (*remove)(Node* node);  // ends the object
  // Does it only look at gradients on their way? Then it must see them also where a write in place
  // leads them elsewhere.
  bool watches = false;
  // Is the rule made of elementwise kernels alone? Then they may run together with those of the
  // rules before and after: see ops/chain.h.
  bool pointwise = false;
};

// What may close a cycle of references: it holds objects of Python, or leads forward in time. All
// are in one list, which the bindings go through when Python collects garbage.
struct Candidate {
  enum Kind : uint8_t { kTensor, kNode, kPacked };
  Candidate(Kind of, void* object);
  ~Candidate();
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  static Candidate* first();
  Candidate* next() const { return after_; }
  const Kind kind;
  void* const owner;  // a TensorImpl, a Node or a Packed

 private:
  Candidate* before_;
  Candidate* after_;
};

using TensorHook = std::function<Tensor(const Tensor&)>;
// May replace the gradients in `changed`; sees those in `given`.
using NodeHook =
    std::function<void(Tensor* changed, size_t count, const Tensor* given, size_t given_count)>;

// What the bindings keep with a node.
struct Attachment {
  virtual ~Attachment() = default;
};

// Rare things that hang on a node.
struct NodeExtra {
  struct Hook {
    uint32_t output;
    int64_t id;
    TensorHook call;
  };
  explicit NodeExtra(Node* of) : candidate(Candidate::kNode, of) {}
  std::vector<Hook> hooks;  // on the gradients that arrive, in order of registration
  std::vector<std::pair<int64_t, NodeHook>> before;  // change all that arrive
  std::vector<std::pair<int64_t, NodeHook>> after;   // change what the rule gives, see what arrived
  std::vector<std::pair<uint32_t, TensorImpl*>> retained;  // outputs that keep their gradient
  Ref<Upstream> upstream;                                  // for those who look back at this node
  void* python = nullptr;  // the Python object of the node, borrowed
  std::unique_ptr<Attachment> attachment;
  Candidate candidate;
  ~NodeExtra();
};
NodeExtra& extra(Node& node);  // makes it when it is not there

template <typename T>
class Few {  // one or two in place, more on the heap
 public:
  explicit Few(size_t count) : count_(count) {
    if (count > 2) many_ = new T[count];
  }
  ~Few() { delete[] many_; }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  size_t size() const { return count_; }
  T* data() { return many_ != nullptr ? many_ : few_; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  T& operator[](size_t i) { return data()[i]; }

 private:
  size_t count_;
  T* many_ = nullptr;
  T few_[2];
};

struct Node : GraphObject, Pooled {
  const NodeType* type;
  uint64_t sequence;  // later operations have larger numbers
  Site site;          // the user's line
  bool released = false;
  uint32_t run = 0;   // the last backward call that came through, see autograd/engine.h
  Ref<Trail> origin;  // of a node that a backward rule recorded: the node whose rule it was
  NodeExtra* extra = nullptr;
  Few<Edge> edges;
  Few<OutputInfo> outputs;

  Node(const NodeType* node_type, size_t edge_count, size_t output_count);
  ~Node();
  bool needs(size_t input) { return static_cast<bool>(edges[input].target); }
};
uint64_t next_sequence_number();  // of the node that is made next

inline Node* Edge::node() const { return static_cast<Node*>(target.get()); }

struct SavedHooks;

// --- modes, per thread ---
struct Modes {
  bool grad = true;
  // Under inference_mode nothing is recorded, whatever grad mode is asked for, and what is made
  // there cannot be saved for a gradient later: but function transforms, which look after their own
  // derivatives, may do both.
  bool asked = true;  // the grad mode of which programs hear under inference_mode
  bool transforming = false;
  bool forward = true;  // are tangents pushed forward?
  // A backward pass inside of a transform: `grad` holds for its level and above, `below` for what
  // lies outside of it. See ops/transform.h.
  bool split = false;
  bool below = false;
  uint64_t split_level = 0;
  uint32_t batched = 0;               // how many vmaps are running, one inside the other
  uint32_t engine = 0;                // how many backward calls are running, one inside the other
  uint32_t custom = 0;                // the call of a custom function whose forward is running
  Trail* running = nullptr;           // the node whose rule is being recorded, with create_graph
  SavedHooks* saved_hooks = nullptr;  // pack what is saved from now on
};
// One load away, like an ordinary variable: each operation reads it several times.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Modes modes;

inline bool may_record() { return !inference_mode || modes.transforming; }

// What a hook on saved values has put in the place of one.
struct Packed {
  uint32_t refs = 0;
  Packed() : candidate(Candidate::kPacked, this) {}
  virtual ~Packed() = default;
  virtual Tensor unpack() = 0;
  virtual bool keeps(const Storage* storage) const = 0;  // is that memory kept as it is?
  Candidate candidate;
};
inline void destroy(Packed* packed) { delete packed; }
// The hooks of this thread, in modes.saved_hooks.
struct SavedHooks {
  virtual Ref<Packed> pack(const Tensor& tensor) = 0;
  virtual ~SavedHooks() = default;
};

// A value kept for the backward rule, with the version at which it was kept.
class Saved {
 public:
  void input(const Tensor& tensor) { keep(tensor, false); }
  void output(const Tensor& tensor);  // without the history that would make a cycle
  void reset() {
    impl_.reset();
    storage_.reset();
    aside_.reset();
  }
  bool defined() const { return impl_ || aside_; }
  // Raises if the value was written over since, or was already let go.
  Tensor get(Node& owner, const char* role) const;
  const TensorImpl* impl() const { return impl_.get(); }  // null where hooks took the value
  Packed* packed() const { return aside_ ? aside_->packed.get() : nullptr; }
  Edge history() const { return aside_ ? aside_->history : Edge{}; }  // of a packed value

 private:
  struct Aside : Pooled {
    uint32_t refs = 0;
    uint64_t checksum = 0;  // of memory that others can write to without raising the version
    Ref<Packed> packed;
    OutputInfo info;  // of the value that was packed
    Edge history;
    friend void destroy(Aside* aside) { delete aside; }
  };
  void keep(const Tensor& tensor, bool is_output) {
    if (!tensor.defined()) return;
    if (tensor->storage->inference) [[unlikely]]
      check_inference(tensor);
    tensor->unchecked = false;  // from here on its own writes count
    version_ = tensor->storage->version;
    is_output_ = is_output;
    has_history_ = static_cast<bool>(tensor->grad_fn);
    if (modes.saved_hooks != nullptr) [[unlikely]]
      return pack(tensor);
    impl_ = Ref<TensorImpl>(tensor.impl());
    storage_ = tensor.storage();
    if (storage_->shared) [[unlikely]]
      note_checksum();
  }
  [[gnu::cold]] void pack(const Tensor& tensor);
  [[gnu::cold]] Tensor unpack(Node& owner, const char* role) const;
  [[gnu::cold]] void note_checksum();
  [[gnu::cold]] static void check_inference(
      const Tensor& tensor);  // raises where it may not be kept
  static uint64_t checksum_of(const TensorImpl& impl);
  Ref<TensorImpl> impl_;
  Ref<Aside> aside_;
  Ref<Storage> storage_;  // the tensor may be given another one
  uint32_t version_ = 0;
  uint32_t output_index_ = 0;
  bool is_output_ = false;
  bool has_history_ = false;  // which detach_() may take away
};

void no_saved(Node& node, SavedVisitor visit, void* context);
// Lets go of the saved values.
void release_saved(Node& node);

// The first operation that made NaN or infinity out of finite values, while these are watched for.
struct Fault {
  std::string story;
  bool nan = false;
  int reaching = 0;  // live tensors that hold the values and that nothing has read yet
};

// A tensor that holds values of a fault.
struct FaultMark {
  std::shared_ptr<Fault> fault;
  bool read = false;
  void set(std::shared_ptr<Fault> value) {
    clear();
    fault = std::move(value);
    if (fault) ++fault->reaching;
  }
  void mark_read() {
    if (fault && !read) --fault->reaching;
    read = true;
  }
  void clear() {
    mark_read();
    fault.reset();
    read = false;
  }
  ~FaultMark() { clear(); }
};

// A view knows its base, so that a write through it reaches the base's history.
struct ViewInfo : Pooled {
  Tensor base;
  uint32_t version = 0;       // of the storage when grad_fn was set
  bool multi_output = false;  // one of several views made by one operation
  bool no_grad = false;       // made where no graph was recorded
  bool inference = false;     // namely, under inference_mode
  bool custom = false;        // made by a custom function: its rule must not be gone around
};

struct AutogradExtra : Pooled {
  explicit AutogradExtra(TensorImpl* of) : candidate(Candidate::kTensor, of) {}
  Tensor grad;
  Node* accumulator = nullptr;  // borrowed: the node owns the tensor
  ViewInfo* view = nullptr;
  std::string name;        // the parameter's qualified name, where known
  Ref<Upstream> upstream;  // of a leaf: for those who look back at it
  FaultMark fault;
  bool retains_grad = false;
  std::vector<NodeExtra::Hook> hooks;  // of a leaf: its accumulator comes and goes
  Ref<GraphObject> retained_by;        // the node that puts the gradient of this non-leaf here
  // Called after a leaf's gradient was added.
  std::vector<std::pair<int64_t, TensorHook>> accumulated;
  uint64_t adding = 0;  // the thread that adds to the gradient, which takes a while
  Candidate candidate;
  ~AutogradExtra();
};

AutogradExtra& extra(const Tensor& tensor);  // makes it when it is not there

class GradModeScope {
 public:
  explicit GradModeScope(bool enabled) : before_(modes.grad), split_(modes.split) {
    modes.grad = enabled && may_record();
    modes.split = false;
  }
  ~GradModeScope() {
    modes.grad = before_;
    modes.split = split_;
  }
  GradModeScope(const GradModeScope&) = delete;
  GradModeScope& operator=(const GradModeScope&) = delete;

 private:
  bool before_, split_;
};

// --- recording ---

// Does a gradient flow into this tensor?
bool requires_grad_slow(const Tensor& view);
inline bool requires_grad(const Tensor& tensor) {
  if (!tensor.defined()) return false;
  const TensorImpl& impl = *tensor.impl();
  if (impl.requires_grad || impl.grad_fn) return true;
  return impl.extra != nullptr && impl.extra->view != nullptr && requires_grad_slow(tensor);
}
inline bool needs_grad(const Tensor& tensor) { return modes.grad && requires_grad(tensor); }

// The node that made the tensor, brought up to date for views whose base was written to.
Node* grad_fn(const Tensor& tensor);
// Where this tensor's gradient goes; no target if it needs none.
Edge gradient_edge(const Tensor& tensor);
Node* gradient_accumulator(const Tensor& leaf);

// Makes `tensor` output `index` of `node`.
void set_history(const Tensor& tensor, const Ref<Node>& node, uint32_t index = 0);
// Is it a view of a tensor whose memory it still shares? (Either may have been given other memory.)
inline bool is_view(const Tensor& tensor) {
  const TensorImpl& impl = *tensor.impl();
  return impl.extra != nullptr && impl.extra->view != nullptr &&
         impl.extra->view->base->storage == impl.storage;
}
// Marks `result` as a view of `base` (or of base's base).
void set_view(const Tensor& result, const Tensor& base, bool multi_output = false);
// Raises for a tensor of inference mode that is written to outside of it.
void check_inference_write(const char* op, const Tensor& target);
// Before a write in place: raises where PyTorch does, and leaves the tensor unchanged.
void check_inplace(const char* op, const Tensor& target);
// How the two messages begin and end that are about views made where nothing was recorded.
std::string view_made_in_mode(const ViewInfo& view);
std::string sides_of_mode(const ViewInfo& view);
// Before a write in place of what is recorded.
void check_recorded_write(const char* op, const Tensor& target);
// Raises where a write would lead gradients around the rule of a custom function.
void check_custom_view(const Tensor& view);
// After a write in place: `target` is output `output` of the node, whose edge `position` leads to
// the old value.
void rebase_history(const Tensor& target, Ref<Node> node, uint32_t output = 0, size_t position = 0);
// After a write in place that was not recorded.
void wrote(const char* op, const Tensor& target);
// For out=: no history may be involved.
void check_out(const char* op, const Tensor& out, bool inputs_need_grad);

extern const NodeType kAccumulateGrad;
struct AccumulateGrad : Node {
  explicit AccumulateGrad(const Tensor& leaf);
  Tensor variable;
};

// Turns a site into "file.py:12"; installed by the bindings.
extern std::string (*format_site)(Site site);
// The parts of long messages below their first line; installed by the bindings, which leave the
// prose to Python (wengert/autograd/_stories.py).
struct Stories {
  std::string (*overwritten)(Node& owner, const char* role, const TensorImpl& saved,
                             uint32_t expected) = nullptr;
  std::string (*released)(Node& owner) = nullptr;
  std::string (*missing)(const Tensor& root) = nullptr;
};
extern constinit Stories stories;

}  // namespace wengert
