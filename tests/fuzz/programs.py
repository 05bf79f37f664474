"""Random programs: lists of Python lines over tensors `t0, t1, ...`, run under wengert or PyTorch.

A program is made line by line while it runs, so that shapes mostly fit; a line that raises stays,
for both libraries have to raise alike. `shrink` takes out lines that do not matter and `script`
shows what is left as a program of its own.

Where the two differ on purpose, PyTorch is given the equivalent: views from `unbind`, `split` and
`chunk` may not be written to there, so it gets them one by one. Programs whose numbers stop being
finite are not compared (strong zeros).
"""

from __future__ import annotations

import contextlib
import random
import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy

# --- what the lines may call ---

PREAMBLE = """\
def leaf(shape, dtype, requires_grad):
    count = 1
    for size in shape:
        count *= size
    values = torch.linspace(-1.25, 1.5, count, dtype=torch.float64).reshape(shape)
    if dtype in (torch.complex64, torch.complex128):
        values = torch.complex(values, values.flip(0).cos() if shape else values.cos())
    elif dtype == torch.bool:
        values = values > 0.2
    elif dtype == torch.int64:
        values = (values * 3).round()
    return values.to(dtype).clone().requires_grad_(requires_grad)

def copies(gradients):  # PyTorch's may be views of something hidden
    return [g if g is None else g.clone() for g in gradients]

def real_loss(*tensors):
    total = torch.zeros((), dtype=torch.float64)
    for i, tensor in enumerate(tensors):
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor)
        total = total + (tensor.double() * 0.5 + 0.25 * i).sin().sum()
    return total
"""
TOGETHER = """\
def unbind(x, dim):
    return x.unbind(dim)

def split(x, size, dim):
    return x.split(size, dim)

def chunk(x, count, dim):
    return x.chunk(count, dim)
"""
ONE_BY_ONE = """\
def unbind(x, dim):
    return [x.select(dim, i) for i in range(x.shape[dim])]

def split(x, size, dim):
    length = x.shape[dim]
    return [x.narrow(dim, i, min(size, length - i)) for i in range(0, max(length, 1), size)]

def chunk(x, count, dim):
    return split(x, max(1, -(-x.shape[dim] // count)), dim)
"""


@cache
def compiled(line: str) -> Any:
    return compile(line, "<line>", "exec")


def environment(module: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"torch": module}
    exec(PREAMBLE, result)
    exec(TOGETHER if module.__name__ == "wengert" else ONE_BY_ONE, result)
    return result


# What PyTorch refuses and wengert does: it reads a copy of the input that overlaps the output.
ON_PURPOSE = "some elements of the input tensor and the written-to tensor refer to a single memory"


def run_line(line: str, variables: dict[str, Any]) -> Exception | None:
    """What the line raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compiled(line), variables)
    except Exception as error:
        return error
    return None


def tensors_of(variables: dict[str, Any]) -> dict[str, Any]:
    kind = variables["torch"].Tensor
    return {k: v for k, v in variables.items() if k[0] == "t" and isinstance(v, kind)}


# --- making programs ---

FLOATS = ("float64", "float64", "float64", "float32")
UNARY = [
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "square",
    "neg",
    "relu",
    "abs",
    "atan",
    "erf",
    "log1p",
    "clone",
    "contiguous",
    "exp",
    "detach",
]
SMOOTH = ["sin", "cos", "tanh", "sigmoid", "atan", "erf"]


class Maker:
    """Grows one program; `variables` is the state that its lines have led to."""

    def __init__(self, seed: int, module: Any) -> None:
        self.random = random.Random(seed)
        self.variables = environment(module)
        self.lines: list[str] = []
        self.count = 0
        self.hooked: list[Any] = []

    # what lines are made of

    def fresh(self) -> str:
        self.count += 1
        return f"t{self.count - 1}"

    def choose(self, *options: Any) -> Any:
        return self.random.choice(options)

    def number(self) -> str:
        return self.choose("0.5", "-0.75", "1.25", "2", "0")

    def flag(self) -> bool:
        return self.random.random() < 0.5

    def name(self, keep: Callable[[Any], bool] = lambda tensor: True) -> str | None:
        """A tensor, mostly one of the newer ones."""
        names = [k for k, v in tensors_of(self.variables).items() if keep(v)]
        if not names:
            return None
        return names[max(self.random.randrange(len(names)), self.random.randrange(len(names)))]

    def floating(self, keep: Callable[[Any], bool] = lambda tensor: True) -> str | None:
        return self.name(lambda t: (t.is_floating_point() or t.is_complex()) and keep(t))

    def value(self, name: str) -> Any:
        return self.variables[name]

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.value(name).shape)

    def dim(self, name: str) -> int:
        ndim = self.value(name).ndim
        if self.random.random() < 0.02:
            return ndim + 1
        return self.random.randrange(-ndim, ndim) if ndim else 0

    def size(self, name: str, dim: int) -> int:
        shape = self.shape(name)
        return shape[dim] if -len(shape) <= dim < len(shape) else 1

    def fitting(self, shape: Sequence[int], target: str | None = None) -> str | None:
        """A tensor that broadcasts to the shape; to be written to `target`, if that is given.

        Then it shares no memory with it: PyTorch reads what it has just written.
        """
        wanted = tuple(shape)

        def apart(tensor: Any) -> bool:
            if target is None or tensor is self.value(target):
                return True
            memory = tensor.untyped_storage().data_ptr()
            return memory != self.value(target).untyped_storage().data_ptr()

        def fits(tensor: Any) -> bool:
            own = tuple(tensor.shape)
            if len(own) > len(wanted):
                return False
            ends = wanted[len(wanted) - len(own) :]
            return apart(tensor) and all(a in (1, b) for a, b in zip(own, ends, strict=True))

        if self.random.random() < 0.03:
            return self.name(apart)
        return self.name(fits)

    def index(self, name: str) -> str:
        """Something to put between brackets."""
        items: list[str] = []
        for size in self.shape(name)[: self.random.choice((1, 1, 2, 3))]:
            items.append(self.index_item(size))
        if self.random.random() < 0.15:
            items.insert(self.random.randrange(len(items) + 1), "None")
        if self.random.random() < 0.15:
            items.insert(self.random.randrange(len(items) + 1), "...")
        return ", ".join(items) or "..."

    def index_item(self, size: int) -> str:
        r = self.random
        kind = r.random()
        if kind < 0.35 and size:
            return str(r.randrange(-size, size))
        if kind < 0.75:
            ends = ["", *map(str, range(-size - 1, size + 2))]
            text = f"{r.choice(ends)}:{r.choice(ends)}"
            return text + (f":{r.choice((1, 2, 3))}" if r.random() < 0.3 else "")
        if kind < 0.87 and size:
            return str([r.randrange(-size, size) for _ in range(r.randrange(1, 4))])
        if kind < 0.95:
            return f"torch.tensor({[r.random() < 0.5 for _ in range(size)]}, dtype=torch.bool)"
        return str(size + 1) if r.random() < 0.2 else ":"

    def positions(self, size: int, count: int, distinct: bool = False) -> str:
        if distinct:
            return str(self.random.sample(range(size), min(count, size)))
        return str([self.random.randrange(size) for _ in range(count)] if size else [])

    # kinds of lines

    def leaf(self) -> str:
        r = self.random
        shape = tuple(r.choice((1, 2, 2, 3, 4)) for _ in range(r.choice((0, 1, 1, 2, 2, 2, 3))))
        if r.random() < 0.03 and shape:
            shape = (*shape[:-1], 0)
        dtype = r.choice((*FLOATS, *FLOATS, "complex128", "int64", "bool"))
        wanted = r.random() < 0.6 and dtype not in ("int64", "bool")
        return f"{self.fresh()} = leaf({shape}, torch.{dtype}, {wanted})"

    def unary(self) -> str | None:
        name = self.floating()
        return name and f"{self.fresh()} = {name}.{self.random.choice(UNARY)}()"

    def binary(self) -> str | None:
        left = self.floating()
        right = left and self.fitting(self.shape(left))
        if not left or not right:
            return None
        if self.flag():
            left, right = right, left
        return f"{self.fresh()} = {left} {self.choose('+', '-', '*')} {right}"

    def scaled(self) -> str | None:
        name = self.floating()
        return (
            name
            and f"{self.fresh()} = {name} {self.choose('+', '*', '-', '/')} {self.choose('0.5', '2', '1.5')}"
        )

    def reduce(self) -> str | None:
        name = self.floating()
        if not name:
            return None
        dim = self.dim(name)
        first = f"index_select({dim}, torch.tensor([0]))" if self.size(name, dim) else "sum()"
        call = self.choose(
            "sum()", "mean()", f"sum({dim})", f"mean({dim}, keepdim=True)", f"cumsum({dim})",
            f"flip({dim})", f"roll(1, {dim})", first, "tril()",
        )  # fmt: skip
        return f"{self.fresh()} = {name}.{call}"

    def join(self) -> str | None:
        name = self.floating()
        other = name and self.name(lambda t: tuple(t.shape) == self.shape(name))
        if not name or not other:
            return None
        call = self.choose(
            f"cat([{name}, {other}], {self.dim(name)})", f"stack([{name}, {other}], 0)",
            f"where({name} == {name}, {name}, {other})", f"maximum({name}, {other})",
        )  # fmt: skip
        return f"{self.fresh()} = torch.{call}"

    def product(self) -> str | None:
        left = self.floating(lambda t: t.ndim == 2)
        right = left and self.name(
            lambda t: (
                t.ndim == 2
                and t.shape[0] == self.shape(left)[1]
                and t.dtype == self.value(left).dtype
            )
        )
        return right and f"{self.fresh()} = {left} @ {right}"

    def view(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0)
        if not name:
            return None
        a, b, ndim, r = self.dim(name), self.dim(name), self.value(name).ndim, self.random
        order = r.sample(range(ndim), ndim)
        calls = [
            f"select({a}, {self.choose(0, -1)})", f"transpose({a}, {b})", "t()" if ndim < 3 else "mT",
            f"unsqueeze({a})", "squeeze()", f"squeeze({a})", f"permute({order})", "T" if ndim == 2 else "mT",
            f"narrow({a}, {self.choose(0, 1)}, {self.choose(1, 2)})", "reshape(-1)", "view(-1)",
            f"unfold({a}, {self.choose(1, 2)}, {self.choose(1, 2)})", f"movedim({a}, {b})",
            f"expand(2, {', '.join(['-1'] * ndim)})", "flatten()", "ravel()", "view_as(" + name + ")",
            f"diagonal({self.choose(0, 1, -1)}, {a}, {b})", f"unflatten({a}, (1, -1))", "alias()",
        ]  # fmt: skip
        call = r.choice(calls)
        if call == "alias()":
            call = "view(" + name + ".shape)"
        return f"{self.fresh()} = {name}.{call}"

    def indexed(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0)
        return name and f"{self.fresh()} = {name}[{self.index(name)}]"

    def strided(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0 and t.numel() > 1)
        if not name:
            return None
        r = self.random
        shape = [r.choice((1, 2, 3)) for _ in range(r.choice((1, 2)))]
        stride = [r.choice((0, 1, 1, 2, 3)) for _ in shape]
        offset = r.choice(("", "", ", 0", ", 1", ", 2"))
        return f"{self.fresh()} = {name}.as_strided({shape}, {stride}{offset})"

    def parts(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0 and 0 not in t.shape)
        if not name:
            return None
        dim = self.random.randrange(self.value(name).ndim)
        size, count = self.size(name, dim), self.choose(1, 2, 3)
        kind = self.choose("unbind", "split", "chunk")
        if kind == "unbind":
            pieces, call = size, f"unbind({name}, {dim})"
        elif kind == "split":
            pieces, call = -(-size // count), f"split({name}, {count}, {dim})"
        else:
            pieces, call = -(-size // -(-size // count)), f"chunk({name}, {count}, {dim})"
        return "".join(f"{self.fresh()}, " for _ in range(pieces)) + f"= {call}"

    def complex_view(self) -> str | None:
        name = self.name(lambda t: t.is_complex())
        if name and self.random.random() < 0.8:
            return f"{self.fresh()} = torch.{self.choose('view_as_real', 'real', 'imag')}({name})"
        name = self.floating(lambda t: not t.is_complex() and t.ndim > 0 and t.shape[-1] == 2)
        return name and f"{self.fresh()} = torch.view_as_complex({name})"

    def dtype_view(self) -> str | None:
        # Only zeros are written, for the last bits of other numbers may differ.
        name = self.name(lambda t: t.ndim > 0)
        return (
            name
            and f"{name}.view(torch.{self.choose('int64', 'float64', 'int32')})[..., -1:].zero_()"
        )

    def write(self) -> str | None:
        name = self.floating()
        if not name:
            return None
        other = self.fitting(self.shape(name), name)
        number = self.number()
        calls = [
            f"{self.random.choice(SMOOTH)}_()", "zero_()", f"fill_({number})", f"mul_({number})",
            f"add_({number})", f"clamp_(-1, {number})", "neg_()", "relu_()", "square_()", "abs_()",
            f"masked_fill_({name} == {name}, {number})", "tril_()", "pow_(2)", "exp_()",
        ]  # fmt: skip
        if other:
            calls += [
                f"mul_({other})", f"add_({other})", f"sub_({other}, alpha=0.5)", f"copy_({other})",
                f"copy_({other})", f"masked_fill_({name} == {name}, {other})", f"lerp_({other}, 0.25)",
                f"addcmul_({other}, {other}, value=0.5)", f"mul_({other})", f"add_({other})",
                f"fill_({other})",
            ]  # fmt: skip
            # (PyTorch writes what there is of a source that is too short, and then raises.)
            if self.value(other).numel() == self.value(name).numel():
                calls.append(f"masked_scatter_({name} == {name}, {other})")
        return f"{name}.{self.random.choice(calls)}"

    def write_along(self) -> str | None:
        name = self.floating(lambda t: t.ndim > 0 and 0 not in t.shape)
        if not name:
            return None
        dim = self.random.randrange(self.value(name).ndim)
        size = self.size(name, dim)
        shape = list(self.shape(name))
        shape[dim] = self.choose(1, 2, size)
        at = f"torch.tensor({self.positions(size, shape[dim])})"
        distinct = f"torch.tensor({self.positions(size, shape[dim], True)})"
        memory = self.value(name).untyped_storage().data_ptr()
        source = self.name(
            lambda t: (
                list(t.shape) == shape
                and t.dtype == self.value(name).dtype
                and t.untyped_storage().data_ptr() != memory
            )
        )
        number = self.number()
        calls = [
            f"index_fill_({dim}, {at}, {number})", f"cumsum_({dim})",
            f"scatter_({dim}, ({name} == {name}).long() * 0, {number})",
        ]  # fmt: skip
        if source:
            calls += [
                f"index_add_({dim}, {at}, {source})", f"index_copy_({dim}, {distinct}, {source})",
                f"scatter_add_({dim}, torch.zeros_like({source}, dtype=torch.int64), {source})",
                f"index_put_((torch.tensor([0]),), {source}[:1], accumulate={self.flag()})",
            ]  # fmt: skip
        return f"{name}.{self.random.choice(calls)}"

    def assign(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0)
        if not name:
            return None
        index = self.index(name)
        probe = dict(self.variables)
        if run_line(f"probe = {name}[{index}]", probe) is not None:
            return f"{name}[{index}] = {self.number()}"
        source = self.fitting(probe["probe"].shape, name)
        if source and self.random.random() < 0.6:
            return f"{name}[{index}] {self.choose('=', '=', '+=', '*=')} {source}"
        return f"{name}[{index}] {self.choose('=', '=', '+=', '*=')} {self.number()}"

    def assign_mask(self) -> str | None:
        name = self.floating(lambda t: not t.is_complex())
        other = name and self.fitting(self.shape(name), name)
        if not name:
            return None
        if other and not self.value(other).is_complex() and self.random.random() < 0.3:
            return f"{name}[{name} > 0.1] = {other}.expand({name}.shape)[{name} > 0.1]"
        return f"{name}[{name} > {self.choose('0', '0.2', '-0.3')}] = {self.number()}"

    def augmented(self) -> str | None:
        name = self.name()
        other = name and self.fitting(self.shape(name), name)
        return name and f"{name} {self.choose('+=', '*=', '-=')} {other or self.number()}"

    def out(self) -> str | None:
        left = self.floating()
        right = left and self.fitting(self.shape(left))
        if not left or not right:
            return None
        # (Of a view that is too small PyTorch resizes the base, too.)
        memories = [self.value(n).untyped_storage().data_ptr() for n in (left, right)]
        out = self.floating(
            lambda t: (
                (tuple(t.shape) == self.shape(left) or t._base is None)
                and t.untyped_storage().data_ptr() not in memories
            )
        )
        if not out:
            return None
        return f"torch.{self.choose('add', 'mul', 'sub')}({left}, {right}, out={out})"

    def geometry(self) -> str | None:
        name = self.name(lambda t: t.ndim > 0)
        if not name:
            return None
        a, b = self.dim(name), self.dim(name)
        return f"{name}." + self.choose(
            "t_()", f"transpose_({a}, {b})", f"unsqueeze_({a})", "squeeze_()", f"squeeze_({a})"
        )

    def attribute(self) -> str | None:
        name, other = self.name(), self.name()
        if not name:
            return None
        calls = [
            f"{name}.grad = None", f"{name}.grad = {other}.detach().clone()",
            f"{self.fresh()} = {name}.detach()", f"{name}.retain_grad()", f"{name}.retain_grad()",
        ]  # fmt: skip
        # (A leaf that is a view loses its gradients in PyTorch when its memory is written to.)
        if self.value(name)._base is None:
            flag = self.flag()
            calls += [
                f"{name}.detach_()", f"{name}.requires_grad_({flag})", f"{name}.requires_grad = {flag}"
            ]  # fmt: skip
        return self.random.choice(calls)

    def hook(self) -> str | None:
        # (PyTorch crashes on hooks of views whose base was written to since.)
        name = self.name(lambda t: t.requires_grad and t._base is None)
        body = self.choose("g * 2", "None", "g.sin()", "torch.ones_like(g)", "g.clone()", "-g")
        if name:
            self.hooked.append(self.value(name))
        return name and f"{name}.register_hook(lambda g: {body})"

    def free_of_hooks(self, tensor: Any) -> bool:
        return tensor.requires_grad and not any(tensor is other for other in self.hooked)

    def backward(self) -> str | None:
        name = self.floating(lambda t: t.requires_grad)
        if not name:
            return None
        # (Adding to a gradient that has a history leaves that alone here; PyTorch writes to it.)
        keep = self.choose("", "", ", retain_graph=True")
        return f"torch.autograd.backward(real_loss({name}){keep})"

    def gradients(self) -> str | None:
        name = self.floating(lambda t: t.requires_grad)
        if not name:
            return None
        # (PyTorch gives the gradient of an input from before its hooks where another input lies
        # behind it; several names of one input are the same tensor, and a view of something hidden.)
        inputs = [self.floating(self.free_of_hooks)]
        if inputs[0] is None:
            return None
        if self.flag():
            others = self.floating(self.free_of_hooks)
            inputs += [others] if others and others not in inputs else []
        keep = self.choose("", ", retain_graph=True", ", create_graph=True", ", create_graph=True")
        targets = "".join(f"{self.fresh()}, " for _ in inputs)
        return (
            f"{targets}= copies(torch.autograd.grad(real_loss({name}), "
            f"[{', '.join(map(str, inputs))}], allow_unused=True{keep}))"
        )

    def take_grad(self) -> str | None:
        name = self.name(lambda t: t.is_leaf and t.grad is not None)
        return name and f"{self.fresh()} = {name}.grad"

    KINDS = (
        (leaf, 5), (unary, 7), (binary, 8), (scaled, 5), (reduce, 5), (join, 3), (product, 2),
        (view, 12), (indexed, 6), (strided, 3), (parts, 4), (complex_view, 4), (dtype_view, 1),
        (write, 12), (write_along, 4), (assign, 8), (assign_mask, 3), (augmented, 5), (out, 2),
        (geometry, 2), (attribute, 3), (hook, 4), (backward, 3), (gradients, 4), (take_grad, 1),
    )  # fmt: skip

    def add(self, line: str) -> None:
        # (Views made under no_grad require a gradient in PyTorch, though they pass none on.)
        if self.random.random() < 0.08 and not re.match(r"t\d+,? ?=|t\d+, t\d+", line):
            line = f"with torch.{self.choose('no_grad', 'no_grad', 'enable_grad')}(): {line}"
        raised = run_line(line, self.variables)
        if raised is None or ON_PURPOSE not in str(raised):
            self.lines.append(line)

    def make(self, length: int) -> list[str]:
        self.lines.append(f"{self.fresh()} = leaf((2, 3), torch.float64, True)")
        run_line(self.lines[0], self.variables)
        kinds, weights = zip(*self.KINDS, strict=True)
        while len(self.lines) < length:
            line = self.random.choices(kinds, weights)[0](self)
            if line is not None:
                self.add(line)
        wanted = [k for k, v in tensors_of(self.variables).items() if v.requires_grad]
        if wanted:
            picked = self.random.sample(wanted, min(len(wanted), 3))
            self.lines.append(f"real_loss({', '.join(picked)}).backward()")
        return self.lines


def make(seed: int, module: Any) -> list[str]:
    """The program of a seed. `module` runs it meanwhile, to know the shapes."""
    maker = Maker(seed, module)
    return maker.make(maker.random.choice((4, 6, 8, 10, 14, 18)))


# --- comparing ---


def array(tensor: Any) -> numpy.ndarray:
    return numpy.asarray(
        tensor.detach().resolve_conj() if hasattr(tensor, "resolve_conj") else tensor.detach()
    )


class NotFinite(Exception):
    """The numbers of the program are of no use, or it differs on purpose."""


def close(ours: Any, theirs: Any, single: bool) -> str | None:
    """What differs between two tensors; `single`: more than the precision of float32."""
    if str(ours.dtype).split(".")[-1] != str(theirs.dtype).split(".")[-1]:
        return f"dtype {ours.dtype}, not {theirs.dtype}"
    if tuple(ours.shape) != tuple(theirs.shape):
        return f"shape {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    a, b = array(ours), array(theirs)
    if b.dtype.kind not in "fc":
        return None if numpy.array_equal(a, b) else f"values {a.tolist()}, not {b.tolist()}"
    if not numpy.isfinite(b).all() or (b.size and numpy.abs(b).max() > 1e7):
        raise NotFinite
    scale = max(1.0, float(numpy.abs(b).max())) if b.size else 1.0
    tolerance = 2e-4 if single else 1e-8
    # numpy.abs of a difference that is NaN is no less than anything.
    if b.size and not (numpy.abs(a - b) <= tolerance * scale).all():
        return f"values {a.tolist()}, not {b.tolist()}"
    return None


_NEW_SHAPE = re.compile(r"\.(un)?squeeze_\(|\.t_\(|\.transpose_\(")
# What PyTorch raises where the program has an answer: bools that took in a history, a write of no
# elements, a gradient that it expanded itself.
_OF_ITS_OWN = (
    "Autograd not support dtype",
    "Index put requires the source and destination dtypes match",
    "more than one element of the written-to",
    "INTERNAL ASSERT FAILED",
)


def difference(lines: Sequence[str], ours: Any, theirs: Any) -> str | None:
    """The first thing in which the program differs between two modules."""
    mine, other = environment(ours), environment(theirs)
    for line in lines:
        raised, expected = run_line(line, mine), run_line(line, other)
        if raised is None and "a second time" in str(expected):
            raise NotFinite  # we need fewer saved values: there was nothing to free
        if (
            raised is None
            and "a leaf Variable that" in str(expected)
            and writes_to_view(line, other)
        ):
            raise NotFinite  # PyTorch has not noticed yet that the base was written to
        if (
            raised is None
            and "index_copy_" in "".join(lines)
            and "modified by an inp" in str(expected)
        ):
            raise NotFinite  # its source is not saved here
        if raised is None and "was created in no_grad mode" in str(expected):
            raise NotFinite  # PyTorch's gradients may be views of something hidden
        if expected is None and "more than one element of the written-to" in str(raised):
            raise NotFinite  # we notice more overlaps than those of size zero
        if raised is None and any(words in str(expected) for words in _OF_ITS_OWN):
            raise NotFinite
        if not isinstance(raised, type(expected)):
            return f"{line}: raised {raised!r:.200}, not {expected!r:.200}"
    found = compare_states(tensors_of(mine), tensors_of(other))
    text = "".join(lines)
    if found and ".grad" in found and "retain_grad" in text and _NEW_SHAPE.search(text):
        raise NotFinite  # the gradient that is kept may be that before or after the change of shape
    return found


def writes_to_view(line: str, variables: dict[str, Any]) -> bool:
    found = re.search(r"t\d+", line)
    return found is not None and variables[found[0]]._is_view()


def attribute(tensor: Any, name: str) -> Any:
    """Its value, or the class of what reading it raises."""
    try:
        with warnings.catch_warnings():  # of .grad of what is no leaf
            warnings.simplefilter("ignore", UserWarning)
            return getattr(tensor, name)
    except RuntimeError as error:
        return type(error)


def is_single(tensor: Any) -> bool:
    return str(tensor.dtype).split(".")[-1] in ("float32", "complex64")


def compare_states(mine: dict[str, Any], other: dict[str, Any]) -> str | None:
    if mine.keys() != other.keys():
        return f"the tensors {sorted(mine)}, not {sorted(other)}"
    gradients = [attribute(tensor, "grad") for tensor in other.values()]
    if any(getattr(gradient, "requires_grad", False) for gradient in gradients):
        raise NotFinite  # what is added to it: PyTorch writes to it, wengert lets its owners keep it
    # Gradients of float64 that come through float32 are rounded before or after they are summed.
    single = any(is_single(tensor) for tensor in other.values())
    for name, tensor in other.items():
        if found := close(mine[name], tensor, single):
            return f"{name}: {found}"
        if mine[name].requires_grad and not tensor.requires_grad and not array(tensor).any():
            raise NotFinite  # gradients of empty views have no history in PyTorch
        if tensor.requires_grad and not (tensor.is_floating_point() or tensor.is_complex()):
            raise NotFinite  # a bool tensor that took in a number with a history
        if tensor._is_view() and tensor.requires_grad and attribute(tensor, "grad_fn") is None:
            raise NotFinite  # a view of what is a leaf since: it passes nothing on
        for flag in ("requires_grad", "is_leaf"):
            if (own := attribute(mine[name], flag)) != attribute(tensor, flag):
                return f"{name}.{flag} is {own}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            a, b = mine[name].grad, tensor.grad
        if (a is None) != (b is None):
            return f"{name}.grad is {a}, not {b}"
        if b is not None and (found := close(a, b, single)):
            return f"{name}.grad: {found}"
    return None


def shrink(lines: list[str], fails: Callable[[list[str]], bool]) -> list[str]:
    """Takes lines out while the program still fails."""
    size = len(lines) // 2
    while size:
        start = 0
        while start < len(lines):
            shorter = lines[:start] + lines[start + size :]
            if fails(shorter):
                lines = shorter
            else:
                start += size
        size //= 2
    return lines


def script(lines: Sequence[str]) -> str:
    return "\n".join(["import wengert as torch", PREAMBLE, TOGETHER, *lines])


def check(seed: int, ours: Any, theirs: Any) -> str | None:
    """A report on the program of this seed, shrunk, if it differs."""

    def found(lines: list[str]) -> str | None:
        with contextlib.suppress(NotFinite):
            return difference(lines, ours, theirs)
        return None

    lines = make(seed, theirs)
    if found(lines) is None:
        return None

    def fails(shorter: list[str]) -> bool:
        text = found(shorter)
        return text is not None and "NameError" not in text and "NoneType" not in text

    lines = shrink(lines, fails)
    return f"seed {seed}: {found(lines)}\n" + "\n".join("    " + line for line in lines)
