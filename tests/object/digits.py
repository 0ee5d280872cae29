"""What the tests of objects share: digits as IDX files, compilers, and the digest of parameters."""

import hashlib
import pathlib
import re
import shutil
import struct
import subprocess
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples/embed/without_compiler"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
C99, CXX = ["gcc", "-std=c99", *WARNINGS], ["g++", "-x", "c++", "-std=c++17", *WARNINGS]


def run(*words, **options):
    """Standard output of a command, which must end well."""
    done = subprocess.run([str(w) for w in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise SystemExit(f"exit status {done.returncode} of: {' '.join(map(str, words))}\n{done.stdout}")
    return done.stdout


def first_of(*programs):
    """The first of these programs that is here."""
    return next((program for program in programs if shutil.which(program)), programs[0])


def check(holds, what):
    if not holds:
        raise SystemExit(what)


def examples():
    """Each example as (file, FILE or FILE:NAME of its first train block, switches with what its data would say)."""
    said = {"(vocab": ["vocab=70", "some=65"], "(classes": ["classes=3", "n=13"]}
    for model in sorted((ROOT / "examples").glob("*.nn")):
        text = model.read_text()
        if not re.search(r"^model ", text, re.MULTILINE):
            continue  # others import it
        tags = re.findall(r"^train .*@(\w+)", text, re.MULTILINE)
        data = [word for key, numbers in said.items() if key in text for number in numbers for word in ("--set", number)]
        yield model, f"{model}:{tags[0]}" if len(tags) > 1 else str(model), data


def write_digits(folder):
    """The digits of the command, as the four files that it takes for a data set."""
    folder.mkdir()
    content = zlib.decompress((ROOT / "runtime/data/digits.bin").read_bytes())
    names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    for name in names:
        rank = content[3]
        extents = struct.unpack_from(f">{rank}I", content, 4)
        size = 4 + 4 * rank
        each = 1
        for extent in extents:
            each *= extent
        (folder / name).write_bytes(content[:size + each])
        content = content[size + each:]
    return folder


def digest(content, tensors):
    """As nnc --digest: SHA-256 over (name, type, bytes) by name; tensors: (name, extents) of f32 in the order of a struct."""
    parts, at = {}, 0
    for name, extents in tensors:
        size = 4
        for extent in extents:
            size *= extent
        parts[name] = f"{name}\nf32[{','.join(map(str, extents))}]\n".encode() + content[at:at + size]
        at += size
    check(at == len(content), f"{len(content)} bytes of parameters, expected {at}")
    return hashlib.sha256(b"".join(parts[name] for name in sorted(parts))).hexdigest()


SOFTMAX = [("dense.weight", (784, 10)), ("dense.bias", (10,))]


def digest_of_command(nnc, model, data, *more):
    lines = run(nnc, model, "--train", data, "--digest", *more).splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("weights sha256 "))


def undefined(path, nm="nm"):
    return [line.split()[-1] for line in run(nm, "-u", path).splitlines() if line.strip()]


def global_symbols(path):
    return sorted(line.split()[0] for line in run("nm", "-gP", "--defined-only", path).splitlines() if line.strip())


def members_of(header, struct):
    """[(name in the program, extents)] of a struct of a generated header."""
    text = header.read_text()
    end = text.find(f"}} {struct};")
    if end < 0:
        return []
    body = text[text.rfind("{", 0, end):end]
    return [(name, tuple(int(e) for e in extents.split(",") if e))
            for extents, name in re.findall(r"/\* f32\[([0-9,]*)\] (\S+) \*/", body)]


class Net:
    """A net of digits as an object net.o with its header, and the program any.c around it."""

    def __init__(self, nnc, model, folder, *switches):
        self.nnc, self.model, self.folder = nnc, model, folder
        self.object = folder / "net.o"
        run(nnc, model, "--emit", "object", "--prefix", "net", "-o", self.object, *switches)
        self.header = folder / "net.h"

    def build(self, *compiler, threads=False):
        defines = [f"-D{word.upper()}" for word in ("states", "optimizer") if members_of(self.header, f"net_{word}")]
        defines += ["-DSTEPS"] if "int64_t steps; /*" in self.header.read_text() else []
        if threads:
            defines += ["-DTHREADS", "-pthread", ROOT / "include/nnc/threads.c"]
        self.program = self.folder / "any"
        run(*compiler, "-O1", "-I", self.folder, "-I", ROOT / "include/nnc", *defines, ROOT / "tests/object/any.c",
            self.object, "-o", self.program)

    def learns_as_the_command(self, data, steps, *switches, by=(), members=1):
        """The same digest after so many steps; `by` is what runs the program."""
        out = self.folder / "parameters"
        run(*by, self.program, data, steps, out, members)
        found = digest(out.read_bytes(), members_of(self.header, "net_parameters"))
        expected = digest_of_command(self.nnc, self.model, data, "--steps", str(steps), *switches)
        check(found == expected, f"{self.model.name}: {found}, the command {expected}")
