// The nnc command as a user meets it: what goes to standard output and to standard error, files, exit statuses.
#ifdef NNC_COMMAND

#include "tests/runtime/desk.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <regex>

using namespace nnc::test;

TEST_CASE("training says which data it uses on standard error and the test accuracy on standard output") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 60");
  CHECK(said.status == 0);
  CHECK(std::regex_match(said.out, std::regex("test loss \\d\\.\\d+\ntest accuracy 0\\.[5-9]\\d+\n")));
  CHECK(contains(said.err, "mnist: 5000 training and 1000 test examples from the command itself"));
  CHECK(contains(said.err, "5,000 training examples, batch 32"));
  CHECK(contains(said.err, "nothing was saved; --save FILE.safetensors keeps the weights"));
  CHECK(!contains(said.err, "\r")); // no progress line: this is no terminal
  CHECK(!contains(said.err, "\x1b"));
}

// What examples/two_layer.nn asks for.
TEST_CASE("of the digits inside the command a fifth is held back when the train block wants more than there are") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 5 --set validation=10000");
  CHECK(said.status == 0);
  CHECK(contains(said.err, "nnc-fetch-data mnist fetches the full set\n"
                           "note: validation = 10,000 is meant for the full set; of this one 1,000 examples are held "
                           "back\ntrain digits: 4,000 training and 1,000 validation examples"));
  CHECK(contains(said.err, "  validation: loss"));
}

TEST_CASE("without a job the command says what the file holds") {
  Desk desk;
  auto const said = desk.nnc("digits.nn");
  CHECK(said.status == 0);
  CHECK(contains(said.out, "train digits\n"));
  CHECK(contains(said.out, "image"));
  CHECK(contains(said.out, "f32[784,10]"));
  CHECK(contains(said.out, "7,850 weights"));
}

TEST_CASE("words that nobody can read change nothing") {
  Desk desk;
  for (auto const* where : {"2>&-", "2>/dev/full"}) {
    auto const said = desk.nnc(std::string("digits.nn --train mnist --steps 5 --save w.safetensors ") + where);
    CHECK(said.status == 0);
    CHECK(desk.has("w.safetensors"));
    CHECK(desk.nnc(std::string("--nonsense ") + where).status == 2);
    std::filesystem::remove(desk.scratch() / "w.safetensors");
  }
}

TEST_CASE("what a program cannot give is said, and so is what it had to guess") {
  Desk desk;
  desk.scratch().write("none.nn", "model m { input x: f32[batch, 5]; param a: f32[] = 0; loss mean(a * x) }");
  auto said = desk.nnc("none.nn --run none --batch 3");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "the program has no output"));
  desk.scratch().write("ids.nn", "model m { output y = iota(4)[iota(3) + 2] }");
  said = desk.nnc("ids.nn --run none --batch 1 -o y.safetensors");
  CHECK(said.status == 0);
  CHECK(contains(said.err, "warning: 1 indices were out of range, the nearest were taken"));
  CHECK(desk.has("y.safetensors"));
  CHECK(!desk.has("y.safetensors.new"));
}

TEST_CASE("passes that are left out are missed by name") {
  Desk desk;
  for (auto const* pass : {"plan_memory", "differentiate"}) {
    auto const said = desk.nnc(std::string("digits.nn --train mnist --steps 2 --without ") + pass);
    CHECK(said.status == 1);
    CHECK(contains(said.err, "error: no code can be made of @train_step: passes up to plan_memory are missing"));
  }
  auto said = desk.nnc("digits.nn --train mnist --steps 2 --without assemble_step");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "the pass assemble_step, which makes @train_step, is missing"));
  said = desk.nnc("digits.nn --eval mnist --without assemble_step");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: the pass assemble_step, by which @evaluate takes rows of a data set, is missing"));
  said = desk.nnc("digits.nn --passes cse,fuse --dump order");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "error: the stage order does not run with these passes"));
}

TEST_CASE("a digest does not depend on the number of threads, on the vectors, or on an interruption") {
  Desk desk;
  auto const plain = digest_in(desk.nnc("digits.nn --train mnist --steps 30 --digest").out);
  CHECK(plain.size() == 64);
  for (auto const* more :
       {"--threads 1", "--threads 2", "--threads 3", "--threads 8", "--cpu x86-64-v3", "--log l --log-every 7"})
    CHECK_MESSAGE(digest_in(desk.nnc(std::string("digits.nn --train mnist --steps 30 --digest ") + more).out) == plain,
                  more);
  CHECK(digest_in(desk.nnc("digits.nn --train mnist --steps 30 --digest --seed 4").out) != plain);
  CHECK(desk.nnc("digits.nn --train mnist --steps 11 --save w.safetensors").status == 0);
  auto const resumed = desk.nnc("digits.nn --train mnist --steps 30 --save w.safetensors --resume --digest");
  CHECK(digest_in(resumed.out) == plain);
  CHECK(contains(resumed.err, "saved w.safetensors (step 30)"));
  CHECK(digest_in(desk.nnc("digits.nn --load w.safetensors --digest").out) == plain);
}

TEST_CASE("weights that were saved evaluate and run to the same results") {
  Desk desk;
  auto const trained = desk.nnc("digits.nn --train mnist --steps 60 --save w.safetensors");
  CHECK(desk.nnc("digits.nn --eval mnist --load w.safetensors").out == trained.out);
  auto const run = desk.nnc("digits.nn --run mnist --load w.safetensors");
  CHECK(run.status == 0);
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 1000);
  CHECK(run.out.starts_with("{\"probs\":[0."));
  CHECK(desk.nnc("digits.nn --run mnist --load w.safetensors -o probs.safetensors").status == 0);
  CHECK(std::filesystem::file_size(desk.scratch() / "probs.safetensors") > 40'000);
  CHECK(contains(desk.content("probs.safetensors").substr(8, 100), "\"dtype\":\"F32\",\"shape\":[1000,10]"));
}

TEST_CASE("the log has an object per epoch, or per so many steps") {
  Desk desk;
  CHECK(desk.nnc("digits.nn --train mnist --epochs 2 --set validation=1000 --log l.jsonl").status == 0);
  std::regex const line(
      "\\{\"step\":\\d+,\"epoch\":[12],\"loss\":[\\d.]+,\"accuracy\":[\\d.]+,\"validation_loss\":[\\d.]+,"
      "\"validation_accuracy\":[\\d.]+,\"adam.lr\":0.001,\"seconds\":[\\d.e-]+,\"seconds_total\":[\\d.e-]+,"
      "\"seconds_epoch\":[\\d.e-]+,\"examples_per_second\":[\\d.e+]+\\}\n.*\n"
      "\\{\"step\":\\d+,\"epoch\":2,\"test_loss\":[\\d.]+,\"test_accuracy\":[\\d.]+,\"seconds_total\":[\\d.e-]+\\}\n");
  CHECK(std::regex_match(desk.content("l.jsonl"), line));
  CHECK(desk.nnc("digits.nn --train mnist --steps 25 --log m.jsonl --log-every 10").status == 0);
  CHECK(std::regex_search(desk.content("m.jsonl"),
                          std::regex("^\\{\"step\":10,.*\n\\{\"step\":20,.*\n\\{\"step\":25,.*\"test_loss\".*\n$")));
}

TEST_CASE("a program is dumped after one stage or after all, and read again") {
  Desk desk;
  auto const fused = desk.nnc("digits.nn --dump fuse --cpu x86-64-v3");
  CHECK(fused.status == 0);
  CHECK(contains(fused.out, "kernel"));
  CHECK(contains(fused.out, "# digits.nn:4"));
  CHECK(desk.nnc("digits.nn --dump all --dump-dir stages --cpu x86-64-v3").status == 0);
  CHECK(desk.has("stages/00-elaborate.ir"));
  auto const again = desk.nnc("stages/00-elaborate.ir --passes simplify,cse --dump cse");
  CHECK(again.status == 0);
  CHECK(contains(again.out, "func @loss"));
  CHECK(!contains(again.out, "kernel"));
  auto const checked = desk.nnc("digits.nn --check each");
  CHECK(checked.status == 0);
  CHECK(checked.out.empty());
  CHECK(checked.err.ends_with("\nchecked after each of 19 passes: well formed, and every value kept\n"));
  CHECK(!contains(desk.nnc("digits.nn --without fold --dump all").out, "# ---- fold"));
}

TEST_CASE("a compiled program is written as text or as an object") {
  Desk desk;
  CHECK(contains(desk.nnc("digits.nn --emit ir").out, "func @train_step"));
  CHECK(!desk.nnc("digits.nn --emit loops").out.empty());
  CHECK(contains(desk.nnc("digits.nn --emit llvm").out, "define"));
  CHECK(contains(desk.nnc("digits.nn --emit asm").out, "nnc_call_train_step"));
  CHECK(desk.nnc("digits.nn --emit object -o digits.o").status == 0);
  CHECK(desk.content("digits.o").substr(0, 4) == "\x7f"
                                                 "ELF");
}

TEST_CASE("an object has a header beside it, and names that begin with a prefix") {
  Desk desk;
  CHECK(desk.nnc("digits.nn --emit object -o digits.o").status == 0);
  CHECK(contains(desk.content("digits.h"), "typedef struct digits_parameters {"));
  CHECK(desk.nnc("digits.nn --emit object --prefix my_net -o out.obj").status == 0);
  CHECK(contains(desk.content("out.h"), "static inline my_net_status my_net_train("));
  CHECK(!contains(desk.content("out.h"), "digits_parameters"));
  CHECK(desk.nnc("digits.nn --emit object -o plain").status == 0);
  CHECK(desk.has("plain.h"));
  CHECK(desk.nnc("digits.nn --emit object -o /dev/null").status == 0);
  auto const says = [&](std::string const& arguments, int status, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == status, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
  };
  says("digits.nn --emit object --prefix my-net -o d.o", 1, "the prefix 'my-net' is no name of C");
  says("digits.nn --emit object --prefix 7up -o d.o", 1, "help: 'x7up' would be one");
  says("digits.nn --prefix p", 2, "--prefix needs --emit object");
  says("digits.nn --emit asm --prefix p", 2, "--prefix needs --emit object");
  for (std::string const name : {"seed", "epochs", "steps"})
    says("digits.nn --emit object -o d.o --" + name + " 3", 2, ("help: --set " + name + "=N").c_str());
  says("digits.nn --emit asm --load w.safetensors", 2, "--load does nothing for --emit asm");
  says("digits.nn --target aarch64-linux-gnu", 2, "--target needs --emit or --dump");
  says("digits.nn --target aarch64-linux-gnu --emit asm --train mnist", 2, "cannot run here");
  says("digits.nn --target sparc-sun-solaris --emit asm", 1, "no code can be made for sparc-sun-solaris");
  says("digits.nn --cpu i386 --emit asm", 1, "unknown cpu i386");
  says("digits.nn --target aarch64-linux-gnu --cpu cortex-a720 --emit object -o d.o", 1, "--cpu generic");
  desk.scratch().write("d.h", "mine");
  says("d.h --emit object -o d.o", 2, "the header d.h would overwrite the program");
  CHECK(!desk.has("d.o"));
  CHECK(contains(desk.nnc("digits.nn --target aarch64-linux-gnu --emit asm").out, "fmla"));
  CHECK(desk.nnc("digits.nn --target aarch64-linux-gnu --dump plan_memory -o arm.ir").status == 0);
  says("arm.ir --passes '' --run mnist", 1, "code for aarch64-unknown-linux-gnu cannot run on this machine");
}

TEST_CASE("an object is not replaced where its header cannot be") {
  Desk desk;
  desk.scratch().write("d.o", "mine");
  std::filesystem::create_directory(desk.scratch() / "d.h");
  auto const said = desk.nnc("digits.nn --emit object -o d.o");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "cannot write d.h: is a directory"));
  CHECK(desk.content("d.o") == "mine");
}

TEST_CASE("a file that cannot be written is found out before the training") {
  Desk desk;
  std::filesystem::create_directory(desk.scratch() / "there");
  auto const said = desk.nnc("digits.nn --train mnist --steps 5 --run mnist -o there");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "cannot write there: is a directory"));
  CHECK(!contains(said.err, "training examples"));
}

TEST_CASE("an object takes weights along") {
  Desk desk;
  CHECK(desk.nnc("digits.nn --train mnist --steps 3 --save w.safetensors").status == 0);
  CHECK(desk.nnc("digits.nn --load w.safetensors --emit object --target aarch64-linux-gnu -o arm.o").status == 0);
  CHECK(contains(desk.content("arm.h"), "extern const digits_parameters digits_weights;"));
  auto const missing = desk.nnc("digits.nn --load none.safetensors --emit object -o d.o");
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, "none.safetensors"));
  CHECK(!desk.has("d.o"));
  desk.scratch().write("other.nn", "model other { input x: f32[batch, 3]\n output y = dense(x, 2) }\n");
  auto const other = desk.nnc("other.nn --load w.safetensors --emit object -o d.o");
  CHECK(other.status == 1);
  CHECK_MESSAGE(contains(other.err, "w.safetensors"), other.err);
}

TEST_CASE("what a program is compiled for is explained") {
  Desk desk;
  auto const plain = desk.nnc("digits.nn --explain constants");
  CHECK(plain.status == 0);
  CHECK(plain.err.empty());
  CHECK(plain.out == "one code serves every size of batch\nall numbers that tune are read at run time\n");
  auto text = digits;
  text.replace(text.find("model digits"), 12, "model digits(scale = 2.0)");
  text.replace(text.find("  output"), 0,
               "  if scale > 1 { logits = logits * scale }\n  s = zeros([10])\n"
               "  scan e in logits carry s { s = s + e }\n  output pairs = max_pool(logits[none, none], [2, 1])\n");
  desk.scratch().write("sums.nn", text);
  auto const said = desk.nnc("sums.nn --explain constants --set scale=3");
  CHECK(said.status == 0);
  CHECK(said.out ==
        "constant   batch = 32                   sums.nn:7:13: the length of a scan\n"
        "constant   batch = 32                   sums.nn:8:18: windows of 2 that move by 2 along an axis of "
        "batch\n"
        "constant   scale = 3                    sums.nn:5:6: the condition of `if`\n"
        "code is made for each size of batch that is met, once; --dump and --emit show that for 32\n"
        "all other numbers that tune are read at run time\n");
  CHECK(desk.nnc("sums.nn --emit ir -o sums.ir").status == 0);
  CHECK(contains(desk.content("sums.ir"), "module {batch=32}\n"));
  CHECK(desk.nnc("sums.ir --explain constants").out ==
        "constant   batch = 32                   the module is made for it\n"
        "batches of other sizes need another module\n"
        "all numbers that tune are read at run time\n");
  auto const checked = desk.nnc("sums.nn --check each");
  CHECK_MESSAGE(checked.status == 0, checked.err);
  auto const trained = desk.nnc("sums.nn --train mnist --steps 3 --digest");
  CHECK_MESSAGE(trained.status == 0, trained.err);
  CHECK(contains(trained.out, "weights sha256"));
}

// Of 1000 test examples 8 are left for the last batch.
TEST_CASE("a mistake of the last batch of a test is found before the training") {
  Desk desk;
  auto text = digits;
  text.replace(text.find("  metric"), 0, "  metric first = mean(probs[:25])\n");
  desk.scratch().write("first.nn", text);
  auto const said = desk.nnc("first.nn --train mnist --set drop_last=true --save w.safetensors");
  CHECK(said.status == 1);
  CHECK_MESSAGE(contains(said.err, "first.nn:7:30: error: the range ends at 25, the axis of f32[batch, 10] has"),
                said.err);
  CHECK(!contains(said.err, "epoch"));
  CHECK(!desk.has("w.safetensors"));
}

TEST_CASE("times of the stages") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --steps 1 --time");
  CHECK(contains(said.err, "plan_memory"));
  CHECK(contains(said.err, "code of initialize, train_step, evaluate"));
  CHECK(contains(said.err, "compiled in"));
}

TEST_CASE("a wrong command line has status 2 and says what is wrong") {
  Desk desk;
  auto const says = [&](char const* arguments, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == 2, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
    CHECK(said.out.empty());
  };
  says("", "no FILE");
  says("digits.nn --trian mnist", "error: there is no switch '--trian'\nhelp: did you mean '--train'?\n");
  says("digits.nn --trian=mnist", "error: there is no switch '--trian'\nhelp: did you mean '--train'?\n");
  says("digits.nn -x", "error: there is no switch '-x'\nhelp: ");
  says("digits.nn --frobnicate", "error: there is no switch '--frobnicate'\nhelp: nnc --help lists the switches; ");
  says("digits.nn --lr 0.1", "numbers of the program are set by --set NAME=VALUE\n");
  says("digits.nn --gpu", "error: there is no switch '--gpu'\nhelp: nnc --help"); // not --cpu
  says("digits.nn -train mnist", "help: did you mean '--train'?\n");
  says("digits.nn train mnist", "help: did you mean '--train'?\n");
  says("digits.nn --check all", "--check: expected 'each', got 'all'");
  says("digits.nn --explain loops", "--explain: 'loops' is none of constants, memory, fusion, nan");
  says("digits.nn --explain nan", "--explain nan needs --train");
  says("digits.nn --max-memory 10X", "--max-memory: expected a number of bytes such as 150M, got '10X'");
  says("digits.nn --train", "--train: 1 required DATA missing");
  says("digits.nn --save --digest", "--save: needs a value: FILE, got '--digest'");
  says("digits.nn --train mnist --save ''", "--save: needs a value: FILE, got ''");
  says("digits.nn other.nn", "one FILE is expected");
  says("digits.nn --steps many --train mnist", "--steps: expected a whole number, got 'many'");
  says("digits.nn --threads 0", "--threads: expected at least 1");
  says("digits.nn --dump fus", "--dump: 'fus' is none of elaborate, simplify");
  says("digits.nn --dump fsue", "help: did you mean 'fuse'?\n");
  says("digits.nn --without fodl,cse", "help: did you mean 'fold'?\n");
  says("digits.nn --passes shedule", "help: did you mean 'schedule'?\n");
  says("digits.nn --set adam.lr", "NAME=VALUE");
  says("digits.nn --resume --train mnist", "--resume needs");
  says("digits.nn --save-every 3", "--save-every needs --save");
  says("digits.nn --emit object", "--emit object needs -o FILE");
  says("digits.nn --emit poem", "'poem' is none of ir");
  says("digits.nn --emit objetc", "help: did you mean 'object'?\n");
}

TEST_CASE("a wrong program or wrong data have status 1, and the words of the error") {
  Desk desk;
  auto const says = [&](std::string const& arguments, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == 1, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
    CHECK(said.out.empty());
  };
  desk.scratch().write("wrong.nn", "model m {\n  input x: f32[batch, 3]\n  output y = sofmax(x)\n}\n");
  says("wrong.nn", "wrong.nn:3:14: error: ");
  says("wrong.nn", "did you mean");
  says("none.nn", "none.nn");
  says("digits.nn --train nowhere", "nowhere");
  says("digits.nn --train mnist --batch 5001",
       "a batch of 5001 is larger than mnist, which has 5000 training examples");
  says("digits.nn --train mnist --set adam.rl=1", "did you mean");
  says("digits.nn --train mnist --set lrr=1", "nothing here is called `lrr`");
  says("digits.nn --train mnist --set batch_size=1", "did you mean `batch`?");
  says("digits.nn --train mnist --set adam.lr=fast", "--set:1:9: error: `adam.lr` is the string \"fast\"");
  says("digits.nn --load none.safetensors --digest", "none.safetensors");
  says("digits.nn --train mnist --save /dev/null", "/dev/null");
  says("digits.nn --train mnist --max-memory 10K", "are allowed");
  says("digits.nn --run none", "--batch");
  desk.scratch().write("other.nn", "model m { input x: f32[batch, 5]; output y = x }");
  says("other.nn --run mnist", "u8[");
}

TEST_CASE("warnings go to standard error and the work goes on; with --werror they end it") {
  Desk desk;
  desk.scratch().write("tag.nn", "model m { input x: f32[batch, 3]; output y = relu(dense(x, 2)) @head }");
  auto const said = desk.nnc("tag.nn");
  CHECK(said.status == 0);
  CHECK(contains(said.out, "dense.weight"));
  CHECK(contains(said.err, "tag.nn:1:64: warning: the tag `@head` does nothing"));
  auto const refused = desk.nnc("tag.nn --werror");
  CHECK(refused.status == 1);
  CHECK(refused.out.empty());
  CHECK(contains(refused.err, "tag.nn:1:64: error: the tag `@head` does nothing"));
}

TEST_CASE("scores of random weights are warned of, those of trained ones and of none are not") {
  Desk desk;
  for (auto const* job : {"--eval", "--run"}) {
    auto const said = desk.nnc(std::string("digits.nn ") + job + " mnist");
    CHECK(said.status == 0);
    CHECK(contains(said.err, std::string("warning: ") + job + " uses random weights\nhelp: --load FILE gives it"));
    auto const refused = desk.nnc(std::string("digits.nn --werror ") + job + " mnist");
    CHECK(refused.status == 1);
    CHECK(contains(refused.err, std::string("error: ") + job + " uses random weights"));
  }
  CHECK(desk.nnc("digits.nn --train mnist --steps 1 --save w.safetensors --eval mnist --werror").status == 0);
  CHECK(desk.nnc("digits.nn --load w.safetensors --eval mnist --werror").status == 0);
  desk.scratch().write("none.nn", "model m { output y = iota(3) }");
  CHECK(desk.nnc("none.nn --run none --batch 1 --werror").status == 0);
}

TEST_CASE("twenty errors are shown, or as many as are asked for") {
  Desk desk;
  std::string text = "model m {\n";
  for (int i = 0; i < 25; ++i) text += "a" + std::to_string(i) + " = wrong" + std::to_string(i) + "\n";
  desk.scratch().write("many.nn", text + "}\n");
  auto const count = [](std::string const& said) {
    int found = 0;
    for (size_t at = said.find("error:"); at != std::string::npos; at = said.find("error:", at + 1)) ++found;
    return found;
  };
  auto const some = desk.nnc("many.nn");
  CHECK(count(some.err) == 20);
  CHECK(contains(some.err, "note: 5 more errors; --max-errors 0 shows all\n"));
  CHECK(count(desk.nnc("many.nn --max-errors 3").err) == 3);
  CHECK(count(desk.nnc("many.nn --max-errors 0").err) == 25);
}

TEST_CASE("a file is not named after a format that it does not have") {
  Desk desk;
  auto const refuses = [&](std::string const& arguments, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == 2, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
  };
  refuses("digits.nn --run mnist -o pred.xlsx", "error: -o pred.xlsx: outputs are not written as .xlsx\nhelp: name the "
                                                "file *.jsonl, *.json, *.csv, *.npy, *.npz, *.safetensors or *.png\n");
  refuses("digits.nn --run mnist -o a.npy.txt", "not written as .txt");
  refuses("digits.nn --train mnist --save-best x.npz", "name the file *.safetensors");
  refuses("digits.nn --train mnist --save x.pt",
          "--save x.pt: what is written is safetensors, not .pt\nhelp: name the file");
  refuses("digits.nn --train mnist --save x.h5", "*.safetensors");
  refuses("digits.nn --train mnist --log log.csv", "*.jsonl");
  CHECK(desk.nnc("digits.nn --train mnist --steps 1 --save model.v2 --log l.json").status == 0);
  for (auto const* file : {"p.json", "p.safetensors", "p", ".npy", "P.CSV"})
    CHECK(desk.nnc(std::string("digits.nn --load model.v2 --run mnist -o ") + file).status == 0);
}

TEST_CASE("what a program cannot give or get is said at its place") {
  Desk desk;
  auto const says = [&](std::string const& arguments, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == 1, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
  };
  desk.scratch().write("big.nn", "model m {\n  input x: f32[batch, 3]\n  output y = dense(x, 10000000000000)\n}\n");
  says("big.nn --digest", "big.nn:3:14: error: out of memory: ");
  says("big.nn --digest --max-memory 1M", "big.nn:3:14: error: ");
  desk.scratch().write("in.nn", "model m {\n  input x: f32[batch, 3]\n  output y = x\n}\n");
  says("in.nn --run none --batch 2", "in.nn:2:3: error: the input 'x' is missing");
  desk.scratch().write("out.nn", "model m {\n  input x: f32[batch, 3]\n  loss mean(x)\n}\n");
#ifndef __SANITIZE_ADDRESS__ // its operator new ends the process instead of throwing
  desk.scratch().write("huge.nn", "model m {\n  output y = zeros([1000000, 1000000, 1000000])\n}\n");
  says("huge.nn --run none --batch 2", "huge.nn:1:7: error: out of memory: 4000000000000000000 bytes");
#endif
  says("out.nn --run none --batch 2", "out.nn:1:7: error: the program has no output");
}

TEST_CASE("a target is missing where an output is computed from it, and nowhere else") {
  Desk desk;
  std::string const model = "model two {\n  input image: u8[batch, 28, 28]\n  target label: i32[batch]\n"
                            "  target other: i32[batch]\n  output z = mean(f32(image), [1, 2])\n";
  desk.scratch().write("needs.nn", model + "  y = f32(other)\n  output y\n  output w = y + z\n}\n");
  auto said = desk.nnc("needs.nn --run mnist");
  CHECK(said.status == 1);
  CHECK_MESSAGE(contains(said.err, "needs.nn:4:3: error: the target 'other' is missing\n"), said.err);
  CHECK_MESSAGE(contains(said.err, "help: an output is computed from it\n"), said.err);
  desk.scratch().write("runs.nn", model + "}\n");
  CHECK(desk.nnc("runs.nn --run mnist").status == 0);
}

TEST_CASE("mistakes of the command line are answered in its own words") {
  Desk desk;
  auto const says = [&](std::string const& arguments, int status, char const* words) {
    auto const said = desk.nnc(arguments);
    CHECK_MESSAGE(said.status == status, arguments);
    CHECK_MESSAGE(contains(said.err, words), said.err);
  };
  says("digits.nn --train mnist --split fold=*/1", 2, "--split: expected fold=*/N with N at least 2, got 'fold=*/1'");
  says("digits.nn --split fold=*/2", 2, "--split fold=*/N needs --train");
  says("digits.nn --train mnist --split fold=*/2 --save x", 2, "--save is about one training");
  says("digits.nn --train mnist --split fold=*/2", 1, "fold=1/2: mnist has a test split of its own");
  says("/dev/zero", 1, "error: /dev/zero: is not a regular file");
  says("digits.nn:foo", 1, "error: unknown model `foo`\nhelp: there is `digits`");
  says("digits.nn --train mnist --steps 2 --save-best best", 1, "help: `validation = 5000` holds so many rows back\n");
  says("digits.nn --train mnist --steps 2 --set adam.learning_rate=1", 1, "help: did you mean `adam.lr`?");
  says("digits.nn --train mnist --steps 2 --set adam.lr=", 1, "expected an expression, found the end of the value");
  says("digits.nn --train nodir", 1, "error: unknown data set 'nodir'");
  says("digits.nn --train ./nodir", 1, "error: ./nodir: no such file or folder");
  says("digits.nn --run mnist --load digits.nn", 1, "digits.nn: expected a safetensors file");
  says("digits.nn --epocs 3", 2, "help: did you mean '--epochs'?");
}

TEST_CASE("a mistake in a module has its place there, wherever the nodes come from") {
  Desk desk;
  auto const says = [&](char const* node, char const* words) {
    desk.scratch().write("m.ir",
                         std::string("func @run(%x: f32[2,3]) -> (y: f32[2,3]) {\n") + node + "  return %y\n}\n");
    auto const said = desk.nnc("m.ir --emit asm");
    CHECK_MESSAGE(said.status == 1, said.err);
    CHECK_MESSAGE(contains(said.err, words), said.err);
  };
  says("  %y = ad %x : f32[2,3] # a.nn:7\n", "m.ir:2:8: error: unknown operator");
  says("  %y = neg %x : f32[3,2] # a.nn:7\n", "m.ir:2:15: error: neg gives f32[2,3], but f32[3,2] is stated");
  desk.scratch().write("k.ir", R"(func @run(%x: f32[3,4]) -> (y: f32[3]) {
  %y = kernel %x {kind="rows", row_axes=100000} { # b.nn:8
    %y = reduce_sum %x {axes=[1]} : f32[3] # a.nn:7
  } # b.nn:8
  return %y
}
)");
  auto const said = desk.nnc("k.ir --emit asm"); // refused by the verifier
  CHECK(said.status == 1);
  CHECK_MESSAGE(contains(said.err, "k.ir:3:5: error: @run: reduce_sum among rows"), said.err);
}

TEST_CASE("a module without functions holds nothing to be done") {
  Desk desk;
  for (auto const* text : {"", "\n# a comment\n", "target {l1=32768}\n"}) {
    desk.scratch().write("e.ir", text);
    for (auto const* job : {"--emit object -o e.o", "--emit asm", "--emit llvm", "--emit loops", "--emit ir", "",
                            "--run none --batch 1", "--train mnist", "--eval mnist", "--dump plan_memory"}) {
      auto const said = desk.nnc(std::string("e.ir ") + job);
      CHECK_MESSAGE(said.status == 1, job);
      CHECK_MESSAGE(said.err.starts_with("e.ir:1:1: error: the module holds no function"), said.err);
    }
    CHECK(!desk.has("e.o"));
  }
}

TEST_CASE("kernels that no code can be made of are refused where they stand") {
  Desk desk;
  auto const says = [&](std::string const& arguments, std::string const& text, char const* words) {
    desk.scratch().write("k.ir", text);
    auto const said = desk.nnc("k.ir " + arguments);
    CHECK_MESSAGE(said.status == 1, said.err);
    CHECK_MESSAGE(said.err.starts_with(words), said.err);
  };
  std::string const contract = R"(func @f(%x: f32[8]) -> (y: f32[8]) {
  %y = kernel %x {kind="contract"} {
    %y = exp %x : f32[8]
  }
  return %y
}
)";
  for (auto const* arguments : {"--passes schedule,plan_memory --dump plan_memory", "--emit object -o k.o"})
    says(arguments, contract, "k.ir:2:3: error: @f: a kernel of kind contract has one dot, found 0");
  auto const numbers = [](char const* kind) {
    return std::string("func @run() -> (y: f32[4] output) {\n  %y = kernel {kind=\"") + kind +
           "\"} {\n    %0 = add 1, 2 : f32[]\n    %y = broadcast %0 {axes=[]} : f32[4]\n  }\n  return %y\n}\n";
  };
  says("--run none --batch 1", numbers("scalars"), "k.ir:2:3: error: @run: a kernel of kind scalars gives numbers");
  says("--run none --batch 1", numbers("foo"),
       "k.ir:2:21: error: expected scalars, pointwise, rows, scatter, lines or contract, found \"foo\"");
  desk.scratch().write("k.ir", numbers("pointwise"));
  CHECK(desk.nnc("k.ir --run none --batch 1").out == "{\"y\":[3,3,3,3]}\n");
  says("--passes '' --run none --batch 1", R"(func @run() -> (y: f32[4] output) {slots=[16]} {
  %a = kernel {kind="pointwise", parallel=false, places=[slot(0)]} {
    %a = broadcast 1:f32 {axes=[]} : f32[4]
  }
  %b = kernel {kind="pointwise", parallel=false, places=[slot(0)]} {
    %b = broadcast 2:f32 {axes=[]} : f32[4]
  }
  %y = kernel %a, %b {kind="pointwise", parallel=false, places=[result(0)]} {
    %y = sub %a, %b : f32[4]
  }
  return %y
}
)",
       "k.ir:8:3: error: @run: %a is read here, but %b has taken its place, slot(0)");
}

TEST_CASE("a session refuses arguments and results that it has nothing for") {
  Desk desk;
  auto const says = [&](char const* text, char const* words) {
    desk.scratch().write("r.ir", text);
    auto const said = desk.nnc("r.ir --run none --batch 3");
    CHECK_MESSAGE(said.status == 1, said.err);
    CHECK_MESSAGE(said.err.starts_with(words), said.err);
  };
  says("func @run(%x: f32[8]) -> (y: f32[8] output) {\n  %y = exp %x : f32[8]\n  return %y\n}\n",
       "r.ir:1:11: error: the argument 'x' of @run has the role none");
  says("func @run() -> (y: f32[8]) {\n  %y = broadcast 1:f32 {axes=[]} : f32[8]\n  return %y\n}\n",
       "r.ir:2:3: error: the result 'y' of @run has the role none");
  says("func @run(%w: i32[1] state) -> (y: i32[1] output) {\n  %y = neg %w : i32[1]\n  return %y\n}\n"
       "func @initialize(%r: i32[batch] rows) -> (w: i32[1] state) {\n"
       "  %w = slice %r {start=[0], limit=[1]} : i32[1]\n  return %w\n}\n",
       "r.ir:5:18: error: the argument 'r' of @initialize has the role rows");
  says("func @run(%x: f32[4,batch] input) -> (y: f32[4,batch] output) {\n  %y = exp %x : f32[4,batch]\n"
       "  return %y\n}\n",
       "r.ir:1:11: error: the input 'x' is f32[4,batch], expected one that starts with the batch");
}

TEST_CASE("a module takes no --set") {
  Desk desk;
  desk.scratch().write("m.ir", desk.nnc("digits.nn --dump elaborate").out);
  CHECK(desk.nnc("m.ir --emit ir").status == 0);
  auto const said = desk.nnc("m.ir --emit ir --set adam.lr=1");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "--set:1:1: error: a module takes no values"));
}

TEST_CASE("an import stays in the folder of the program, also behind links") {
  namespace fs = std::filesystem;
  Desk desk;
  auto const& at = desk.scratch();
  fs::create_directories(at / "in" / "deep");
  fs::create_directories(at / "beside");
  at.write("secret.nn", "a secret: 123");
  at.write("beside/file.nn", "fn f(x) { x + 1 }");
  at.write("in/own.nn", "fn f(x) { x + 2 }");
  at.write("in/deep/own.nn", "fn f(x) { x + 3 }");
  fs::create_symlink(at / "secret.nn", at / "in" / "link.nn");
  fs::create_symlink("../beside/file.nn", at / "in" / "relative.nn");
  fs::create_directory_symlink(at / "beside", at / "in" / "folder");
  fs::create_symlink("deep/own.nn", at / "in" / "inner.nn");
  auto const program = [&](std::string const& path) {
    at.write("in/m.nn", "import \"" + path + "\"\nmodel m { output y = f(zeros([1])) }\n");
    return desk.nnc("in/m.nn --run none --batch 1");
  };
  for (auto const* path : {"link.nn", "relative.nn", "folder/file.nn", "deep/../folder/file.nn"}) {
    auto const said = program(path);
    CHECK_MESSAGE(said.status == 1, path);
    CHECK_MESSAGE(contains(said.err, "in/m.nn:1:1: error: the import"), said.err);
    CHECK_MESSAGE(contains(said.err, "leads out of the folder of the model"), said.err);
    CHECK(!contains(said.err, "secret:"));
  }
  for (auto const* path : {"../beside/file.nn", "/etc/hostname"})
    CHECK(contains(program(path).err, "outside of the folder"));
  CHECK(contains(program("deep").err, "in/m.nn:1:1: error: there is no file"));
  CHECK(contains(program("own.nn").out, "{\"y\":2}"));
  CHECK(contains(program("inner.nn").out, "{\"y\":3}"));
  fs::create_symlink(at / "in" / "m.nn", at / "main.nn"); // imports stand beside the file that the link names
  program("own.nn");
  CHECK(contains(desk.nnc("main.nn --run none --batch 1").out, "{\"y\":2}"));
  CHECK(contains(desk.nnc((at / "in" / "m.nn").string() + " --run none --batch 1").out, "{\"y\":2}"));
}

// Paths, words of the command line and texts of programs; a newline in them begins no line.
TEST_CASE("nothing that a user names steers the terminal") {
  Desk desk;
  std::string const esc = "$(printf 'a\\033[2Jb\\r\\342\\200\\256c')", nl = "$(printf 'x\\nerror: y')";
  auto const quiet = [&](std::string const& arguments) {
    auto const said = desk.nnc(arguments);
    CHECK(said.status != 0);
    for (auto const* bad : {"\x1b", "\r", "\xE2\x80\xAE", "\nerror: y"})
      CHECK_MESSAGE(!contains(said.err, bad), arguments);
    CHECK_MESSAGE(!said.err.empty(), arguments);
  };
  for (auto const& word : {esc, nl}) {
    quiet("\"" + word + "\"");
    quiet("\"" + word + ".nn\"");
    quiet("\"" + word + ".ir\"");
    quiet("digits.nn \"" + word + "\"");
    quiet("\"digits.nn:" + word + "\"");
    for (auto const* option : {"--train", "--eval", "--run", "--load", "--set", "--steps", "--dump", "--passes",
                               "--cpu", "--emit", "--check", "--completions", "--max-memory", "--data", "-x", "--x="})
      quiet(std::string("digits.nn ") + option + " \"" + word + "\"" +
            (option == std::string("--data") ? " --train mnist" : ""));
    quiet("digits.nn --set \"hidden=" + word + "\"");
    quiet("digits.nn --set \"" + word + "=1\"");
    quiet("digits.nn --train mnist --steps 1 --save \"nowhere/" + word + "\"");
    quiet("digits.nn --train mnist --steps 1 --log \"nowhere/" + word + "\"");
    quiet("digits.nn --dump all --dump-dir \"/dev/null/" + word + "\"");
    quiet("digits.nn --train \"" + word + "=none\"");
  }
  desk.scratch().write("e.nn", "model m { require false, \"\x1b[2J\xE2\x80\xAE\\nerror: y\\n\" }");
  quiet("e.nn");
  desk.scratch().write("t.nn", "model m { x = dense(1, 2) @\"\x1b[2J\" \r\n y = \x1b }");
  quiet("t.nn");
  desk.scratch().write("v\x1b.nn", "model m { input x: f32[batch, 3]; output y = dense(x, 2) }");
  for (auto const* job : {"", "--dump elaborate", "--emit ir", "--emit loops"}) {
    auto const said = desk.nnc(std::string("\"$(printf 'v\\033.nn')\" ") + job);
    CHECK(said.status == 0);
    CHECK_MESSAGE(!contains(said.out, "\x1b"), job);
  }
  for (auto const* name : {"metric \"a\\nb\" = mean(x)", "metric \"\x1b\" = mean(x)", "z = dense(x, 2) @\"\x1b\"",
                           "loss \"\xE2\x80\xAE\" = mean(x)"}) {
    desk.scratch().write("n.nn", std::string("model m { input x: f32[batch, 3]\n") + name + "\noutput y = x }");
    quiet("n.nn");
  }
  desk.scratch().write("u.nn", std::string("model m { y = \"\xFF\x1b\" \xE2\x80\xAE }"));
  quiet("u.nn");
}

// A slope that is too steep for finite differences passes for a mistake of `differentiate`: a way to a bug on purpose.
TEST_CASE("a bug has status 3 and leaves the program that shows it, with the command") {
  Desk desk;
  desk.scratch().write("wrong.ir", R"(func @run() -> (g: f32[] output) {
  %s = add 0:f32, 0:f32 : f32[]
  %t = mul %s, 100000 : f32[]
  %e = exp %t : f32[]
  %g = grad %e, %s : f32[]
  return %g
}
)");
  auto const said = desk.nnc("wrong.ir --check each --emit asm");
  CHECK(said.status == 3);
  CHECK(contains(said.err, "bug in nnc"));
  std::smatch found;
  std::regex const words("the program stands in (nnc-bug-\\d+\\.ir); nnc (.*) shows it again");
  REQUIRE(std::regex_search(said.err, found, words));
  CHECK(desk.has(found[1]));
  CHECK(desk.nnc(found[2]).status == 3);
}

TEST_CASE("a loss that is not finite stops with the step and keeps the checkpoint") {
  Desk desk;
  CHECK(desk.nnc("digits.nn --train mnist --steps 5 --save w.safetensors --digest").status == 0);
  auto const before = desk.content("w.safetensors");
  auto const said = desk.nnc("digits.nn --train mnist --steps 50 --save w.safetensors --resume --set adam.lr=1e38");
  CHECK(said.status == 1);
  CHECK(std::regex_search(said.err, std::regex("error: the loss is not finite in step [678]\n")));
  CHECK(contains(said.err, "w.safetensors has not been replaced"));
  CHECK(desk.content("w.safetensors") == before);
  CHECK(desk.nnc("digits.nn --train mnist --steps 20 --set adam.lr=1e38 --keep-going").status == 0);
}

TEST_CASE("Ctrl-C ends the training, saves when asked to, and has status 130") {
  Desk desk;
  auto const interrupted = [&](std::string const& more) {             // the training would take hours
    auto const words = "'" + (desk.scratch() / "err").string() + "'"; // the shell that waits is in another folder
    auto const when_it_trains = " & pid=$!; for n in $(seq 600); do grep -qs batch " + words +
                                " && break; sleep 0.1; done; sleep 0.5; kill -INT $pid; wait $pid";
    return desk.nnc("digits.nn --train mnist --epochs 1000000 " + more + when_it_trains);
  };
  auto const saved = interrupted("--save w.safetensors");
  CHECK(saved.status == 130);
  CHECK(contains(saved.err, "interrupted after step "));
  CHECK(contains(saved.err, "saved w.safetensors (step "));
  CHECK(desk.has("w.safetensors"));
  auto const lost = interrupted("");
  CHECK(lost.status == 130);
  CHECK(contains(lost.err, "nothing was saved"));
  CHECK(desk.nnc("digits.nn --load w.safetensors --eval mnist").status == 0);
}

TEST_CASE("help, completions and the page of the manual name every switch") {
  Desk desk;
  auto const help = desk.nnc("--help");
  CHECK(help.status == 0);
  std::regex const name("\n  (--?[a-z-]+) ");
  int count = 0;
  auto const bash = desk.nnc("--completions bash").out;
  auto const zsh = desk.nnc("--completions zsh").out;
  auto const fish = desk.nnc("--completions fish").out;
  std::string const make_page = "sh '" NNC_SOURCE_DIR "/packaging/man.sh' '" NNC_COMMAND "' 1.0 '";
  CHECK(std::system((make_page + (desk.scratch() / "page").string() + "'").c_str()) == 0);
  auto const page = desk.content("page");
  for (std::sregex_iterator at(help.out.begin(), help.out.end(), name), end; at != end; ++at, ++count) {
    auto const word = (*at)[1].str();
    CHECK_MESSAGE(contains(page, "\n.B " + std::regex_replace(word, std::regex("-"), "\\-")), word);
    CHECK_MESSAGE(contains(bash, word), word);
    CHECK_MESSAGE(contains(zsh, word + "["), word);
    CHECK_MESSAGE(contains(fish, word.substr(word.find_first_not_of('-')) + " -d"), word);
  }
  CHECK(count > 25);
  for (auto const* known : {"--train", "--resume", "--digest", "-o"}) CHECK(contains(help.out, known));
  if (std::system("command -v bash >/dev/null") == 0) {
    desk.scratch().write("completions",
                         bash + "COMP_WORDS=(nnc d.nn --emit as); COMP_CWORD=3; _nnc; echo ${COMPREPLY[@]}\n");
    CHECK(std::system(("bash '" + (desk.scratch() / "completions").string() + "' | grep -qx asm").c_str()) == 0);
    desk.scratch().write("two words.nn", "");
    desk.scratch().write("completions", bash + "COMP_WORDS=(nnc two); COMP_CWORD=1; _nnc; echo \"${COMPREPLY[0]}\"\n");
    auto const folder = desk.scratch().folder().string();
    CHECK(std::system(("cd '" + folder + "' && bash completions | grep -qx 'two words.nn'").c_str()) == 0);
  }
}

#endif

TEST_CASE("a loss that is not finite is explained when it is asked") {
  Desk const desk;
  auto text = digits;
  text.replace(text.find("cross_entropy(logits, label)"), 28,
               "mean(sqrt(logits - logits)) + cross_entropy(logits, label)");
  desk.scratch().write("root.nn", text);
  std::string const command = "root.nn --train mnist --steps 3";
  auto const plain = desk.nnc(command);
  CHECK(plain.status == 1);
  CHECK(plain.out.empty());
  CHECK(contains(plain.err,
                 "error: the loss is not finite in step 2\nhelp: the same command with --explain nan says what made it so\n"));
  auto const asked = desk.nnc(command + " --explain nan");
  CHECK(asked.status == 1);
  CHECK(!contains(asked.err, "help:"));
  CHECK(asked.out.starts_with("root.nn:6:15: note: step 1 of epoch 1: /, a step of the gradient of sqrt, gives "));
  CHECK(contains(asked.out, "\nnote: behind this step 'dense.weight' is not finite\n"));
  auto const fine = desk.nnc("digits.nn --train mnist --steps 3 --explain nan");
  CHECK(fine.status == 0);
  CHECK(fine.out.starts_with("all losses, weights and states stayed finite\n"));
  // A training that goes on names its first such step.
  auto const on = desk.nnc(command + " --explain nan --keep-going");
  CHECK(on.status == 0);
  CHECK(on.out.starts_with(asked.out));
}
