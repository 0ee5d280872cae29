#!/usr/bin/env python3
"""A C program that has an object and its header alone learns what the command learns, to the last bit.

    c_test.py NNC        NNC: the command
"""

import json
import pathlib
import struct
import sys
import tempfile

from digits import *

NNC = pathlib.Path(sys.argv[1]).resolve()
INCLUDE = ROOT / "include"


def emit(model, name, *more, folder):
    run(NNC, model, "--emit", "object", "-o", folder / f"{name}.o", *more)


def trains_as_the_command(folder, data):
    emit(EXAMPLE / "softmax.nn", "softmax", folder=folder)
    check(undefined(folder / "softmax.o") == [], "softmax.o needs something beside it")
    check(all(name.startswith("softmax_") for name in global_symbols(folder / "softmax.o")), "a name without the prefix")
    expected = digest_of_command(NNC, EXAMPLE / "softmax.nn", data)
    for compiler in (C99, CXX):
        run(*compiler, "-O1", "-I", folder, "-c", EXAMPLE / "digits.c", "-o", folder / "digits.o")
        run("gcc", folder / "digits.o", folder / "softmax.o", "-o", folder / "digits")
        said = run(folder / "digits", data, folder / "parameters")
        check("epoch 5/5" not in said and "test accuracy 0." in said, said)
        found = digest((folder / "parameters").read_bytes(), SOFTMAX)
        check(found == expected, f"{compiler[0]}: weights {found}, those of the command {expected}")


def small_enough(folder):
    emit(EXAMPLE / "softmax.nn", "softmax", "--cpu", "x86-64-v3", folder=folder)
    run(*C99, "-Os", "-s", "-I", folder, EXAMPLE / "digits.c", folder / "softmax.o", "-o", folder / "small")
    size, whole = (folder / "softmax.o").stat().st_size, (folder / "small").stat().st_size
    print(f"softmax.o {size} bytes, the program {whole} bytes")
    check(size <= 25_000, f"the object has {size} bytes")
    check(whole <= 100_000, f"the program has {whole} bytes")
    needed = [line for line in run("readelf", "-d", folder / "small").splitlines() if "(NEEDED)" in line]
    check(all("[libc.so" in line or "[ld-linux" in line for line in needed), "\n".join(needed))


def one_program_of_two_nets(folder, data):
    emit(ROOT / "examples/softmax.nn", "one", "--prefix", "one", folder=folder)
    emit(ROOT / "tests/object/two.nn", "two", folder=folder)
    both = global_symbols(folder / "one.o") + global_symbols(folder / "two.o")
    check(len(both) == len(set(both)), "the objects share a name")
    program = folder / "pair"
    run(*C99, "-O1", "-pthread", "-I", folder, "-I", INCLUDE / "nnc", ROOT / "tests/object/pair.c",
        INCLUDE / "nnc/threads.c", folder / "one.o", folder / "two.o", "-o", program)
    for members in (1, 2, 3):
        run(program, data, members, folder / "one", folder / "two")
        for name, model, tensors in (("one", "examples/softmax.nn", SOFTMAX), ("two", "tests/object/two.nn", TWO)):
            found = digest((folder / name).read_bytes(), tensors)
            expected = digest_of_command(NNC, ROOT / model, data, "--epochs", "1")
            check(found == expected, f"{model} on {members} threads: {found}, the command {expected}")


TWO = [("dense.weight", (784, 40)), ("dense.bias", (40,)), ("dense_2.weight", (40, 10)), ("dense_2.bias", (10,))]


def takes_weights_along(folder, data):
    weights = folder / "w.safetensors"
    expected = digest_of_command(NNC, ROOT / "examples/softmax.nn", data, "--epochs", "1", "--save", weights)
    emit(ROOT / "examples/softmax.nn", "soft", "--prefix", "soft", "--load", weights, folder=folder)
    run(*C99, "-O1", "-I", folder, ROOT / "tests/object/weights.c", folder / "soft.o", "-o", folder / "weights")
    run(folder / "weights", folder / "parameters")
    found = digest((folder / "parameters").read_bytes(), SOFTMAX)
    check(found == expected, f"weights {found} in the object, {expected} in the file")


def refuses_what_is_wrong(folder):
    emit(ROOT / "examples/softmax.nn", "soft", "--prefix", "soft", folder=folder)
    for compiler in (C99, CXX):
        run(*compiler, "-O1", "-g", "-I", folder, "-c", ROOT / "tests/object/wrong.c", "-o", folder / "wrong.o")
        run("gcc", folder / "wrong.o", folder / "soft.o", "-o", folder / "wrong")
        run(folder / "wrong")
    header = folder / "soft.h"
    for old, new, words in (("define NNC_ABI_VERSION 3", "define NNC_ABI_VERSION 2", "another version"),
                            ("_INTERFACE INT64_C(", "_INTERFACE -INT64_C(", "another object")):
        emit(ROOT / "examples/softmax.nn", "soft", "--prefix", "soft", folder=folder)
        text = header.read_text()
        check(old in text, f"the header lacks {old}")
        header.write_text(text.replace(old, new).replace("#if NNC_ABI_VERSION != 3", "#if 0"))
        run(*C99, "-I", folder, ROOT / "tests/object/stale.c", folder / "soft.o", "-o", folder / "stale")
        check(run(folder / "stale") == "the header belongs to another object\n", f"a header of {words} goes unnoticed")


ONE_BATCH = '''model chain {
  input  x: f32[batch, 4]
  target y: f32[batch, 4]
  h = zeros(4)
  total = scan e in x |> dense(4) carry h { h = h * 0.875 + e; emit h }
  output z = total
  loss mean_squared_error(total, y)
}
train chain { minimize loss with adam(lr = cosine(0.1) / epoch); batch = 6 }
'''


def one_size_of_batch(folder):
    (folder / "chain.nn").write_text(ONE_BATCH)
    emit(folder / "chain.nn", "chain", folder=folder)
    check("#define CHAIN_BATCH 6 /* the only size: " in (folder / "chain.h").read_text(), "the header keeps the batch secret")
    run(*C99, "-O1", "-I", folder, ROOT / "tests/object/chain.c", folder / "chain.o", "-o", folder / "chain")
    run(folder / "chain")


NORMED = '''model normed {
  input  image: u8[batch, 28, 28]
  target label: i32[batch]
  h = f32(image) / 255 |> flatten |> dense(12) |> batch_norm |> relu
  logits = h |> dense(10)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
}
train normed { minimize loss with sgd(lr = 0.1); batch = 20 }
'''


def states_go_along(folder, data):
    model = folder / "normed.nn"
    model.write_text(NORMED)
    net = Net(NNC, model, folder)
    net.build(*C99)
    net.learns_as_the_command(data, 40)
    weights, images = folder / "n.safetensors", folder / "normed.json"
    run(NNC, model, "--train", data, "--steps", "40", "--save", weights)
    emit(model, "soft", "--prefix", "soft", "--load", weights, folder=folder)
    check("extern const soft_states soft_weight_states;" in (folder / "soft.h").read_text(), "states stay behind")
    run(*C99, "-O1", "-I", folder, ROOT / "tests/object/states.c", folder / "soft.o", "-o", folder / "states")
    run(NNC, model, "--load", weights, "--run", data, "-o", images)
    first = json.loads(images.read_text().splitlines()[0])["probs"]
    found = [float(word) for word in run(folder / "states", data).split()]
    def bits(numbers):
        return struct.pack(f"{len(numbers)}f", *numbers)

    check(bits(found) == bits(first), f"{found} of the object, {first} of the command")


ODD_NAMES = '''fn cell(x) { param errno: f32[2] = 1; param int: f32[2] = 2; return x * errno + int }
fn a(x) { param b: f32[2] = 3; return x * b }
fn layers(x) { param a_b: f32[2] = 4; return a(x) * a_b |> cell }
model small {
  input  I: f32[batch, 2]
  input  examples: f32[batch, 2]
  target complex: f32[batch, 2]
  h = layers(I) + examples
  output NULL = h
  output stdout = 2 * h
  loss near = mean_squared_error(h, complex)
  metric errno = mean(h)
}
train small { minimize near with adam(lr = 0.01); batch = 4 }
'''


def names_of_other_headers(folder):
    """A program may have included any header of the system in front of ours."""
    (folder / "odd.nn").write_text(ODD_NAMES)
    emit(folder / "odd.nn", "odd", folder=folder)
    headers = "errno.h stdio.h math.h limits.h stdlib.h signal.h"
    lines = [f"#include <{name}>" for name in headers.split()] + ['#include "odd.h"', "int main(void) { return 0; }"]
    for compiler, more in ((C99, ["#include <complex.h>"]), (CXX, [])):
        (folder / "odd.c").write_text("\n".join(more + lines + [""]))
        run(*compiler, "-I", folder, "-fsyntax-only", folder / "odd.c")


def nothing_trains_without_a_train_block(folder):
    (folder / "idle.nn").write_text("model idle { input x: f32[batch, 4]; loss mean(dense(x, 2) ^ 2) }")
    emit(folder / "idle.nn", "idle", folder=folder)
    header = (folder / "idle.h").read_text()
    check("idle_evaluate(" in header and "idle_train(" not in header, "a net without a train block has a training")


def numbers_that_are_not_finite(folder):
    (folder / "bounds.nn").write_text("""model bounds(low = -inf, high = inf, no = nan) {
      input x: f32[batch, 4]
      loss mean(clamp(dense(x, 2), low, high)) + 0 * no
    }
    train bounds { minimize loss with sgd(lr = 0.1) }""")
    emit(folder / "bounds.nn", "bounds", folder=folder)
    (folder / "bounds.c").write_text("""#include "bounds.h"
    int main(void) {
      bounds_parameters parameters;
      bounds_net net = bounds_make(&parameters, NULL, 0);
      double low = net.numbers.low, high = net.numbers.high, no = net.numbers.no;
      return !(low < -1e308 && low == 2 * low && high > 1e308 && high == 2 * high && !(no >= 0) && !(no <= 0));
    }""")
    for compiler in (C99, CXX):
        run(*compiler, "-O1", "-I", folder, "-c", folder / "bounds.c", "-o", folder / "bounds_main.o")
        run("gcc", folder / "bounds_main.o", folder / "bounds.o", "-o", folder / "bounds")
        run(folder / "bounds")


def functions_without_a_name_of_c(folder):
    (folder / "parts.ir").write_text("".join(
        f"func @{name}(%x: f32[3]) -> (y: f32[3]) {{\n  %y = mul %x, 3 : f32[3]\n  return %y\n}}\n"
        for name in ("update.w", "int")))
    emit(folder / "parts.ir", "parts", folder=folder)
    (folder / "parts.c").write_text('#include "parts.h"\nint main(void) { return parts_supported() - 1; }\n')
    run(*C99, "-I", folder, folder / "parts.c", folder / "parts.o", "-o", folder / "parts")


def every_example_has_a_header(folder):
    for model, choice, data in examples():
        emit(choice, model.stem, *data, folder=folder)
        (folder / "include.c").write_text(f'#include "{model.stem}.h"\nint main(void) {{ return 0; }}\n')
        for compiler in (C99, CXX):
            run(*compiler, "-I", folder, "-c", folder / "include.c", "-o", folder / "include.o")
            run("gcc", folder / "include.o", folder / f"{model.stem}.o", "-o", folder / "include")


def steps_in_parts(folder, data):
    """The setting accumulate: NET_BATCH rows are a step, and a number of rows that makes no equal parts is refused."""
    switches = ["--set", "batch=16", "--set", "accumulate=4"]
    for model, steps in ((ROOT / "examples/softmax.nn", 20), (ROOT / "examples/mlp.nn", 2)):
        net = Net(NNC, model, folder, *switches)
        check("#define NET_BATCH 64 " in net.header.read_text(), f"{model.name}: a step is not of 64 rows")
        check("if (batch % 4 || count % (4)) return net_wrong_batch;" in net.header.read_text(), "parts are not checked")
        net.build(*C99)
        net.learns_as_the_command(data, steps, *switches)


def main():
    with tempfile.TemporaryDirectory() as path:
        folder = pathlib.Path(path)
        data = write_digits(folder / "digits_data")
        trains_as_the_command(folder, data)
        small_enough(folder)
        takes_weights_along(folder, data)
        refuses_what_is_wrong(folder)
        one_program_of_two_nets(folder, data)
        one_size_of_batch(folder)
        steps_in_parts(folder, data)
        states_go_along(folder, data)
        every_example_has_a_header(folder)
        names_of_other_headers(folder)
        nothing_trains_without_a_train_block(folder)
        numbers_that_are_not_finite(folder)
        functions_without_a_name_of_c(folder)


main()
