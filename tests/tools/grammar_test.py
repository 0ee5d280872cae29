#!/usr/bin/env python3
"""The grammar for editors, tools/editors/syntaxes/nnc.tmLanguage.json, gives every character of every program a scope.

    grammar_test.py

Walks over all .nn files of the repository with a small interpreter of TextMate grammars: nothing but blanks is without
a scope, every reserved word that is neither in a comment nor in a string is a keyword, and comments and strings are
where the language has them. tools/editors/example.tokens is what becomes of an example of every construct;
NNC_UPDATE=1 in the environment writes it anew. The files of words in tools/editors/vim are those of the grammar.
"""

import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EDITORS = ROOT / "tools" / "editors"
RESERVED = "fn if else for in scan emit return require loss metric true false none and or not".split()
SKIPPED = {"build", ".git"}


class Rule:
    def __init__(self, grammar, node):
        self.grammar, self.node = grammar, node
        self.name = node.get("name")
        self.match = re.compile(node["match"]) if "match" in node else None
        self.begin = re.compile(node["begin"]) if "begin" in node else None
        self.end = re.compile(node["end"]) if "end" in node else None
        self._rules = None

    def rules(self):  # what may match inside of it
        if self._rules is None:
            self._rules = []
            for node in self.node.get("patterns", []):
                self._rules += self.grammar.resolve(node)
        return self._rules


class Grammar:
    def __init__(self, path):
        self.json = json.loads(path.read_text())
        self.cache = {}
        self.top = Rule(self, {"patterns": self.json["patterns"]})

    def resolve(self, node):
        if "include" not in node:
            if id(node) not in self.cache:
                self.cache[id(node)] = Rule(self, node)
            rule = self.cache[id(node)]
            return [rule] if rule.match or rule.begin else rule.rules()
        if node["include"] == "$self":
            return self.top.rules()
        part = self.json["repository"][node["include"][1:]]
        return [rule for inner in part["patterns"] for rule in self.resolve(inner)]

    def tokens(self, text):
        """(line, first column, text, scopes) of each piece."""
        stack = [self.top]
        out = []
        for number, line in enumerate(text.split("\n"), 1):
            at = 0
            while at <= len(line):
                best = None
                if stack[-1].end:
                    found = stack[-1].end.search(line, at)
                    if found:
                        best = (found.start(), -1, None, found)
                for order, rule in enumerate(stack[-1].rules()):
                    found = (rule.match or rule.begin).search(line, at)
                    if found and (best is None or (found.start(), order) < best[:2]):
                        best = (found.start(), order, rule, found)
                scopes = [rule.name for rule in stack if rule.name]
                if best is None:
                    if at < len(line):
                        out.append((number, at, line[at:], scopes))
                    break
                start, _, rule, found = best
                if start > at:
                    out.append((number, at, line[at:start], scopes))
                if rule is None:
                    captures = stack[-1].node.get("endCaptures", {})
                    self.pieces(out, number, found, scopes, captures)
                    stack.pop()
                elif rule.begin:
                    captures = rule.node.get("beginCaptures", {})
                    self.pieces(out, number, found, scopes + ([rule.name] if rule.name else []), captures)
                    stack.append(rule)
                else:
                    inner = scopes + ([rule.name] if rule.name else [])
                    self.pieces(out, number, found, inner, rule.node.get("captures", {}))
                if found.end() == start and not (rule and rule.begin):
                    if start >= len(line):
                        if rule is None:
                            at = start
                            if stack[-1].end is None or not stack[-1].end.search(line, at):
                                break
                            continue
                        break
                at = found.end()
                if at == len(line) and not (stack[-1].end and stack[-1].end.search(line, at)):
                    break
        return out

    @staticmethod
    def pieces(out, number, found, scopes, captures):
        at = found.start()
        for key in sorted(captures, key=int):
            group = int(key)
            name = captures[key]["name"]
            if found.start(group) < 0:
                continue
            if found.start(group) > at:
                out.append((number, at, found.string[at : found.start(group)], scopes))
            if found.end(group) > found.start(group):
                out.append((number, found.start(group), found.group(group), scopes + [name]))
            at = found.end(group)
        if at < found.end():
            out.append((number, at, found.string[at : found.end()], scopes))


def programs():
    for path in sorted(ROOT.rglob("*.nn")):
        if not SKIPPED & set(path.relative_to(ROOT).parts):
            yield path


def check_program(grammar, path, complain):
    text = path.read_text(errors="replace")
    is_wrong = "errors" in path.parts  # a program that is wrong may hold anything
    for line, column, piece, scopes in grammar.tokens(text):
        place = f"{path.relative_to(ROOT)}:{line}:{column + 1}"
        innermost = scopes[-1] if scopes else ""
        if piece.strip() and not scopes and not is_wrong:
            complain(f"{place}: '{piece}' has no scope")
        quiet = innermost.startswith(("comment", "string"))
        if not quiet and not is_wrong and piece.strip() in RESERVED and not piece.startswith('"'):
            if not innermost.startswith(("keyword", "constant", "storage", "variable.language")):
                complain(f"{place}: the word '{piece}' is {innermost}")
        if innermost.startswith("variable") and re.search(r'[#"@|]', piece):
            complain(f"{place}: '{piece}' is {innermost}")


def golden(grammar):
    lines = []
    for line, column, piece, scopes in grammar.tokens((EDITORS / "example.nn").read_text()):
        if piece.strip():
            lines.append(f"{line}:{column + 1} {piece.strip()}  {' '.join(scopes)}")
    return "\n".join(lines) + "\n"


def check_vim(grammar, complain):
    """Vim has a list of its own, which names the same words."""
    vim = (EDITORS / "vim" / "syntax" / "nnc.vim").read_text()
    words = set(re.findall(r"\b[a-z_0-9]+\b", " ".join(re.findall(r"^syntax keyword \w+ (.*)$", vim, re.MULTILINE))))
    for word in RESERVED:
        if word not in words:
            complain(f"tools/editors/vim/syntax/nnc.vim lacks the word '{word}'")
    for word in words:
        if f'{word}' not in json.dumps(grammar.json["repository"]):
            complain(f"tools/editors/vim/syntax/nnc.vim has the word '{word}', and the grammar has not")


def main():
    grammar = Grammar(EDITORS / "syntaxes" / "nnc.tmLanguage.json")
    problems = []
    count = 0
    for path in programs():
        check_program(grammar, path, problems.append)
        count += 1
    tokens = EDITORS / "example.tokens"
    have = golden(grammar)
    if os.environ.get("NNC_UPDATE"):
        tokens.write_text(have)
    if not tokens.exists() or tokens.read_text() != have:
        problems.append("tools/editors/example.tokens: NNC_UPDATE=1 in the environment writes it anew")
    check_vim(grammar, problems.append)
    for problem in problems[:40]:
        print(problem)
    print(f"{count} programs")
    return 1 if problems or count < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
