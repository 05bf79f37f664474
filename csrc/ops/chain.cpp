#include "ops/chain.h"

#include <cstring>

#include "device/cpu/parallel.h"

namespace wengert {

constinit thread_local Chain* open_chain = nullptr;

namespace {

void run_open_chain() {
  if (open_chain != nullptr) open_chain->run();
}

// The layer below, which has the tensors, cannot know of chains.
[[maybe_unused]] const bool installed = (run_pending = run_open_chain, true);

// Will nobody read this value after the chain, which holds it once?
bool is_forgotten(const Tensor& tensor) {
  return tensor->refs == 1 && tensor->python == nullptr && tensor.storage()->refs == 1 &&
         tensor.storage()->release == nullptr;
}

}  // namespace

bool Chain::holds(const TensorImpl* impl) const {
  for (const Value& value : values_) {
    if (value.tensor.impl() == impl) return true;
  }
  return false;
}

int Chain::value_of(const Tensor& tensor, bool output) {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].tensor.same(tensor)) return static_cast<int>(i);
  }
  values_.push_back({tensor, output});
  tensor.storage()->pending = true;
  return static_cast<int>(values_.size()) - 1;
}

bool Chain::take(const DirectCall& call, int parameters, const Tensor* const* tensors,
                 const DType* dtypes, int64_t numel) {
  if (parameters > kParameters) return false;
  if (calls_.size() == kMost || (numel != numel_ && !calls_.empty())) run();
  numel_ = numel;
  Call own{call, {}, {}, false};
  std::copy_n(call.parameters, parameters, own.parameters);
  for (int k = call.operands - 1; k >= 0; --k) {  // the output last: it may be an input too
    if (call.width[k] != 0) {
      own.values[k] = value_of(*tensors[k], k == 0);
      continue;
    }
    own.values[k] = -1;
    own.constants = true;
    auto tile = std::make_unique<Tile>();
    std::memcpy(tile->bytes, call.data[k], kTile * item_size(dtypes[k]));
    own.direct.data[k] = tile->bytes;
    constants_.push_back(std::move(tile));
  }
  calls_.push_back(own);
  return true;
}

// Values that nobody else holds live in slots, for as long as a call still reads them.
void Chain::assign_slots() {
  for (size_t c = 0; c < calls_.size(); ++c) {
    for (int k = 0; k < calls_[c].direct.operands; ++k) {
      if (calls_[c].values[k] >= 0) values_[calls_[c].values[k]].last = c;
    }
  }
  uint32_t used = 0;
  for (size_t c = 0; c < calls_.size(); ++c) {
    Value& out = values_[calls_[c].values[0]];
    if (out.born && is_forgotten(out.tensor) && out.tensor.item_size() <= kSlotItem) {
      for (int s = 0; s < kSlots && out.slot < 0; ++s) {
        if ((used >> s & 1) == 0) out.slot = s;
      }
      if (out.slot >= 0) used |= 1u << out.slot;
    }
    out.born = false;  // decided, whether or not there was room
    for (int k = 0; k < calls_[c].direct.operands; ++k) {
      if (calls_[c].values[k] < 0) continue;
      const Value& value = values_[calls_[c].values[k]];
      if (value.slot >= 0 && value.last == c) used &= ~(1u << value.slot);
    }
  }
}

void Chain::run_tiles(int64_t begin, int64_t end) const {
  alignas(64) char slots[kSlots][kElements * kSlotItem];
  for (int64_t i = begin; i < end; i += kElements) {
    for (const Call& own : calls_) {
      DirectCall call = own.direct;
      call.parameters = own.parameters;
      for (int k = 0; k < call.operands; ++k) {
        if (own.values[k] < 0) continue;
        const int slot = values_[own.values[k]].slot;
        if (slot >= 0) call.data[k] = slots[slot] - i * call.width[k];
      }
      call.run(i, std::min(end, i + kElements), own.constants);
    }
  }
}

void Chain::run() {
  if (calls_.empty()) return;
  assign_slots();
  parallel_sweep(numel_, kGrain, [this](int64_t begin, int64_t end) { run_tiles(begin, end); });
  clear();
}

void Chain::clear() {
  for (const Value& value : values_) value.tensor.storage()->pending = false;
  values_.clear();
  calls_.clear();
  constants_.clear();
}

}  // namespace wengert
