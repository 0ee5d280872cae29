#!/usr/bin/env python3
"""The project of examples/embed/without_compiler, as its reader builds it.

    example_test.py NNC        NNC: the command
"""

import pathlib
import sys
import tempfile

from digits import *

NNC = pathlib.Path(sys.argv[1]).resolve()


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


main()
