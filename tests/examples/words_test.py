#!/usr/bin/env python3
"""The words keep what they promise: runs the commands that stand in a page and compares all that they say.

    words_test.py NNC PAGE [--inside] NNC: the command; PAGE: README.md or another page of this repository

A block of the page that is fenced as `console` holds commands behind "$ " (a longer one goes on behind "> "), each
followed by its whole output, standard error included. They run in a fresh folder in which the folders of the
repository can be reached. NNC_UPDATE=1 in the environment writes into the page what came out; the diff is then read
like code.

A few words differ from machine to machine, and are compared as a kind of word: see DIFFERS. NNC_UPDATE=all writes these
anew, too. A command that trains on `mnist` runs only where the full set is; it says so when it is left out. With
--inside, `mnist` is the digits inside the command, whatever else is on this machine, and every command runs.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIFFERS = [
    (re.compile(r"epoch [0-9.]+ s  total [0-9.]+ s  [0-9,]+ examples/s"), "TIME"),
    (re.compile(r"\b[0-9]+ threads?$"), "THREADS"),
    (re.compile(r" from \S*/mnist$"), " from PLACE"),
    (re.compile(r"\bstd/(\w+)\.nn:[0-9]+:[0-9]+"), r"std/\1.nn:PLACE"),
]


def full_mnist_is_here():
    places = [os.environ.get("NNC_DATA"), os.environ.get("XDG_CACHE_HOME"), pathlib.Path.home() / ".cache"]
    folders = [pathlib.Path(p) / below for p in places if p for below in ("", "mnist", "nnc/mnist")]
    return any((folder / "train-images-idx3-ubyte").is_file() for folder in folders)


def commands_of(block):
    """[command, expected output] for each command; both are lists of lines."""
    commands = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif not commands:
            raise SystemExit(f"a console block begins with its output: {line}")
        elif (line.startswith("> ") or line == ">") and not commands[-1][1]:
            commands[-1][0].append(line[2:])
        else:
            commands[-1][1].append(line)
    return commands


def output_of(command, nnc, folder, inside):
    """Its output in lines, in the words of a person at home."""
    with tempfile.TemporaryDirectory() as path:
        (pathlib.Path(path) / "nnc").symlink_to(nnc)
        environment = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}", TERM="dumb", LC_ALL="C.UTF-8")
        environment.pop("NNC_FLAGS", None)
        if inside:
            environment.pop("NNC_DATA", None)
            environment["XDG_CACHE_HOME"] = f"{path}/none"
        ran = subprocess.run(["sh", "-c", "\n".join(command)], cwd=folder, env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if ran.returncode != 0:
        raise SystemExit(f"exit status {ran.returncode} of: {' '.join(command)}\n{ran.stdout}")
    return ran.stdout.replace(str(pathlib.Path.home()), "~").splitlines()


def same_everywhere(line):
    for pattern, word in DIFFERS:
        line = pattern.sub(word, line)
    return line


def is_same(expected, found):
    return list(map(same_everywhere, expected)) == list(map(same_everywhere, found))


class Page:
    def __init__(self, nnc, path, folder, inside):
        self.nnc, self.path, self.folder, self.inside = nnc, path, folder, inside
        self.ran = self.wrong = 0

    def checked(self, match):
        """The block as it should read."""
        lines = []
        for command, expected in commands_of(match.group(1)):
            found = self.run(command, expected)
            lines += ["$ " + command[0], *(("> " + more).rstrip() for more in command[1:]), *found]
        return "```console\n" + "\n".join(lines) + "\n```"

    def run(self, command, expected):
        if "--train mnist" in " ".join(command) and not self.inside and not full_mnist_is_here():
            print(f"left out, the full MNIST is not here: {command[0]}")
            return expected
        self.ran += 1
        found = output_of(command, self.nnc, self.folder, self.inside)
        if is_same(expected, found):
            return found if os.environ.get("NNC_UPDATE") == "all" else expected
        self.wrong += 1
        print(f"--- {self.path.name}: {' '.join(command)}\n--- gives", *found, sep="\n")
        return found


def main():
    nnc, path = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "tests", "tools", "frontend"):
            (pathlib.Path(folder) / name).symlink_to(ROOT / name)
        page = Page(nnc, path, folder, "--inside" in sys.argv[3:])
        text = path.read_text()
        new = BLOCK.sub(page.checked, text)
    if page.ran == 0:
        raise SystemExit(f"no command in {path}")
    if os.environ.get("NNC_UPDATE"):
        if new != text:
            path.write_text(new)
    elif page.wrong:
        raise SystemExit(f"{page.wrong} of {page.ran} commands in {path.name} give something else; NNC_UPDATE=1 writes it")
    print(f"{page.ran} commands in {path.name}")


if __name__ == "__main__":
    main()
