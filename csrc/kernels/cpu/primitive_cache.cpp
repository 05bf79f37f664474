#include "kernels/cpu/primitive_cache.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/error.h"
#include "device/cpu/parallel.h"
#include "kernels/cpu/libraries.h"

namespace wengert::cpu {

namespace {

constexpr size_t kCapacity = 512;
constexpr size_t kAlignment = 64;
// A larger workspace is given back after use instead of being kept.
constexpr size_t kLargestKeptWorkspace = size_t{64} << 20;

size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct KeyHash {
  size_t operator()(const PrimitiveKey& key) const { return key.hash(); }
};

struct Cache {
  using Entry = std::pair<PrimitiveKey, std::unique_ptr<CachedPrimitive>>;
  std::list<Entry> entries;  // the most recently used first
  std::unordered_map<PrimitiveKey, std::list<Entry>::iterator, KeyHash> index;
};

struct Workspace {
  char* data = nullptr;
  size_t bytes = 0;
  ~Workspace() { std::free(data); }
};

thread_local Cache cache;
thread_local Workspace workspace;

void release_large_workspace() {
  if (workspace.bytes <= kLargestKeptWorkspace) return;
  std::free(workspace.data);
  workspace.data = nullptr;
  workspace.bytes = 0;
}

MemoryFormat own(dnnl_memory_desc_t format) {
  return MemoryFormat(format, [](dnnl_memory_desc_t f) { onednn().memory_desc_destroy(f); });
}

}  // namespace

bool PrimitiveKey::operator==(const PrimitiveKey& other) const {
  return count_ == other.count_ &&
         std::equal(values_.begin(), values_.begin() + count_, other.values_.begin());
}

size_t PrimitiveKey::hash() const {
  uint64_t state = count_;
  for (size_t i = 0; i < count_; ++i) {
    state = (state ^ static_cast<uint64_t>(values_[i])) * 0x9e3779b97f4a7c15u;
    state ^= state >> 29;
  }
  return state;
}

MemoryFormat strided_format(dnnl_data_type_t type, int rank, const int64_t* sizes,
                            const int64_t* strides) {
  dnnl_memory_desc_t format = nullptr;
  check_onednn(onednn().memory_desc_create_with_strides(&format, rank, sizes, type, strides),
               "describing a tensor");
  return own(format);
}

MemoryFormat any_format(dnnl_data_type_t type, int rank, const int64_t* sizes) {
  dnnl_memory_desc_t format = nullptr;
  check_onednn(
      onednn().memory_desc_create_with_tag(&format, rank, sizes, type, dnnl_format_tag_any),
      "describing a tensor");
  return own(format);
}

CachedPrimitive::CachedPrimitive(dnnl_primitive_desc_t descriptor, const char* operation)
    : descriptor_(descriptor), operation_(operation) {}

CachedPrimitive::~CachedPrimitive() {
  const OneDnn& library = onednn();
  for (const Argument& argument : arguments_) {
    if (argument.reorder != nullptr) library.primitive_destroy(argument.reorder);
    if (argument.preferred != nullptr) library.memory_destroy(argument.preferred);
    if (argument.own != nullptr) library.memory_destroy(argument.own);
  }
  if (scratchpad_ != nullptr) library.memory_destroy(scratchpad_);
  if (primitive_ != nullptr) library.primitive_destroy(primitive_);
  if (descriptor_ != nullptr) library.primitive_desc_destroy(descriptor_);
}

void CachedPrimitive::add_input(int which, const MemoryFormat& own, dnnl_query_t query, int index) {
  add(which, own, query, index, false);
}

void CachedPrimitive::add_output(int which, const MemoryFormat& own, dnnl_query_t query,
                                 int index) {
  add(which, own, query, index, true);
}

void CachedPrimitive::add(int which, const MemoryFormat& own, dnnl_query_t query, int index,
                          bool output) {
  const OneDnn& library = onednn();
  arguments_.emplace_back();
  Argument& argument = arguments_.back();
  argument.output = output;
  check_onednn(library.memory_create(&argument.own, own.get(), library.engine, nullptr),
               operation_);
  const_dnnl_memory_desc_t preferred = library.primitive_desc_query_md(descriptor_, query, index);
  if (!library.memory_desc_equal(own.get(), preferred)) {
    check_onednn(library.memory_create(&argument.preferred, preferred, library.engine, nullptr),
                 operation_);
    dnnl_primitive_desc_t reorder = nullptr;
    check_onednn(library.reorder_primitive_desc_create(
                     &reorder, output ? preferred : own.get(), library.engine,
                     output ? own.get() : preferred, library.engine, nullptr),
                 operation_);
    const dnnl_status_t status = library.primitive_create(&argument.reorder, reorder);
    library.primitive_desc_destroy(reorder);
    check_onednn(status, operation_);
    argument.buffer_offset = workspace_bytes_;
    workspace_bytes_ += round_up(library.memory_desc_get_size(preferred));
  }
  exec_arguments_.push_back(
      {which, argument.preferred != nullptr ? argument.preferred : argument.own});
}

void CachedPrimitive::finish() {
  const OneDnn& library = onednn();
  check_onednn(library.primitive_create(&primitive_, descriptor_), operation_);
  const_dnnl_memory_desc_t scratchpad =
      library.primitive_desc_query_md(descriptor_, dnnl_query_scratchpad_md, 0);
  check_onednn(library.memory_create(&scratchpad_, scratchpad, library.engine, nullptr),
               operation_);
  scratchpad_offset_ = workspace_bytes_;
  workspace_bytes_ += round_up(library.memory_desc_get_size(scratchpad));
  exec_arguments_.push_back({DNNL_ARG_SCRATCHPAD, scratchpad_});
}

void CachedPrimitive::run_reorder(const Argument& argument) {
  const dnnl_exec_arg_t arguments[2] = {
      {DNNL_ARG_FROM, argument.output ? argument.preferred : argument.own},
      {DNNL_ARG_TO, argument.output ? argument.own : argument.preferred}};
  check_onednn(onednn().primitive_execute(argument.reorder, onednn().stream, 2, arguments),
               operation_);
}

void CachedPrimitive::execute(const std::vector<const void*>& pointers) {
  const OneDnn& library = onednn();
  follow_num_threads();
  char* buffers = thread_workspace(workspace_bytes_);
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    library.memory_set_data_handle(argument.own, const_cast<void*>(pointers[i]));
    if (argument.preferred == nullptr) continue;
    library.memory_set_data_handle(argument.preferred, buffers + argument.buffer_offset);
    if (!argument.output) run_reorder(argument);
  }
  library.memory_set_data_handle(scratchpad_, buffers + scratchpad_offset_);
  check_onednn(
      library.primitive_execute(primitive_, library.stream,
                                static_cast<int>(exec_arguments_.size()), exec_arguments_.data()),
      operation_);
  for (const Argument& argument : arguments_) {
    if (argument.preferred != nullptr && argument.output) run_reorder(argument);
  }
  release_large_workspace();
}

CachedPrimitive* find_primitive(PrimitiveKey key,
                                const std::function<std::unique_ptr<CachedPrimitive>()>& build) {
  key.add(num_threads());
  if (auto found = cache.index.find(key); found != cache.index.end()) {
    cache.entries.splice(cache.entries.begin(), cache.entries, found->second);
    return found->second->second.get();
  }
  follow_num_threads();
  cache.entries.emplace_front(key, build());
  cache.index.emplace(key, cache.entries.begin());
  if (cache.entries.size() > kCapacity) {
    cache.index.erase(cache.entries.back().first);
    cache.entries.pop_back();
  }
  return cache.entries.front().second.get();
}

char* thread_workspace(size_t bytes) {
  if (bytes > workspace.bytes || workspace.data == nullptr) {
    std::free(workspace.data);
    workspace.bytes = 0;
    workspace.data =
        static_cast<char*>(std::aligned_alloc(kAlignment, round_up(std::max(bytes, kAlignment))));
    if (workspace.data == nullptr) throw std::bad_alloc();
    workspace.bytes = bytes;
  }
  return workspace.data;
}

}  // namespace wengert::cpu
