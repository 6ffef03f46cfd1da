# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, in colours that can be read on white and on black, also where nothing tells which of them it is."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#1f77b4", "#e8590c", "#2f9e44", "#e03131", "#7b5ad0", "#a0703c", "#d6559f", "#8a8a8a", "#a3a320", "#1098ad", "#5c7cfa", "#f08c00", "#37b24d")
STYLE = """<style>
text { font: 12px sans-serif; fill: #7a828c }
.title { font-weight: bold; font-size: 14px }
.grid { stroke: #8b949e; stroke-opacity: 0.4 }
@media (prefers-color-scheme: light) { text { fill: #24292f } }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""
LEFT, TOP, WIDTH, HEIGHT, LEGEND = 80, 40, 480, 340, 300


def short(value):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


class Scale:
    """From values, which differ by orders of magnitude, to pixels."""

    def __init__(self, values, begin, end):
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.high = max(self.high, self.low + 1)
        self.begin, self.end = begin, end

    def __call__(self, value):
        return round(self.begin + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.begin), 1)

    def ticks(self):
        return [10.0 ** e for e in range(self.low, self.high + 1)]


def text(x, y, words, anchor="start", css=None):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{f" class={chr(34)}{css}{chr(34)}" if css else ""}>{escape(words)}</text>'


def line(x1, y1, x2, y2, extra='class="grid"'):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {extra}/>'


def write(path, width, height, parts):
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n{STYLE}\n')
        f.write("\n".join(parts) + "\n</svg>\n")


def grid(x, y, x_label):
    parts = []
    for t in x.ticks():
        parts += [line(x(t), y.end, x(t), y.begin), text(x(t), y.begin + 18, short(t), "middle")]
    for t in y.ticks():
        parts += [line(x.begin, y(t), x.end, y(t)), text(x.begin - 8, y(t) + 4, short(t), "end")]
    return parts + [text((x.begin + x.end) / 2, y.begin + 36, x_label, "middle")]


def lines(path, title, x_label, series):
    """`series`: name -> [(x, y), ...]; names that begin with "scan" are dashed."""
    everything = [p for points in series.values() for p in points]
    x = Scale([p[0] for p in everything], LEFT, LEFT + WIDTH)
    y = Scale([p[1] for p in everything], TOP + HEIGHT, TOP)
    parts = [text(LEFT, 22, title, css="title")] + grid(x, y, x_label)
    for i, (name, points) in enumerate(sorted(series.items(), key=lambda s: -s[1][-1][1])):
        colour = COLOURS[i % len(COLOURS)]
        stroke = f'stroke="{colour}" stroke-width="2"' + (' stroke-dasharray="6 4"' if name.startswith("scan") else "")
        parts.append(f'<polyline fill="none" {stroke} points="{" ".join(f"{x(a)},{y(b)}" for a, b in sorted(points))}"/>')
        parts += [f'<circle cx="{x(a)}" cy="{y(b)}" r="3" fill="{colour}"/>' for a, b in points]
        at = TOP + 10 + i * 20
        parts += [line(LEFT + WIDTH + 20, at, LEFT + WIDTH + 44, at, stroke), text(LEFT + WIDTH + 52, at + 4, name)]
    write(path, LEFT + WIDTH + LEGEND, max(TOP + HEIGHT, TOP + 20 * len(series)) + 50, parts)


def ranges(path, title, x_label, rows):
    """`rows`: name -> (median, 99th percentile, maximum), a line each with three marks."""
    left, step = 330, 26
    x = Scale([max(v, 1e-9) for values in rows.values() for v in values], left, left + WIDTH)
    y_end = TOP + step * len(rows)
    parts = [text(16, 22, title, css="title")]
    for t in x.ticks():
        parts += [line(x(t), TOP, x(t), y_end), text(x(t), y_end + 18, short(t), "middle")]
    parts.append(text(left + WIDTH / 2, y_end + 36, x_label, "middle"))
    for i, (name, (median, p99, most)) in enumerate(rows.items()):
        at = TOP + step * i + step // 2
        parts += [text(left - 12, at + 4, name, "end"), line(x(median), at, x(most), at, f'stroke="{COLOURS[0]}" stroke-width="2"'),
                  f'<circle cx="{x(median)}" cy="{at}" r="5" fill="{COLOURS[0]}"/>', f'<circle cx="{x(p99)}" cy="{at}" r="4" fill="{COLOURS[1]}"/>',
                  line(x(most), at - 6, x(most), at + 6, f'stroke="{COLOURS[0]}" stroke-width="2"')]
    write(path, left + WIDTH + 40, y_end + 50, parts)
