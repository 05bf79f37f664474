// Reverse mode: walks the recorded graph from roots to leaves.
#pragma once
#include <functional>
#include <vector>

#include "graph/node.h"

namespace wengert {

struct BackwardRequest {
  std::vector<Tensor> roots;
  std::vector<Tensor> gradients;  // one per root; undefined means ones, for one element only
  bool keep_graph = false;
  bool create_graph = false;
  // Where gradients are wanted. Empty: added to .grad of every leaf. Otherwise returned in this
  // order, or, with `accumulate`, added to .grad of these tensors alone.
  std::vector<Tensor> inputs;
  bool accumulate = true;
  // In the place of roots and inputs that are undefined: gradient edges.
  std::vector<Edge> root_edges, input_edges;
};

// What is remembered of the latest backward calls, for messages.
struct RunRecord {
  uint32_t id = 0;        // 0: forgotten
  Site site;              // the user's line
  uint64_t sequence = 0;  // of the first node that was made after it began
  uint32_t depth = 0;     // backward calls around it
};
RunRecord run_record(uint32_t id);
// The innermost backward call that is running in this thread, and what it was asked for.
struct CurrentRun {
  RunRecord record;
  const BackwardRequest* request = nullptr;
};
const CurrentRun* current_run();
// Will gradients reach that node in this call? (Or have they?)
bool will_reach(Node* node);
// Called when the innermost backward call is about to return.
void at_end_of_run(std::function<void()> call);

// Looks on as nodes are run. Gradients that are undefined are zero.
struct StepObserver {
  virtual void begin(const BackwardRequest& request) = 0;
  virtual void step(Node& node, const Tensor* incoming, Tensor* outgoing) = 0;
  virtual ~StepObserver() = default;
};
extern thread_local StepObserver* step_observer;

// Called when the number of live nodes grew 20 times in a row (then 40, 80 ...) from one backward
// call of a line to its next; installed by the bindings. It finds out whether something is wrong.
extern void (*notice_growth)(Site site, uint32_t times);

// The gradients of `inputs` (undefined where the roots do not depend on one), or nothing.
std::vector<Tensor> run_backward(const BackwardRequest& request);

}  // namespace wengert
