#!/usr/bin/python3
"""Writes what the library must compute, from PyTorch and closed forms (needs python3-torch, python3-numpy).

    tests/reference/reference.py                         # all stored files, tests/reference/KIND.txt
    tests/reference/reference.py losses                  # those of cases/losses.py
    tests/reference/reference.py --draw 500 --seed 1 -o /tmp/drawn.txt [KIND ...]
    NNC_REFERENCE=/tmp/drawn.txt build/check/tests/test_reference     # compares; prints the largest deviations

Cases stand in cases/KIND.py; see framework.py for how they are written.
"""
import argparse
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import framework  # noqa: E402


def lines_of(name, covers, variant, f, seed=None):
    script = f(framework.Draw(name, variant, seed))
    where = variant + 1 if seed is None else f"seed {seed} draw {variant}"
    return [f"case {name} {where}", f"covers {' '.join(covers)}", *script.lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", help="modules of cases/; all when none is named")
    parser.add_argument("--draw", type=int, default=0, help="so many random cases instead of the stored ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("-o", "--output", help="the file for drawn cases; the standard output when none is named")
    args = parser.parse_args()
    for kind in args.kinds or sorted(p.stem for p in (HERE / "cases").glob("*.py")):
        importlib.import_module(f"cases.{kind}")
    cases = [c for c in framework.CASES if not args.only or args.only in c[1]]
    if args.draw:
        framework.WIDEN = True
        lines = []
        for i in range(args.draw):
            kind, name, covers, _, f = cases[i % len(cases)]
            lines += lines_of(name, covers, i // len(cases), f, args.seed)
        text = "\n".join(lines) + "\n"
        pathlib.Path(args.output).write_text(text) if args.output else print(text, end="")
        return
    for kind in dict.fromkeys(c[0] for c in cases):
        lines = [f"# Made by tests/reference/reference.py from cases/{kind}.py."]
        for of, name, covers, variants, f in cases:
            for variant in range(variants) if of == kind else []:
                lines += lines_of(name, covers, variant, f)
        (HERE / f"{kind}.txt").write_text("\n".join(lines) + "\n")


main()
