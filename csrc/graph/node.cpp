#include "graph/node.h"

#include <algorithm>

#include "graph/lost.h"
#include "graph/shared.h"

#include "tensor/live.h"

namespace wengert {

constinit thread_local Modes modes;
constinit Stories stories;

namespace {
uint64_t next_sequence = 1;
std::string no_format(Site) { return "<unknown>"; }
}  // namespace

std::string (*format_site)(Site site) = no_format;

Node::Node(const NodeType* node_type, size_t edge_count, size_t output_count)
    : type(node_type),
      sequence(next_sequence++),
      site(current_site()),
      origin(modes.running),
      edges(edge_count),
      outputs(output_count) {
  ++live_objects.nodes;
}

Node::~Node() {
  --live_objects.nodes;
  if (extra != nullptr && extra->upstream && extra->upstream->refs > 1) leave_leaves(*this);
  delete extra;
}

uint64_t next_sequence_number() { return next_sequence; }

namespace {
Candidate* first_candidate = nullptr;
}  // namespace

Candidate::Candidate(Kind of, void* object)
    : kind(of), owner(object), before_(nullptr), after_(first_candidate) {
  if (after_ != nullptr) after_->before_ = this;
  first_candidate = this;
}

Candidate::~Candidate() {
  (before_ != nullptr ? before_->after_ : first_candidate) = after_;
  if (after_ != nullptr) after_->before_ = before_;
}

Candidate* Candidate::first() { return first_candidate; }

NodeExtra::~NodeExtra() {
  if (upstream) upstream->node = nullptr;
}

NodeExtra& extra(Node& node) {
  if (node.extra == nullptr) node.extra = new NodeExtra(&node);
  return *node.extra;
}

// Letting go of the last node of a long chain lets go of the one before it, and so on: a list
// instead of the call stack.
void destroy(GraphObject* object) {
  static std::vector<Node*> waiting;
  static bool busy = false;
  waiting.push_back(static_cast<Node*>(object));
  if (busy) return;
  busy = true;
  while (!waiting.empty()) {
    Node* node = waiting.back();
    waiting.pop_back();
    node->type->remove(node);
  }
  busy = false;
}

void destroy(AutogradExtra* extra) { delete extra; }

AutogradExtra::~AutogradExtra() {
  delete view;
  if (upstream) upstream->leaf = nullptr;
  if (retained_by) {
    auto& retained = static_cast<Node*>(retained_by.get())->extra->retained;
    std::erase_if(retained, [&](const auto& entry) { return entry.second->extra == this; });
  }
}

AutogradExtra& extra(const Tensor& tensor) {
  if (tensor->extra == nullptr) tensor->extra = new AutogradExtra(tensor.impl());
  return *tensor->extra;
}

// --- saved values ---

void Saved::output(const Tensor& tensor) {
  if (!tensor.defined()) return;
  keep(alias(tensor), true);
  output_index_ = tensor->output_index;
}

namespace {

// Where a tensor of inference mode comes from, where that is known.
std::string birth_of(const Tensor& tensor) {
  if (!tensor->trail || tensor->trail->site.code == nullptr) return "";
  if (tensor->trail->cut == Cut::kFrozen) return "";
  return str("\n  made by ", tensor->trail->op, "   ", format_site(tensor->trail->site));
}

}  // namespace

void Saved::check_inference(const Tensor& tensor) {
  if (modes.transforming) return;
  fail(ErrorKind::kRuntime,
       "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
       "inference mode in computation tracked by autograd. To work around this, you can make a "
       "clone to get a normal tensor and use it in autograd, or use `no_grad()` instead of "
       "`inference_mode()`.",
       describe_argument("saved", tensor), birth_of(tensor));
}

void check_inference_write(const char* op, const Tensor& target) {
  if (!target->storage->inference || inference_mode || modes.transforming) return;
  fail(ErrorKind::kRuntime,
       "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a "
       "clone to get a normal tensor before doing inplace update.\n  op: ",
       op, describe_argument("self", target), birth_of(target));
}

void Saved::note_checksum() {
  aside_ = Ref<Aside>(new Aside());
  aside_->checksum = checksum_of(*impl_);
}

void Saved::pack(const Tensor& tensor) {
  aside_ = Ref<Aside>(new Aside());
  aside_->info = {tensor.dtype(), tensor.sizes()};
  if (!is_output_) aside_->history = gradient_edge(tensor);
  const GradModeScope mode(false);
  aside_->packed = modes.saved_hooks->pack(alias(tensor));
  WENGERT_CHECK(
      tensor->storage->version == version_, kRuntime,
      "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
      "to pack hook can not be modified by in-place operations as this can lead to "
      "unexpected side-effects.",
      describe_argument("saved", tensor));
  if (aside_->packed->keeps(tensor.storage().get())) storage_ = tensor.storage();
}

namespace {

[[noreturn, gnu::cold]] void fail_overwritten(Node& owner, const char* role, const TensorImpl& impl,
                                              uint32_t expected) {
  std::string text =
      "one of the variables needed for gradient computation has been modified by an inplace "
      "operation:";
  if (stories.overwritten != nullptr) text += stories.overwritten(owner, role, impl, expected);
  throw Error(ErrorKind::kRuntime, text);
}

[[noreturn, gnu::cold]] void fail_replaced(const Node& owner, const char* role,
                                           const TensorImpl& impl) {
  fail(ErrorKind::kRuntime,
       "one of the variables needed for gradient computation has been modified by an inplace "
       "operation:\n  ",
       dtype_name(impl.dtype), to_string(impl.sizes),
       " was given other memory (by assigning to .data, set_ or resize_).\n    saved by    ",
       owner.type->op, " (", role, ")   ", format_site(owner.site),
       "\n    fix: call backward() first, or run the forward pass again");
}

[[noreturn, gnu::cold]] void fail_detached(const Node& owner, const char* role,
                                           const TensorImpl& impl) {
  fail(ErrorKind::kRuntime,
       "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_(). This "
       "is not supported, please use out-of-place `.detach()` instead\n  saved by ",
       owner.type->op, " (", role, ")   ", format_site(owner.site),
       "\n  saved: ", dtype_name(impl.dtype), to_string(impl.sizes));
}

[[noreturn, gnu::cold]] void fail_released(Node& owner) {
  std::string text =
      "Trying to backward through the graph a second time (or directly access saved tensors after "
      "they have already been freed). Saved intermediate values of the graph are freed when you "
      "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
      "through the graph a second time or if you need to access saved tensors after calling "
      "backward.";
  if (stories.released != nullptr) text += stories.released(owner);
  throw Error(ErrorKind::kRuntime, text);
}

}  // namespace

uint64_t Saved::checksum_of(const TensorImpl& impl) {
  if (impl.numel == 0 || impl.storage->read_only) return 0;
  int64_t last = 0;
  for (size_t i = 0; i < impl.sizes.size(); ++i) last += (impl.sizes[i] - 1) * impl.strides[i];
  const auto width = static_cast<int64_t>(item_size(impl.dtype));
  const char* bytes = impl.storage->data + impl.offset * width;
  return wengert::checksum_of(bytes, static_cast<size_t>((last + 1) * width));
}

Tensor Saved::unpack(Node& owner, const char* role) const {
  const Ref<Aside> aside = aside_;  // the hook may let go of this value
  const Ref<Storage> storage = storage_;
  const uint32_t version = version_, index = output_index_;
  const bool is_output = is_output_;
  const Tensor value = aside->packed->unpack();
  WENGERT_CHECK(
      value.dtype() == aside->info.dtype && value.sizes() == aside->info.sizes, kRuntime,
      "the unpack hook of a saved tensor gave something else than was packed\n  saved by ",
      owner.type->op, " (", role, ")   ", format_site(owner.site),
      "\n  packed: ", dtype_name(aside->info.dtype), to_string(aside->info.sizes),
      describe_argument("unpacked", value));
  // Hooks that keep the very memory (lambda x: x) protect it from nothing.
  if (storage && value.storage() == storage && storage->version != version) {
    fail_overwritten(owner, role, *value.impl(), version);
  }
  // With its history even where nothing is recorded: backward rules of users may ask for it.
  Tensor twin = alias(value);
  twin->grad_fn = is_output ? Ref<GraphObject>(&owner) : aside->history.target;
  twin->output_index = is_output ? index : aside->history.index;
  return twin;
}

Tensor Saved::get(Node& owner, const char* role) const {
  if (owner.released) fail_released(owner);
  if (packed() != nullptr) [[unlikely]]
    return unpack(owner, role);
  if (!impl_) return Tensor();
  if (impl_->storage != storage_) fail_replaced(owner, role, *impl_);
  Storage& storage = *storage_;
  if (storage.shared && storage.version == version_) [[unlikely]] {
    const bool changed =
        aside_ ? checksum_of(*impl_) != aside_->checksum : changed_since_shared(storage);
    if (changed) {
      log_write(storage, "another owner of the memory", storage.shared_at, WriteLog::kArray);
    }
  }
  if (storage.version != version_) fail_overwritten(owner, role, *impl_, version_);
  if (has_history_ && !impl_->grad_fn) [[unlikely]]
    fail_detached(owner, role, *impl_);
  Tensor result{impl_};
  if (!is_output_ || !modes.grad) return result;
  Tensor twin = alias(result);
  twin->grad_fn = Ref<GraphObject>(&owner);
  twin->output_index = output_index_;
  return twin;
}

void no_saved(Node&, SavedVisitor, void*) {}

void release_saved(Node& node) {
  node.type->saved(node, [](const char*, Saved& value, void*) { value.reset(); }, nullptr);
}

// --- recording ---

Node* gradient_accumulator(const Tensor& leaf) {
  AutogradExtra& more = extra(leaf);
  if (more.accumulator == nullptr) more.accumulator = new AccumulateGrad(leaf);
  return more.accumulator;
}

AccumulateGrad::AccumulateGrad(const Tensor& leaf) : Node(&kAccumulateGrad, 0, 1), variable(leaf) {
  sequence = UINT64_MAX;  // leaves first: their gradients are wanted by hooks and cost nothing
  outputs[0] = {leaf.dtype(), leaf.sizes()};
}

Edge gradient_edge(const Tensor& tensor) {
  Edge edge;
  if (!tensor.defined()) return edge;
  if (Node* node = grad_fn(tensor)) {
    edge.target = Ref<GraphObject>(node);
    edge.index = tensor->output_index;
  } else if (tensor->requires_grad) {
    edge.target = Ref<GraphObject>(gradient_accumulator(tensor));
  } else {
    edge.trail = tensor->trail;
  }
  return edge;
}

void set_history(const Tensor& tensor, const Ref<Node>& node, uint32_t index) {
  // Only floating-point and complex values can carry a gradient.
  if (!is_inexact(tensor.dtype())) return note_cut(tensor, Cut::kInteger, node->type->op, *node);
  OutputInfo& info = node->outputs[index];
  info.dtype = tensor.dtype();
  info.sizes = tensor.sizes();
  tensor->grad_fn = Ref<GraphObject>(node.get());
  tensor->output_index = index;
  tensor->trail.reset();
}

void set_view(const Tensor& result, const Tensor& base, bool multi_output) {
  auto* view = new ViewInfo();
  const bool chained = is_view(base);
  view->base = chained ? base->extra->view->base : base;
  view->version = result.storage()->version;
  view->multi_output = multi_output;
  view->no_grad = !modes.grad || (chained && base->extra->view->no_grad);
  view->inference = (inference_mode && view->no_grad) || (chained && base->extra->view->inference);
  AutogradExtra& more = extra(result);
  delete more.view;
  more.view = view;
}

void wrote(const char* op, const Tensor& target) {
  uint8_t how = modes.grad ? WriteLog::kPlain : WriteLog::kNoGrad;
  if (target->extra != nullptr && target->extra->view != nullptr) how |= WriteLog::kView;
  if (target->trail && (target->trail->cut == Cut::kDetach || target->trail->cut == Cut::kData)) {
    how |= WriteLog::kDetached;
  }
  bump_version(target, op, how);
}

bool requires_grad_slow(const Tensor& tensor) {
  if (!is_view(tensor)) return false;
  const ViewInfo& view = *tensor->extra->view;
  return view.version != tensor.storage()->version && requires_grad(view.base);
}

std::string view_made_in_mode(const ViewInfo& view) {
  return view.inference ? "A view was created in inference mode and "
                        : "A view was created in no_grad mode and ";
}

std::string sides_of_mode(const ViewInfo& view) {
  const char* block = view.inference ? "inference_mode" : "no_grad";
  return str(view.inference ? " modified inplace in normal mode."
                            : " modified inplace with grad mode enabled.",
             " Given that this use case is ambiguous and error-prone, it is forbidden. You can "
             "clarify your code by moving both the view and the inplace either both inside the ",
             block,
             " block (if you don't want the inplace to be tracked) or both outside (if you want "
             "the inplace to be tracked).");
}

namespace {

void check_view_mode(const char* op, const Tensor& target) {
  const ViewInfo& view = *target->extra->view;
  WENGERT_CHECK(!view.no_grad, kRuntime, view_made_in_mode(view), "is being", sides_of_mode(view),
                "\n  op: ", op, describe_argument("self", target),
                describe_argument("base", view.base));
}

}  // namespace

void check_recorded_write(const char* op, const Tensor& target) {
  target->unchecked = false;  // views are brought up to date by the version
  if (!is_view(target)) return;
  target->extra->view->base->unchecked = false;
  check_view_mode(op, target);
}

void check_inplace(const char* op, const Tensor& target) {
  if (target->storage->inference) [[unlikely]]
    check_inference_write(op, target);
  if (!modes.grad) return;
  if (is_view(target)) {
    const Tensor& base = target->extra->view->base;
    check_custom_view(target);
    if (requires_grad(base)) check_view_mode(op, target);
    // The base may also be a plain tensor, of which another view was made a leaf.
    WENGERT_CHECK(base->grad_fn || !requires_grad(target), kRuntime,
                  "a view of a leaf Variable that requires grad is being used in an in-place "
                  "operation.\n  op: ",
                  op, describe_argument("self", target), describe_argument("base", base));
  }
  WENGERT_CHECK(
      !target->requires_grad || target->grad_fn, kRuntime,
      "a leaf Variable that requires grad is being used in an in-place operation.\n  op: ", op,
      describe_argument("self", target));
}

void check_custom_view(const Tensor& view) {
  if (!view->extra->view->custom || !view->grad_fn) return;
  const auto* node = static_cast<const Node*>(view->grad_fn.get());
  fail(ErrorKind::kRuntime, "Output ", view->output_index, " of ", node->type->name,
       " is a view and is being modified inplace. This view was created inside a custom Function "
       "(or because an input was returned as-is) and the autograd logic to handle view+inplace "
       "would override the custom backward associated with the custom Function, leading to "
       "incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of "
       "the custom Function.",
       describe_argument("output", view), "\n  made by ", node->type->op, "   ",
       format_site(node->site));
}

void check_out(const char* op, const Tensor& out, bool inputs_need_grad) {
  if (out->storage->inference) [[unlikely]]
    check_inference_write(op, out);
  WENGERT_CHECK(!(modes.grad && (inputs_need_grad || requires_grad(out))), kRuntime, op,
                "(): functions with out=... arguments don't support automatic differentiation, but "
                "one of the arguments requires grad.",
                describe_argument("out", out));
}

}  // namespace wengert
