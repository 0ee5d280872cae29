"""The files of --run, read by those for whom they are written: NumPy, Python's csv, json and zlib, and the layouts of
safetensors and PNG; every number comes back to the bit.

writers_test.py NNC; leaves with 77, "skipped", where there is no NumPy.
"""
import csv
import json
import os
import struct
import sys
import tempfile
import zipfile

try:
    import numpy as np
except ImportError:
    print("no NumPy here")
    sys.exit(77)
from common import idx, nnc, read_png

ROWS = 7
MODEL = """
model m {
  input x: f32[batch, 2, 3]
  output a = x
  output wide = f64(x) / 3
  output half = f16(x)
  output brain = bf16(x)
  output whole = i32(round(x))
  output long = i64(round(x)) * 1000000000000
  output small = u8(abs(round(x)))
  output sign = x > 0
  output one = sum(x, [1, 2])
%s
}
"""
WHOLE = "  output total = sum(x)\n"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}


def read_safetensors(path):
    content = open(path, "rb").read()
    length = struct.unpack("<Q", content[:8])[0]
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    out, bytes_, end = {}, content[8 + length :], 0
    for name, about in header.items():
        begin, stop = about["data_offsets"]
        assert begin == end  # no gaps
        end = stop
        if about["dtype"] == "BF16":
            wide = np.frombuffer(bytes_[begin:stop], "<u2").astype("<u4") << 16
            out[name] = wide.view("<f4").reshape(about["shape"])
        else:
            out[name] = np.frombuffer(bytes_[begin:stop], DTYPES[about["dtype"]]).reshape(about["shape"])
    assert end == len(bytes_)
    return out


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, (a.shape, b.shape)
    assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), (a, b)


def expected(x):
    y = np.round(x)
    return {"a": x, "wide": x.astype("f8") / 3, "half": x.astype("f2"), "whole": y.astype("i4"),
            "long": y.astype("i8") * 1000000000000, "small": np.abs(y).astype("u1"), "sign": x > 0}


def test_arrays(x):
    want = expected(x)
    nnc("m.nn", "--run", "x=x", "-o", "y.npz")
    with zipfile.ZipFile("y.npz") as archive:
        assert archive.testzip() is None
    read = np.load("y.npz", allow_pickle=False)
    assert set(read.files) == set(want) | {"brain", "one", "total"}
    nnc("m.nn", "--run", "x=x", "-o", "y.safetensors")
    tensors = read_safetensors("y.safetensors")
    for name, array in want.items():
        assert read[name].dtype == array.dtype, name
        same(read[name], array)
        same(tensors[name], array)
    same(read["brain"], tensors["brain"])  # bf16: f32 for NumPy
    assert (np.abs(read["brain"] - x) <= np.abs(x) / 256).all() and (read["brain"] != x).any()
    assert read["total"].shape == ()
    same(read["one"], tensors["one"])


def test_one_array(x):
    open("one.nn", "w").write("model m {\n  input x: f32[batch, 2, 3]\n  output a = x\n}\n")
    nnc("one.nn", "--run", "x=x", "-o", "y.npy")
    read = np.load("y.npy", allow_pickle=False)
    assert read.dtype == np.float32
    same(read, x)
    header = open("y.npy", "rb").read()
    assert (10 + struct.unpack("<H", header[8:10])[0]) % 64 == 0
    err = nnc("m.nn", "--run", "x=x", "-o", "z.npy", status=1)[1]
    assert "error: -o z.npy: such a file holds one array, and there are 10 outputs: 'a', 'wide'" in err, err
    assert "help: *.npz holds them all" in err
    assert not os.path.exists("z.npy")


def test_table(x):
    open("table.nn", "w").write(MODEL % "")
    nnc("table.nn", "--run", "x=x", "-o", "y.csv")
    rows = list(csv.DictReader(open("y.csv", newline="")))
    assert len(rows) == ROWS
    assert list(rows[0])[:6] == ["a_0_0", "a_0_1", "a_0_2", "a_1_0", "a_1_1", "a_1_2"]
    assert list(rows[0])[-1] == "one"
    for name, array in expected(x).items():
        read = [[[row[f"{name}_{i}_{k}"] for k in range(3)] for i in range(2)] for row in rows]
        convert = (lambda t: bool(int(t))) if array.dtype == bool else float if array.dtype.kind == "f" else int
        same(np.array([[[convert(t) for t in line] for line in row] for row in read]).astype(array.dtype), array)
    numbers = np.genfromtxt("y.csv", delimiter=",", names=True)
    same(numbers["a_1_2"].astype("f4"), x[:, 1, 2])
    err = nnc("m.nn", "--run", "x=x", "-o", "z.csv", status=1)[1]
    assert "error: -o z.csv: a table has a row for each example, and the output 'total' f32[] has none" in err, err
    assert not os.path.exists("z.csv")


def test_lines(x):
    nnc("m.nn", "--run", "x=x", "-o", "y.jsonl")
    lines = [json.loads(line) for line in open("y.jsonl")]
    assert len(lines) == ROWS + 1 and list(lines[-1]) == ["total"]
    for name, array in expected(x).items():
        read = np.array([line[name] for line in lines[:-1]], dtype=object)
        for have, want in zip(read.ravel(), array.ravel()):
            assert have is None if not np.isfinite(want) else array.dtype.type(have) == want, (name, have, want)
    assert lines[0]["sign"][0][1] in (True, False)
    same(np.array([line["a"] for line in lines[1:-1]], "f4"), x[1:])
    assert open("y.jsonl").read() == nnc("m.nn", "--run", "x=x")[0]


def test_pictures():
    rng = np.random.default_rng(1)
    gray = rng.integers(0, 256, (5, 9, 8)).astype("f4")
    color = rng.random((5, 2, 4, 3)).astype("f4")
    open("gray", "wb").write(idx(gray))
    open("color", "wb").write(idx(color))
    open("p.nn", "w").write("model m {\n  input g: f32[batch, 9, 8]\n  input c: f32[batch, 2, 4, 3]\n"
                            "  output pixels = u8(g)\n  output noise = g * g - 3000\n  output colored = c\n"
                            "  output first = transpose(c, [0, 3, 1, 2])\n"
                            "  output sum = sum(g, [1, 2])\n}\n")
    nnc("p.nn", "--run", "g=gray,c=color", "-o", "y.png")
    picture = read_png("y.png")
    assert picture.ndim == 3
    # Every picture is in there, enlarged: 9 x 8 by 7, 2 x 4 by 14.
    found = 0
    wanted = [np.repeat(np.repeat(np.repeat(g.astype(int)[:, :, None], 3, 2), 7, 0), 7, 1) for g in gray]
    wanted += [np.repeat(np.repeat(np.round(c * np.float32(255)).astype(int), 14, 0), 14, 1) for c in color]
    for image in wanted:
        h, w = image.shape[:2]
        rows, columns = np.where((picture == image[0, 0]).all(2))
        places = [(y, x) for y, x in zip(rows, columns) if y + h <= picture.shape[0] and x + w <= picture.shape[1]
                  and np.abs(picture[y : y + h, x : x + w] - image).max() <= 1]
        found += len(places)
    assert found == 5 + 2 * 5, found  # of the colored ones both layouts
    open("q.nn", "w").write("model m {\n  input g: f32[batch, 9, 8]\n  output y = dense(flatten(g), 3)\n}\n")
    err = nnc("q.nn", "--run", "g=gray", "-o", "z.png", status=1)[1]
    assert "error: -o z.png: no output is a picture: 'y' f32[batch,3]\nhelp: a picture is [batch,h,w]," in err, err


def test_nothing_is_trained_for_a_file_that_cannot_be():
    for file, words in (("no/y.csv", "no/y.csv"), ("y.csv", "mass"), ("y.png", "no output is a picture")):
        out, err = nnc("t.nn", "--train", "x=x", "--run", "x=x", "-o", file, status=1)
        assert words in err and "epoch 1" not in err, err


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        rng = np.random.default_rng(0)
        x = rng.normal(size=(ROWS, 2, 3)).astype("f4") * 30
        x[0, 0] = [np.nan, np.inf, -np.inf]
        x[1, 0] = [0, 1e-30, 3]
        safe = x.copy()
        safe[0, 0] = [0.1, -0.2, 0.3]
        safe[1, 0] = [-1.5, 2.5, 1e-3]
        open("m.nn", "w").write(MODEL % WHOLE)
        open("t.nn", "w").write("model m {\n  input x: f32[batch, 2, 3]\n  y = dense(flatten(x), 1)\n"
                                "  output y\n  output mass = sum(y)\n  loss mean(y ^ 2)\n}\n"
                                "train m { minimize loss with sgd(lr = 0.001)\n  batch = 2\n  epochs = 1\n}\n")
        open("x", "wb").write(idx(safe))
        for test in (test_arrays, test_table, test_lines):
            test(safe)
        test_one_array(safe)
        open("x", "wb").write(idx(x))
        open("one.nn", "w").write("model m {\n  input x: f32[batch, 2, 3]\n  output a = x\n}\n")
        for ending in ("npy", "npz", "csv", "jsonl"):
            nnc("one.nn", "--run", "x=x", "-o", f"n.{ending}")
        same(np.load("n.npy"), x)  # NaN and infinities, too
        same(np.load("n.npz")["a"], x)
        same(np.genfromtxt("n.csv", delimiter=",", skip_header=1).astype("f4").reshape(x.shape), x)
        assert json.loads(open("n.jsonl").readline())["a"][0] == [None, None, None]
        test_pictures()
        test_nothing_is_trained_for_a_file_that_cannot_be()


main()
