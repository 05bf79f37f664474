#include "bindings/graph.h"

namespace wengert::python {

int visit_proxy(const GraphObject*, visitproc, void*) { return 0; }
int visit_proxy(const TensorImpl*, visitproc, void*) { return 0; }
void add_collector(PyObject*) {}

}  // namespace wengert::python
