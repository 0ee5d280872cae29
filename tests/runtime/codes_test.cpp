// What kind of thing went wrong: Failure::code, by which a host decides.
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <functional>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Case {
  Code code;
  char const* what;
  std::function<void()> action;
};

Program program_with(std::string const& from, std::string const& to) {
  auto text = tiny;
  text.replace(text.find(from), from.size(), to);
  return Program::from_text(text);
}

} // namespace

TEST_CASE("every failure has a code, and a problem with words") {
  Scratch const scratch;
  auto const damaged = scratch.write("damaged.safetensors", "no header").string();
  auto const session = [] { return Session(Program::from_text(tiny)); };
  std::vector<Case> const cases{
      {Code::syntax, "a bracket", [] { program_with("dense(x, 2)", "dense(x, 2"); }},
      {Code::syntax, "a character", [] { program_with("dense(x, 2)", "dense(x, 2) $"); }},
      {Code::type, "a name", [] { program_with("dense(x, 2)", "dens(x, 2)"); }},
      {Code::type, "a shape", [] { program_with("cross_entropy(logits, label)", "cross_entropy(x, probs)"); }},
      {Code::type, "a train block", [] { Program::from_text(tiny, {.train_name = "none"}); }},
      {Code::type, "a setting",
       [] {
         Program::from_text(tiny, {.set = {{"sgd.rate", "1"}}});
       }},
      {Code::type, "a number out of its range",
       [] {
         Program::from_text(tiny, {.set = {{"sgd.lr", "-1"}}});
       }},
      {Code::type, "a warning as an error",
       [] { Program::from_text(tiny + "model empty {}\n", {.train_name = "empty", .werror = true}); }},
      {Code::syntax, "a module", [] { Program::from_text("func @run(", {}, "m.ir"); }},
      {Code::argument, "a batch", [] { Program::from_text(tiny, {.batch = 0}); }},
      {Code::argument, "an input",
       [&] {
         session().run({{"y", tiny_x}}, 8);
       }},
      {Code::argument, "a size",
       [&] {
         session().run({{"x", tiny_x}}, 7);
       }},
      {Code::argument, "a number", [&] { (void)session().scalar("lr"); }},
      {Code::argument, "a parameter", [&] { (void)session().parameter("w"); }},
      {Code::argument, "a kind", [] { (void)Program::from_text(tiny).emit("pdf"); }},
      {Code::argument, "threads",
       [] { Session(Program::from_text(tiny), {.threads = -1, .seed = {}, .max_memory = 0, .uses = {}}); }},
      {Code::data, "a data set", [] { (void)Data::open("cifar"); }},
      {Code::data, "columns", [&] { session().train(Data::from_columns({column("x", tiny_x, {8})})); }},
      {Code::data, "a label",
       [&] {
         session().step({{"x", tiny_x}, {"label", std::vector<std::int32_t>(8, 9)}}, 8);
       }},
      {Code::data, "weights", [&] { session().load(damaged); }},
      {Code::data, "weights for an object",
       [&] { (void)Program::from_text(tiny).emit_object({.prefix = {}, .weights = damaged}); }},
      {Code::file, "a name", [&] { session().save(""); }},
      {Code::file, "a name, before it is used", [] { check_replaceable(""); }},
      {Code::file, "a program", [] { Program::from_file("there/is/none.nn"); }},
      {Code::file, "weights", [&] { session().load("there/is/none"); }},
      {Code::file, "a checkpoint", [&] { session().save("there/is/none"); }},
      {Code::memory, "a limit",
       [] { Session(Program::from_text(tiny), {.threads = 0, .seed = {}, .max_memory = 10, .uses = {}}); }},
      {Code::unsupported, "a processor", [] { Session(Program::from_text(tiny, {.cpu = "arrowlake-s"})); }},
  };
  for (auto const& one : cases) {
    CAPTURE(std::string(one.what));
    try {
      one.action();
      FAIL_CHECK("no failure");
    } catch (Failure const& failure) {
      auto const said = std::string(name(failure.code)) + ": " + failure.what();
      CHECK_MESSAGE(failure.code == one.code, said);
      REQUIRE(!failure.problems.empty());
      CHECK(!failure.problems[0].message.empty());
    }
  }
}

TEST_CASE("codes have names, and the library a version") {
  CHECK(std::string(name(Code::syntax)) == "syntax");
  CHECK(std::string(name(Code::bug)) == "bug");
  CHECK(std::string(version()) == NNC_VERSION);
}
