"""The long part of autograd's messages: what happened, on which lines, and what to do about it.

The core calls these functions when it raises, and puts what they return under the sentence that
PyTorch's users know. They work on facts that the core always records.
"""

from __future__ import annotations

import ast
from typing import Any

from wengert._C import Node, Tensor, _current_run, _node_info, _run_info

from . import _trails
from ._growth import grew
from ._health import bad_gradient, produced
from ._names import (
    columns,
    describe,
    label,
    module_of,
    name_of,
    parameter_names,
    place,
    source,
    variable_of_node,
    walk,
)

__all__ = ["bad_gradient", "grew", "missing", "overwritten", "produced", "released"]

# --- a saved value was written over ---

ROLES = {"output": "its output", "saved_tensors": "save_for_backward"}
NO_GRAD, VIEW, DETACHED, ARRAY = 1, 2, 4, 8  # WriteLog::How
SYMBOLS = {"add_", "sub_", "mul_", "div_", "pow_", "true_divide_"}
FILLING = {"copy_", "fill_", "index_put_", "index_fill_", "index_copy_", "masked_fill_",
           "scatter_", "masked_scatter_", "zero_"}  # fmt: skip


def overwritten(
    saver: Node,
    role: str,
    saved: Tensor,
    version: int,
    expected: int,
    writes: list[tuple[str, str | None, int, int]],
) -> str:
    """Which tensor, who saved it, who wrote to it since, and the cure for that kind of write.

    ``writes`` holds (operator, site, version, how), the latest first.
    """
    info = _node_info(saver)
    names = parameter_names()
    name = name_of(saved, names)
    text = f"\n  {describe(saved)} {name}".rstrip()
    text += f" is at version {version}; expected version {expected}."
    what = ROLES.get(role) or f"input '{role}'"
    rows = [("saved by", f"{label(info['op'])} ({what})", place(info["site"]),
             source(info["site"]))]  # fmt: skip
    rows += [("written by", label(op), place(site), source(site))
             for op, site, _, _ in reversed(writes)]  # fmt: skip
    lines = columns(rows)
    if name.startswith(("parameter", "buffer")) and (module := module_of(name.split("'")[1])):
        first, _, rest = lines[1:].partition("\n")
        lines = f"\n{first}   [module {module}]\n{rest}"
    if version - expected > len(writes):
        lines += f"\n    and {version - expected - len(writes)} earlier writes"
    return text + lines + "\n    fix: " + _cure(info, name, writes)


def _cure(info: dict[str, Any], name: str, writes: list[tuple[str, str | None, int, int]]) -> str:
    op, site, _, how = writes[0]
    save, write = place(info["site"]), place(site)
    again = f"run {save} again after the write"
    earlier = _run_info(info["run"]) if info["run"] else None
    if earlier is not None:
        return (
            f"the graph was differentiated before ({place(earlier['site'])}) and {op} wrote in "
            f"between: do both backward calls before {write}, or {again}."
        )
    if op.endswith(".step"):
        return f"call backward() before {source(site) or op}, or {again}."
    if how & ARRAY:
        return (
            f"an array that shares this memory was made at {write} and was written to: copy it "
            "there (.numpy().copy(), or tensor(array) instead of from_numpy(array))."
        )
    if name.startswith("buffer"):
        return (
            f"{write} updates {name}, which {save} still needs: let {save} read a clone() of it, "
            "or update it after backward()."
        )
    if how & DETACHED:
        return (
            "detach() shares memory with the tensor it comes from: write to "
            ".detach().clone() instead."
        )
    if op.endswith("(out=)"):
        return f"let {write} make a new tensor instead of filling one with out=, or {again}."
    if "inplace=True" in source(site):
        return f"leave inplace=True out at {write}."
    if _is_activation(op):
        return f"use {op[:-1]}() instead of {op}() there (inplace=False in a module)."
    if how & VIEW and op in FILLING | SYMBOLS:
        what = "into a part" if _is_item_assignment(source(site)) else "through a view"
        return (
            f"{write} writes {what} of the tensor: write to a clone() of it, or build the result "
            "out of parts with cat(), stack() or where()."
        )
    if how & NO_GRAD:
        return (
            "no_grad() does not protect values that were saved before: write after backward(), "
            f"write to a clone(), or {again}."
        )
    if op in FILLING:
        return f"write to a clone() of the tensor at {write}, or {again}."
    if op in SYMBOLS and (forms := _augmented(source(site))):
        return f"write {forms[0]} instead of {forms[1]} at {write}, or {again}."
    return f"use {op.rstrip('_')}() instead of {op}() at {write}, or {again}."


def _statement(line: str) -> ast.stmt | None:
    """The syntax tree of a source line that is a whole statement."""
    try:
        return ast.parse(line).body[0]
    except (SyntaxError, IndexError):
        return None


def _is_item_assignment(line: str) -> bool:
    statement = _statement(line)
    if isinstance(statement, ast.Assign):
        return isinstance(statement.targets[0], ast.Subscript)
    return isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Subscript)


def _assigned(line: str) -> str:
    """The variable that a source line assigns to, or ''."""
    statement = _statement(line)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _augmented(line: str) -> tuple[str, str] | None:
    """('x = x + 1', 'x += 1') for the source line 'x += 1'; None for other lines."""
    statement = _statement(line)
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Name):
        return None
    name = ast.Name(statement.target.id, ast.Load())
    value = ast.unparse(ast.BinOp(name, statement.op, statement.value))
    return f"{name.id} = {value}", ast.unparse(statement)


def _is_activation(op: str) -> bool:
    import wengert.nn.functional as functional

    return op.endswith("_") and hasattr(functional, op) and hasattr(functional, op[:-1])


# --- the graph was freed ---


def released(owner: Node) -> str:
    """Where the part that is gone begins, who freed it, and how not to need it again."""
    info = _node_info(owner)
    first = _run_info(info["run"])
    run = _current_run()
    if run is None:  # a hook or a user looks at saved values outside of a backward call
        site = first["site"] if first else None
        rows = [("saved by", label(info["op"]), place(info["site"]), source(info["site"])),
                ("freed by", "backward", place(site), source(site))]  # fmt: skip
        return columns(rows)
    now, roots = run
    nodes = {found["id"]: (node, found) for node, found in
             walk([root.grad_fn for root in roots])}  # fmt: skip
    fresh = {key for key, (_, found) in nodes.items() if found["run"] in (0, now["id"])}
    shared, user = _boundary(nodes, fresh, info)
    freed_at = place(first["site"]) if first else "a backward call long ago"
    rows = [("shared part", label(shared["op"]), place(shared["site"]), source(shared["site"]))]
    if user is not None:
        rows.append(("used again by", label(user["op"]), place(user["site"]), source(user["site"])))
    same = first is not None and first["site"] == now["site"]
    note = "   (an earlier pass over this line)" if same and now["site"] else ""
    if first is not None and first["depth"] > now["depth"]:
        note = "   (a call within this one)"
    rows.append(("freed by", "backward", freed_at,
                 source(first["site"] if first else None) + note))  # fmt: skip
    return columns(rows) + "\n    fix: " + _release_cure(nodes, fresh, shared, first, now)


def _boundary(
    nodes: dict[int, tuple[Node, dict[str, Any]]], fresh: set[int], owner: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The first node that an earlier call went through, and the new node that reads it.

    Of several the latest made counts: what it holds was carried over.
    """
    best, user = None, None
    for key in fresh:
        for target, _, _ in nodes[key][1]["edges"]:
            found = None if target is None else nodes[_node_info(target)["id"]][1]
            if found is None or found["id"] in fresh or found["leaf"] is not None:
                continue
            if best is None or found["sequence"] > best["sequence"]:
                best, user = found, nodes[key][1]
    return (owner, None) if best is None else (best, user)


def _release_cure(
    nodes: dict[int, tuple[Node, dict[str, Any]]],
    fresh: set[int],
    shared: dict[str, Any],
    first: dict[str, Any] | None,
    now: dict[str, Any],
) -> str:
    freed_at = place(first["site"]) if first else "the first call"
    variable = variable_of_node(nodes[shared["id"]][0]) if shared["id"] in nodes else ""
    held = f"'{variable}'" if variable else "it"
    made = [nodes[key][1] for key in fresh if nodes[key][1]["leaf"] is None]
    if first is not None and (first["depth"] or now["depth"]):
        return (
            f"{place(shared['site'])} lies outside of a block that is differentiated on its own "
            f"(checkpoint with use_reentrant=True): pass {held} to the block as an argument, or "
            "use use_reentrant=False."
        )
    if not made:
        if first is not None and first["site"] == now["site"]:
            return "compute the loss anew in each pass of the loop."
        return (
            "call backward once on this result, or keep the graph in the first call: "
            f"retain_graph=True at {freed_at}."
        )
    if first is None or all(node["sequence"] < first["sequence"] for node in made):
        return (
            "differentiate the losses together, (loss1 + loss2).backward(); or keep the graph in "
            f"the first call: retain_graph=True at {freed_at}."
        )
    if shared["site"] is not None and shared["site"] in {node["site"] for node in made}:
        name = _assigned(source(shared["site"])) or "h"
        return (
            f"the result of {place(shared['site'])} was carried over from an earlier step: "
            f"detach() it before it is used again ({name} = {name}.detach())."
        )
    if first["site"] != now["site"]:
        return (
            f"{held} was made before the first call and is used after it: keep the graph in the "
            f"first call, retain_graph=True at {freed_at}; or detach() it if it needs no gradient "
            "any more."
        )
    return (
        f"{held} was made once, at {place(shared['site'])}, and is used in every step: make it "
        f"inside the loop, or detach() it if it needs no gradient."
    )


# --- there is no history ---


def missing(root: Tensor) -> str:
    """The way back from a tensor without history to the place where it was lost."""
    return _trails.story(root)
