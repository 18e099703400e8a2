"""Small charts as SVG paths, drawn on the server. Pure.

A chart shows figures that are also beside it as text and as a table. Coordinates are those
of a view box of `WIDTH` by `HEIGHT`; the page stretches it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 120
_SMALLEST_TOP: Final = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `path` is the `d` of an SVG path; `name` a key of the desk's words or a class."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines with one scale from 0 to `top`."""

    top: float
    lines: Sequence[Line]


def chart_of(values_by_name: Mapping[str, Sequence[float | None]]) -> Chart:
    """Return a chart of lines with values at equal distances; None is a gap."""
    known = [one for values in values_by_name.values() for one in values if one is not None]
    top = max(known, default=0.0)
    scale = max(top, _SMALLEST_TOP)
    lines = [Line(name, _path(values, scale)) for name, values in values_by_name.items()]
    return Chart(top, lines)


def bars_of(values: Sequence[float]) -> Chart:
    """Return a chart of bars, one for each value."""
    top = max(values, default=0.0)
    scale = max(top, _SMALLEST_TOP)
    step = WIDTH / max(len(values), 1)
    path = " ".join(
        f"M{n * step + step * 0.1:.1f} {HEIGHT}v-{value / scale * HEIGHT:.1f}"
        f"h{step * 0.8:.1f}V{HEIGHT}z"
        for n, value in enumerate(values)
        if value
    )
    return Chart(top, [Line("bars", path)])


def _path(values: Sequence[float | None], scale: float) -> str:
    """Return the path of a line with gaps; a value between two gaps is a dash."""
    step = WIDTH / max(len(values) - 1, 1)
    parts = []
    before: float | None = None
    for n, value in enumerate(values):
        after = values[n + 1] if n + 1 < len(values) else None
        if value is not None:
            x, y = n * step, HEIGHT - value / scale * HEIGHT
            if before is None and after is None:
                left = min(max(x - step / 2, 0.0), WIDTH - step)
                parts.append(f"M{left:.1f} {y:.1f}h{step:.1f}")
            else:
                parts.append(f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}")
        before = value
    return "".join(parts)
