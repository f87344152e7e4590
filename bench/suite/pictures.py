"""The results as pictures, by gnuplot: panels of lines over a size, and bars over the products.

On white, so that they can be read on light and dark pages alike; colours that keep apart for everybody's eyes.
"""
import subprocess

from suite import results
from suite.results import OWN, median, titles

colours = {OWN: "#d55e00", "torch": "#0072b2", "torch.compile": "#56b4e9", "jax": "#009e73", "openblas": "#cc79a7",
           "dnnl": "#7f7f7f"}
head = """set terminal svg size {width},{height} font 'sans,13' background 'white'
set output '{path}'
set encoding utf8
set grid ytics lc '#dddddd'
set border lc '#333333'
set key outside bottom center horizontal
"""


def draw(path, width, height, script):
    text = head.format(width=width, height=height, path=path) + script
    subprocess.run(["gnuplot"], input=text, text=True, check=True)


def block(name, points):
    return f"${name} << END\n" + "\n".join(" ".join(map(str, point)) for point in points) + "\nEND\n"


def panel(key, title, x_title, y_title, series, log_y=True):
    """One set of axes; series maps a taker to its points (x, y). Sizes double, so x is logarithmic."""
    series = {name: sorted(points) for name, points in series.items() if points}
    ticks = sorted({x for points in series.values() for x, _ in points})
    text = "".join(block(f"{key}_{i}", points) for i, points in enumerate(series.values()))
    text += f"set title '{title}'\nset xlabel '{x_title}'\nset ylabel '{y_title}'\nset logscale x 2\n"
    text += ("set logscale y\nset yrange [*:*]\n" if log_y else "unset logscale y\nset yrange [0:*]\n")
    text += f"set xrange [{ticks[0] / 1.2}:{ticks[-1] * 1.2}]\nset bmargin 6.5\n"
    text += "set xtics nomirror (" + ", ".join(f"'{x}' {x}" for x in ticks) + ")\n"
    return text + "plot " + ", ".join(
        f"${key}_{i} with linespoints lw 2 pt 7 ps 0.6 lc '{colours[name]}' title '{titles[name]}'"
        for i, name in enumerate(series)) + "\n"


def panels(path, each, height=400):
    """Several panels side by side."""
    script = f"set multiplot layout 1,{len(each)}\n" if len(each) > 1 else ""
    draw(path, 420 * len(each) + 40, height, script + "".join(each) + ("unset multiplot\n" if len(each) > 1 else ""))


def over(records, size, value):
    """Points (size, value) of every taker that has them."""
    series = {name: [] for name in results.order}
    for record in records:
        for name in results.order:
            y = value(record, name)
            if y:
                series[name].append((record["sizes"][size], y))
    return series


def time_of(record, name):
    return median(record, name, "ms_median")


def memory_of(record, name):
    return median(record, name, "mib")


def first_of(record, name):
    return record["takers"].get(name, {}).get("first_s") if name != "torch" else None


def share_of(record, name):
    found = results.share(record, name)
    return found and 100 * found


def bars(path, records, who):
    """Share of the peak of each product, a bar for each taker."""
    who = [name for name in who if any(share_of(record, name) for record in records)]
    points = [[f'"{record["row"].removeprefix("W4 ")}"'] + [round(share_of(record, name) or 0, 1) for name in who]
              for record in records]
    columns = ", ".join(f"$bars using {i + 2}:xtic(1) title '{titles[name]}' lc '{colours[name]}'"
                        for i, name in enumerate(who))
    draw(path, 1100, 430, block("bars", points) + "set style data histograms\nset style fill solid border -1\n"
         "set boxwidth 0.9\nset ylabel '% of the multiply-add peak'\n"
         "set xtics rotate by -40 font ',10' nomirror\nset bmargin 7\nset rmargin 8\n"
         "set key inside top right horizontal\n"
         "set yrange [0:125]\nplot " + columns + "\n")
