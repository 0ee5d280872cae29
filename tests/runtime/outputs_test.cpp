// What the command writes: never over what it reads or writes otherwise, never into what was closed, and a reader who
// has gone or a disk that is full costs no checkpoint and none of the other jobs.
#ifdef NNC_COMMAND

#include "tests/runtime/desk.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace nnc::test;

namespace {

namespace fs = std::filesystem;

// Every file of the desk but those that the shell writes.
std::string all_files(Desk const& desk) {
  std::vector<std::string> files;
  for (auto const& entry : fs::recursive_directory_iterator(desk.scratch().folder()))
    if (entry.is_regular_file() && entry.path().filename() != "out" && entry.path().filename() != "err")
      files.push_back(entry.path().string() + content_of(entry.path()));
  std::ranges::sort(files);
  std::string text;
  for (auto const& file : files) text += file;
  return text;
}

void refuses(Desk const& desk, std::string const& arguments, std::string const& words) {
  auto const before = all_files(desk);
  auto const said = desk.nnc(arguments);
  CHECK_MESSAGE(said.status == 2, arguments, "\n", said.err);
  CHECK_MESSAGE(contains(said.err, words), said.err);
  CHECK_MESSAGE(all_files(desk) == before, arguments);
}

std::string idx(std::string const& shape, size_t elements) { // fewer than 256 examples
  return std::string{0, 0, 8, static_cast<char>(shape.size() / 4)} + shape + std::string(elements, '\1');
}

} // namespace

TEST_CASE("an output that is an input or another output is refused, by whatever name") {
  Desk desk;
  REQUIRE(desk.nnc("digits.nn --train mnist --steps 3 --save w").status == 0);
  fs::create_directory(desk.scratch() / "sub");
  fs::create_symlink("w", desk.scratch() / "soft");
  fs::create_symlink("later", desk.scratch() / "dangling");
  fs::create_hard_link(desk.scratch() / "w", desk.scratch() / "hard");
  auto const folder = desk.scratch().folder().string();
  refuses(desk, "digits.nn --emit object -o digits.nn", "error: -o digits.nn would overwrite the program");
  refuses(desk, "digits.nn --dump fuse -o sub/../digits.nn", "-o sub/../digits.nn would overwrite the program");
  refuses(desk, "digits.nn:digits --emit ir -o " + folder + "/digits.nn", "would overwrite the program");
  refuses(desk, "digits.nn --train mnist --save digits.nn", "--save digits.nn would overwrite the program");
  refuses(desk, "digits.nn --train mnist --log digits.nn", "--log digits.nn would overwrite the program");
  for (auto const* name : {"w", "./w", "soft", "hard", "sub/../w"})
    refuses(desk, std::string("digits.nn --load w --run mnist -o ") + name, " would overwrite --load w");
  refuses(desk, "digits.nn --load soft --run mnist -o hard", "-o hard would overwrite --load soft");
  refuses(
      desk, "digits.nn --load w --train mnist --save w",
      "--save w would overwrite --load w\nhelp: --save w --resume goes on with its training; a new one needs another "
      "file\n");
  refuses(desk, "digits.nn --train mnist --save x --log x", "--save x and --log x are the same file");
  refuses(desk, "digits.nn --train mnist --save x --log sub/../x", "--save x and --log sub/../x are the same file");
  refuses(desk, "digits.nn --train mnist --save later --log dangling", "are the same file");
  refuses(desk, "digits.nn --train mnist --run mnist --save w -o hard", "-o hard and --save w are the same file");
}

TEST_CASE("imports, files of data sets and dumps are among the inputs and outputs") {
  Desk desk;
  auto const& scratch = desk.scratch();
  std::string const three{0, 0, 0, 3};
  scratch.write("layers.nn", "fn twice(x: f32[..]) { return 2 * x }\n");
  scratch.write("m.nn", "import \"layers.nn\"\nmodel m { input x: u8[batch, 3]\n"
                        "output y = twice(f32(x)) }\n");
  scratch.write("data/x", idx(three + three, 9));
  refuses(desk, "m.nn --emit ir -o layers.nn", "-o layers.nn would overwrite an import");
  refuses(desk, "m.nn --run x=data/x -o data/../data/x",
          "-o data/../data/x would overwrite the data of x=data/x, data/x");
  REQUIRE(desk.nnc("m.nn --run x=data/x").status == 0);

  scratch.write("set/train-images-idx3-ubyte", idx(three + std::string{0, 0, 0, 28, 0, 0, 0, 28}, 3 * 784));
  scratch.write("set/train-labels-idx1-ubyte", idx(three, 3));
  for (auto const* words : {"--train set", "--train mnist --data set"})
    for (auto const* file : {"set/train-images-idx3-ubyte", "set/train-labels-idx1-ubyte"})
      refuses(desk, std::string("digits.nn --batch 3 ") + words + " --save " + file, " would overwrite the data of ");

  REQUIRE(desk.nnc("digits.nn --dump all --dump-dir stages").status == 0);
  refuses(desk, "stages/00-elaborate.ir --dump all --dump-dir stages", "--dump-dir stages would overwrite the program");
  fs::create_hard_link(scratch / "stages/00-elaborate.ir", scratch / "copy.ir");
  refuses(desk, "copy.ir --dump all --dump-dir stages", "--dump-dir stages would overwrite the program");
  refuses(desk, "digits.nn --dump all --dump-dir stages --emit ir -o stages/99-mine.ir",
          "--dump-dir stages would overwrite -o stages/99-mine.ir");
}

TEST_CASE("devices are no files that could be lost") {
  Desk desk;
  CHECK(desk.nnc("digits.nn --run mnist -o /dev/null --train mnist --steps 3 --log /dev/null").status == 0);
}

TEST_CASE("a log that cannot be written is said once and costs nothing else") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 9 --log /dev/full --log-every 1 --save w --digest");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: cannot write /dev/full: no space left on device; the training goes on\n"));
  CHECK(said.err.find("/dev/full") == said.err.rfind("/dev/full"));
  CHECK(contains(said.err, "saved w (step 9)"));
  CHECK(contains(said.out, "test accuracy"));
  CHECK(digest_in(said.out) == digest_in(desk.nnc("digits.nn --train mnist --steps 9 --digest").out));
}

TEST_CASE("a log on a disk that fills up keeps whole lines") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 60 --log l --log-every 1", "ulimit -f 4; ");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: cannot write l: file too large; the training goes on\n"));
  auto const log = desk.content("l");
  CHECK(log.size() > 1000);
  CHECK(log.ends_with("}\n"));
}

TEST_CASE("a full disk keeps the old checkpoint, and the exit status says so") {
  Desk desk;
  REQUIRE(desk.nnc("digits.nn --train mnist --steps 3 --save w").status == 0);
  auto const before = desk.content("w");
  auto const said = desk.nnc("digits.nn --train mnist --steps 9 --save w --resume --digest", "ulimit -f 40; ");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: w: cannot write: file too large\nw has not been replaced since\n"));
  CHECK(desk.content("w") == before);
  CHECK(digest_in(said.out).size() == 64); // the other jobs are done
  for (auto const& entry : fs::directory_iterator(desk.scratch().folder()))
    CHECK(!contains(entry.path().filename().string(), ".tmp"));
}

TEST_CASE("results that nobody takes cost none of the work that follows") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 3 --run mnist -o p --save w >/dev/full");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: cannot write standard output: no space left on device"));
  CHECK(desk.has("p"));
  CHECK(desk.has("w"));
}

TEST_CASE("a reader who has gone is no failure") {
  Desk desk;
  auto const said =
      desk.nnc("digits.nn --train mnist --steps 3 --dump all --save w >pipe", "mkfifo pipe; true <pipe & ");
  CHECK(said.status == 0);
  CHECK(!contains(said.err, "error"));
  CHECK(desk.has("w"));
}

TEST_CASE("words do not go into the files that take the place of closed streams") {
  Desk desk;
  for (auto const* closed : {"2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    auto const said =
        desk.nnc(std::string("digits.nn --train mnist --steps 9 --save w --log l --log-every 3 ") + closed);
    CHECK(said.status == (std::string(closed) == "2>&-" ? 0 : 1)); // the test results are missed
    auto const log = desk.content("l");
    CHECK(std::count(log.begin(), log.end(), '\n') == 4); // and the test
    CHECK(!contains(log, "test loss"));
    CHECK(!contains(log, "mnist"));
    CHECK(desk.nnc("digits.nn --load w --eval mnist").status == 0);
    desk.remove("w");
    desk.remove("l");
  }
}

TEST_CASE("a set or a folder that a later job needs is missed before the training") {
  Desk desk;
  for (auto const* later : {"--eval nowhere", "--run nowhere", "--run mnist -o none/p"}) {
    auto const said = desk.nnc(std::string("digits.nn --train mnist --steps 3 --save w ") + later);
    CHECK(said.status == 1);
    CHECK(!contains(said.err, "epoch"));
    CHECK(!desk.has("w"));
  }
}

TEST_CASE("weights that are not finite are said with the status, and nothing replaces the file") {
  Desk desk;
  auto text = digits; // a state that is infinite from step 3 on
  text.insert(text.find("  loss"), "  state s: f32[] = 1\n  s <- s / abs(f32(step) - 3)\n");
  desk.scratch().write("bad.nn", text);
  auto said = desk.nnc("bad.nn --train mnist --steps 2 --save w");
  CHECK(said.status == 0);
  auto const before = desk.content("w");
  said = desk.nnc("bad.nn --train mnist --steps 9 --save w --resume");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: 's' is not finite since one of the steps 3 to 9\nw has not been replaced since\n"));
  said = desk.nnc("bad.nn --train mnist --steps 9 --save w --resume --keep-going");
  CHECK(said.status == 1); // it was to be saved
  CHECK(contains(said.err, "warning: 's' is not finite"));
  CHECK(contains(said.out, "test accuracy"));
  CHECK(desk.content("w") == before);
  CHECK(desk.nnc("bad.nn --train mnist --steps 9 --keep-going").status == 0);

  text = digits; // a loss that is infinite once
  text.replace(text.find("cross_entropy(logits, label)"), 28, "cross_entropy(logits, label) + 1 / abs(f32(step) - 3)");
  desk.scratch().write("once.nn", text);
  said = desk.nnc("once.nn --train mnist --steps 9 --save once --keep-going");
  CHECK(said.status == 0);
  CHECK(contains(said.err, "warning: the loss is not finite in step 3\nsaved once (step 9)\n"));
}

TEST_CASE("a resumed training says what it compared") {
  Desk desk;
  auto const run = [&](char const* more) {
    return desk.nnc(std::string("digits.nn --train mnist --save w --resume ") + more);
  };
  auto said = run("--steps 5"); // a job that is started again and again needs one command
  CHECK(said.status == 0);
  CHECK(contains(said.err, "note: w does not exist yet: the training begins\n"));
  auto const before = desk.content("w");
  said = run("--steps 5 --log l");
  CHECK(said.status == 0);
  CHECK(contains(said.err, "note: nothing is left to do: w is at step 5 of 5\n"));
  CHECK(!contains(said.err, "saved w"));
  CHECK(contains(said.out, "test accuracy"));
  CHECK(desk.content("l").starts_with("{\"step\":5,\"epoch\":0,\"test_loss\":"));
  CHECK(desk.content("w") == before);
  auto text = digits;
  text.replace(text.find("adam(lr = 1e-3)"), 15, "sgd(lr = 0.1)");
  desk.scratch().write("digits.nn", text);
  said = run("--steps 9");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: w was written with optimizer = adam, now it is sgd\n"));
  CHECK(desk.content("w") == before);
  CHECK(contains(desk.nnc("digits.nn --train mnist --replan").err, "--replan needs --resume"));
}

#endif
