#!/usr/bin/env python3
"""Programs that are too much: each is answered in bounded time and memory, with words at its place or by being accepted.

    limits_test.py NNC [--long] [--figures]

Every case is a whole run of the command under a limit of memory (LIMIT_BYTES of addresses) and of time. Without --long
only what takes about a second. --figures prints seconds, megabytes and the first line of what is said.
"""

import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

LIMIT_BYTES = 4 << 30
LIMIT_SECONDS = 60
ACCEPTED = ""

TRAIN = "train m { minimize loss with sgd(0.1) }\n"
TRAINED = "model m() {\n input x: f32[batch, 4]\n loss mean(dense(x, 1))\n}\n"
ENDLESS = r"calls are nested deeper than 100: does `%s` call itself without an end\?"
TOO_LONG = r"the text has \d+ bytes, expected at most 4000000"
RANGE = r"the range unrolls to more than 1000000 elements"
WORK = r"too much is computed while compiling"
NODES = r"the program grows to more than 1000000 nodes"
STATEMENTS = r"the program unrolls to more than 2000000 statements"


def model(body):
    return f"model m() {{\n  input x: f32[batch, 4]\n{body}\n  output out = x\n}}\n"


def chain(count):
    return "fn f0(x) { x }\n" + "".join(f"fn f{i}(x) {{ f{i - 1}(x) }}\n" for i in range(1, count))


def of_rank(rank):
    return (f"model m {{\n input x: f32[batch{', 1' * (rank - 1)}]\n output y = x * 2 + sum(x)\n"
            f" loss mean(x |> flatten |> dense(1))\n}}\n" + TRAIN)


def circle(count):
    files = {f"c{i}.nn": f'import "c{(i + 1) % count}.nn"\nfn g{i}(x) {{ x }}\n' for i in range(count)}
    files["c0.nn"] += model("")
    return files


def diamonds(count):  # 2^count ways from the first to the last
    files = {f"c{i}.nn": f'import "c{i + 1}.nn" as a\nimport "c{i + 1}.nn" as b\nfn g{i}(x) {{ x }}\n'
             for i in range(count)}
    files[f"c{count}.nn"] = "fn g(x) { x }\n"
    files["c0.nn"] += model("")
    return files


# (what, a function that gives the program or the files, expected words or ACCEPTED)
QUICK = [
    # calls
    ("100 calls in a row", lambda: chain(99) + model("  y = f98(x)"), ACCEPTED),
    ("101 calls in a row", lambda: chain(120) + model("  y = f119(x)"), r"calls are nested deeper than 100\n"),
    ("100 calls in one expression", lambda: model("  y = " + "relu(" * 100 + "x" + ")" * 100), ACCEPTED),
    ("1000 calls in one expression", lambda: model("  y = " + "relu(" * 1000 + "x" + ")" * 1000),
     "brackets and blocks are nested too deeply"),
    ("a function that calls itself", lambda: "fn f(x) { f(x) }\n" + model("  y = f(x)"), ENDLESS % "f"),
    ("twice each", lambda: "fn f(x) { f(x) + f(x) }\n" + model("  y = f(x)"), ENDLESS % "f"),
    ("two that call each other", lambda: "fn f(x) { g(x) }\nfn g(x) { f(x) }\n" + model("  y = f(x)"), ENDLESS % "[fg]"),
    ("itself as an argument", lambda: "fn f(g) { g(g) }\n" + model("  y = f(f)"), ENDLESS % "f"),
    ("in a default", lambda: "fn f(x = f()) { x }\n" + model("  y = f()"), ENDLESS % "f"),
    ("in a type", lambda: "fn f(x: f32[f(3)]) { x }\n" + model("  y = f(x)"), ENDLESS % "f"),
    ("by a const", lambda: "const a = f()\nfn f() { a }\n" + model("  y = f()"), "the const `a` depends on itself"),
    ("through a library function", lambda: "fn f(x) { map(f, [x, x]) }\n" + model("  y = f(1)"), ENDLESS % "f"),
    ("with a layer in each", lambda: "fn f(x) { y = dense(x, 4); f(y) @f }\n" + model("  y = f(x)"), ENDLESS % "f"),
    ("in a branch at run time", lambda: "fn f(x) { cond(sum(x) > 0, fn() { f(x) }, fn() { x }) }\n" + model("  y = f(x)"),
     ENDLESS % "f"),
    ("in a scan", lambda: "fn f(x) { scan e in x { emit f(x) } }\n" + model("  y = f(x)"), ENDLESS % "f"),
    ("in a string", lambda: 'fn f(x) { "{f(x)}" }\n' + model("  y = f(1)"), ENDLESS % "f"),
    ("through a local function", lambda: "fn f(x) { fn g(y) { f(y) }\n g(x) }\n" + model("  y = f(x)"), ENDLESS % "[fg]"),
    ("in the train block", lambda: "fn f(x) { f(x) }\n" + TRAINED + "train m { minimize loss with sgd(f(0.1)) }\n",
     ENDLESS % "f"),
    ("in a setting", lambda: "fn f(x) { f(x) }\n" + TRAINED + "train m { minimize loss with sgd(); batch = f(2) }\n",
     ENDLESS % "f"),
    ("in a schedule", lambda: "fn f(base) { g(base) * step }\nfn g(b) { f(b) }\n" + TRAINED +
     "train m { minimize loss with sgd(lr = f(0.1)) }\n", ENDLESS % "[fg]"),
    ("in an optimizer", lambda: "optimizer o(lr = 0.1) { p <- f(p) }\nfn f(p) { f(p) }\n" + TRAINED +
     "train m { minimize loss with o() }\n", ENDLESS % "f"),
    ("in an average", lambda: "fn f(average, p, step) { f(average, p, step) }\n" + TRAINED +
     "train m { minimize loss with sgd(0.1); average with f() }\n", ENDLESS % "f"),
    ("in an initial value", lambda: "fn f(shape) { f(shape) }\nmodel m() {\n input x: f32[batch, 4]\n"
     " param w: f32[4] = f()\n loss mean(x * w)\n}\n" + TRAIN, ENDLESS % "f"),
    ("in a derivative of its own", lambda: "fn f(x: float[..]) { y = x * 2; return y } gradient (dy) { return f(dy) }\n"
     "model m() {\n input x: f32[batch, 4]\n param w: f32[4] = ones()\n loss mean(f(x * w))\n}\n" + TRAIN,
     ENDLESS % "f"),
    ("arguments that double", lambda: "fn f(..xs) { f(..xs, ..xs) }\n" + model("  y = f(x)"), WORK),
    # loops
    ("a billion rounds", lambda: model("  for i in range(1000000000) { y = i }"), RANGE),
    ("in a function", lambda: "fn f(x) { for i in range(1000000000) { x = x + 1 }\n return x }\n" + model("  y = f(x)"), RANGE),
    ("in an optimizer's body", lambda: "optimizer o(lr = 0.1) { for i in range(1000000000) { p <- p } }\n" + TRAINED +
     "train m { minimize loss with o() }\n", RANGE),
    ("in a const", lambda: "const n = len(range(1000000000))\n" + model("  y = n"), RANGE),
    ("of map", lambda: model("  y = map(fn(i) { i }, range(1000000000))"), RANGE),
    ("100,000 rounds of 100,000", lambda: model("  for i in range(100000) { for j in range(100000) { y = i } }"), STATEMENTS),
    ("and nothing in them", lambda: model("  for i in range(100000) { for j in range(100000) { } }"), WORK),
    ("in a train block", lambda: TRAINED + "train m { for i in range(10) { minimize loss with sgd(0.1) } }\n",
     "expected `minimize LOSS with"),
    ("1,000 metrics", lambda: "model m() {\n input x: f32[batch, 4]\n loss mean(dense(x, 1))\n"
     ' for i in range(1000) { metric "a_{i}" = mean(x * i) }\n}\n' + TRAIN, ACCEPTED),
    # names, numbers, shapes
    ("a name of a million letters", lambda: model("  " + "a" * 10**6 + " = x\n  y = " + "a" * 10**6 + "b"), "unknown name"),
    ("a tag of a million letters", lambda: model("  x = dense(x, 4) @" + "t" * 10**6), ACCEPTED),
    ("an int of 1,000 digits", lambda: model("  y = " + "9" * 1000), "this number does not fit into 64 bits"),
    ("a float beyond f64", lambda: model("  y = 1e400"), "this number is out of the range of f64"),
    ("a sum beyond 64 bits", lambda: model("  y = 9223372036854775807 + 1"), "beyond 64 bits"),
    ("a shape near 2^63", lambda: model("  y = zeros([9223372036854775807])"), "its bytes are more than 63 bits can count"),
    ("a product of extents near 2^63", lambda: model("  y = zeros([3037000500, 3037000500])"), "63 bits can count"),
    ("a layer of 2^63 units", lambda: model("  y = dense(x, 9223372036854775807)"), "an int or an extent beyond 64 bits"),
    ("100 axes", lambda: of_rank(100), ACCEPTED),
    ("129 axes", lambda: of_rank(129), "a tensor of 129 axes, expected at most 128"),
    ("10,000 axes", lambda: of_rank(10000), "a tensor of 10000 axes, expected at most 128"),
    # imports
    ("a file that imports itself", lambda: {"c0.nn": 'import "c0.nn"\n' + model("")}, 'the import of "c0.nn" is circular'),
    ("two files in a circle", lambda: circle(2), r'the import of "c\d+.nn" is circular'),
    ("100 files in a circle", lambda: circle(100), r'the import of "c\d+.nn" is circular'),
    ("40 files, each imported twice", lambda: diamonds(40), ACCEPTED),
    ("an import of a device", lambda: {"c0.nn": 'import "/dev/zero"\n' + model("")}, "outside of the folder of the model"),
    # many of a kind
    ("10,000 functions that nobody calls", lambda: "".join(f"fn f{i}(x) {{ x }}\n" for i in range(10000)) + model(""), ACCEPTED),
    ("10,000 functions in a chain", lambda: chain(10000) + model("  y = f9999(x)"), r"calls are nested deeper than 100\n"),
    ("10,000 functions in a row", lambda: "".join(f"fn f{i}(x) {{ x + {i} }}\n" for i in range(10000)) +
     model("\n".join(f"  x = f{i}(x)" for i in range(10000))), ACCEPTED),
    ("10,000 functions with a mistake", lambda: "".join(f"fn f{i}(x) {{ y{i} }}\n" for i in range(10000)) +
     model("\n".join(f"  x{i} = f{i}(x)" for i in range(10000))), "unknown name `y0`"),
    ("10,000 consts in a chain", lambda: "const c0 = 1\n" + "".join(f"const c{i} = c{i - 1} + 1\n" for i in range(1, 10000)) +
     model("  y = x * c9999"), "nested too deeply"),
    ("10,000 arguments", lambda: "fn f(" + ", ".join(f"a{i}" for i in range(10000)) + ") { a0 }\n" +
     model("  y = f(" + ", ".join("x" for _ in range(10000)) + ")"), ACCEPTED),
    ("1,000 parameters", lambda: "model m() {\n input x: f32[batch, 4]\n y = x\n" +
     "".join(f" param w{i}: f32[4] = ones()\n y = y * w{i}\n" for i in range(1000)) + " loss mean(y)\n}\n" + TRAIN,
     ACCEPTED),
]

MANY = 100_000_000
LONG = [
    ("100 MB in a line", lambda: "model m { x = " + "1 + " * (MANY // 4) + "1 }\n", TOO_LONG),
    ("100 MB in lines", lambda: "model m {\n" + "  x = 1\n" * (MANY // 8) + "}\n", TOO_LONG),
    ("a token of 100 MB", lambda: "model m { x = " + "a" * MANY + " }\n", TOO_LONG),
    ("a comment of 100 MB", lambda: "#" + "c" * MANY + "\n" + model(""), TOO_LONG),
    ("100 MB of NUL", lambda: b"\0" * MANY, TOO_LONG),
    ("100 MB of noise", lambda: random.Random(7).randbytes(MANY), TOO_LONG),
]
BELOW = 3_900_000  # as much as is read
LONG += [
    ("4 MB in a line", lambda: "model m { x = " + "1 + " * (BELOW // 4) + "1 }\n", "nested too deeply"),
    ("4 MB in lines", lambda: "model m {\n" + "  x = 1\n" * (BELOW // 8) + "  output y = zeros([1])\n}\n", ACCEPTED),
    ("a token of 4 MB", lambda: "model m { x = " + "a" * BELOW + " }\n", "unknown name"),
    ("a string of 4 MB", lambda: 'model m { x = "' + "a" * BELOW + '"; output y = zeros([1]) }\n', ACCEPTED),
    ("a number of 4 MB", lambda: "model m { x = " + "1" * BELOW + " }\n", "does not fit into 64 bits"),
    ("4 MB of (", lambda: "model m { x = " + "(" * BELOW, "brackets and blocks are nested too deeply"),
    ("2 MB of ( and of )", lambda: "model m { x = " + "(" * (BELOW // 2) + ")" * (BELOW // 2) + " }\n", "nested too deeply"),
    ("4 MB of [", lambda: "model m { x = " + "[" * BELOW, "brackets and blocks are nested too deeply"),
    ("4 MB of {", lambda: "model m " + "{" * BELOW, "brackets and blocks are nested too deeply"),
    ("4 MB of )", lambda: "model m " + ")" * BELOW, "expected `{` and a block"),
    ("strings in strings, 4 MB", lambda: "model m { x = " + '"{' * (BELOW // 2), "nested too deeply"),
    ("a list of a million", lambda: "model m { x = [" + "1, " * (BELOW // 3) + "1] }\n", ACCEPTED),
    ("4 MB of -", lambda: "model m { x = " + "-" * BELOW + "1 }\n", "expected an expression, found `-`"),
    ("4 MB of not", lambda: "model m { x = " + "not " * (BELOW // 4) + "true }\n", "expected an expression, found the reserved word `not`"),
    ("4 MB of ^", lambda: "model m { x = " + "1 ^ " * (BELOW // 4) + "1 }\n", "nested too deeply"),
    ("4 MB of pipes", lambda: "model m { x = 1" + " |> f" * (BELOW // 5) + " }\n", "nested too deeply|unknown function"),
    ("4 MB of indices", lambda: "model m { x = a" + "[0]" * (BELOW // 3) + " }\n", "nested too deeply"),
    ("4 MB of members", lambda: "model m { x = a" + ".b" * (BELOW // 2) + " }\n", "nested too deeply"),
    ("4 MB of tags", lambda: "model m { x = f() " + "@a " * (BELOW // 3) + " }\n", "stands behind something that is no call"),
    ("4 MB of if", lambda: "model m { " + "if true { " * (BELOW // 10) + " }\n", "nested too deeply"),
    ("4 MB of else if", lambda: "model m { if true { } " + "else if true { } " * (BELOW // 17) + " }\n", "nested too deeply"),
    ("4 MB of clauses", lambda: TRAINED + "train m {\n" + "minimize loss with sgd(0.1)\n" * (BELOW // 28) + "}\n",
     "depends on no parameter that this clause may change"),
    ("270,000 functions of one name", lambda: "fn f(x) { x }\n" * (BELOW // 14), "`f` is declared twice"),
    ("4 MB of documentation", lambda: "## ccccc\n" * (BELOW // 9) + "fn f(x) { x }\n" + model(""), ACCEPTED),
    ("4 MB of ;", lambda: "model m { output y = zeros([1])" + ";" * BELOW + " }\n", ACCEPTED),
    ("4 MB of emoji", lambda: "\U0001F600" * (BELOW // 4), "has no meaning here"),
    ("4 MB of NUL", lambda: b"\0" * BELOW, "expected UTF-8"),
    ("10,000 parameters", lambda: "model m() {\n input x: f32[batch, 4]\n y = x\n" +
     "".join(f" param w{i}: f32[4] = ones()\n y = y * w{i}\n" for i in range(10000)) + " loss mean(y)\n}\n" + TRAIN,
     ACCEPTED),
    ("100,000 statements", lambda: model("\n".join(f"  x = x + {i}" for i in range(100000))), ACCEPTED),
    ("100,000 statements with a mistake", lambda: model("\n".join(f"  x{i} = y{i} + {i}" for i in range(100000))),
     "unknown name `y0`"),
    ("100,000 that do not parse", lambda: model("\n".join(f"  x{i} = = {i}" for i in range(100000))), "expected an expression"),
    ("a million metrics", lambda: "model m() {\n input x: f32[batch, 4]\n loss mean(dense(x, 1))\n"
     ' for i in range(1000000) { metric "a_{i}" = mean(x) }\n}\n' + TRAIN, NODES),
    ("a million inputs", lambda: "model m() {\n for i in range(1000000) { input x: f32[batch, 4] }\n}\n", "declared twice"),
    ("a million nodes", lambda: model("  for i in range(1000000) { x = x + 1 }"), NODES),
    ("100,000 layers", lambda: model("  for i in range(100000) { x = dense(x, 4) }"), NODES),
    ("a tree of calls", lambda: "fn f(x, n) { if n == 0 { return x }\n f(x, n - 1) + f(x, n - 1) }\n" + model("  y = f(x, 60)"),
     STATEMENTS),
    ("40 derivatives", lambda: "model m {\n param w: f32[4] = ones()\n y = sum(tanh(w))\n" + " y = sum(grad(y, w))\n" * 40 +
     " loss y\n}\n" + TRAIN, NODES),
    ("a million parts", lambda: model("  ys = split(zeros([1000000]), 1000000)"), STATEMENTS),
    ("map of map of map", lambda: model("  y = map(fn(i) { map(fn(j) { map(fn(k) { k }, range(1000)) }, range(1000)) }, "
                                "range(1000))"), STATEMENTS),
    ("10,000 clauses", lambda: TRAINED + "train m {\n" + '  minimize loss over "dense.bias" with sgd(0.1)\n' * 10000 + "}\n",
     "depends on no parameter that this clause may change"),
]


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write(folder, program):
    """In a process of its own: the memory that this one ever had would count as that of the commands it starts."""
    pid = os.fork()
    if pid == 0:
        made = program()
        for name, text in (made if isinstance(made, dict) else {"c0.nn": made}).items():
            with open(os.path.join(folder, name), "wb") as out:
                out.write(text if isinstance(text, bytes) else text.encode())
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise SystemExit("a program cannot be written")


def run(nnc, folder, program):
    """Seconds, megabytes at the peak, exit status, and what is said."""
    write(folder, program)
    begin = time.monotonic()
    with open(os.path.join(folder, "said"), "wb") as said:
        process = subprocess.Popen([nnc, "c0.nn", "--check-only"], cwd=folder, stdout=said, stderr=said,
                                   preexec_fn=limited)
        seconds = 0
        while True:  # wait4 tells the memory of this one child
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.monotonic() - begin
            if pid:
                break
            if seconds > LIMIT_SECONDS:
                process.kill()
            time.sleep(0.005)
        process.returncode = os.waitstatus_to_exitcode(status)
    with open(os.path.join(folder, "said"), "rb") as said:
        return seconds, usage.ru_maxrss // 1024, process.returncode, said.read().decode(errors="replace")


def wrong(seconds, status, said, expected):
    if seconds > LIMIT_SECONDS:
        return f"took {seconds:.0f} s"
    if len(said) > 200_000:
        return f"says {len(said)} characters"
    if expected == ACCEPTED:
        return "" if status == 0 and "error" not in said else f"is not accepted: {status} {said[:500]}"
    if status != 1:
        return f"exit status {status}: {said[:500]}"
    return "" if re.search(expected, said) else f"does not say '{expected}': {said[:500]}"


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    cases = LONG if "--long" in sys.argv else QUICK
    failed = 0
    for what, program, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            seconds, megabytes, status, said = run(os.path.abspath(arguments[0]), folder, program)
        fault = wrong(seconds, status, said, expected)
        failed += bool(fault)
        if fault:
            print(f"{what}: {fault}")
        if "--figures" in sys.argv:
            print(f"{what:36} {seconds:6.2f} s {megabytes:5} MB  {said.splitlines()[0][:110] if said else 'accepted'}")
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
