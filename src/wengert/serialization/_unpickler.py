"""Reads the pickles inside PyTorch's files without running anything that they ask for.

A pickle is a program for a small stack machine (https://docs.python.org/3/library/pickletools.html)
that may call any function by name. This machine has the same stack, but its functions are a fixed
table of constructors of plain data, given to it, and what the program has allowed; any other name
becomes a placeholder, and in the end all such names are reported together.
"""

from __future__ import annotations

import collections
import pickle
import pickletools
from collections.abc import Callable, Iterable
from typing import Any

from . import _allowed
from ._files import CorruptedError, need

__all__ = ["Unpickler"]

_MAX_KEY_DEPTH = 20
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


class _Unknown:
    """Stands for an object of a class that is not in the table."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Mark:
    """Where a group of arguments starts on the stack."""


_MARK = _Mark()


class UnknownNames(pickle.UnpicklingError):
    """A file asks for what is neither plain data nor allowed."""

    names: tuple[str, ...] = ()


def refused(names: Iterable[str]) -> UnknownNames:
    """The error about names that are not allowed."""
    shown = "".join(f"\n  {name}" for name in names)
    error = UnknownNames(
        "Weights only load failed: the file asks for functions or classes that are not plain "
        f"data, and load() never runs code of a file{shown}\n"
        "  If you trust them, import them and call serialization.add_safe_globals([...]). Or load "
        "the file where they are defined, and save a state_dict() of plain data instead."
    )
    error.names = tuple(names)
    return error


class Unpickler:
    """Runs one pickle.

    Args:
        functions: what a name stands for: ``"module name"`` as in the pickle, and a function.
        constants: names that stand for a value instead.
        persistent_load: makes an object of a persistent id.
        set_state: takes an object and the state that BUILD has for it.
    """

    def __init__(
        self,
        functions: dict[str, Callable[..., Any]],
        constants: dict[str, Any],
        persistent_load: Callable[[Any], Any],
        set_state: Callable[[Any, Any], Any],
    ) -> None:
        self.functions = functions
        self.constants = constants
        self.persistent_load = persistent_load
        self.set_state = set_state
        self.unknown: dict[str, None] = {}  # a set that keeps its order
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self, file: Any) -> Any:
        """The object of the pickle that starts at the file's position."""
        self.stack, self.memo = [], {}
        while True:
            code = file.read(1)
            need(code, "the pickle has no end")
            opcode = _OPCODES.get(code.decode("latin1"))
            if opcode is None:
                raise CorruptedError(f"the pickle has the unknown instruction {code!r}")
            if opcode.name == "STOP":
                result = self.pop()
                self.check_unknown()
                return result
            step = _STEPS.get(opcode.name)
            if step is None:
                raise CorruptedError(f"the pickle has the unsupported instruction {opcode.name}")
            step(self, opcode.arg.reader(file) if opcode.arg else None)

    def check_unknown(self) -> None:
        """Raises UnpicklingError with all names that are not in the table."""
        if not self.unknown:
            return
        raise refused(self.unknown)

    # --- the stack ---

    def pop(self) -> Any:
        need(self.stack and self.stack[-1] is not _MARK, "the pickle takes from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        need(self.stack and self.stack[-1] is not _MARK, "the pickle reads an empty stack")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        for position in range(len(self.stack) - 1, -1, -1):
            if self.stack[position] is _MARK:
                items = self.stack[position + 1 :]
                del self.stack[position:]
                return items
        raise CorruptedError("the pickle has no mark where it needs one")

    # --- names and calls ---

    def find(self, name: str) -> Any:
        if name in self.constants:
            return self.constants[name]
        if name in self.functions:
            return _Named(name)
        full_name = name.replace(" ", ".", 1)
        allowed = _allowed.find(full_name)
        if allowed is not None:
            return _Allowed(allowed)
        self.unknown[full_name] = None
        return _Unknown(name)

    def call(self, function: Any, arguments: Any, keywords: Any = None, new: bool = False) -> Any:
        if isinstance(function, _Unknown):
            return _Unknown(function.name)
        need(isinstance(function, _Named), "the pickle calls something that is no function")
        need(isinstance(arguments, tuple), "the pickle calls with something that is no tuple")
        if self.unknown:  # it fails in the end; an argument may be a placeholder
            return _Unknown(function.name)
        if not isinstance(function, _Allowed):
            need(not keywords, "the pickle calls with keywords")
            return self.functions[function.name](*arguments)
        given = [a.value if isinstance(a, _Allowed) else a for a in arguments]
        need(not any(isinstance(a, _Named) for a in given), "the pickle passes on a function")
        if not new:
            return function.value(*given)
        need(isinstance(function.value, type), "the pickle makes an object of no class")
        return function.value.__new__(function.value, *given, **(keywords or {}))

    def reduce(self, _: Any) -> None:
        arguments = self.pop()
        self.stack.append(self.call(self.pop(), arguments))

    def new_object(self, _: Any) -> None:
        arguments = self.pop()
        self.stack.append(self.call(self.pop(), arguments, new=True))

    def new_object_with_keywords(self, _: Any) -> None:
        keywords, arguments = self.pop(), self.pop()
        need(isinstance(keywords, dict) or self.unknown, "the pickle has keywords that are none")
        self.stack.append(self.call(self.pop(), arguments, keywords, new=True))

    def global_name(self, argument: Any) -> None:
        self.stack.append(self.find(argument))

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        need(isinstance(name, str) and isinstance(module, str), "the pickle has an unknown name")
        self.stack.append(self.find(f"{module} {name}"))

    def persistent_id(self, _: Any) -> None:
        identity = self.pop()
        self.stack.append(_Unknown("") if self.unknown else self.persistent_load(identity))

    def build(self, _: Any) -> None:
        state = self.pop()
        target = self.top()
        if isinstance(target, _Unknown) or self.unknown:
            return
        if _allowed.is_allowed(type(target)):
            _set_state(target, state)
        else:
            self.stack[-1] = self.set_state(target, state)

    # --- containers ---

    def set_items(self, _: Any) -> None:
        self.add_items(self.pop_mark())

    def set_item(self, _: Any) -> None:
        value = self.pop()
        self.add_items([self.pop(), value])

    def add_items(self, flat: list[Any]) -> None:
        target = self.top()
        if isinstance(target, _Unknown):
            return
        need(isinstance(target, dict) and len(flat) % 2 == 0, "the pickle fills no dictionary")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            target[checked_key(key)] = value

    def appends(self, _: Any) -> None:
        items = self.pop_mark()
        target = self.top()
        if isinstance(target, _Unknown):
            return
        need(_is_list(target), "the pickle extends no list")
        target.extend(items)

    def append(self, _: Any) -> None:
        item = self.pop()
        target = self.top()
        if isinstance(target, _Unknown):
            return
        need(_is_list(target), "the pickle extends no list")
        target.append(item)

    def add_to_set(self, _: Any) -> None:
        items = self.pop_mark()
        target = self.top()
        need(type(target) is set, "the pickle extends no set")
        target.update(map(checked_key, items))

    def tuple_of(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def marked_dict(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self.add_items(items)

    # --- the memo ---

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        need(index in self.memo, "the pickle remembers something that it never saw")
        self.stack.append(self.memo[index])


class _Named:
    """A function of the table, on the stack."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Allowed(_Named):
    """A class or function that the program allows."""

    def __init__(self, value: Any) -> None:
        super().__init__(value.__name__)
        self.value = value


def _is_list(target: Any) -> bool:
    return type(target) is list or (isinstance(target, list) and _allowed.is_allowed(type(target)))


def _set_state(target: Any, state: Any) -> None:
    """As the pickle module does it."""
    if hasattr(target, "__setstate__"):
        target.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (attributes, slots):
        need(part is None or isinstance(part, dict), "an object is given an unknown state")
    if attributes:
        vars(target).update(attributes)
    for name, value in (slots or {}).items():
        setattr(target, name, value)


def checked_key(key: Any, depth: int = 0) -> Any:
    """A key whose hash can be computed without running far: Python hashes tuples recursively."""
    need(depth < _MAX_KEY_DEPTH, "the pickle has a key that is nested too deeply")
    if isinstance(key, (tuple, frozenset)):
        for item in key:
            checked_key(item, depth + 1)
    return key


def _push(self: Unpickler, argument: Any) -> None:
    self.stack.append(argument)


def _pushes(make: Callable[[], Any]) -> Callable[[Unpickler, Any], None]:
    return lambda self, _: self.stack.append(make())


def _makes(kind: Callable[[list], Any]) -> Callable[[Unpickler, Any], None]:
    return lambda self, _: self.stack.append(kind(self.pop_mark()))


def _pop_or_mark(self: Unpickler, _: Any) -> None:
    need(self.stack, "the pickle takes from an empty stack")
    self.stack.pop()


_STEPS: dict[str, Callable[[Unpickler, Any], Any]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda self, argument: None),
    **dict.fromkeys(
        ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
         "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
         "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _push,
    ),
    "NONE": _pushes(lambda: None),
    "NEWTRUE": _pushes(lambda: True),
    "NEWFALSE": _pushes(lambda: False),
    "EMPTY_LIST": _pushes(list),
    "EMPTY_DICT": _pushes(dict),
    "EMPTY_SET": _pushes(set),
    "EMPTY_TUPLE": _pushes(tuple),
    "LIST": _makes(list),
    "TUPLE": _makes(tuple),
    "FROZENSET": _makes(lambda items: frozenset(map(checked_key, items))),
    "TUPLE1": lambda self, _: self.tuple_of(1),
    "TUPLE2": lambda self, _: self.tuple_of(2),
    "TUPLE3": lambda self, _: self.tuple_of(3),
    "DICT": Unpickler.marked_dict,
    "MARK": _pushes(lambda: _MARK),
    "POP": _pop_or_mark,
    "POP_MARK": lambda self, _: self.pop_mark(),
    "DUP": lambda self, _: self.stack.append(self.top()),
    "APPEND": Unpickler.append,
    "APPENDS": Unpickler.appends,
    "SETITEM": Unpickler.set_item,
    "SETITEMS": Unpickler.set_items,
    "ADDITEMS": Unpickler.add_to_set,
    "PUT": Unpickler.put,
    "BINPUT": Unpickler.put,
    "LONG_BINPUT": Unpickler.put,
    "MEMOIZE": lambda self, _: self.put(len(self.memo)),
    "GET": Unpickler.get,
    "BINGET": Unpickler.get,
    "LONG_BINGET": Unpickler.get,
    "GLOBAL": Unpickler.global_name,
    "STACK_GLOBAL": Unpickler.stack_global,
    "REDUCE": Unpickler.reduce,
    "NEWOBJ": Unpickler.new_object,
    "NEWOBJ_EX": Unpickler.new_object_with_keywords,
    "BUILD": Unpickler.build,
    "BINPERSID": Unpickler.persistent_id,
}  # fmt: skip


def make_ordered(*arguments: Any) -> collections.OrderedDict:
    """An OrderedDict of nothing or of a list of pairs."""
    return collections.OrderedDict(_checked_pairs(arguments))


def make_counter(*arguments: Any) -> collections.Counter:
    """A Counter of nothing or of a dictionary."""
    result: collections.Counter = collections.Counter()
    result.update(dict(_checked_pairs(arguments)))
    return result


def _checked_pairs(arguments: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    need(len(arguments) <= 1, "a dictionary is made of more than one thing")
    if not arguments:
        return []
    given = arguments[0]
    pairs = given.items() if isinstance(given, dict) else given
    need(isinstance(given, (dict, list, tuple)), "a dictionary is made of something else")
    return [(checked_key(key), value) for key, value in pairs]
