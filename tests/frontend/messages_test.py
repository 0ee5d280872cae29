#!/usr/bin/env python3
"""Every message that stands in the source of the frontend is said in some test: in tests/errors, in tests/warnings or
in a test program. And the page of the language lists all wrong programs.

    messages_test.py ROOT
"""

import glob
import os
import re
import sys

# What no short program can bring about, or what another table of tests holds.
ELSEWHERE = {
    "too much is computed while compiling: lists or strings are too long, or too many": "tests/limits/limits_test.py",
    "calls and expressions are nested too deeply here": "tests/limits/limits_test.py",
    "this expression is nested too deeply": "tests/limits/limits_test.py",
    "begins no comment": "frontend/habits.def, whose test walks all rows",
    "the const `{}` is no value that is known while compiling": "whatever makes a tensor in a const is refused first",
    "{} belongs to the step and cannot be used here": "a guard: names of a step are not in sight elsewhere",
    "at the end of the block": "a guard: the lexer has closed all blocks",
    "at the end of the train block": "a guard: the lexer has closed all blocks",
}
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
SAYS = re.compile(r"\b(fail|fail_here|blame_caller|error|warn|expect|expect_name|report)\s*\(")
SHORT = 8  # punctuation and words such as "f32(x)"


def joined(text):
    """Literals that follow each other are one."""
    return re.sub(r'"\s*\n\s*"', "", text)


def call_at(source, begin):
    """The text of a call from its opening parenthesis on."""
    depth, i = 0, begin
    while i < len(source):
        literal = LITERAL.match(source, i)
        if literal:
            i = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(source[i], 0)
        if depth == 0:
            return source[begin:i + 1]
        i += 1
    return source[begin:]


def messages(root):
    """(file, line, message with {} for what is filled in)"""
    for path in sorted(glob.glob(root + "/frontend/**/*.cpp", recursive=True)):
        with open(path) as file:
            source = joined(file.read())
        for call in SAYS.finditer(source):
            texts = [t for t in LITERAL.findall(call_at(source, call.end() - 1)) if len(t) > SHORT]
            if texts:
                yield os.path.relpath(path, root), texts[0].replace('\\"', '"').replace("\\\\", "\\")


def said(root):
    text = ""
    for pattern in ("tests/errors/**/*.nn", "tests/warnings/*.nn", "tests/**/*.cpp", "tests/**/*.py"):
        for path in sorted(glob.glob(f"{root}/{pattern}", recursive=True)):
            if os.path.basename(path) != os.path.basename(__file__):
                with open(path, errors="replace") as file:
                    text += joined(file.read()).replace('\\"', '"') + "\n"
    return text


def as_pattern(message):
    parts = re.split(r"(\{[^{}]*\})", message)
    return "".join(".{0,200}?" if re.fullmatch(r"\{[^{}]*\}", part) else re.escape(part) for part in parts)


def main():
    root = sys.argv[1]
    failed, count, text = 0, 0, said(root)
    unused = set(ELSEWHERE)
    for path, message in messages(root):
        count += 1
        if message in ELSEWHERE:
            unused.discard(message)
        elif not re.search(as_pattern(message), text):
            print(f"{path}: no test says '{message}'")
            failed += 1
    for message in sorted(unused):
        print(f"no source has '{message}'")
        failed += 1
    with open(root + "/frontend/LANGUAGE.md") as page:
        section = page.read().split("\n## 11. Messages\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"^\| [^|]* \| `([\w ]*)` \|$", section, re.M))))
    have = {os.path.basename(p)[:-3] for p in glob.glob(root + "/tests/errors/*.nn")}
    for name in sorted(listed ^ have):
        print(f"{name}: " + ("is not in LANGUAGE.md, section 11" if name in have else "is no program of tests/errors"))
        failed += 1
    print(f"{count} messages, {len(have)} wrong programs, {failed} failed")
    return 1 if failed or count < 300 or len(have) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
