#!/usr/bin/env python3
"""Every fragment of a table compiles: the middle column of examples/from_keras_and_pytorch.md.

    book_test.py NNC PAGE

The page begins with a model and a train block, fenced as `nn`. A fragment of the column "here" is put into that model; in
a section whose title is "Training", into its train block; in "Commands" the switches must be those of `nnc --help`. A
warning counts as an error, but for those about what a fragment alone leaves unused.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys

AT_FILE = re.compile(r"(fn|model|optimizer|const|import) ")
UNUSED = re.compile(r"depends on the parameter|nothing uses")


def rows_of(page):
    """[section, there, here, what differs] of each row of each table."""
    section, rows = "", []
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if not line.startswith("| ") or line.startswith("| there"):
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 3:
            raise SystemExit(f"a row of {len(cells)} columns: {line}")
        rows.append([section, *cells])
    return rows


def fragment(cell):
    match = re.fullmatch(r"`([^`]+)`", cell)
    if not match:
        raise SystemExit(f"not one fragment in backticks: {cell}")
    return match.group(1)


def program(page, section, text):
    model, train = re.search(r"```nn\n(.*?\n\})\n(train .*?)```", page, re.DOTALL).groups()
    if section == "Training":
        lines = "" if "minimize" in text else "  minimize loss with adam()\n"
        return f"{model}\ntrain example {{\n{lines}  {text}\n}}\n"
    if AT_FILE.match(text):
        return f"{text}\n{model}\n{train}"
    metric = next((line for line in model.splitlines() if line.strip() == text), None)
    body = model[:-1] if metric is None else model[:-1].replace(metric + "\n", "")
    return f"{body}  {text}\n}}\n{train}"


def problems(nnc, text):
    ran = subprocess.run([nnc, "-", "--check-only", "--no-color"], input=text, text=True, capture_output=True, timeout=60)
    said = [m for m in re.split(r"\n(?=<stdin>:\d+:\d+: (?:warning|error))", ran.stderr) if m and not UNUSED.search(m)]
    return said if said or ran.returncode == 0 else [f"exit status {ran.returncode}"]


def main():
    nnc, path = sys.argv[1], pathlib.Path(sys.argv[2])
    page = path.read_text()
    rows = rows_of(page)
    switches = set(re.findall(r"--[a-z-]+", subprocess.run([nnc, "--help"], capture_output=True, text=True).stdout))
    if len(rows) < 60 or len({row[2] for row in rows}) < len(rows):
        raise SystemExit(f"{len(rows)} rows, or one twice")

    def check(row):
        section, there, here, _ = row
        text = fragment(here)
        if section == "Commands":
            return [f"no switch {s}" for s in re.findall(r"--[a-z-]+", text) if s not in switches]
        return problems(nnc, program(page, section, text))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(check, rows))
    for row, said in zip(rows, found):
        if said:
            print(f"--- {row[2]}", *said, sep="\n")
    if any(found):
        raise SystemExit(f"{sum(map(bool, found))} of {len(rows)} rows of {path.name} are wrong")
    print(f"{len(rows)} rows in {path.name}")


if __name__ == "__main__":
    main()
