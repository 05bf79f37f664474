"""Draws boxes and links as SVG: layers from the top to the bottom, as few crossings as is cheap.

The method is that of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of
hierarchical system structures" (1981): a layer for each box, stand-ins where a link passes through
a layer, order by the mean of the neighbours' positions.
"""

from __future__ import annotations

import html
import itertools
from dataclasses import dataclass, field

LETTER = 6.63  # width of a letter of the 11 pixel monospace font
LINE = 14.0
MARGIN = 8.0
GAP = 18.0  # between boxes of a layer
DISTANCE = 26.0  # between layers
SWEEPS = 8
COLOURS = {
    "operation": ("#ffffff", "#555555"),
    "leaf": ("#e3f4df", "#3f8f3a"),
    "cut": ("#fde4e1", "#c0392b"),
    "module": ("#e4eefb", "#3b6ea8"),
}
RESULT = "#fff3c9"


@dataclass
class Box:
    """A rectangle with a title and lines of text; ``note`` is shown when it is pointed at."""

    kind: str
    title: str
    lines: list[str]
    note: str
    result: bool = False

    @property
    def width(self) -> float:
        return max(len(line) for line in [self.title, *self.lines]) * LETTER + 2 * MARGIN

    @property
    def height(self) -> float:
        return (1 + len(self.lines)) * LINE + MARGIN


@dataclass
class _Place:
    """A box, or a point of a link on its way through a layer."""

    width: float
    height: float
    box: Box | None = None
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0  # of the middle
    y: float = 0.0  # of the top


def picture(boxes: list[Box], links: list[tuple[int, int]]) -> str:
    """The SVG text. A link (a, b) leads from box ``a`` down to box ``b``; there are no circles."""
    layer_of = _layers(len(boxes), links)
    places = [_Place(box.width, box.height, box) for box in boxes]
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=0) + 1)]
    for i, layer in enumerate(layer_of):
        layers[layer].append(i)
    routes = []
    for a, b in links:
        route = [a]
        for layer in range(layer_of[a] + 1, layer_of[b]):
            places.append(_Place(2.0, 0.0))
            route.append(len(places) - 1)
            layers[layer].append(len(places) - 1)
        route.append(b)
        for up, down in itertools.pairwise(route):
            places[up].below.append(down)
            places[down].above.append(up)
        routes.append(route)
    _sort(layers, places)
    _set_x(layers, places)
    width, height = _set_y(layers, places)
    return _svg(places, routes, width, height)


def _layers(count: int, links: list[tuple[int, int]]) -> list[int]:
    """A layer for each box, below all that lead to it; sources move down to their first reader."""
    into: list[list[int]] = [[] for _ in range(count)]
    out: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        into[b].append(a)
        out[a].append(b)
    layer = [0] * count
    open_links = [len(sources) for sources in into]
    ready = [i for i in range(count) if not into[i]]
    for i in ready:  # grows while it is read
        for j in out[i]:
            layer[j] = max(layer[j], layer[i] + 1)
            open_links[j] -= 1
            if open_links[j] == 0:
                ready.append(j)
    for i in reversed(ready):
        if not into[i] and out[i]:
            layer[i] = min(layer[j] for j in out[i]) - 1
    return layer


def _sort(layers: list[list[int]], places: list[_Place]) -> None:
    position: dict[int, float] = {}

    def number(layer: list[int]) -> None:
        for i, place in enumerate(layer):
            position[place] = i - len(layer) / 2

    for layer in layers:
        number(layer)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            means = {}
            for place in layer:
                near = places[place].above if downwards else places[place].below
                means[place] = (
                    sum(position[other] for other in near) / len(near) if near else position[place]
                )
            layer.sort(key=means.__getitem__)
            number(layer)


def _set_x(layers: list[list[int]], places: list[_Place]) -> None:
    for layer in layers:
        _spread(layer, places, [0.0] * len(layer))
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            wanted = []
            for i in layer:
                near = places[i].above if downwards else places[i].below
                near = near or places[i].above + places[i].below
                wanted.append(sum(places[j].x for j in near) / len(near) if near else places[i].x)
            _spread(layer, places, wanted)


def _spread(layer: list[int], places: list[_Place], wanted: list[float]) -> None:
    """As near to the wanted positions as their order and the gaps allow, in the least squares."""
    # Boxes that would overlap form a block, which lies where its members want to be on average.
    blocks: list[tuple[float, float, list[int]]] = []  # sum of wants of the first, count, members
    offsets: dict[int, float] = {}
    for i, want in zip(layer, wanted, strict=True):
        offsets[i] = 0.0
        total, count, members = want, 1.0, [i]
        while blocks:
            before_total, before_count, before = blocks[-1]
            last = before[-1]
            space = offsets[last] + (places[last].width + places[members[0]].width) / 2 + GAP
            if before_total / before_count + space <= total / count:
                break
            blocks.pop()
            for member in members:
                offsets[member] += space
            total, count = before_total + total - space * count, before_count + count
            members = before + members
        blocks.append((total, count, members))
    for total, count, members in blocks:
        for member in members:
            places[member].x = total / count + offsets[member]


def _set_y(layers: list[list[int]], places: list[_Place]) -> tuple[float, float]:
    left = min(place.x - place.width / 2 for place in places)
    y = MARGIN
    for layer in layers:
        height = max((places[i].height for i in layer), default=0.0)
        for i in layer:
            if places[i].box is None:
                places[i].height = height  # straight through, not around corners of boxes
            places[i].y = y + (height - places[i].height) / 2
            places[i].x += 2 * MARGIN - left
        y += height + DISTANCE
    right = max(place.x + place.width / 2 for place in places)
    return right + 2 * MARGIN, y - DISTANCE + MARGIN


def _svg(places: list[_Place], routes: list[list[int]], width: float, height: float) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="DejaVu Sans Mono, Menlo, Consolas, '
        'monospace" font-size="11">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#777"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for route in routes:
        points = []
        for i in route:
            place = places[i]
            points.append((place.x, place.y, place.y + place.height))
        path = f"M{points[0][0]:.1f} {points[0][2]:.1f}"
        for (x0, _, bottom), (x1, top, end) in itertools.pairwise(points):
            middle = (bottom + top) / 2
            path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {top:.1f}"
            if end != top and (x1, top, end) != points[-1]:
                path += f"V{end:.1f}"
        parts.append(f'<path d="{path}" fill="none" stroke="#777" marker-end="url(#tip)"/>')
    for place in places:
        if place.box is not None:
            parts.append(_rectangle(place, place.box))
    return "\n".join([*parts, "</svg>\n"])


def _rectangle(place: _Place, box: Box) -> str:
    fill, stroke = COLOURS[box.kind]
    left, top = place.x - place.width / 2, place.y
    text = [
        f'<g><title>{html.escape(box.note)}</title><rect x="{left:.1f}" y="{top:.1f}" '
        f'width="{place.width:.1f}" height="{place.height:.1f}" rx="4" '
        f'fill="{RESULT if box.result else fill}" stroke="{stroke}"/>'
    ]
    for i, line in enumerate([box.title, *box.lines]):
        style = 'font-weight="bold"' if i == 0 else 'fill="#444"'
        text.append(
            f'<text x="{place.x:.1f}" y="{top + LINE * (i + 1):.1f}" text-anchor="middle" {style}>'
            f"{html.escape(line)}</text>"
        )
    return "".join(text) + "</g>"
