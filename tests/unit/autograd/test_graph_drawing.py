"""autograd.graph(loss): the tree of text and the picture."""

from __future__ import annotations

import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.errors.scripts import Runner, clean

import wengert as wg
from wengert import autograd, nn
from wengert.autograd.graph import Drawing

F = nn.functional


@pytest.fixture
def run(tmp_path, monkeypatch) -> Runner:
    return Runner(tmp_path, monkeypatch)


class Block(nn.Module):
    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: wg.Tensor) -> wg.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        before = width
        for i, (wide, stride) in enumerate([(1, 1), (2, 2), (4, 2), (8, 2)], 1):
            blocks = [Block(before, wide * width, stride), Block(wide * width, wide * width, 1)]
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
            before = wide * width
        self.fc = nn.Linear(before, 10)

    def forward(self, x: wg.Tensor) -> wg.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def test_text(run: Runner) -> None:
    outcome = run("""
        import wengert as wg
        from wengert import nn

        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        scale = wg.ones(2, 1, requires_grad=True)
        out = net(wg.ones(2, 4))
        loss = (out * scale + scale.exp().detach()).sum()
        result = str(wg.autograd.graph(loss))
    """)
    assert outcome.names["result"] == clean("""
        loss = sum       script.py:7   float32[]                                                           loss = (out * scale + scale.exp().detach()).sum()
        add              script.py:7   float32[2, 1]                                                       loss = (out * scale + scale.exp().detach()).sum()
        ├─ cut: detach   script.py:7   detach() ends the history                                           loss = (out * scale + scale.exp().detach()).sum()
        mul              script.py:7   float32[2, 1]               saves 8 B                               loss = (out * scale + scale.exp().detach()).sum()
        ├─ linear        script.py:6   float32[2, 1]               saves 64 B   net.2.weight, net.2.bias   out = net(wg.ones(2, 4))
        │  tanh          script.py:6   float32[2, 8]               saves 64 B                              out = net(wg.ones(2, 4))
        │  linear        script.py:6   float32[2, 8]               saves 32 B   net.0.weight, net.0.bias   out = net(wg.ones(2, 4))
        ├─ scale                       float32[2, 1]
    """)


def test_vertices() -> None:
    x = wg.ones(2, 3, requires_grad=True)
    h = x.exp()
    loss = (h * h).sum()
    vertices = autograd.graph(loss).vertices
    assert [(v.kind, v.name, v.shape) for v in vertices] == [
        ("leaf", "x", "float32[2, 3]"),
        ("operation", "exp", "float32[2, 3]"),
        ("operation", "mul", "float32[2, 3]"),
        ("operation", "sum", "float32[]"),
    ]
    leaf, exp, mul, total = vertices
    assert [v.inputs for v in vertices] == [[], [leaf], [exp], [mul]]
    assert total.outputs == ["loss"]
    assert exp.saved == 24  # its output
    assert mul.saved == 48  # both operands, which are one tensor
    assert autograd.graph(loss).saved == 24  # each storage counts once
    assert exp.site is not None
    assert Path(exp.site.rpartition(":")[0]).name == "test_graph_drawing.py"


def test_what_is_accepted() -> None:
    x = wg.ones(2, requires_grad=True)
    outputs = {"loss": x.sum(), "parts": [x.exp(), (x * 2, 3)], "plain": wg.ones(1), "leaf": x}
    drawing = autograd.graph(outputs)
    made = {name: v.name for v in drawing.vertices for name in v.outputs}
    assert made == {"loss": "sum", "parts.0": "exp", "parts.1.0": "mul", "leaf": "x"}
    assert str(drawing).count("x #1") == 3

    import dataclasses

    @dataclasses.dataclass
    class Output:
        logits: wg.Tensor
        hidden: None = None

    assert autograd.graph(Output(x * 2)).vertices[-1].outputs == ["logits"]
    with pytest.raises(TypeError, match=r"graph\(\): expected tensors, or a dict, list or tuple"):
        autograd.graph(3)


def test_without_history_it_says_why() -> None:
    x = wg.ones(2, requires_grad=True)
    loss = x.detach().sum()
    with pytest.raises(RuntimeError) as caught:
        autograd.graph(loss)
    assert str(caught.value).startswith("graph(): 'loss' has no history")
    assert "cut here: detach() ends the history" in str(caught.value)


def test_every_leaf_of_a_large_network_has_its_name() -> None:
    net = ResNet18()
    loss = F.cross_entropy(net(wg.randn(2, 3, 32, 32)), wg.tensor([1, 2]))
    begin = time.perf_counter()
    drawing = autograd.graph(loss)
    text, image = str(drawing), drawing._repr_svg_()
    assert time.perf_counter() - begin < 5  # a generous multiple of what it takes
    shown = {name for v in drawing.vertices for name in v.parameters}
    assert shown == {f"net.{name}" for name, _ in net.named_parameters()}
    for name in shown:
        assert name in text
        assert name in image
    assert "a leaf" not in text


def test_folded_by_module() -> None:
    net = ResNet18()
    loss = F.cross_entropy(net(wg.randn(2, 3, 32, 32)), wg.tensor([1, 2]))
    whole, folded = autograd.graph(loss), autograd.graph(loss, fold=True)
    names = [v.name for v in folded.vertices]
    for child in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"):
        assert names.count(f"net.{child}") == 1
    count = {v.name: v.count for v in folded.vertices}
    assert count["net.layer1"] == 14
    assert count["net.layer2"] == 16
    assert sum(v.count for v in folded.vertices) == len(whole.vertices)
    assert [v.kind for v in folded.vertices].count("module") == 7  # the others are the net's own
    assert sum(v.saved for v in folded.vertices) == sum(v.saved for v in whole.vertices)
    deeper = [v.name for v in autograd.graph(loss, fold=2).vertices]
    assert "net.layer2.0" in deeper
    assert "net.layer2" not in deeper


def test_a_module_that_runs_twice_makes_no_circle() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: wg.Tensor) -> wg.Tensor:
            for _ in range(2):
                x = self.b(self.a(x))
            return x

    net = Twice()
    drawing = autograd.graph(net(wg.ones(1, 2)).sum(), fold=True)
    order = {id(v): i for i, v in enumerate(drawing.vertices)}
    assert all(order[id(i)] < order[id(v)] for v in drawing.vertices for i in v.inputs)
    assert [v.name for v in drawing.vertices].count("net.a") == 2


def boxes(text: str) -> list[tuple[float, float, float, float]]:
    space = "{http://www.w3.org/2000/svg}"
    found = []
    for group in ElementTree.fromstring(text).iter(f"{space}g"):
        box = group.find(f"{space}rect")
        assert box is not None
        x, y, w, h = (float(box.get(k, "")) for k in ("x", "y", "width", "height"))
        found.append((x, y, x + w, y + h))
        for line in group.iter(f"{space}text"):
            assert len(line.text or "") * 6.62 <= w  # no line is wider than its box
            assert y < float(line.get("y", "")) <= y + h
    return found


def test_nothing_overlaps_and_all_is_inside() -> None:
    net = ResNet18()
    loss = F.cross_entropy(net(wg.randn(2, 3, 32, 32)), wg.tensor([1, 2]))
    for fold in (False, 1, 2):
        text = autograd.graph(loss, fold=fold)._repr_svg_()
        image = ElementTree.fromstring(text)
        width, height = float(image.get("width", "")), float(image.get("height", ""))
        found = boxes(text)
        for i, a in enumerate(found):
            assert a[0] > 0
            assert a[2] < width
            assert a[1] > 0
            assert a[3] < height
            for b in found[:i]:
                apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
                assert apart, (a, b)


def test_vertices_that_look_alike_are_not_the_same() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x
    for _ in range(2000):
        y = y * 2 + y * 2
    drawing = autograd.graph(y)
    assert len(drawing.vertices) == 6001
    assert len(drawing.vertices[-1].inputs) == 2


def test_links_lead_down() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    for _ in range(3):
        y = y.exp() + y
    text = autograd.graph(y.sum())._repr_svg_()
    paths = re.findall(r'<path d="M[\d.]+ ([\d.]+)C.* ([\d.]+)"', text)
    assert len(paths) == 11
    assert all(float(start) < float(end) for start, end in paths)


def test_files(tmp_path: Path) -> None:
    x = wg.ones(2, requires_grad=True)
    drawing = autograd.graph({"a < b": x.exp().sum()})
    drawing.svg(tmp_path / "graph.svg")
    image = (tmp_path / "graph.svg").read_text()
    assert "a &lt; b = sum" in image
    ElementTree.fromstring(image)
    drawing.html(str(tmp_path / "graph.html"))
    page = (tmp_path / "graph.html").read_text()
    assert page.startswith("<!doctype html>")
    assert image in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched
    assert image in drawing._repr_html_()
    assert isinstance(drawing, Drawing)
    assert repr(drawing) == "<graph of 2 operations, 1 leaf, 8 B saved>"


def test_long_chains_and_many_branches() -> None:
    x = wg.ones(1, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y * 1.5
    text = str(autograd.graph(y))
    assert text.endswith("... and more: 3001 vertices in all")
    assert len(text.splitlines()[-2]) < 200
    z = x
    for _ in range(30):  # 2**30 paths, 60 vertices
        z = z.exp() + z
    begin = time.perf_counter()
    assert len(str(autograd.graph(z)).splitlines()) < 200
    assert time.perf_counter() - begin < 5
