"""`wengert run` does what `python` does, except that `import torch` finds wengert."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import wengert


def _start(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def _same(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Both ways of running print the same and end the same way."""
    ours = _start(root, folder, "-m", "wengert", "run", *arguments)
    plain = _start(root, folder, *arguments)
    assert (ours.stdout, ours.stderr) == (plain.stdout, plain.stderr)
    assert ours.returncode == plain.returncode
    return ours


STATE = """
    import sys
    print(__name__, globals().get("__file__"), sys.argv, sys.path[0], __doc__, __package__)
    print(sys.modules["__main__"].__dict__ is globals(), sorted(globals()))
"""

ERRORS = {
    "chained": """
        def inner():
            raise KeyError("first")

        def outer():
            try:
                inner()
            except KeyError as error:
                raise ValueError("second") from error

        outer()
        """,
    "while handling": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    undefined_name\n",
    "syntax": "x = (1,\nprint(x)\n",
    "interrupted": "raise KeyboardInterrupt\n",
    "exit with text": "raise SystemExit('enough')\n",
    "exit with number": "import sys\nsys.exit(7)\n",
    "hook": """
        import sys
        sys.excepthook = lambda kind, error, place: print("hook:", kind, error, place.tb_lineno)
        raise ValueError("x")
        """,
    "note": "e = ValueError('x')\ne.add_note('a note')\nraise e\n",
    "exception group": "raise ExceptionGroup('g', [ValueError('a'), TypeError('b')])\n",
}


def test_script_sees_the_same_state(root: Path, tmp_path: Path) -> None:
    _write(tmp_path, "below/state.py", '"""The program."""\nfrom __future__ import annotations\n')
    text = '"""The program."""' + textwrap.dedent(STATE)
    _write(tmp_path, "below/state.py", text)
    shown = _same(root, tmp_path, "below/state.py", "--epochs", "3", "-m", "x").stdout
    assert "'--epochs', '3', '-m', 'x'" in shown


def test_module_and_command_see_the_same_state(root: Path, tmp_path: Path) -> None:
    _write(tmp_path, "pack/__init__.py", "")
    _write(tmp_path, "pack/__main__.py", STATE)
    _same(root, tmp_path, "-m", "pack", "a", "b")
    _same(root, tmp_path, "-m", "pack.__main__", "a")
    _same(root, tmp_path, "-c", textwrap.dedent(STATE), "a", "--flag")


@pytest.mark.parametrize("name", ERRORS)
def test_errors_end_a_script_the_same_way(root: Path, tmp_path: Path, name: str) -> None:
    _write(tmp_path, "bad.py", ERRORS[name])
    result = _same(root, tmp_path, "bad.py")
    assert result.returncode != 0


def test_errors_end_modules_and_commands_the_same_way(root: Path, tmp_path: Path) -> None:
    _write(tmp_path, "bad.py", ERRORS["chained"])
    _same(root, tmp_path, "-m", "bad")
    _same(root, tmp_path, "-m", "there_is_no_such_module")
    _same(root, tmp_path, "-c", "raise ValueError('x')")
    _same(root, tmp_path, "there_is_no_such_file.py")


def test_directory_with_main(root: Path, tmp_path: Path) -> None:
    _write(tmp_path, "app/helper.py", "value = 5\n")
    _write(
        tmp_path, "app/__main__.py", "import sys, helper, torch\nprint(helper.value, sys.argv)\n"
    )
    result = _start(root, tmp_path, "-m", "wengert", "run", "app", "x")
    assert (result.stdout, result.stderr) == ("5 ['app', 'x']\n", "")


def test_imports_of_torch(root: Path, tmp_path: Path) -> None:
    _write(
        tmp_path,
        "imports.py",
        """
        import sys
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        import torch.optim as optim
        from torch import nn as same, optim as also, Tensor, tensor
        from torch.nn import functional, Linear
        from torch.nn.modules.linear import Linear as Third
        from torch.nn.modules.activation import MultiheadAttention, ReLU
        from torch.nn.modules.channelshuffle import ChannelShuffle
        from torch.optim.adamw import AdamW
        from torch.optim.lr_scheduler import StepLR
        from torch.distributions.normal import Normal
        from torch.functional import einsum
        from torch.utils.data import DataLoader, TensorDataset
        from torch.utils.data.dataset import Dataset
        import torch.utils.data
        import wengert, wengert.nn

        assert torch.nn is nn is same is wengert.nn
        assert torch.nn.functional is F is functional
        assert optim is also is torch.optim is wengert.optim
        assert Linear is nn.Linear is Third and Tensor is torch.Tensor is wengert.Tensor
        assert sys.modules["torch.nn"] is nn and nn.__spec__.name == nn.__name__ == "wengert.nn"
        assert torch.__version__ >= "2.0" and torch.__version__ >= (2, 1)
        assert int(torch.__version__.split(".")[0]) == 2
        assert isinstance(nn.Linear(2, 1)(torch.ones(1, 2)), torch.Tensor)
        print("fine")
        """,
    )
    result = _start(root, tmp_path, "-m", "wengert", "run", "imports.py")
    assert (result.stdout, result.stderr) == ("fine\n", "")


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        (
            "from torch import sofmax",
            ImportError,
            "cannot import name 'sofmax' from 'torch'\n  wengert has: softmax, fmax",
        ),
        (
            "import torch; torch.sofmax",
            AttributeError,
            "module 'torch' has no attribute 'sofmax'\n  wengert has: softmax, fmax",
        ),
        (
            "import torch.nn as nn; nn.Liner",
            AttributeError,
            "module 'torch.nn' has no attribute 'Liner'\n  wengert has: Linear, Bilinear",
        ),
        (
            "from torch.nn import Liner",
            ImportError,
            "cannot import name 'Liner' from 'torch.nn'\n  wengert has: Linear, Bilinear",
        ),
        (
            "import torch.masked",
            ModuleNotFoundError,
            "No module named 'torch.masked'\n  wengert: masked tensors are not supported",
        ),
        (
            "import torch; torch.qqqqq",
            AttributeError,
            "module 'torch' has no attribute 'qqqqq'\n"
            "  wengert, which runs in the place of PyTorch, does not have it",
        ),
        (
            "import torch.qqqqq.rrrrr",
            ModuleNotFoundError,
            "No module named 'torch.qqqqq'\n"
            "  wengert, which runs in the place of PyTorch, does not have it",
        ),
    ],
)
def test_what_is_missing_is_said_at_once(
    root: Path, tmp_path: Path, statement: str, error: type[Exception], message: str
) -> None:
    code = f"""
try:
    {statement}
except Exception as error:
    assert type(error).__name__ == {error.__name__!r}, repr(error)
    assert str(error) == {message!r}, str(error)
else:
    raise AssertionError("no error")
"""
    result = _start(root, tmp_path, "-m", "wengert", "run", "-c", code)
    assert (result.returncode, result.stderr) == (0, "")


def test_hasattr_and_protocols(root: Path, tmp_path: Path) -> None:
    code = (
        "import torch, copy, inspect\n"
        "assert not hasattr(torch, 'qqqqq') and not hasattr(torch, '__wrapped__')\n"
        "assert getattr(torch.nn, 'qqqqq', 5) == 5\n"
        "assert 'relu' in dir(torch) and inspect.ismodule(torch) and 'torch' in repr(torch)\n"
        "from torch import *\n"
        "assert relu is torch.relu\n"
    )
    result = _start(root, tmp_path, "-m", "wengert", "run", "-c", code)
    assert (result.returncode, result.stderr) == (0, "")


def test_processes_started_afresh_find_it_too(root: Path, tmp_path: Path) -> None:
    _write(
        tmp_path,
        "spawn.py",
        """
        import multiprocessing
        import torch

        def work(queue):
            queue.put((torch.__name__, torch.ones(2).sum().item()))

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(timeout=60))
            process.join()
        """,
    )
    result = _start(root, tmp_path, "-m", "wengert", "run", "spawn.py")
    assert (result.stdout, result.stderr) == ("('torch', 2.0)\n", "")


def test_as_torch_is_undone(root: Path, tmp_path: Path) -> None:
    """In a process without PyTorch, so that what is found afterwards is known."""
    _write(tmp_path, "torch/__init__.py", "value = 'another torch'\n")
    _write(
        tmp_path,
        "program.py",
        """
        import sys
        import wengert

        with wengert.as_torch():
            import torch
            import torch.nn.functional as F
            assert torch.relu is wengert.relu
            with wengert.as_torch():
                pass
            import torch.optim  # still on
            with wengert.as_torch(False):
                import torch as other
                assert other.value == "another torch"
                del sys.modules["torch"]
            import torch
            assert torch.relu is wengert.relu
        assert "torch" not in sys.modules and "torch.nn" not in sys.modules
        assert F.relu is wengert.nn.functional.relu
        import torch
        assert torch.value == "another torch"
        try:
            wengert.as_torch()
        except RuntimeError as error:
            print(error)
        """,
    )
    result = _start(root, tmp_path, "program.py")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("as_torch(): PyTorch itself is already imported in this process")
    assert lines[1].startswith("  torch: ? from ")
    assert lines[2] == "  call wengert.as_torch() before the first `import torch`"


def test_help_version_and_info(root: Path, tmp_path: Path) -> None:
    shown = _start(root, tmp_path, "-m", "wengert", "--version")
    assert shown.stdout == f"wengert {wengert.__version__}\n"
    assert _start(root, tmp_path, "-m", "wengert", "run").returncode == 2
    assert "Runs a PyTorch program" in _start(root, tmp_path, "-m", "wengert", "run", "-h").stdout
    assert _start(root, tmp_path, "-m", "wengert", "walk").returncode == 2
    info = _start(root, tmp_path, "-m", "wengert", "info")
    assert info.returncode == 0, info.stderr
    lines = dict(line.split(":", 1) for line in info.stdout.splitlines() if ":" in line)
    assert wengert.__version__ in lines["wengert"]
    assert lines["threads"].split()[0] == "1"
    assert "libdnnl" in lines["oneDNN"]
    assert "OMP_NUM_THREADS=1" in lines["environment"]


def test_a_wrong_name_of_wengert_itself() -> None:
    with pytest.raises(AttributeError) as caught:
        wengert.sofmax  # noqa: B018
    assert str(caught.value) == (
        "module 'wengert' has no attribute 'sofmax'\n  wengert has: softmax, fmax"
    )
