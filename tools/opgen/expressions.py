"""Formulas: Python expressions become C++, over scalars for kernels and over tensors for rules."""

from __future__ import annotations

import ast

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
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.BitAnd: "bitwise_and",
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


def scalar(entry: Entry, text: str) -> str:
    """A formula over elements: every name is a C++ variable of the kernel's compute type T."""

    def walk(node: ast.expr) -> str:
        match node:
            case ast.Constant(value=bool() as value):
                return "true" if value else "false"
            case ast.Constant(value=int() | float() as value):
                return f"T({value!r})"
            case ast.Name(id=name):
                return f"T({CONSTANTS[name]})" if name in CONSTANTS else name
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{walk(operand)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(!{walk(operand)})"
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return f"(~{walk(operand)})"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SYMBOLS:
                return f"({walk(left)} {SYMBOLS[type(op)]} {walk(right)})"
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in SYMBOLS:
                return f"({walk(left)} {SYMBOLS[type(op)]} {walk(right)})"
            case ast.BoolOp(op=op, values=values):
                symbol = " && " if isinstance(op, ast.And) else " || "
                return "(" + symbol.join(walk(v) for v in values) + ")"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({walk(test)} ? {walk(body)} : {walk(orelse)})"
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return f"math::{name}({', '.join(walk(a) for a in args)})"
        raise entry.fail(f"cannot translate '{ast.unparse(node)}' in a kernel formula")

    return walk(parse(entry, text))


class TensorFormula:
    """A formula over tensors, as calls of operators (which record themselves when asked to)."""

    def __init__(self, entry: Entry, text: str, tensors: set[str]):
        self.entry = entry
        self.tree = parse(entry, text)
        self.tensors = tensors
        self.names = names_in(self.tree)
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

    def _is_tensor(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.tensors
            case ast.Call(func=ast.Name(id=name)):
                return name not in ("needs", "len", "int")
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
                return CONSTANTS.get(name, name)
            case ast.Attribute(value=ast.Name(id=name), attr="shape" | "dtype" as attribute):
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
