#!/usr/bin/env python3
"""Objects for other processors and systems: run where something runs them, read otherwise.

    targets_test.py NNC       NNC: the command; needs qemu-user, gcc-aarch64-linux-gnu, mingw-w64, wine64, llvm-19, lld

A program that meets no subnormal learns the same bits on AArch64 and on x86 with FMA; before FMA, what the command
learns with --cpu x86-64.
"""

import os
import pathlib
import shutil
import sys
import tempfile

from digits import *

NNC = pathlib.Path(sys.argv[1]).resolve()
MODELS = [(ROOT / "examples/softmax.nn", 150), (ROOT / "tests/object/two.nn", 100), (ROOT / "examples/mlp.nn", 4),
          (ROOT / "examples/row_lstm.nn", 3), (ROOT / "examples/lenet.nn", 2)]
ALL = [*examples(), *((model, str(model), []) for model in sorted((ROOT / "tools/bench").glob("w[1-9].nn")))]
# The frame of a function of these is larger than a page, which Windows wants to be touched in order; the runtime of every compiler
# for Windows has what does it.
LARGE_FRAMES = ["diffusion.nn", "gpt.nn"]
TRIPLES = [("x86_64-linux-gnu", "x86-64"), ("x86_64-windows-gnu", "x86-64"), ("x86_64-windows-gnu", "x86-64-v4"),
           ("x86_64-windows-msvc", "x86-64-v3"), ("x86_64-apple-macosx", "x86-64-v2"), ("aarch64-linux-gnu", "generic"),
           ("arm64-apple-macosx", "apple-m1"), ("aarch64-windows-msvc", "generic")]


def aarch64(folder, data):
    gcc, qemu = ["aarch64-linux-gnu-gcc", "-std=c99", *WARNINGS, "-static"], ["qemu-aarch64"]
    for model, steps in MODELS:
        net = Net(NNC, model, folder, "--target", "aarch64-linux-gnu")
        net.build(*gcc, threads=True)
        net.learns_as_the_command(data, steps, "--cpu", "x86-64-v3", by=qemu, members=1 if steps < 10 else 2)


def before_sse41(folder, data):
    """On a processor that has neither SSE 4.1 nor AVX; and code that it cannot run says so."""
    core2 = ["qemu-x86_64", "-cpu", "core2duo"]
    for model, steps in MODELS:
        net = Net(NNC, model, folder, "--cpu", "x86-64")
        net.build(*C99, "-static")
        net.learns_as_the_command(data, steps, "--cpu", "x86-64", by=core2)
    for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
        net = Net(NNC, MODELS[0][0], folder, "--cpu", cpu)
        net.build(*C99, "-static")
        ran = subprocess.run([*core2, net.program, data, "1", folder / "parameters"], text=True, stderr=subprocess.PIPE)
        check(ran.returncode == 3 and "processor lacks" in ran.stderr, f"{cpu}: {ran.returncode} {ran.stderr}")
    net = Net(NNC, MODELS[0][0], folder, "--cpu", "x86-64-v2")
    net.build(*C99, "-static")
    net.learns_as_the_command(data, 50, "--cpu", "x86-64-v2", by=["qemu-x86_64", "-cpu", "Nehalem"])


def windows(folder, data):
    wine = shutil.which("wine64") or shutil.which("wine") or "/usr/lib/wine/wine64"
    os.environ.update(WINEPREFIX=str(folder / "wine"), WINEDEBUG="-all")
    for cpu in ("x86-64", "x86-64-v2"):
        for model, steps in MODELS:
            net = Net(NNC, model, folder, "--target", "x86_64-windows-gnu", "--cpu", cpu)
            net.build("x86_64-w64-mingw32-gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-D__USE_MINGW_ANSI_STDIO=1")
            net.program = net.program.with_suffix(".exe")
            if pathlib.Path(wine).exists():
                net.learns_as_the_command(data, steps, "--cpu", cpu, by=[wine])
            else:
                print("left out: wine is not here")


def nothing_is_undefined(folder):
    """In the format of each system, with its mangling, and no frame that Windows would have to be asked for."""
    for triple, cpu in TRIPLES:
        for model, choice, data in ALL:
            out = folder / "x.o"
            run(NNC, choice, *data, "--emit", "object", "--prefix", "px", "--target", triple, "--cpu", cpu, "-o", out)
            allowed = ["_fltused"] if "msvc" in triple else []
            if "windows" in triple and model.name in LARGE_FRAMES:
                allowed += ["___chkstk_ms", "__chkstk"]
            beyond = [name for name in undefined(out, "llvm-nm-19") if name not in allowed]
            check(not beyond, f"{model.name} for {triple}, {cpu}: {beyond} undefined")
        kind = run("llvm-readobj-19", "--file-headers", out)
        wanted = "Mach-O" if "apple" in triple else "COFF" if "windows" in triple else "elf64"
        check(wanted in kind and ("arm64" in kind.lower() or "aarch64" in kind.lower()) == (triple[0] == "a"), kind)
        names = run("llvm-nm-19", "-g", "--defined-only", out)
        check((" _px_supported\n" if "apple" in triple else " px_supported\n") in names, names)


def links_for_macos(folder):
    for arch, triple in (("arm64", "arm64-apple-macosx"), ("x86_64", "x86_64-apple-macosx")):
        run(NNC, MODELS[0][0], "--emit", "object", "--prefix", "net", "--target", triple, "-o", folder / "net.o")
        (folder / "use.c").write_text('#include "net.h"\nint64_t use(void) { return net_memory(1, 1); }\n')
        run(first_of("clang-19", "clang", "clang-14"), "-target", triple + "11", "-ffreestanding", "-I", folder, "-c", folder / "use.c", "-o", folder / "use.o")
        run(first_of("ld64.lld-19", "ld64.lld", "ld64.lld-14"), "-dylib", "-arch", arch, "-platform_version", "macos", "11.0", "11.0", "-undefined",
            "dynamic_lookup", folder / "use.o", folder / "net.o", "-o", folder / "net.dylib")


def projects_of_other_systems(folder, data):
    """CMake says what is compiled for, and nnc_add_model follows."""
    for system, processor, compiler, by, program in (
            ("Linux", "aarch64", "aarch64-linux-gnu-gcc", ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], "digits"),
            ("Windows", "AMD64", "x86_64-w64-mingw32-gcc", [], "digits.exe")):
        build = folder / system
        run("cmake", "-S", EXAMPLE, "-B", build, f"-DNNC_COMMAND={NNC}", f"-DREADER_DATA={data}", "-G", "Ninja",
            "-DCMAKE_DISABLE_FIND_PACKAGE_nnc=ON", f"-DCMAKE_SYSTEM_NAME={system}",
            f"-DCMAKE_SYSTEM_PROCESSOR={processor}", f"-DCMAKE_C_COMPILER={compiler}")
        run("cmake", "--build", build)
        check((build / program).is_file(), f"no {program}")
        if by:
            check("test accuracy" in run(*by, build / program, data), f"{program} does not run")


def beyond_the_baseline_is_refused(folder):
    for switches, words in ((["--target", "aarch64-linux-gnu", "--cpu", "neoverse-v1"], "could not say"),
                            (["--target", "riscv64-linux-gnu"], "no code can be made"),
                            (["--target", "aarch64-linux-gnu", "--cpu", "x86-64"], "unknown cpu")):
        ran = subprocess.run([NNC, MODELS[0][0], "--emit", "object", "-o", folder / "no.o", *switches], text=True,
                             stderr=subprocess.PIPE)
        check(ran.returncode == 1 and words in ran.stderr, f"{switches}: {ran.returncode} {ran.stderr}")


def main():
    with tempfile.TemporaryDirectory() as path:
        folder = pathlib.Path(path)
        data = write_digits(folder / "digits_data")
        for test in (beyond_the_baseline_is_refused, nothing_is_undefined, links_for_macos):
            test(folder)
        for test in (projects_of_other_systems, aarch64, before_sse41, windows):
            test(folder, data)
            print(test.__name__)


main()
