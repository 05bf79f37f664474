#include "graph/lost.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/scalar.h"

namespace wengert {

namespace {

// Longer trails lose their middle, so that a value updated forever holds a few records only.
constexpr uint8_t kLongest = 8;

// Inside a backward call nothing is asked about: its values are no one's history.
bool quiet() { return modes.engine != 0 && !modes.grad; }

}  // namespace

Ref<Upstream> upstream_of(Node& node) {
  Ref<Upstream>& upstream = extra(node).upstream;
  if (!upstream) {
    upstream = Ref<Upstream>(new Upstream());
    upstream->node = &node;
  }
  return upstream;
}

Ref<Upstream> upstream_of(const Tensor& tensor) {
  if (!requires_grad(tensor)) return {};
  if (Node* node = grad_fn(tensor)) return upstream_of(*node);
  Ref<Upstream>& upstream = extra(tensor).upstream;
  if (!upstream) {
    upstream = Ref<Upstream>(new Upstream());
    upstream->leaf = tensor.impl();
  }
  return upstream;
}

namespace {

Ref<Trail> new_trail(Cut cut, const char* op) {
  Ref<Trail> trail(new Trail());
  trail->cut = cut;
  trail->op = op;
  trail->site = current_site();
  trail->custom = modes.custom;
  trail->ends_in_cut = cut != Cut::kStep && cut != Cut::kCreated;
  return trail;
}

void lead_on(Trail& trail, const Ref<Trail>& next) {
  if (!next) return;
  trail.ends_in_cut = trail.ends_in_cut || next->ends_in_cut;
  if (next->length < kLongest) {
    trail.next = next;
    trail.length = static_cast<uint8_t>(next->length + 1);
    return;
  }
  // Keep the end, which says why.
  Trail* last = next.get();
  uint32_t skipped = 1 + next->skipped;
  while (last->next && last->cut == Cut::kStep) {
    last = last->next.get();
    skipped += 1 + last->skipped;
  }
  trail.next = Ref<Trail>(last);
  trail.length = static_cast<uint8_t>(last->length + 1);
  trail.skipped = skipped - 1 - last->skipped;
}

void attach(const Tensor& result, const Ref<Trail>& trail) { result->trail = trail; }

// Values that went to Python lately, newest last.
struct Departure {
  Ref<Trail> trail;
  Scalar first;
};
constexpr size_t kRemembered = 16;
std::array<Departure, kRemembered>& departures() {
  static auto* list = new std::array<Departure, kRemembered>();
  return *list;
}
size_t departed = 0;

double first_value(const Tensor& tensor) {
  return Scalar::load(tensor.dtype(), tensor.data()).to<double>();
}

}  // namespace

void destroy(Upstream* upstream) { delete upstream; }
void destroy(Trail* trail) { delete trail; }

const Tensor* better_past(const Tensor* a, const Tensor* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  auto rank = [](const Tensor& t) { return requires_grad(t) ? 2 : t->trail->ends_in_cut ? 1 : 0; };
  return rank(*b) > rank(*a) ? b : a;
}

void note_lost(const Tensor& result, const char* op, const Tensor& source) {
  if (!result.defined() || quiet() || requires_grad(result) || result.same(source)) return;
  if (!requires_grad(source)) {
    if (!source->trail) return;
    Ref<Trail> trail = new_trail(Cut::kStep, op);
    trail->integer = !is_inexact(result.dtype());
    lead_on(*trail, source->trail);
    return attach(result, trail);
  }
  Cut cut = Cut::kNotDifferentiable;
  if (std::string_view(op) == "detach" || std::string_view(op) == "detach_") {
    cut = Cut::kDetach;
  } else if (!is_inexact(result.dtype())) {
    cut = Cut::kInteger;
  } else if (!modes.grad) {
    cut = inference_mode ? Cut::kInference : Cut::kNoGrad;
  }
  note_cut(result, cut, op, source);
}

void note_lost(const std::vector<Tensor>& results, const char* op, const Tensor& source) {
  for (const Tensor& result : results) note_lost(result, op, source);
}

void note_created(const Tensor& result, const char* op) {
  if (!quiet()) attach(result, new_trail(Cut::kCreated, op));
}

void note_cut(const Tensor& result, Cut cut, const char* op, const Tensor& source) {
  if (quiet()) return;
  Ref<Trail> trail = new_trail(cut, op);
  trail->upstream = upstream_of(source);
  if (!trail->upstream) lead_on(*trail, source->trail);
  attach(result, trail);
}

void note_cut(const Tensor& result, Cut cut, const char* op, Node& source) {
  if (quiet()) return;
  Ref<Trail> trail = new_trail(cut, op);
  trail->upstream = upstream_of(source);
  attach(result, trail);
}

void note_left(const char* op, const Tensor& source) {
  if (!has_past(source) || quiet() || source.numel() == 0 || is_complex(source.dtype())) return;
  if (!requires_grad(source) && !source->trail->ends_in_cut) return;
  Departure& departure = departures()[departed++ % kRemembered];
  departure.trail = new_trail(Cut::kLeft, op);
  departure.trail->upstream = upstream_of(source);
  lead_on(*departure.trail, source->trail);
  departure.first = Scalar(first_value(source));
}

void note_returned(const Tensor& result, Cut cut, const char* op) {
  if (quiet()) return;
  Ref<Trail> trail = new_trail(cut, op);
  trail->ends_in_cut = false;
  const Departure* found = nullptr;
  if (departed != 0 && result.numel() != 0 && is_floating(result.dtype())) {
    const double value = first_value(result);
    for (size_t i = 0; i < std::min(departed, kRemembered) && found == nullptr; ++i) {
      const Departure& departure = departures()[(departed - 1 - i) % kRemembered];
      const auto seen = departure.first.to<double>();
      // Numbers pass through float32 on their way.
      if (seen == value || static_cast<float>(seen) == static_cast<float>(value)) {
        found = &departure;
      }
    }
    trail->guess = found == nullptr;
    if (found == nullptr) found = &departures()[(departed - 1) % kRemembered];
  }
  if (found != nullptr) lead_on(*trail, found->trail);
  attach(result, trail);
}

void leave_leaves(Node& node) {
  // Runs once per step of a training loop that looks at its loss: no allocation but for the result.
  constexpr size_t kMost = 256;  // nodes that are looked at; a network has about as many
  std::array<Node*, kMost> found;
  std::array<Node*, 2 * kMost> seen{};
  auto is_new = [&](Node* one) {
    size_t at = reinterpret_cast<uintptr_t>(one) / 64 % seen.size();
    while (seen[at] != nullptr && seen[at] != one) at = (at + 1) % seen.size();
    if (seen[at] != nullptr) return false;
    seen[at] = one;
    return true;
  };
  std::vector<Ref<Upstream>> leaves;
  size_t count = 0, looked_at = 1;
  found[count++] = &node;
  for (size_t next = 0; next < count; ++next) {
    for (Edge& edge : found[next]->edges) {
      Node* target = edge.node();
      if (target == nullptr || looked_at == kMost || !is_new(target)) continue;
      ++looked_at;
      if (target->type == &kAccumulateGrad) {
        Ref<Upstream> leaf = upstream_of(static_cast<AccumulateGrad*>(target)->variable);
        if (leaf) leaves.push_back(std::move(leaf));
      } else {
        found[count++] = target;
      }
    }
  }
  // Every step of a training loop leaves the same ones: one list serves them all.
  static thread_local auto& last = *new std::shared_ptr<const std::vector<Ref<Upstream>>>();
  auto same = [](const Ref<Upstream>& a, const Ref<Upstream>& b) { return a.get() == b.get(); };
  if (!last || !std::equal(last->begin(), last->end(), leaves.begin(), leaves.end(), same)) {
    last = std::make_shared<const std::vector<Ref<Upstream>>>(std::move(leaves));
  }
  node.extra->upstream->leaves = last;
}

Ref<Trail> trail_of(Node& node) {
  Ref<Trail> trail(new Trail());
  trail->op = node.type->op;
  trail->site = node.site;
  if (node.origin && node.origin->length < kLongest) {
    trail->next = node.origin;
    trail->length = static_cast<uint8_t>(node.origin->length + 1);
  }
  return trail;
}

}  // namespace wengert
