#!/usr/bin/env python3
"""A page in another language has the same commands and outputs as the page that it translates.

    twin_test.py PAGE TWIN [--first-screen]

Compares the fenced blocks of both, line by line; with --first-screen those of PAGE in front of its first heading of
the second level. The headings are counted, and a link to a file must lead to one. The commands of PAGE itself are run by
words_test.py. NNC_UPDATE=1 in the environment copies the blocks of PAGE into TWIN, if there are as many.
"""

import os
import pathlib
import re
import sys

BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+(?= )", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")


def blocks_of(text):
    return [match.group(0) for match in BLOCK.finditer(text)]


def headings_of(text):
    return HEADING.findall(BLOCK.sub("", text))


def first_screen(text):
    """What stands in front of the first heading of the second level; the blocks may hold such lines themselves."""
    parts = re.split(r"(^```\w*\n.*?^```$\n)", text, flags=re.MULTILINE | re.DOTALL)
    screen = ""
    for part in parts:
        found = None if part.startswith("```") else re.search(r"^## ", part, re.MULTILINE)
        if found:
            return screen + part[: found.start()]
        screen += part
    return screen


def differences(page, twin):
    ours, theirs = blocks_of(page), blocks_of(twin)
    if len(ours) != len(theirs):
        yield f"{len(theirs)} blocks, expected {len(ours)}"
    for i, (one, other) in enumerate(zip(ours, theirs), 1):
        for expected, found in zip((one + "\n(end)").splitlines(), (other + "\n(end)").splitlines()):
            if expected != found:
                yield f"block {i} has\n  {found}\nexpected\n  {expected}"
                break
    if headings_of(page) != headings_of(twin):
        yield f"{len(headings_of(twin))} headings, expected {len(headings_of(page))}, of the same levels"


def dead_links(path):
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    return [f"a link to {name}, which is not there" for name in LINK.findall(text) if not (path.parent / name).exists()]


def main():
    page_path, twin_path = map(pathlib.Path, sys.argv[1:3])
    page, twin = page_path.read_text(encoding="utf-8"), twin_path.read_text(encoding="utf-8")
    if "--first-screen" in sys.argv[3:]:
        page = first_screen(page)
    blocks = blocks_of(page)
    if not blocks:
        raise SystemExit(f"no block in {page_path}")
    if os.environ.get("NNC_UPDATE") and len(blocks_of(twin)) == len(blocks):
        ours = iter(blocks)
        twin = BLOCK.sub(lambda _: next(ours), twin)
        twin_path.write_text(twin, encoding="utf-8")
    wrong = [*differences(page, twin), *dead_links(twin_path)]
    if wrong:
        raise SystemExit("\n".join(f"{twin_path.name}: {words}" for words in wrong))
    print(f"{len(blocks)} blocks in {twin_path.name}")


if __name__ == "__main__":
    main()
