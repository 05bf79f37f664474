#include "kernels/cpu/libraries.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "base/error.h"
#include "device/cpu/parallel.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

namespace {

std::vector<std::string>& search_paths() {
  static std::vector<std::string> paths;
  return paths;
}

void* open_library(const std::vector<const char*>& names, const char* what, const char* package) {
  for (const char* name : names) {
    for (const std::string& path : search_paths()) {
      if (void* handle = dlopen((path + "/" + name).c_str(), RTLD_LAZY | RTLD_LOCAL)) return handle;
    }
  }
  std::string reason;
  for (const char* name : names) {
    if (void* handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL)) return handle;
    if (const char* text = dlerror(); text != nullptr && reason.empty()) reason = text;
  }
  std::string searched;
  for (const std::string& path : search_paths()) searched += "\n  searched: " + path;
  fail(ErrorKind::kRuntime, what, " was not found (", reason, ")", searched,
       "\n  cure: pip install ", package);
}

void* find_symbol(void* handle, const std::string& name, const char* what) {
  void* symbol = dlsym(handle, name.c_str());
  WENGERT_CHECK(symbol != nullptr, kRuntime, what, " has no function ", name,
                "; is its version too old?");
  return symbol;
}

OneDnn load_onednn() {
  void* handle = open_library({"libdnnl.so.3"}, "oneDNN", "onednn-cpu-gomp");
  OneDnn library;
#define WENGERT_LOAD(name) \
  library.name =           \
      reinterpret_cast<decltype(library.name)>(find_symbol(handle, "dnnl_" #name, "oneDNN"));
  WENGERT_FORALL_ONEDNN(WENGERT_LOAD)
#undef WENGERT_LOAD
  check_onednn(library.engine_create(&library.engine, dnnl_cpu, 0), "creating an engine");
  check_onednn(library.stream_create(&library.stream, library.engine, dnnl_stream_default_flags),
               "creating a stream");
  check_onednn(library.primitive_attr_create(&library.attributes), "creating attributes");
  check_onednn(
      library.primitive_attr_set_scratchpad_mode(library.attributes, dnnl_scratchpad_mode_user),
      "setting the scratchpad mode");
  return library;
}

// OpenBLAS takes AMD processors that it does not know for ones without AVX-512, at half the speed.
void choose_openblas_core() {
#ifdef WENGERT_HAS_ISA_LEVELS
  __builtin_cpu_init();
  if (__builtin_cpu_is("amd") && isa_level() >= 4) setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
#endif
}

struct OpenBlasLibrary {
  void* handle = nullptr;
  std::string prefix;
  OpenBlas functions;
};

const OpenBlasLibrary& openblas_library() {
  static const OpenBlasLibrary library = [] {
    choose_openblas_core();
    OpenBlasLibrary result;
    result.handle = open_library({"libscipy_openblas.so", "libopenblas.so.0", "libopenblas.so"},
                                 "OpenBLAS", "scipy-openblas32");
    result.prefix = dlsym(result.handle, "scipy_cblas_dgemm") != nullptr ? "scipy_" : "";
    auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(
          find_symbol(result.handle, result.prefix + name, "OpenBLAS"));
    };
    load(result.functions.sgemm, "cblas_sgemm");
    load(result.functions.dgemm, "cblas_dgemm");
    load(result.functions.cgemm, "cblas_cgemm");
    load(result.functions.zgemm, "cblas_zgemm");
    load(result.functions.set_num_threads, "openblas_set_num_threads");
    result.functions.set_num_threads(1);
    return result;
  }();
  return library;
}

std::mutex openblas_threads_mutex;
std::atomic<int> openblas_threads_users = 0;

}  // namespace

void set_library_paths(std::vector<std::string> paths) { search_paths() = std::move(paths); }

const OneDnn& onednn() {
  static const OneDnn library = load_onednn();
  return library;
}

const OpenBlas& openblas() { return openblas_library().functions; }

void* openblas_symbol(const char* name) {
  const OpenBlasLibrary& library = openblas_library();
  return find_symbol(library.handle, library.prefix + name, "OpenBLAS");
}

OpenBlasThreadsScope::OpenBlasThreadsScope() {
  const OpenBlas& library = openblas();
  std::lock_guard<std::mutex> lock(openblas_threads_mutex);
  if (openblas_threads_users++ == 0) library.set_num_threads(num_threads());
}

OpenBlasThreadsScope::~OpenBlasThreadsScope() {
  const OpenBlas& library = openblas();
  std::lock_guard<std::mutex> lock(openblas_threads_mutex);
  if (--openblas_threads_users == 0) library.set_num_threads(1);
}

bool openblas_uses_threads() { return openblas_threads_users > 0; }

void follow_num_threads() {
  // OpenMP keeps this number per thread, and threads that Python started have the default.
  const int count = num_threads();
  if (omp_get_max_threads() != count) omp_set_num_threads(count);
}

void check_onednn(dnnl_status_t status, const char* operation) {
  if (status == dnnl_success) return;
  WENGERT_CHECK(status != dnnl_out_of_memory, kMemory, "oneDNN ran out of memory when ", operation);
  fail(ErrorKind::kRuntime, "oneDNN failed when ", operation, " (status ", static_cast<int>(status),
       ")");
}

}  // namespace wengert::cpu
