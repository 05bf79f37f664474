"""Reductions: a functor per entry and dtype for kernels/cpu/reduce.h, and the operator around it."""

from __future__ import annotations

from .emit_ops import GROUPS, ORDER, signature
from .expressions import scalar
from .model import Entry, Table

RESULTS = {"same": "kSame", "int64": "kSumOfIntegers", "bool": "kBool", "count": "kCount",
           "float": "kFloat"}  # fmt: skip
# What `init` may name: values that lose every comparison.
BOUNDS = """
  using Limits = std::numeric_limits<T>;
  static constexpr T highest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  static constexpr T lowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();"""
PER_FILE = 2  # each entry is a dozen instantiations of a large template


def functor(entry: Entry) -> str:
    result = entry.get("result", "same")
    wide = "std::conditional_t<std::is_integral_v<In>, int64_t, compute_t<In>>"
    acc = {"same": "compute_t<In>", "float": "compute_t<In>", "int64": wide, "bool": "uint8_t",
           "count": "int64_t"}[result]  # fmt: skip
    out = {"same": "In", "float": "In", "count": "int64_t",
           "bool": "std::conditional_t<std::is_same_v<In, uint8_t>, uint8_t, bool>",
           "int64": "std::conditional_t<std::is_integral_v<In>, int64_t, In>"}[result]  # fmt: skip
    combine = scalar(entry, entry.get("combine"))
    merge = scalar(entry, entry.get("merge")) if entry.get("merge") else combine
    tested = result in ("bool", "count")
    element = "static_cast<T>(convert<bool>(element))" if tested else "static_cast<T>(element)"
    other = "other" if entry.get("merge") else "input"
    bounds = BOUNDS if entry.get("init") in ("lowest", "highest") else ""
    return f"""// {entry.file}:{entry.line}
template <typename Input>
struct {entry.name}_op {{
  using In = Input;
  using Acc = {acc};
  using Out = {out};
  using T = Acc;{bounds}
  static constexpr bool kVectorise = true;
  Acc init() const {{ return static_cast<Acc>({scalar(entry, entry.get("init"))}); }}
  Acc combine(Acc acc, compute_t<In> element) const {{
    const auto input = {element};
    return static_cast<Acc>({combine});
  }}
  Acc merge(Acc acc, Acc {other}) const {{ return static_cast<Acc>({merge}); }}
  Out finish(Acc acc, [[maybe_unused]] int64_t count) const {{
    [[maybe_unused]] const T n = static_cast<T>(count);
    return static_cast<Out>({scalar(entry, entry.get("finish"))});
  }}
}};
template <typename Input>
void {entry.name}_run(const ReduceShape& shape, const void* input, void* output) {{
  reduce({entry.name}_op<Input>{{}}, shape, input, output);
}}"""


def kernels(table: Table) -> list[tuple[str, str]]:
    entries = [e for e in table.entries if e.kind == "reduction"]
    head = ['#include "kernels/cpu/simd_math.h"', '#include "kernels/math/all.h"',
            '#include "kernels/cpu/reduce.h"', '#include "kernels/cpu/reduction_table.h"', "",
            "namespace wengert::cpu::WENGERT_ISA {"]  # fmt: skip
    files, fills = [], []
    for i in range(0, len(entries), PER_FILE):
        group, name = entries[i : i + PER_FILE], f"reduction_{i // PER_FILE}"
        parts = [*head, "namespace {", *(functor(e) for e in group), "}  // namespace",
                 f"void fill_{name}(ReductionRow* table) {{"]
        for e in group:
            types = {t for g in e.get("dtypes", "float").split() for t in GROUPS[g]}
            if "float" in types:
                types |= {"Half", "BFloat16"}
            parts += [f"  table[{e.number}][{k}] = {e.name}_run<{t}>;" for k, t in enumerate(ORDER) if t in types]
        files.append((name, "\n".join([*parts, "}", "}  // namespace wengert::cpu::WENGERT_ISA", ""])))
        fills.append(name)
    parts = ['#include "kernels/cpu/reduction_table.h"', "", "namespace wengert::cpu::WENGERT_ISA {",
             *(f"void fill_{n}(ReductionRow* table);" for n in fills),
             "const ReductionRow* reduction_loops() {",
             f"  static ReductionRow table[{len(entries)}] = {{}};", "  static const bool filled = [] {",
             *(f"    fill_{n}(table);" for n in fills), "    return true;", "  }();", "  (void)filled;",
             "  return table;", "}", "}  // namespace wengert::cpu::WENGERT_ISA", ""]
    files.append(("reduction_table", "\n".join(parts)))
    return files


def implementation(entry: Entry) -> str:
    names = {p.name for p in entry.parameters}
    dim = "dim" if "dim" in names else "{}"
    if any(p.name == "dim" and p.type == "int | None" for p in entry.parameters):
        dim = "optional_dims(dim)"
    keepdim = "keepdim" if "keepdim" in names else "false"
    dtype = "dtype" if "dtype" in names else "{}"
    result = RESULTS[entry.get("result", "same")]
    nonempty = "true" if entry.get("check") == "nonempty" else "false"
    return (
        f"namespace impl {{\n{signature(entry)} {{\n"
        f'  return run_reduction({{"{entry.name}", {entry.number}, ReductionResult::{result}, {nonempty}}}, '
        f"input, {dim}, {keepdim}, {dtype});\n}}\n}}  // namespace impl"
    )
