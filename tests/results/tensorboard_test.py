"""Event files for TensorBoard: every record has its checksums, protoc reads every message by the fields of TensorFlow's,
and the numbers are those of the log.

tensorboard_test.py NNC; leaves with 77, "skipped", where there is no protoc or no NumPy.
"""
import glob
import json
import os
import re
import resource
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
from common import NNC, nnc, read_png

if not shutil.which("protoc"):
    print("no protoc here (Debian's protobuf-compiler)")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = """
model net {
  input  image: u8[batch, 28, 28]
  target label: i32[batch]
  x = f32(image) / 255
  logits = x |> flatten |> dense(10)
  output probs = softmax(logits)
  %s
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
  metric confusion = confusion_matrix(logits, label)
}
train net {
  minimize loss with adam(lr = cosine(0.01))
  batch = 32
  epochs = 3
  validation = 1000
}
"""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def unescaped(text):
    """The bytes of a string as protoc prints it."""
    return re.sub(rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else
                  {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(m[1], m[1]), text.encode("latin-1"))


def events_of(run):
    """[(step, tag, value)] of the single file of a run; a number, a picture as bytes, or the bytes of a text."""
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    (path,) = glob.glob(run + "/*")
    assert re.fullmatch(r"events\.out\.tfevents\.\d{10,}\..+", os.path.basename(path))
    content, at, messages = open(path, "rb").read(), 0, []
    while at < len(content):
        (length,) = struct.unpack("<Q", content[at : at + 8])
        assert struct.unpack("<I", content[at + 8 : at + 12])[0] == masked(content[at : at + 8])
        message = content[at + 12 : at + 12 + length]
        (crc,) = struct.unpack("<I", content[at + 12 + length : at + 16 + length])
        if length < 3000:  # bit by bit it takes its time
            assert crc == masked(message)
        messages.append(message)
        at += 16 + length
    assert at == len(content)
    # One message of messages, each in field 1: protoc is started once.
    whole = b"".join(b"\x0a" + varint(len(m)) + m for m in messages)
    open("all.proto", "w").write('syntax = "proto3";\nimport "event.proto";\nmessage All { repeated Event event = 1; }\n')
    text = subprocess.run(["protoc", "--proto_path=" + HERE, "--proto_path=.", "--decode=All", "all.proto"], input=whole,
                          stdout=subprocess.PIPE, check=True).stdout.decode("latin-1")
    assert not re.search(r"^ *\d+[:{ ]", text, re.M), "a field that event.proto does not have"
    events = re.findall(r"^event {\n(.*?)^}\n", text, re.M | re.S)
    assert len(events) == len(messages)
    assert 'file_version: "brain.Event:2"' in events[0]
    out, last = [], 0
    for event in events[1:]:
        time = float(re.search(r"wall_time: (\S+)", event)[1])
        assert 1.6e9 < last <= time < 1e11 or last == 0
        last = time
        step = re.search(r"^  step: (\d+)", event, re.M)
        tag = re.search(r'tag: "(.*)"', event)[1]
        if number := re.search(r"simple_value: (\S+)", event):
            value = float(number[1])
        elif image := re.search(r'encoded_image_string: "(.*)"', event):
            value = unescaped(image[1])
            open("image.png", "wb").write(value)
            assert read_png("image.png").shape[:2] == tuple(int(re.search(w + r": (\d+)", event)[1])
                                                            for w in ("height", "width"))
        else:
            assert 'plugin_name: "text"' in event and "dtype: DT_STRING" in event and "size: 1" in event
            value = unescaped(re.search(r'string_val: "(.*)"', event)[1])
        out.append((int(step[1]) if step else 0, tag, value))
    return out


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def of(events, tag):
    return [(step, value) for step, name, value in events if name == tag]


def close(events, lines, name):
    assert [step for step, _ in events] == [line["step"] for line in lines], (events, lines)
    for (_, value), line in zip(events, lines):
        assert abs(value - line[name]) <= 1e-6 * max(1, abs(line[name])), (name, value, line[name])


def test_numbers():
    digest = nnc("net.nn", "--train", "mnist", "--digest", "--log", "plain.jsonl")[0]
    out = nnc("net.nn", "--train", "mnist", "--digest", "--log", "log.jsonl", "--tensorboard", "a/b")[0]
    assert out == digest
    lines = [json.loads(line) for line in open("log.jsonl")]
    assert len(lines) == 4
    train, validation, test = (events_of("a/b/" + run) for run in ("train", "validation", "test"))
    for name in ("loss", "accuracy"):
        close(of(train, "epoch/" + name), lines[:3], name)
        close(of(validation, name), lines[:3], "validation_" + name)
        close(of(test, name), lines[3:], "test_" + name)
    assert len(of(train, "loss")) > 100 and len(of(train, "rate/adam.lr")) > 100
    rates = dict(of(train, "rate/adam.lr"))
    ends = [line for line in lines[:3] if line["step"] in rates]
    close([(line["step"], rates[line["step"]]) for line in ends], ends, "adam.lr")
    assert ends and max(rates.values()) <= 0.01 and rates[min(rates)] > 0.0099 and rates[max(rates)] < 0.001
    assert [step for step, _ in of(validation, "confusion")] == [line["step"] for line in lines[:3]]
    assert len(of(test, "confusion")) == 1
    ((step, text),) = of(train, "program")
    assert step == 0 and b"    train net\n" in text and "7,850 weights" in text.decode()

    nnc("net.nn", "--train", "mnist", "--log", "every.jsonl", "--log-every", "50", "--tensorboard", "every")
    lines = [json.loads(line) for line in open("every.jsonl")][:-1]
    close(of(events_of("every/train"), "loss"), lines, "loss")


def test_pictures_of_outputs():
    open("pictures.nn", "w").write(MODEL % "output darker = x / 2")
    out = nnc("pictures.nn", "--train", "mnist", "--digest", "--tensorboard", "p")[0]
    assert out == nnc("pictures.nn", "--train", "mnist", "--digest")[0]
    pictures = of(events_of("p/train"), "outputs")
    assert [step for step, _ in pictures] == [125, 250, 375]
    assert pictures[0][1] == pictures[2][1]
    open("image.png", "wb").write(pictures[0][1])
    shown = read_png("image.png")
    nnc("pictures.nn", "--run", "mnist", "-o", "run.npz")
    first = np.load("run.npz")["darker"][0]
    wanted = np.repeat(np.repeat(np.round(first * 255), 2, 0), 2, 1)
    assert any(np.abs(shown[y : y + 56, 8 : 64] - wanted).max() <= 1 for y in range(20, 40))


def test_mistakes():
    before = sorted(os.listdir("."))
    err = nnc("net.nn", "--tensorboard", "x", status=2)[1]
    assert "--tensorboard needs --train" in err
    for folder in ("net.nn", "net.nn/x", "/proc/x"):
        err = nnc("net.nn", "--train", "mnist", "--tensorboard", folder, status=1)[1]
        assert "error: cannot open " + folder in err and "epoch 1" not in err, err
    assert sorted(os.listdir(".")) == before


def test_a_full_disk_costs_nothing_else():
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    plain = nnc("net.nn", "--train", "mnist", "--digest")[0]
    done = subprocess.run([NNC, "net.nn", "--train", "mnist", "--digest", "--tensorboard", "full"], capture_output=True,
                          text=True, preexec_fn=limit, env=dict(os.environ, XDG_CACHE_HOME="/nowhere"))
    assert done.returncode == 1 and done.stdout == plain
    assert done.stderr.count("error:") == 1, done.stderr
    assert re.search(r"error: cannot write full/\S+: file too large; the training goes on\n", done.stderr), done.stderr
    assert len(events_of("full/train")) > 50  # whole records, as many as there was room for


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        open("net.nn", "w").write(MODEL % "")
        test_numbers()
        test_pictures_of_outputs()
        test_mistakes()
        test_a_full_disk_costs_nothing_else()


main()
