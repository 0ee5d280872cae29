#!/usr/bin/env python3
"""The project of examples/embed/without_compiler, as its reader builds it.

    example_test.py NNC        NNC: the command
"""

import pathlib
import sys
import tempfile

from digits import *

NNC = pathlib.Path(sys.argv[1]).resolve()


PARTS = """import "part.nn"
model net { input x: f32[batch, 4]; target y: f32[batch]; h = part(x); output z = h; loss mean_squared_error(h[:, 0], y) }
train net @fast { minimize loss with adam(lr = 0.1); batch = 2 }
train net @slow { minimize loss with sgd(lr = 0.1); batch = 3 }
"""
PROJECT = """cmake_minimum_required(VERSION 3.18)
project(parts C)
include("%s/cmake/nnc_add_model.cmake")
nnc_add_model(fast "two trainings.nn:fast" DEPENDS part.nn THREADS)
nnc_add_model(slow "two trainings.nn:slow" DEPENDS part.nn SET batch=5)
add_executable(parts parts.c)
target_link_libraries(parts PRIVATE fast slow)
"""
USE = """#include "fast.h"
#include "slow.h"
#include "nnc/threads.h"
int main(void) { nnc_threads_end(nnc_threads_start(2)); return 10 * FAST_BATCH + SLOW_BATCH; }
"""


def models_by_name_in_folders_with_spaces(folder):
    source, build = folder / "a project", folder / "a build"
    source.mkdir()
    for name, text in (("two trainings.nn", PARTS), ("part.nn", "fn part(x) { return dense(x, 1) }\n"),
                       ("CMakeLists.txt", PROJECT % ROOT), ("parts.c", USE), ("nnc", f'#!/bin/sh\nexec "{NNC}" "$@"\n')):
        (source / name).write_text(text)
    (source / "nnc").chmod(0o755)
    run("cmake", "-S", source, "-B", build, f"-DNNC_COMMAND={source / 'nnc'}", "-G", "Ninja")
    run("cmake", "--build", build)
    check(subprocess.run([build / "parts"]).returncode == 25, "the nets are others than those that were asked for")
    for name in ("part.nn", "nnc"):
        check("no work to do" in run("cmake", "--build", build), "a second build does work")
        (source / name).touch()
        check("Compiling" in run("cmake", "--build", build), f"the nets are not made anew after a change of {name}")


def main():
    with tempfile.TemporaryDirectory() as path:
        folder = pathlib.Path(path)
        data, build = write_digits(folder / "data"), folder / "build"
        run("cmake", "-S", EXAMPLE, "-B", build, f"-DNNC_COMMAND={NNC}", f"-DREADER_DATA={data}", "-G", "Ninja",
            "-DCMAKE_DISABLE_FIND_PACKAGE_nnc=ON", "-DCMAKE_C_FLAGS=-Wall -Wextra -pedantic -Werror")
        run("cmake", "--build", build)
        check("no work to do" in run("cmake", "--build", build), "a second build does work")
        said = run(build / "digits", data, folder / "parameters")
        expected = digest_of_command(NNC, EXAMPLE / "softmax.nn", data)
        check(digest((folder / "parameters").read_bytes(), SOFTMAX) == expected, "other weights than the command's")
        check("epoch 5  loss" in said and "test accuracy" in said, said)
        check((build / "digits").stat().st_size <= 100_000, "digits has more than 100,000 bytes")
        images = (data / "t10k-images-idx3-ubyte").read_bytes()[16:]
        labels = (data / "t10k-labels-idx1-ubyte").read_bytes()[8:]
        (folder / "images").write_bytes(images)
        with open(folder / "images", "rb") as file:
            read = [int(line) for line in run(build / "reader", stdin=file).splitlines()]
        right = sum(a == b for a, b in zip(read, labels))
        print(f"digits {(build / 'digits').stat().st_size} bytes, reader reads {right} of {len(labels)}")
        check(len(read) == len(labels) and right > 800, "the net that was trained while building reads badly")
        models_by_name_in_folders_with_spaces(folder)


main()
