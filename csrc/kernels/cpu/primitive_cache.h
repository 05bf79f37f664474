// oneDNN primitives, built once per shape and kept per thread.
#pragma once
#include <oneapi/dnnl/dnnl.h>

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace wengert::cpu {

// The shape and whatever else decides which primitive it is; short arrays of integers.
class PrimitiveKey {
 public:
  void add(int64_t value) { values_[count_++] = value; }
  bool operator==(const PrimitiveKey& other) const;
  size_t hash() const;

 private:
  std::array<int64_t, 40> values_;
  size_t count_ = 0;
};

// A memory format; owned when created here, borrowed when a primitive descriptor was asked for it.
using MemoryFormat = std::shared_ptr<dnnl_memory_desc>;
MemoryFormat strided_format(dnnl_data_type_t type, int rank, const int64_t* sizes,
                            const int64_t* strides);
MemoryFormat any_format(dnnl_data_type_t type, int rank, const int64_t* sizes);

// One primitive with its arguments. An argument whose own format differs from the one that the
// primitive prefers passes through a buffer and a reorder.
class CachedPrimitive {
 public:
  // Takes over the descriptor.
  CachedPrimitive(dnnl_primitive_desc_t descriptor, const char* operation);
  ~CachedPrimitive();
  CachedPrimitive(const CachedPrimitive&) = delete;
  CachedPrimitive& operator=(const CachedPrimitive&) = delete;

  // `which` is DNNL_ARG_*, `query` and `index` say how the descriptor calls its format.
  void add_input(int which, const MemoryFormat& own, dnnl_query_t query, int index);
  void add_output(int which, const MemoryFormat& own, dnnl_query_t query, int index);
  // After the last argument.
  void finish();

  // One pointer per argument, in the order in which they were added.
  void execute(const std::vector<const void*>& pointers);

 private:
  struct Argument {
    dnnl_memory_t own = nullptr;
    dnnl_memory_t preferred = nullptr;  // null when the own format is the preferred one
    dnnl_primitive_t reorder = nullptr;
    size_t buffer_offset = 0;
    bool output = false;
  };
  void add(int which, const MemoryFormat& own, dnnl_query_t query, int index, bool output);
  void run_reorder(const Argument& argument);

  dnnl_primitive_desc_t descriptor_;
  dnnl_primitive_t primitive_ = nullptr;
  const char* operation_;
  std::vector<Argument> arguments_;
  std::vector<dnnl_exec_arg_t> exec_arguments_;
  dnnl_memory_t scratchpad_ = nullptr;
  size_t scratchpad_offset_ = 0;
  size_t workspace_bytes_ = 0;
};

// The primitive of this key, built at need; null when `build` returns null (which is remembered).
// The number of threads is made part of the key.
CachedPrimitive* find_primitive(PrimitiveKey key,
                                const std::function<std::unique_ptr<CachedPrimitive>()>& build);

// A buffer of this thread, 64-byte aligned, valid until the next call.
char* thread_workspace(size_t bytes);

}  // namespace wengert::cpu
