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
bool is_forgotten(const Tensor& tensor) { return is_held_by(1, tensor); }

// Gives memory to a new value: a spare block of its size, or a fresh one.
void give_memory(const Tensor& tensor, std::vector<Ref<Storage>>& spare) {
  const size_t bytes = static_cast<size_t>(tensor.numel()) * tensor.item_size();
  for (size_t i = spare.size(); i-- > 0;) {
    if (spare[i]->bytes != bytes || spare[i]->inference != inference_mode) continue;
    tensor->storage = std::move(spare[i]);
    spare.erase(spare.begin() + static_cast<std::ptrdiff_t>(i));
    Storage& storage = *tensor.storage();
    delete storage.log;
    storage.log = nullptr;
    storage.version = 0;
    return;
  }
  Chain::provide(tensor);
}

}  // namespace

bool is_held_by(uint32_t handles, const Tensor& tensor) {
  const Storage& storage = *tensor.storage();
  return tensor->refs == handles && tensor->python == nullptr && storage.refs == 1 &&
         storage.release == nullptr && storage.shared == 0 && !storage.read_only;
}

bool Chain::holds(const TensorImpl* impl) const {
  for (const Value& value : values_) {
    if (value.tensor.impl() == impl) return true;
  }
  return false;
}

int Chain::value_of(const Tensor& tensor) {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].tensor.same(tensor)) return static_cast<int>(i);
  }
  values_.push_back({tensor});
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
  for (int k = 0; k < call.operands; ++k) {
    if (call.width[k] != 0) {
      own.values[k] = value_of(*tensors[k]);
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

Tensor Chain::output_like(const Tensor& like, DType dtype) {
  return from_storage(new_storage(0), like.sizes(), contiguous_strides(like.sizes()), 0, dtype);
}

void Chain::provide(const Tensor& output) {
  if (output.storage()->bytes == 0) {
    output->storage = new_storage(static_cast<size_t>(output.numel()) * output.item_size());
  }
}

// New values that nobody else holds live in slots, for as long as a call still reads them. The
// others get memory: that of an operand that nobody needs any more, where there is one, for it is
// in the cache when they are written.
void Chain::assign_places() {
  for (size_t c = 0; c < calls_.size(); ++c) {
    for (int k = 0; k < calls_[c].direct.operands; ++k) {
      if (calls_[c].values[k] >= 0) values_[calls_[c].values[k]].last = c;
    }
  }
  for (Value& value : values_) {
    if (value.tensor.storage()->bytes != 0) value.home = value.tensor.address();
  }
  uint32_t used = 0;
  std::vector<Ref<Storage>> spare;
  for (size_t c = 0; c < calls_.size(); ++c) {
    const Call& call = calls_[c];
    for (int k = 1; k < call.direct.operands; ++k) {
      if (call.values[k] < 0 || call.values[k] == call.values[0]) continue;
      const Value& value = values_[call.values[k]];
      if (value.last != c || value.home == nullptr || !is_forgotten(value.tensor)) continue;
      spare.push_back(value.tensor.storage());
      value.tensor->storage = new_storage(0);
    }
    Value& out = values_[call.values[0]];
    if (out.home == nullptr && out.slot < 0) {
      if (is_forgotten(out.tensor) && out.tensor.item_size() <= kSlotItem) {
        for (int s = 0; s < kSlots && out.slot < 0; ++s) {
          if ((used >> s & 1) == 0) out.slot = s;
        }
      }
      if (out.slot >= 0) {
        used |= 1u << out.slot;
      } else {
        give_memory(out.tensor, spare);
        out.home = out.tensor.address();
      }
    }
    for (int k = 0; k < call.direct.operands; ++k) {
      if (call.values[k] < 0) continue;
      const Value& value = values_[call.values[k]];
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
        const Value& value = values_[own.values[k]];
        call.data[k] = value.slot < 0 ? value.home : slots[value.slot] - i * call.width[k];
      }
      call.run(i, std::min(end, i + kElements), own.constants);
    }
  }
}

void Chain::run() {
  if (calls_.empty()) return;
  assign_places();
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
