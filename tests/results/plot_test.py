"""Drawings of trainings: the curves are the numbers of the log, the SVG is XML, the PNG of its size and not blank.

plot_test.py NNC; leaves with 77, "skipped", where there is no NumPy.
"""
import json
import os
import sys
import tempfile
import xml.etree.ElementTree as xml

try:
    import numpy as np
except ImportError:
    print("no NumPy here")
    sys.exit(77)
from common import nnc, read_png

NAMESPACE = "{http://www.w3.org/2000/svg}"
MODEL = """
model net {
  input  image: u8[batch, 28, 28]
  target label: i32[batch]
  logits = f32(image) / 255 |> flatten |> dense(10)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
  metric confusion = confusion_matrix(logits, label)
  metric recalls = recall(confusion_matrix(logits, label))
}
train net {
  minimize loss with adam(lr = cosine(0.01))
  batch = 32
  epochs = 4
  validation = 1000
}
"""


def read(path):
    """Of a drawing: its texts, and its curves as [(color, width, dashed, points)]."""
    tree = xml.parse(path).getroot()
    assert tree.tag == NAMESPACE + "svg"
    texts = [t.text for t in tree.iter(NAMESPACE + "text")]
    curves = []
    for line in tree.iter(NAMESPACE + "polyline"):
        points = np.array([[float(v) for v in p.split(",")] for p in line.get("points").split()])
        curves.append((line.get("stroke"), float(line.get("stroke-width")), line.get("stroke-dasharray"), points))
    width, height = float(tree.get("width")), float(tree.get("height"))
    for _, _, _, points in curves:
        assert (points >= 0).all() and (points[:, 0] <= width).all() and (points[:, 1] <= height).all()
    return texts, curves, (width, height)


def is_drawn(curves, steps, values):
    """Is one of the curves these numbers, but for the scales of the axes?"""
    for _, width, _, points in curves:
        if width < 2 or len(points) != len(steps):
            continue
        x = np.polyfit(steps, points[:, 0], 1)
        y = np.polyfit(values, points[:, 1], 1)
        off = np.abs(np.polyval(x, steps) - points[:, 0]).max(), np.abs(np.polyval(y, values) - points[:, 1]).max()
        if max(off) < 0.02 and x[0] > 0 and y[0] < 0:
            return True
    return False


def lines_of(path):
    return [json.loads(line) for line in open(path)]


def test_curves_are_the_numbers_of_the_log():
    out = nnc("net.nn", "--train", "mnist", "--log", "a.jsonl", "--plot", "a.svg", "--digest")[0]
    assert out == nnc("net.nn", "--train", "mnist", "--log", "plain.jsonl", "--digest")[0]
    log, plain = lines_of("a.jsonl"), lines_of("plain.jsonl")
    for mine, other in zip(log, plain):  # the drawing changes no number
        same = [k for k in other if not k.startswith(("seconds", "examples"))]
        assert list(mine) == list(other) and all(mine[k] == other[k] for k in same)
    assert len(log) == len(plain) == 5
    texts, curves, _ = read("a.svg")
    epochs = log[:-1]
    steps = [line["step"] for line in epochs]
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert is_drawn(curves, steps, [line[name] for line in epochs]), name
    assert not is_drawn(curves, steps, [line["loss"] + line["step"] for line in epochs])
    for word in ("train net, mnist", "loss", "accuracy", "learning rate", "adam.lr", "step", "epoch", "training",
                 "validation", "confusion, test", "recalls, test", "label", "guess"):
        assert word in texts, (word, texts)
    assert any(t.startswith("test 0.") for t in texts)
    confusion = log[-1]["test_confusion"]
    assert all(str(int(cell)) in texts for row in confusion for cell in row)
    # Steps between the epochs are drawn faintly.
    assert any(width == 1 and len(points) >= 4 * 31 for _, width, _, points in curves)


def test_pixels():
    nnc("net.nn", "--train", "mnist", "--epochs", "2", "--plot", "b.png", "--log", "b.jsonl", "--log-every", "7")
    nnc("plot", "b.jsonl", "-o", "b.svg")
    size = read("b.svg")[2]
    nnc("plot", "b.jsonl", "-o", "c.png")
    picture = read_png("c.png")
    assert picture.shape == (2 * size[1], 2 * size[0], 3)
    blue = (np.abs(picture - [31, 110, 180]).max(2) < 8).sum()
    assert blue > 1000 and (picture == 255).all(2).mean() > 0.5
    assert (np.abs(read_png("b.png") - [31, 110, 180]).max(2) < 8).sum() > 1000


def test_several_logs():
    nnc("net.nn", "--train", "mnist", "--log", "other.jsonl", "--seed", "9")
    nnc("net.nn", "--train", "mnist", "--log", "other.jsonl", "--seed", "10", "--epochs", "2")  # behind the first
    nnc("plot", "a.jsonl", "other.jsonl", "-o", "all.svg")
    texts, curves, _ = read("all.svg")
    for word in ("a", "a, validation", "other", "other (2)", "other (2), validation", "a, adam.lr"):
        assert word in texts, word
    first, second = lines_of("a.jsonl")[:4], lines_of("other.jsonl")[:4]
    for lines in (first, second):
        assert is_drawn(curves, [line["step"] for line in lines], [line["loss"] for line in lines])
    colors = {color for color, width, _, points in curves if width == 2 and len(points) in (2, 4)}
    assert len(colors) >= 3


def test_numbers_that_are_none():
    open("gaps.jsonl", "w").write("".join(
        json.dumps({"step": i, "epoch": i, "loss": None if i in (3, 4) else 10.0 ** -i, "<odd & name>": 5}) + "\n"
        for i in range(1, 8)))
    nnc("plot", "gaps.jsonl", "-o", "gaps.svg")
    texts, curves, _ = read("gaps.svg")
    assert "<odd & name>" in texts
    lengths = sorted(len(points) for _, width, _, points in curves if width == 2 and len(points) > 1)
    assert 3 in lengths and 2 in lengths  # a gap in the loss
    assert "0.001" in texts and "1e-06" in texts  # a logarithmic axis


def test_mistakes():
    def refuses(words, *arguments, status=2):
        before = sorted(os.listdir("."))
        err = nnc(*arguments, status=status)[1]
        assert words in err and "epoch 1" not in err, err
        assert sorted(os.listdir(".")) == before

    train = ("net.nn", "--train", "mnist")
    refuses("error: --plot x.jpg: a drawing is not written as .jpg\nhelp: name the file *.svg or *.png", *train,
            "--plot", "x.jpg")
    refuses("--plot x: a drawing is not written as a file without an ending", *train, "--plot", "x")
    refuses("--plot needs --train", "net.nn", "--plot", "x.svg")
    refuses("error: no/x.svg: cannot write", *train, "--plot", "no/x.svg", status=1)
    refuses("--log x.svg and --plot ./x.svg are the same file", *train, "--plot",
            "./x.svg", "--log", "x.svg")
    refuses("plot needs -o FILE.svg or FILE.png", "plot", "a.jsonl")
    refuses("plot needs the files that --log wrote", "plot", "-o", "x.svg")
    refuses("error: plot takes no --seed", "plot", "a.jsonl", "--seed", "3", "-o", "x.svg")
    refuses("error: -o a.jsonl: a drawing is not written as .jsonl", "plot", "a.jsonl", "-o", "a.jsonl")
    refuses("cannot read none.jsonl", "plot", "none.jsonl", "-o", "x.svg", status=1)
    os.link("a.jsonl", "twin.svg")
    refuses("-o twin.svg would overwrite the log", "plot", "a.jsonl", "-o", "twin.svg")
    os.remove("twin.svg")
    for text, words in (("{\"step\": 1}\n{\"loss\": 2}\n", "bad.jsonl:2: there is no whole number called step"),
                        ("epoch,loss\n", "bad.jsonl:1: this is no JSON object"), ("\n", "bad.jsonl holds no line"),
                        ("{\"step\": 1, \"t\": [[1, 2], [3]]}\n", "bad.jsonl:1: t is no table of numbers"),
                        ("{\"step\": 1, \"t\": [[1, 2], 3]}\n", "bad.jsonl:1: t is no table of numbers"),
                        ("{\"step\": 1, \"t\": " + "[" * 4000 + "]" * 4000 + "}\n", "t is no table of numbers")):
        open("bad.jsonl", "w").write(text)
        refuses(words, "plot", "bad.jsonl", "-o", "x.svg", status=1)


def test_a_drawing_that_cannot_be_written_costs_nothing():
    os.symlink("/dev/full", "full.svg")
    out, err = nnc("net.nn", "--train", "mnist", "--steps", "9", "--plot", "full.svg", "--save", "w.safetensors", status=1)
    assert "cannot write full.svg: no space left on device" in err and "saved w.safetensors (step 9)" in err, err
    assert "test accuracy" in out


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        open("net.nn", "w").write(MODEL)
        test_curves_are_the_numbers_of_the_log()
        test_pixels()
        test_several_logs()
        test_numbers_that_are_none()
        test_mistakes()
        test_a_drawing_that_cannot_be_written_costs_nothing()


main()
