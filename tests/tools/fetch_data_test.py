#!/usr/bin/env python3
"""tools/fetch-data against mirrors that this test serves itself.

The script is loaded as a module, and its table of files is replaced by one of small files: the four real ones are not
in the repository, and no test needs a network.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import threading
import unittest
import unittest.mock

sys.dont_write_bytecode = True  # nothing is written beside the script
SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "fetch-data"
CONTENT = {"train-images-idx3-ubyte": b"first" * 1000, "train-labels-idx1-ubyte": b"second",
           "t10k-images-idx3-ubyte": b"third" * 70, "t10k-labels-idx1-ubyte": b"fourth"}


def load_script():
    loader = importlib.machinery.SourceFileLoader("fetch_data", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_data", loader))
    loader.exec_module(module)
    module.FILES = {name: (hashlib.sha256(text).hexdigest(), len(text)) for name, text in CONTENT.items()}
    return module


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    requests: list[str] = []

    def log_message(self, *_):
        QuietHandler.requests.append(self.path)


class FetchData(unittest.TestCase):
    def setUp(self):
        self.script = load_script()
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.mirror_folder = pathlib.Path(place.name) / "mirror"
        self.target = pathlib.Path(place.name) / "target"
        self.mirror_folder.mkdir()
        QuietHandler.requests = []
        handler = functools.partial(QuietHandler, directory=str(self.mirror_folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.mirror = f"http://127.0.0.1:{server.server_address[1]}"

    def serve(self, content: dict[str, bytes]):
        for name, text in content.items():
            (self.mirror_folder / name).write_bytes(text)

    def fetch(self, *words: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = self.script.main(["mnist", "--to", str(self.target), "--no-npm", *words])
        return status, said.getvalue()

    def assert_complete(self):
        self.assertEqual({path.name: path.read_bytes() for path in self.target.iterdir()}, CONTENT)

    def test_plain_files(self):
        self.serve(CONTENT)
        self.assertEqual(self.fetch("--mirror", self.mirror)[0], 0)
        self.assert_complete()

    def test_packed_files(self):
        self.serve({f"{name}.gz": gzip.compress(text) for name, text in CONTENT.items()})
        self.assertEqual(self.fetch("--mirror", self.mirror + "/")[0], 0)
        self.assert_complete()

    def test_nothing_is_fetched_twice(self):
        self.serve(CONTENT)
        self.fetch("--mirror", self.mirror)
        before = len(QuietHandler.requests)
        self.assertEqual(self.fetch("--mirror", self.mirror)[0], 0)
        self.assertEqual(len(QuietHandler.requests), before)

    def test_a_damaged_file_is_fetched_again(self):
        self.serve(CONTENT)
        self.fetch("--mirror", self.mirror)
        (self.target / "t10k-labels-idx1-ubyte").write_bytes(b"fourtH")
        self.assertEqual(self.fetch("--mirror", self.mirror)[0], 0)
        self.assert_complete()

    def test_another_file_under_the_name_is_refused(self):
        self.serve(CONTENT | {"train-labels-idx1-ubyte": b"seconD"})
        status, said = self.fetch("--mirror", self.mirror)
        self.assertEqual(status, 1)
        self.assertIn("train-labels-idx1-ubyte: not the file that is wanted (SHA-256 differs)", said)
        self.assertFalse((self.target / "train-labels-idx1-ubyte").exists())

    def test_a_packed_file_that_grows_without_end_is_refused(self):
        packed = {f"{name}.gz": gzip.compress(text) for name, text in CONTENT.items()}
        self.serve(packed | {"train-images-idx3-ubyte.gz": gzip.compress(bytes(50_000_000))})
        self.assertEqual(self.fetch("--mirror", self.mirror)[0], 1)

    def test_a_truncated_packed_file_is_refused(self):
        self.serve({f"{name}.gz": gzip.compress(text)[:-5] for name, text in CONTENT.items()})
        self.assertEqual(self.fetch("--mirror", self.mirror)[0], 1)

    def test_the_next_mirror_has_what_the_first_lacks(self):
        self.serve(CONTENT)
        status, said = self.fetch("--mirror", self.mirror + "/nothing-here", "--mirror", self.mirror)
        self.assertEqual(status, 0)
        self.assertIn("404", said)
        self.assert_complete()

    def test_nobody_answers(self):
        status, said = self.fetch("--mirror", "http://127.0.0.1:1")
        self.assertEqual(status, 1)
        self.assertIn("no source had all four files", said)
        self.assertEqual(list(self.target.iterdir()), [])

    def test_a_mirror_that_is_no_address(self):
        self.assertEqual(self.fetch("--mirror", "nonsense")[0], 1)


class DefaultFolder(unittest.TestCase):
    def test_the_default_folder_follows_the_environment(self):
        script = load_script()
        with unittest.mock.patch.dict("os.environ", {"XDG_CACHE_HOME": "/somewhere"}):
            self.assertEqual(script.default_folder("mnist"), pathlib.Path("/somewhere/nnc/mnist"))
        with unittest.mock.patch.dict("os.environ", {"XDG_CACHE_HOME": "relative", "HOME": "/home/someone"}):
            self.assertEqual(script.default_folder("mnist"), pathlib.Path("/home/someone/.cache/nnc/mnist"))


class Texts(unittest.TestCase):
    BOOKS = {
        "engKJV2006eb": "Genesis 1:1: In the  beginning.\nGenesis 1:2: ¶ And the earth\\ was.  \n\nA Psalm of David.\n"
                        "   Psalms 3:1: LORD, how\u2019s it: 2:1: so?\n I John 1:1: That.\nSong of Solomon 1:1: The song.\n(engKJV2006eb)\n",
        "spaRV1909eb": "Genesis 1:1: EN el principio.\nGenesis 1:2: Y la tierra.\nPsalms 3:1: OH\nI John 1:1: \n"
                       "Song of Solomon 1:1: Canción.\n(spaRV1909eb)\n",
    }
    ENGLISH = "In the beginning.\nAnd the earth was.\nLORD, how\u2019s it: 2:1: so?\nThe song.\n"

    def setUp(self):
        self.script = load_script()
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.target = pathlib.Path(place.name)
        sums = {"english.txt": hashlib.sha256(self.ENGLISH.encode()).hexdigest(),
                "spanish.txt": hashlib.sha256("EN el principio.\nY la tierra.\nOH\nCanción.\n".encode()).hexdigest()}
        self.script.TEXTS["verses"] = {file: (book, sums[file]) for file, (book, _) in self.script.TEXTS["verses"].items()}

    def run_with(self, books):
        def answer(command, **_):
            if books is None:
                raise FileNotFoundError(command[0])
            return unittest.mock.Mock(stdout=books[command[2]].encode())

        with unittest.mock.patch.object(self.script.subprocess, "run", answer), contextlib.redirect_stderr(io.StringIO()) as said:
            return self.script.main(["verses", "--to", str(self.target)]), said.getvalue()

    def test_pairs_of_verses_stand_in_equal_lines(self):
        status, _ = self.run_with(self.BOOKS)
        self.assertEqual(status, 0)
        self.assertEqual((self.target / "english.txt").read_text(encoding="utf-8"), self.ENGLISH)
        self.assertEqual(len((self.target / "spanish.txt").read_text(encoding="utf-8").splitlines()), 4)

    def test_another_text_is_refused(self):
        status, said = self.run_with({**self.BOOKS, "engKJV2006eb": self.BOOKS["engKJV2006eb"].replace("In", "At")})
        self.assertEqual(status, 1)
        self.assertIn("english.txt: not the text that is wanted", said)
        self.assertEqual(list(self.target.iterdir()), [])

    def test_who_has_no_diatheke_is_told_the_package(self):
        status, said = self.run_with(None)
        self.assertEqual(status, 1)
        self.assertIn("apt-get install diatheke sword-text-kjv", said)


class TablesTest(unittest.TestCase):
    """Tables of Debian's python3-sklearn, in a folder that stands for where it is installed."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        folder = pathlib.Path(self.scratch.name)
        self.target, installed = folder / "target", folder / "installed"
        installed.mkdir()
        (installed / "a.csv").write_bytes(b"1,2")
        self.script = load_script()
        self.script.TABLES = {"diagnosis": {"a.csv": hashlib.sha256(b"1,2").hexdigest()}}
        self.script.TABLES_FOLDER = str(installed)
        self.table = installed / "a.csv"

    def fetch(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            return self.script.main(["diagnosis", "--to", str(self.target)]), said.getvalue()

    def test_they_are_copied(self):
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual((self.target / "a.csv").read_bytes(), b"1,2")

    def test_another_table_is_refused(self):
        self.table.write_bytes(b"1,3")
        status, said = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("a.csv: not the table that is wanted (SHA-256 differs)", said)
        self.assertEqual(list(self.target.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
