"""Formulas: Python expressions become C++, over scalars for kernels and over tensors for rules."""

from __future__ import annotations

import ast
import re

from .model import Entry

CONSTANTS = {
    "pi": "3.14159265358979323846",
    "inf": "std::numeric_limits<double>::infinity()",
    "nan": "std::numeric_limits<double>::quiet_NaN()",
    "euler": "2.71828182845904523536",
}
SYMBOLS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=",
    ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=", ast.FloorDiv: "/", ast.Mod: "%",
}  # fmt: skip
OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "true_divide", ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or", ast.BitXor: "bitwise_xor", ast.Gt: "gt", ast.Lt: "lt",
    ast.GtE: "ge", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne", ast.Pow: "pow",
}  # fmt: skip


def parse(entry: Entry, text: str) -> ast.expr:
    try:
        return ast.parse(str(text), mode="eval").body
    except SyntaxError as error:
        raise entry.fail(f"cannot read formula '{text}': {error.msg}") from None


def names_in(node: ast.AST) -> set[str]:
    called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in called}


ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


def scalar(entry: Entry, formula: str | ast.expr) -> str:
    """A formula over elements: every name is a C++ variable of the kernel's compute type T.

    Arithmetic goes through math::, which wraps integers and multiplies complex numbers plainly.
    """
    counts = {p.name for p in entry.parameters if p.type == "int"}
    names = {p.name for p in entry.parameters}

    def literal(node: ast.expr, type_: str) -> str:
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool):
            return f"{type_}({node.value!r})"
        return walk(node)

    def walk(node: ast.expr) -> str:
        match node:
            case ast.Constant(value=bool() as value):
                return "true" if value else "false"
            case ast.Constant(value=int() | float() as value):
                return f"T({value!r})"
            case ast.Name(id=name):
                return name if name in names or name not in CONSTANTS else f"T({CONSTANTS[name]})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"math::neg({walk(operand)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(!{walk(operand)})"
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return f"(~{walk(operand)})"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SYMBOLS:
                if names_in(node) and names_in(node) <= counts:
                    return f"({literal(left, '')} {SYMBOLS[type(op)]} {literal(right, '')})"
                if type(op) in ARITHMETIC:
                    return f"math::{ARITHMETIC[type(op)]}({walk(left)}, {walk(right)})"
                return f"({walk(left)} {SYMBOLS[type(op)]} {walk(right)})"
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in SYMBOLS:
                ordered = isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
                type_ = "real_t<T>" if ordered else "T"
                return f"({literal(left, type_)} {SYMBOLS[type(op)]} {literal(right, type_)})"
            case ast.BoolOp(op=op, values=values):
                symbol = " && " if isinstance(op, ast.And) else " || "
                return "(" + symbol.join(walk(v) for v in values) + ")"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({walk(test)} ? {walk(body)} : {walk(orelse)})"
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return f"math::{name}({', '.join(walk(a) for a in args)})"
        raise entry.fail(f"cannot translate '{ast.unparse(node)}' in a kernel formula")

    return walk(parse(entry, formula) if isinstance(formula, str) else formula)


def scalar_product(entry: Entry, text: str) -> str:
    """g * conj(factor) with strong zeros; the gradient goes into the arms of conditionals, so that
    an arm that is exactly 0 or 1 costs nothing and meets no infinity."""

    def product(node: ast.expr) -> str:
        match node:
            case ast.Constant(value=0):
                return "T(0)"
            case ast.Constant(value=1):
                return "g"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({scalar(entry, test)} ? {product(body)} : {product(orelse)})"
        return f"math::strong_product(g, math::conj(static_cast<T>({scalar(entry, node)})))"

    return product(parse(entry, text))


# Helpers of csrc/ops that return numbers.
PLAIN_FUNCTIONS = {"needs", "_conjugate", "_negated", "_reduced_count", "_sizes_along", "_past_batch"}


class TensorFormula:
    """A formula over tensors, as calls of operators (which record themselves when asked to)."""

    def __init__(self, entry: Entry, text: str, tensors: set[str]):
        self.entry = entry
        self.tree = parse(entry, text)
        self.tensors = tensors
        self.names = names_in(self.tree)
        symbols = [n.op for n in ast.walk(self.tree) if isinstance(n, ast.BinOp | ast.UnaryOp)]
        self.calls = {n.func.id for n in ast.walk(self.tree)
                      if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        self.calls |= {OPERATORS[type(op)] for op in symbols if type(op) in OPERATORS}
        # Tensors of which only sizes or dtype are read, and tensors that are read themselves.
        self.shapes: set[str] = set()
        self.dtypes: set[str] = set()
        whole: set[str] = set()
        attributes = {
            id(n.value): n.attr
            for n in ast.walk(self.tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id in tensors:
                attribute = attributes.get(id(node))
                if attribute == "shape":
                    self.shapes.add(node.id)
                elif attribute == "dtype":
                    self.dtypes.add(node.id)
                else:
                    whole.add(node.id)
        self.values = whole

    def cpp(self) -> str:
        return self._walk(self.tree)

    def product(self, node: ast.expr | None = None) -> str:
        """g * conj(factor), the factor being this formula (see `scalar_product`)."""
        match node if node is not None else self.tree:
            case ast.Constant(value=0):
                return "zeros_matching(g)"
            case ast.Constant(value=1):
                return "g"
            case ast.IfExp(test=test, body=body, orelse=orelse) if self._is_tensor(test):
                then, other = self.product(body), self.product(orelse)
                whole = f"ops::where({self._walk(test)}, {then}, {other})"
                number = re.fullmatch(r"(\w+) == (\d+)", ast.unparse(test))  # one answer for all elements
                if number and any(p.name == number[1] and "Number" in p.type for p in self.entry.inputs):
                    one = f"node.{number[1]}.is({number[2]}) ? {then} : {other}"
                    whole = f"(node.{number[1]}.is_number() ? ({one}) : {whole})"
                return whole
            case other:
                return f"vjp_product(g, {self._operand(other)})"

    def tangent(self, node: ast.expr | None = None) -> str:
        """t * factor, the factor being this formula: the other direction of `product`."""
        match node if node is not None else self.tree:
            case ast.Constant(value=0):
                return "zeros_matching(t)"
            case ast.Constant(value=1):
                return "t"
            case ast.IfExp(test=test, body=body, orelse=orelse) if self._is_tensor(test):
                return f"ops::where({self._walk(test)}, {self.tangent(body)}, {self.tangent(orelse)})"
            case other:
                return f"jvp_product(t, {self._operand(other)})"

    def _is_tensor(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.tensors
            case ast.Call(func=ast.Name(id=name)):
                return name not in PLAIN_FUNCTIONS
            case ast.Attribute() | ast.Constant() | ast.List() | ast.Tuple():
                return False
            case ast.Subscript(value=value):
                return self._is_tensor(value)
        return any(self._is_tensor(n) for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr))

    def _walk(self, node: ast.expr) -> str:
        walk, tensor = self._walk, self._is_tensor
        match node:
            case ast.Constant(value=None):
                return "{}"
            case ast.Constant(value=bool() as value):
                return "true" if value else "false"
            case ast.Constant(value=str() as value):
                return f'std::string("{value}")'
            case ast.Constant(value=value):
                return repr(value)
            case ast.Name(id=name):
                known = name in self.tensors or any(p.name == name for p in self.entry.parameters)
                return name if known else CONSTANTS.get(name, name)
            case ast.Attribute(value=ast.Name(id=name), attr="shape" | "dtype" as attribute):
                if name in ("g", "t") or (name[0] == "g" and name[1:].isdigit()):
                    return f"{name}.{'sizes' if attribute == 'shape' else 'dtype'}()"
                return f"{name}_{attribute}"
            case ast.List(elts=items) | ast.Tuple(elts=items):
                if any(tensor(i) for i in items):
                    return "{" + ", ".join(walk(i) for i in items) + "}"
                return "Dims{" + ", ".join(walk(i) for i in items) + "}"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"ops::neg({walk(operand)})" if tensor(operand) else f"(-{walk(operand)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                name = "ops::logical_not" if tensor(operand) else "!"
                return f"{name}({walk(operand)})"
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return f"ops::bitwise_not({walk(operand)})"
            case ast.BinOp(left=a, op=op, right=b) | ast.Compare(
                left=a, ops=[op], comparators=[b]
            ):
                if tensor(a) or tensor(b):
                    return f"ops::{OPERATORS[type(op)]}({self._operand(a)}, {self._operand(b)})"
                return f"({walk(a)} {SYMBOLS[type(op)]} {walk(b)})"
            case ast.BoolOp(op=op, values=values):
                if not any(tensor(v) for v in values):
                    symbol = " && " if isinstance(op, ast.And) else " || "
                    return "(" + symbol.join(walk(v) for v in values) + ")"
                name = "ops::logical_and" if isinstance(op, ast.And) else "ops::logical_or"
                result = walk(values[0])
                for value in values[1:]:
                    result = f"{name}({result}, {walk(value)})"
                return result
            case ast.IfExp(test=test, body=body, orelse=orelse):
                if tensor(test):
                    arms = f"{self._operand(body)}, {self._operand(orelse)}"
                    return f"ops::where({walk(test)}, {arms})"
                return f"({walk(test)} ? {walk(body)} : {walk(orelse)})"
            case ast.Subscript(value=value, slice=index):
                return f"{walk(value)}[{walk(index)}]"
            case ast.Call(func=ast.Name(id="needs"), args=[ast.Constant(value=str() as name)]):
                return f"node.needs({self._edge(name)})"
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return f"ops::{name}({', '.join(walk(a) for a in args)})"
        raise self.entry.fail(f"cannot translate '{ast.unparse(node)}' in a derivative formula")

    def _edge(self, name: str) -> int:
        for i, p in enumerate(p for p in self.entry.parameters if p.is_tensor):
            if p.name == name:
                return i
        raise self.entry.fail(f"needs('{name}'): not a tensor input")

    def _operand(self, node: ast.expr) -> str:
        text = self._walk(node)
        return text if self._is_tensor(node) else f"Operand({text})"
