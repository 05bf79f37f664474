"""The examples in docstrings run and print what they say."""

import doctest
import importlib
import inspect
import pkgutil
import sys

import pytest

import wengert

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _module_names():
    names = [wengert.__name__]
    for module in pkgutil.walk_packages(wengert.__path__, "wengert."):
        if not module.name.rpartition(".")[2].startswith("_C"):
            names.append(module.name)
    return names


def _run(test: doctest.DocTest) -> str:
    """What went wrong, or nothing."""
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    return "".join(report)


def _names() -> dict[str, object]:
    return {"wg": wengert, "wengert": wengert}


@pytest.mark.parametrize("name", _module_names())
def test_python(name: str) -> None:
    if name == "wengert._torch_view" and "torch" in sys.modules:
        pytest.skip("needs a process in which PyTorch was not imported")
    # A name that a function hides (autograd.gradcheck) is still a module.
    module = importlib.import_module(name)
    tests = doctest.DocTestFinder().find(module, name, globs=_names())
    # Functions that a package takes over from the core are tested below.
    tests = [test for test in tests if test.filename is not None and test.lineno is not None]
    problems = [_run(test) for test in tests if test.examples]
    assert not any(problems), "\n".join(problems)


def test_native() -> None:
    parser = doctest.DocTestParser()
    owners = {"wengert": wengert._C, "wengert.Tensor": wengert.Tensor}
    problems = []
    for place, owner in owners.items():
        for name, value in vars(owner).items():
            if inspect.isfunction(value) or not isinstance(getattr(value, "__doc__", None), str):
                continue  # Python's own are found in their modules
            if "wg.special." in value.__doc__ and not hasattr(wengert, "special"):
                continue  # the table names a module that is still to come
            test = parser.get_doctest(value.__doc__, _names(), f"{place}.{name}", None, None)
            if test.examples:
                problems.append(_run(test))
    assert not any(problems), "\n".join(problems)


def test_a_wrong_example_is_noticed() -> None:
    test = doctest.DocTestParser().get_doctest(">>> wg.ones(1)\n2", _names(), "x", None, None)
    assert "Expected:" in _run(test)
