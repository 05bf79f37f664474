#include "autograd/engine.h"

#include <algorithm>
#include <array>
#include <memory>
#include <queue>

#include "autograd/accumulate.h"
#include "graph/lost.h"
#include "ops/chain.h"
#include "ops/transform.h"
#include "ops/watch.h"
#include "tensor/live.h"

namespace wengert {

thread_local StepObserver* step_observer = nullptr;
void (*notice_growth)(Site site, uint32_t times) = nullptr;

namespace {

constexpr uint32_t kRemembered = 4096;
std::vector<RunRecord>& records() {
  static auto* list = new std::vector<RunRecord>(kRemembered);
  return *list;
}
uint32_t last_run = 0;
thread_local const CurrentRun* running = nullptr;

Edge edge_at(const std::vector<Edge>& edges, const std::vector<Tensor>& tensors, size_t i) {
  if (i < edges.size() && edges[i].target) return edges[i];
  return gradient_edge(tensors[i]);
}

// Around one backward call.
class RunScope {
 public:
  explicit RunScope(const BackwardRequest& request) : outer_(running), recorded_(modes.running) {
    current_.record = {++last_run, current_site(), next_sequence_number(),
                       outer_ == nullptr ? 0 : outer_->record.depth + 1};
    current_.request = &request;
    records()[last_run % kRemembered] = current_.record;
    running = &current_;
    ++modes.engine;
    modes.running = nullptr;
  }
  ~RunScope() {
    running = outer_;
    --modes.engine;
    modes.running = recorded_;
  }
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;
  uint32_t id() const { return current_.record.id; }

 private:
  CurrentRun current_;
  const CurrentRun* outer_;
  Trail* recorded_;
};

// A gradient under way to one output of one node.
struct Slot {
  Tensor value;
  bool owned = false;  // made by the engine: may be added to in place

  void add(Tensor gradient, bool recording) {
    if (!value.defined()) {
      value = std::move(gradient);
    } else if (owned && !recording && !is_wrapped(value) && !is_wrapped(gradient)) {
      add_in_place(value, gradient);
    } else {
      value = add_gradients(value, gradient);
      owned = true;
    }
  }
};

struct Task {
  explicit Task(Node* of) : node(of) {}
  Node* node;
  int64_t waiting = 0;  // edges into this node that have not delivered yet
  int64_t first_capture = -1;
  Slot first;                      // output 0
  std::unique_ptr<Slot[]> others;  // outputs 1 and up, once one of them gets a gradient
  bool needed = true;              // on a path to one of the inputs: its rule is run
  bool wanted() const { return needed || first_capture >= 0; }  // its gradients are
};

// Node -> number of its task: open addressing, since this is looked up once per edge.
class TaskIndex {
 public:
  TaskIndex() : cells_(64) {}

  // The place of `node`: its task's number, or kNone in a cell that is now its own.
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t& insert(Node* node) {
    if (++count_ * 2 > cells_.size()) grow();
    Cell& cell = cells_[position(node)];
    if (cell.node == nullptr) {
      cell.node = node;
    } else {
      --count_;
    }
    return cell.task;
  }
  uint32_t find(Node* node) const { return cells_[position(node)].task; }

 private:
  struct Cell {
    Node* node = nullptr;
    uint32_t task = kNone;
  };
  // Nodes that lie side by side have cells that do: a long graph is walked through in order. The
  // slabs that they lie in (base/small_blocks.h) are scattered, so that theirs rarely meet.
  size_t position(Node* node) const {
    const size_t mask = cells_.size() - 1;
    const auto address = reinterpret_cast<uintptr_t>(node);
    const uintptr_t within = address >> 6 & 0x7fff, slab = address >> 21;
    size_t at = (within + (slab * 0x9e3779b97f4a7c15u >> 32)) & mask;
    while (cells_[at].node != nullptr && cells_[at].node != node) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 4);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.node != nullptr) cells_[position(cell.node)] = cell;
    }
  }
  std::vector<Cell> cells_;
  size_t count_ = 0;
};

struct Capture {
  size_t input;
  uint32_t output;
  int64_t next;
};

class Run;
thread_local Run* innermost = nullptr;

class Run {
 public:
  explicit Run(const BackwardRequest& request)
      : request_(request), scope_(request), outer_(innermost) {
    innermost = this;
  }
  ~Run() { innermost = outer_; }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  bool reaches(Node* node) const {
    const uint32_t found = index_.find(node);
    return found != TaskIndex::kNone && tasks_[found].wanted();
  }
  void at_end(std::function<void()> call) { at_end_.push_back(std::move(call)); }

  std::vector<Tensor> operator()() {
    const LevelGradScope mode(request_.create_graph, highest_level(request_.roots));
    results_.resize(request_.accumulate ? 0 : request_.inputs.size());
    add_roots();
    if (watch_mode.on) [[unlikely]]
      watch_roots(request_.roots, request_.gradients);
    if (step_observer != nullptr) [[unlikely]]
      step_observer->begin(request_);
    count_edges();
    if (!request_.inputs.empty()) mark_needed();
    start();
    while (!ready_.empty()) {
      const size_t index = ready_.top().second;
      ready_.pop();
      step(index);
    }
    chain_.run();
    for (size_t i = 0; i < at_end_.size(); ++i) at_end_[i]();  // which may add to them
    return std::move(results_);
  }

 private:
  size_t task_of(Node* node) {
    uint32_t& number = index_.insert(node);
    if (number == TaskIndex::kNone) {
      number = static_cast<uint32_t>(tasks_.size());
      tasks_.emplace_back(node);
    }
    return number;
  }

  void add_roots() {
    for (size_t i = 0; i < request_.roots.size(); ++i) {
      const Tensor& root = request_.roots[i];
      const Edge edge = edge_at(request_.root_edges, request_.roots, i);
      if (!root.defined()) {
        add_edge_root(i, edge);
        continue;
      }
      WENGERT_CHECK(edge.target || !is_wrapped(root) || !request_.accumulate, kRuntime,
                    "backward() called inside of a function that is transformed by vmap, grad or "
                    "another of wengert.func. This is not supported, please use func.grad or "
                    "func.vjp instead, or call backward() outside of the transform.",
                    describe_argument("output", root));
      WENGERT_CHECK(edge.target, kRuntime, "element ", i,
                    " of tensors does not require grad and does not have a grad_fn",
                    describe_argument("output", root),
                    stories.missing == nullptr ? "" : stories.missing(root));
      Tensor gradient = request_.gradients[i];
      if (!gradient.defined()) {
        WENGERT_CHECK(root.numel() == 1, kRuntime,
                      "grad can be implicitly created only for scalar outputs",
                      describe_argument("output", root));
        WENGERT_CHECK(!is_complex(root.dtype()), kRuntime,
                      "grad can be implicitly created only for real scalar outputs but got ",
                      dtype_name(root.dtype()), describe_argument("output", root));
        gradient = ones_for(root);
      } else {
        WENGERT_CHECK(gradient.sizes() == root.sizes(), kRuntime, "Mismatch in shape: grad_output[",
                      i, "] has a shape of ", to_string(gradient.sizes()), " and output[", i,
                      "] has a shape of ", to_string(root.sizes()), ".");
        WENGERT_CHECK(is_complex(gradient.dtype()) == is_complex(root.dtype()), kRuntime,
                      "For complex Tensors, both grad_output and output are required to have the "
                      "same dtype. Mismatch in dtype: grad_output[",
                      i, "] has a dtype of ", dtype_name(gradient.dtype()), " and output[", i,
                      "] has a dtype of ", dtype_name(root.dtype()), ".");
      }
      const size_t task = task_of(edge.node());
      roots_.push_back({task, edge.index, std::move(gradient), edge.target});
    }
  }

  void add_edge_root(size_t i, const Edge& edge) {
    const OutputInfo& info = edge.node()->outputs[edge.index];
    Tensor gradient = request_.gradients[i];
    if (!gradient.defined()) {
      WENGERT_CHECK(product(info.sizes) == 1, kRuntime,
                    "grad can be implicitly created only for scalar outputs\n  output: ",
                    edge.node()->type->name, " ", dtype_name(info.dtype), to_string(info.sizes));
      gradient = ones_for(empty(info.sizes, info.dtype));
    } else {
      WENGERT_CHECK(gradient.sizes() == info.sizes, kRuntime, "Mismatch in shape: grad_output[", i,
                    "] has a shape of ", to_string(gradient.sizes()), " and output[", i,
                    "] has a shape of ", to_string(info.sizes), ".");
    }
    roots_.push_back({task_of(edge.node()), edge.index, std::move(gradient), edge.target});
  }

  // Finds every node that can be reached and how many edges lead to it.
  void count_edges() {
    for (size_t next = 0; next < tasks_.size(); ++next) {
      Node* node = tasks_[next].node;
      for (Edge& edge : node->edges) {
        if (edge.target) ++tasks_[task_of(edge.node())].waiting;
      }
    }
  }

  // Only what lies between the roots and the inputs is run. A node is looked at after all that it
  // leads to. (Sequence numbers do not give that order: the node that brings a view up to date
  // after a write is made while the node that uses the view is recorded.)
  void mark_needed() {
    for (Task& task : tasks_) task.needed = false;
    for (size_t i = 0; i < request_.inputs.size(); ++i) {
      const Edge edge = edge_at(request_.input_edges, request_.inputs, i);
      if (!edge.target) continue;
      const uint32_t found = index_.find(edge.node());
      if (found == TaskIndex::kNone) continue;
      Task& task = tasks_[found];
      task.needed = edge.node()->type == &kAccumulateGrad;
      captures_.push_back({i, edge.index, task.first_capture});
      task.first_capture = static_cast<int64_t>(captures_.size()) - 1;
    }
    std::vector<size_t> order;
    std::vector<int64_t> waiting;
    order.reserve(tasks_.size());
    for (size_t i = 0; i < tasks_.size(); ++i) {
      waiting.push_back(tasks_[i].waiting);
      if (waiting[i] == 0) order.push_back(i);
    }
    for (size_t next = 0; next < order.size(); ++next) {
      for (Edge& edge : tasks_[order[next]].node->edges) {
        if (!edge.target) continue;
        const size_t target = index_.find(edge.node());
        if (--waiting[target] == 0) order.push_back(target);
      }
    }
    std::reverse(order.begin(), order.end());
    for (size_t i : order) {
      Task& task = tasks_[i];
      for (Edge& edge : task.node->edges) {
        if (edge.target && tasks_[index_.find(edge.node())].wanted()) task.needed = true;
      }
    }
  }

  void start() {
    for (size_t i = 0; i < roots_.size(); ++i) {
      deliver(roots_[i].task, roots_[i].index, std::move(roots_[i].gradient), nullptr, i);
    }
    std::vector<size_t> seen;
    for (auto& root : roots_) {
      if (tasks_[root.task].waiting == 0 &&
          std::find(seen.begin(), seen.end(), root.task) == seen.end()) {
        seen.push_back(root.task);
        ready_.emplace(tasks_[root.task].node->sequence, root.task);
      }
    }
  }

  // Brings result `position` of the rule of `producer` (none: a root's gradient) to an output.
  void deliver(size_t index, uint32_t output, Tensor gradient, const Node* producer,
               size_t position) {
    Task& task = tasks_[index];
    if (!gradient.defined()) return;
    fit_gradient(gradient, task.node->outputs[output], producer, position);
    if (output != 0 && task.others == nullptr) {
      task.others = std::make_unique<Slot[]>(task.node->outputs.size() - 1);
    }
    Slot& slot = output == 0 ? task.first : task.others[output - 1];
    slot.add(std::move(gradient), request_.create_graph);
  }

  // May the rule's kernels join those of the rules before it? Not where somebody looks on.
  bool joins_chain(size_t index) const {
    const Node& node = *tasks_[index].node;
    return node.type->pointwise && node.extra == nullptr && tasks_[index].first_capture < 0 &&
           !request_.create_graph && !watch_mode.on && step_observer == nullptr;
  }

  void step(size_t index) {
    Node* node = tasks_[index].node;
    for (Edge& edge : node->edges) {  // are there by the time that the rule has run
      if (edge.target) __builtin_prefetch(&edge.node()->edges);
    }
    const bool joins = joins_chain(index);
    if (!joins) chain_.run();
    const ChainScope scope(joins ? &chain_ : nullptr);
    const size_t outputs = node->outputs.size();
    Few<Tensor> incoming(outputs);
    bool any = false;
    incoming[0] = std::move(tasks_[index].first.value);
    any = incoming[0].defined();
    if (const auto others = std::move(tasks_[index].others)) {
      for (size_t i = 1; i < outputs; ++i) {
        incoming[i] = std::move(others[i - 1].value);
        any = any || incoming[i].defined();
      }
    }
    const bool leaf = node->type == &kAccumulateGrad;
    if (any && (leaf || node->extra != nullptr)) run_hooks(*node, incoming);
    for (int64_t c = tasks_[index].first_capture; c >= 0; c = captures_[c].next) {
      const Capture& capture = captures_[c];
      if (!request_.accumulate) {
        results_[capture.input] = incoming[capture.output];
      } else if (node->type != &kAccumulateGrad && incoming[capture.output].defined()) {
        const Tensor& input = request_.inputs[capture.input];
        // One that keeps its gradient got it with the node's hooks.
        if (input.defined() && !(input->extra != nullptr && input->extra->retains_grad)) {
          accumulate_into(input, incoming[capture.output], request_.create_graph, false);
        }
      }
    }
    const bool run = any && tasks_[index].needed && (!leaf || request_.accumulate);
    Few<Tensor> outgoing(node->edges.size());
    if (run) {
      run_rule(*node, incoming, outgoing);
      if (!request_.keep_graph && !leaf) {
        node->released = true;
        release_saved(*node);
      }
    }
    size_t i = 0;
    for (Edge& edge : node->edges) {
      Tensor& gradient = outgoing[i++];
      if (!edge.target) continue;
      const size_t next = index_.find(edge.node());
      if (tasks_[next].wanted()) deliver(next, edge.index, std::move(gradient), node, i - 1);
      if (--tasks_[next].waiting == 0) ready_.emplace(edge.node()->sequence, next);
    }
  }

  void run_rule(Node& node, Few<Tensor>& incoming, Few<Tensor>& outgoing) {
    Ref<Trail> origin;
    if (request_.create_graph) {
      origin = trail_of(node);
      modes.running = origin.get();
    }
    if (node.extra != nullptr && !node.extra->before.empty()) run_hooks_before(node, incoming);
    // A rule may take its incoming gradients apart; who looks on sees them as they came.
    const bool hooked = node.extra != nullptr && !node.extra->after.empty();
    const bool seen = watch_mode.on || step_observer != nullptr || hooked;
    std::vector<Tensor> before;
    if (seen) [[unlikely]]
      before.assign(incoming.begin(), incoming.end());
    node.type->backward(node, incoming.data(), outgoing.data());
    if (!node.released) node.run = scope_.id();  // who freed it is what will be asked
    modes.running = nullptr;
    if (!seen) [[likely]]
      return;
    if (hooked) run_hooks_after(node, outgoing, before);
    if (watch_mode.on) watch_gradients(node, before.data(), outgoing.data());
    if (step_observer != nullptr) step_observer->step(node, before.data(), outgoing.data());
  }

  struct Root {
    size_t task;
    uint32_t index;
    Tensor gradient;
    Ref<GraphObject> node;  // and through it the whole graph: a hook may drop other handles
  };

  const BackwardRequest& request_;
  const RunScope scope_;
  Run* const outer_;
  std::vector<std::function<void()>> at_end_;
  std::vector<Task> tasks_;
  TaskIndex index_;
  std::vector<Root> roots_;
  std::vector<Capture> captures_;
  std::priority_queue<std::pair<uint64_t, size_t>> ready_;
  Chain chain_;
  std::vector<Tensor> results_;
};

}  // namespace

RunRecord run_record(uint32_t id) {
  const RunRecord& record = records()[id % kRemembered];
  return record.id == id ? record : RunRecord{};
}

const CurrentRun* current_run() { return running; }

namespace {

// A loop that adds up losses with their history keeps every step's graph. Whether one may do so is
// seen from the count of live nodes, line by line.
void watch_growth(const BackwardRequest& request) {
  struct Line {
    Site site;
    int64_t nodes = 0;
    uint32_t streak = 0;
    uint32_t next = 20;
  };
  static thread_local std::array<Line, 16> lines;
  if (modes.engine != 0 || request.keep_graph || request.create_graph) return;
  const Site site = current_site();
  const auto hash =
      reinterpret_cast<uintptr_t>(site.code) / 16 + static_cast<size_t>(site.instruction);
  Line& line = lines[hash % lines.size()];
  const bool same = line.site.code == site.code && line.site.instruction == site.instruction;
  if (!same || live_objects.nodes <= line.nodes) {
    line = {site, live_objects.nodes, 0, 20};
    return;
  }
  line.nodes = live_objects.nodes;
  if (++line.streak < line.next) return;
  line.next *= 2;
  if (notice_growth != nullptr) notice_growth(site, line.streak);
}

}  // namespace

bool will_reach(Node* node) { return innermost != nullptr && innermost->reaches(node); }

void at_end_of_run(std::function<void()> call) {
  WENGERT_CHECK(innermost != nullptr, kRuntime,
                "Final callbacks can only be installed during backward pass.");
  innermost->at_end(std::move(call));
}

std::vector<Tensor> run_backward(const BackwardRequest& request) {
  watch_growth(request);
  std::vector<Tensor> results = Run(request)();
  if (!request.create_graph) {
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].defined() && !requires_grad(results[i])) {
        if (request.inputs[i].defined()) {
          note_cut(results[i], Cut::kGradient, "autograd.grad", request.inputs[i]);
        } else {
          note_cut(results[i], Cut::kGradient, "autograd.grad", *request.input_edges[i].node());
        }
      }
    }
  }
  return results;
}

}  // namespace wengert
