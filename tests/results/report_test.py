"""The page of a training: it needs nothing beside it, its numbers are those of the command, and its worst examples are
those that NumPy finds in what --run gives.

report_test.py NNC [--browser]; leaves with 77, "skipped", where there is no NumPy, or with --browser no Chromium.
"""
import base64
import html.parser
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("no NumPy here")
    sys.exit(77)
from common import nnc, read_png

MODEL = """
model net {
  input  image: u8[batch, 6, 5]
  target label: i32[batch]
  logits = f32(image) / 255 |> flatten |> dense(3)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
  metric confusion = confusion_matrix(logits, label)
}
train net {
  minimize loss with adam(lr = 0.01)
  batch = 8
  epochs = 3
}
"""
VOID = {"meta", "link", "img", "br"}


class Reader(html.parser.HTMLParser):
    """All text, the pictures, and whether every tag is closed."""

    def __init__(self, path):
        super().__init__()
        self.open, self.text, self.pictures, self.rows, self.tags = [], [], [], [], set()
        content = open(path, encoding="utf-8").read()
        assert content.startswith("<!DOCTYPE html>")
        assert set(re.findall(r"https?://[^\"' ]*", content)) <= {"http://www.w3.org/2000/svg"}
        self.feed(content)
        self.close()
        assert not self.open, self.open
        assert not self.tags & {"script", "iframe", "object", "embed"}

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        attributes = dict(attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:"), attributes
        if tag == "img":
            self.pictures.append(base64.b64decode(attributes["src"].split(",")[1], validate=True))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def words(self):
        return " ".join("".join(self.text).split())


def write_set(folder, rng):
    os.mkdir(folder)
    sets = {}
    for split, count in (("train", 96), ("t10k", 60)):
        labels = rng.integers(0, 3, count)
        images = np.clip(rng.normal(100, 60, (count, 6, 5)), 0, 255).astype("u1")
        images[np.arange(count), labels, :] |= 64
        open(f"{folder}/{split}-images-idx3-ubyte", "wb").write(struct.pack(">HBB3I", 0, 8, 3, *images.shape) + images.tobytes())
        open(f"{folder}/{split}-labels-idx1-ubyte", "wb").write(struct.pack(">HBBI", 0, 8, 1, count) + labels.astype("u1").tobytes())
        sets[split] = images, labels
    open(f"{folder}/classes.txt", "w").write("a <cat>\na dog\nB&B\n")
    return sets["t10k"]


NAMES = ["a <cat>", "a dog", "B&B"]


def test_page(images, labels):
    out, _ = nnc("net.nn", "--train", "set", "--report", "r.html", "--digest", "--save", "w.safetensors", "--seed", "5")
    assert out == nnc("net.nn", "--train", "set", "--digest", "--seed", "5")[0]
    page = Reader("r.html")
    words = page.words()
    digest = re.search("sha256 ([0-9a-f]{64})", out)[1]
    assert ["digest of the weights", digest] in page.rows
    assert ["--seed", "5"] in page.rows and ["batch", "8"] in page.rows and ["adam.lr", "0.01"] in page.rows
    for name in ("loss", "accuracy"):
        value = re.search(rf"test {name} (\S+)", out)[1]
        (row,) = [row for row in page.rows if len(row) == 4 and row[0] == name]
        assert row[3] == value and float(row[1]) > 0 and row[2] == ""
    for part in ("train net, set", "36 updates in 3 epochs over 96 examples", "dense f32[batch,3]", "93 weights",
                 "to train a batch of 8, beside the data", "learning rate", "confusion, test", "model net {", "minimize loss with adam"):
        assert part in words, part
    assert any(row[0] == "fuse" and len(row) == 3 for row in page.rows)

    nnc("net.nn", "--load", "w.safetensors", "--run", "set", "-o", "p.npy")
    probs = np.load("p.npy").astype("f8")
    losses = -np.log(probs[np.arange(60), labels])
    order = np.argsort(-losses)[:24]
    assert "The largest loss of 60 test examples, each evaluated by itself." in words
    assert [int(n) for n in re.findall(r"example (\d+)", words)] == list(order)
    shown = [float(x) for x in re.findall(r"loss (\d+\.\d+) ?label", words)]
    assert np.abs(np.array(shown) - losses[order]).max() < 2e-4
    assert len(page.pictures) == 24
    for picture, number in zip(page.pictures, order):
        open("image.png", "wb").write(picture)
        assert (read_png("image.png") == images[number]).all()
        guess = probs[number].argmax()
        assert f"label {NAMES[labels[number]]}guess {NAMES[guess]} ({100 * probs[number, guess]:.1f} %)" in words, number


def test_numbers_instead_of_pictures():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(50, 4)).astype(">f4"), rng.normal(size=50).astype(">f4")
    open("x", "wb").write(struct.pack(">HBB2I", 0, 13, 2, 50, 4) + x.tobytes())
    open("y", "wb").write(struct.pack(">HBBI", 0, 13, 1, 50) + y.tobytes())
    open("line.nn", "w").write("""
model line {
  input x: f32[batch, 4]
  target y: f32[batch]
  guess = dense(x, 1)[:, 0]
  output guess
  loss mean((guess - y) ^ 2)
}
train line {
  minimize loss with sgd(lr = 0.1)
  batch = 10
  epochs = 2
  validation = 20
}
""")
    nnc("line.nn", "--train", "x=x,y=y", "--report", "l.html", "--save", "l.safetensors")
    words = Reader("l.html").words()
    nnc("line.nn", "--load", "l.safetensors", "--run", "x=x,y=y", "-o", "l.npy")
    losses = (np.load("l.npy") - y)[30:] ** 2
    assert "of 20 validation examples" in words
    worst = int(np.argmax(losses))
    assert [int(n) for n in re.findall(r"example (\d+)", words)][0] == worst
    assert f"x {' '.join('%.5g' % v for v in x[30 + worst])}y {y[30 + worst]:.5g}guess " in words, words


def test_what_cannot_be_shown_is_said():
    open("bad.nn", "w").write(MODEL.replace("lr = 0.01", "lr = 3e38"))
    out, err = nnc("bad.nn", "--train", "set", "--report", "nan.html", status=1)
    words = Reader("nan.html").words()
    assert "The loss was not finite in step" in words and "not finite" in err
    open("none.nn", "w").write(MODEL.replace("  output probs = softmax(logits)\n", ""))
    nnc("none.nn", "--train", "set", "--report", "none.html")
    words = Reader("none.html").words()
    assert "label a dog" in words and "label a dogguess" not in words and len(re.findall(r"example \d", words)) == 24


def test_a_batch_that_is_a_number_of_the_program():
    open("const.nn", "w").write(MODEL.replace("  metric accuracy", "  r = 0.0\n  scan e in logits carry r { r = r + e[0] }\n"
                                                                "  metric running = r\n  metric accuracy"))
    assert "code is made for each size of batch" in nnc("const.nn", "--explain", "constants")[0]
    nnc("const.nn", "--train", "set", "--report", "const.html")
    assert len(Reader("const.html").pictures) == 24


def test_mistakes():
    assert "--report needs --train" in nnc("net.nn", "--report", "x.html", status=2)[1]
    err = nnc("net.nn", "--train", "set", "--report", "x.pdf", status=2)[1]
    assert "--report x.pdf: what is written is a page of HTML\nhelp: name the file *.html" in err
    err = nnc("net.nn", "--train", "set", "--report", "no/x.html", status=1)[1]
    assert "no/x.html: cannot write" in err and "epoch 1" not in err
    os.link("net.nn", "net.html")
    assert "would overwrite the program" in nnc("net.nn", "--train", "set", "--report", "net.html", status=2)[1]
    os.symlink("/dev/full", "full.html")
    out, err = nnc("net.nn", "--train", "set", "--report", "full.html", "--save", "v.safetensors", "--digest", status=1)
    assert "cannot write full.html: no space left on device" in err and "saved v.safetensors" in err
    assert "weights sha256" in out


def test_in_a_browser():
    browser = shutil.which("chromium")
    if not browser:
        print("no Chromium here")
        sys.exit(77)
    nnc("net.nn", "--train", "set", "--report", "r.html", "--plot", "r.svg")
    for file, sizes in (("r.html", (900, 700)), ("r.svg", (960, 700))):
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--user-data-dir=profile",
             "--virtual-time-budget=2000", "--screenshot=shot.png", "--window-size=%d,%d" % sizes,
             "file://" + os.path.abspath(file)], capture_output=True, text=True, timeout=120)
        assert os.path.exists("shot.png"), done.stderr
        assert "CONSOLE" not in done.stderr, done.stderr
        shot = read_png("shot.png")
        assert shot.shape[:2] == sizes[::-1]
        assert (np.abs(shot - [31, 110, 180]).max(2) < 12).sum() > 300  # the curves
        assert (shot.min(2) > 240).mean() > 0.5 and (shot.max(2) < 90).sum() > 500  # words on white
        os.remove("shot.png")
    dom = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=profile", "--dump-dom",
                          "file://" + os.path.abspath("r.html")], capture_output=True, text=True, timeout=120).stdout
    assert dom.count("<img") == 24 and "<parsererror" not in dom and "Worst examples" in dom
    # Whether an error in the console would have been seen.
    open("wrong.html", "w").write("<script>nothing_of_this_name()</script><img src='none.png'>")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--user-data-dir=profile",
                           "--screenshot=shot.png", "file://" + os.path.abspath("wrong.html")], capture_output=True, text=True, timeout=120)
    assert "CONSOLE" in done.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        images, labels = write_set("set", np.random.default_rng(0))
        open("net.nn", "w").write(MODEL)
        if sys.argv[2:] == ["--browser"]:
            return test_in_a_browser()
        test_page(images, labels)
        test_numbers_instead_of_pictures()
        test_what_cannot_be_shown_is_said()
        test_a_batch_that_is_a_number_of_the_program()
        test_mistakes()


main()
