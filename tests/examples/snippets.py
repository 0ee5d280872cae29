"""The snippets of a page, compiled and run.

    snippets.py PAGE --source cpp|c|rust -o FILE      writes a program that runs every block of the language
    snippets.py PAGE --run PROGRAM                    runs it in a folder that vanishes
    snippets.py PAGE --python LIBRARY                 runs the blocks of Python; ends with 77 where something is missing
    snippets.py PAGE --rust LIBRARY                   compiles and runs those of Rust, likewise

The first block of C++, C and Python is what the others begin with; every other block becomes a function and sees nothing of
its neighbours. A block of Rust is a whole program. Errors of the compiler name the lines of the page.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYSTEM = "/usr/bin/python3"  # Debian's, for which there is python3-numpy


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def blocks(page, language):
    """The blocks of a language as (number of their first line, text)."""
    found, inside = [], None
    for number, line in enumerate(open(page, encoding="utf-8"), 1):
        if inside is None and line.strip() == "```" + language:
            inside = (number + 1, [])
        elif inside is not None and line.strip() == "```":
            found.append((inside[0], "".join(inside[1])))
            inside = None
        elif inside is not None:
            inside[1].append(line)
    if not found:
        sys.exit(f"{page} has no block of {language}")
    return found


def source(page, language):
    """One program of the blocks of C or C++."""
    place = os.path.relpath(page, ROOT)
    (first, prelude), *rest = blocks(page, language)
    parts = [f'#line {first} "{place}"\n{prelude}\n#include <stdio.h>\n']
    for line, text in rest:
        parts.append(f'static void snippet_{line}(void) {{\n#line {line} "{place}"\n{text}}}\n')
    calls = "".join(f'  puts("{place}:{line}");\n  fflush(stdout);\n  snippet_{line}();\n' for line, text in rest)
    return "".join(parts) + f"int main(void) {{\n{calls}  return 0;\n}}\n"


def run_in_scratch(command, **options):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, cwd=folder, **options).returncode


def run_python(page, library):
    if not os.path.exists(library):
        skip("no shared library of nnc in this build")
    try:
        import numpy  # noqa: F401
    except ImportError:
        if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM) and os.path.exists(SYSTEM):
            os.execv(SYSTEM, [SYSTEM, *sys.argv])
        skip("no numpy (Debian: python3-numpy)")
    (first, prelude), *rest = blocks(page, "python")
    environment = {**os.environ, "NNC_LIBRARY": os.path.abspath(library), "PYTHONDONTWRITEBYTECODE": "1",
                   "PYTHONPATH": os.path.join(ROOT, "examples", "embed")}
    for line, text in rest:
        print(f"{os.path.relpath(page, ROOT)}:{line}", flush=True)
        status = run_in_scratch([sys.executable, "-c", prelude + "\n" + text], env=environment)
        if status:
            sys.exit(status)


def run_rust(page, library):
    compiler = shutil.which("rustc")
    if not compiler or not os.path.exists(library):
        skip("no rustc" if not compiler else "no shared library of nnc in this build")
    library = os.path.realpath(library)
    for line, text in blocks(page, "rust"):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(library, os.path.join(folder, "libnnc.so"))
            os.symlink(library, os.path.join(folder, "libnnc.so.1"))
            with open(os.path.join(folder, "snippet.rs"), "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run([compiler, "snippet.rs", "-L", folder, "-l", "nnc"], cwd=folder, check=True)
            subprocess.run(["./snippet"], cwd=folder, check=True, env={**os.environ, "LD_LIBRARY_PATH": folder})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page")
    parser.add_argument("--source")
    parser.add_argument("-o", dest="output")
    parser.add_argument("--run")
    parser.add_argument("--python")
    parser.add_argument("--rust")
    asked = parser.parse_args()
    if asked.source:
        with open(asked.output, "w", encoding="utf-8") as file:
            file.write(source(asked.page, asked.source))
    elif asked.run:
        sys.exit(run_in_scratch([os.path.abspath(asked.run)]))
    elif asked.rust is not None:
        run_rust(asked.page, asked.rust)
    else:
        run_python(asked.page, asked.python or "")


if __name__ == "__main__":
    main()
