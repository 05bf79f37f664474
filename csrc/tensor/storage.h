// The bytes behind tensors. Views share a storage and with it the version counter.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/intrusive.h"

namespace wengert {

// Where in the user's program something happened: a code object and an instruction offset, which
// only the bindings can read. Code objects that are noted here are kept alive for good.
struct Site {
  const void* code = nullptr;
  int32_t instruction = 0;
};

// The last writes, newest first, for the message about a saved value that was written over.
struct WriteLog {
  static constexpr int kKept = 3;
  // How it was written, where that matters for the advice.
  enum How : uint8_t { kPlain = 0, kNoGrad = 1, kView = 2, kDetached = 4, kArray = 8 };
  struct Write {
    const char* op;
    Site site;
    uint32_t version;
    uint8_t how;
  };
  Write writes[kKept];
  int count = 0;
};

struct Storage {
  uint32_t refs = 0;
  uint32_t version = 0;
  char* data = nullptr;
  size_t bytes = 0;
  // Set for memory that is not ours (NumPy, DLPack): called instead of freeing.
  void (*release)(void*) = nullptr;
  void* context = nullptr;
  WriteLog* log = nullptr;
  bool read_only = false;
  bool inference = false;  // allocated under inference_mode: its tensors take no part in a graph
  bool pending = false;    // kernels that were put off read or write it: see ops/chain.h
  uint32_t shared = 0;     // how many others can write here without raising the version
  Site shared_at;          // where the latest of them came to be
};

// Is this thread inside of inference_mode?
[[gnu::tls_model("initial-exec")]] extern constinit thread_local bool inference_mode;

void destroy(Storage* storage);
Ref<Storage> new_storage(size_t bytes);
Ref<Storage> borrow_storage(void* data, size_t bytes, void (*release)(void*), void* context);

}  // namespace wengert
