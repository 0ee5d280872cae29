// The numerics contract, on the three examples: 200 updates end in the same bits with any number of threads, with
// vectors of any width, whether the run is cut in two or not, and with each pass that rounds nothing left out.
#include "passes/pass.h"
#include "tests/runtime/scratch.h"

#include <cstdlib>
#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::test;

namespace {

// The digest that the command prints after a training on the embedded digits.
std::string digest_of(Scratch const& desk, std::string const& arguments) {
  auto const command = "cd '" + desk.folder().string() +
                       "' && env -u NNC_DATA XDG_CACHE_HOME=/nowhere '" NNC_COMMAND "' '" NNC_SOURCE_DIR "/examples/'" +
                       arguments + " --digest >out 2>err";
  if (std::system(command.c_str()) != 0) return content_of(desk / "err");
  auto const out = content_of(desk / "out");
  return out.substr(std::min(out.find("weights sha256"), out.size()));
}

void check_example(std::string const& name, std::string const& settings) {
  Scratch const desk;
  auto const run = [&](std::string const& more) {
    return digest_of(desk, name + ".nn --train mnist --steps 200 " + settings + " " + more);
  };
  auto const expected = run("");
  REQUIRE(expected.starts_with("weights sha256 "));
  for (auto const* more :
       {"--threads 1", "--threads 2", "--threads 3", "--threads 8", "--cpu x86-64-v3", "--cpu x86-64-v3 --threads 3"}) {
    INFO(more);
    CHECK(run(more) == expected);
  }
  // 77 steps lie within the warm-up of mlp.nn, which does not depend on the total.
  digest_of(desk, name + ".nn --train mnist --steps 77 --save w.safetensors " + settings);
  CHECK(run("--save w.safetensors --resume --replan") == expected);
}

} // namespace

TEST_CASE("softmax.nn: the same bits") { check_example("softmax", ""); }
TEST_CASE("two_layer.nn: the same bits") { check_example("two_layer", "--set validation=1000"); }
TEST_CASE("mlp.nn: the same bits") { check_example("mlp", ""); }

TEST_CASE("passes that round nothing can be left out without changing a bit") {
  Scratch const desk;
  std::string const line = "softmax.nn --train mnist --steps 40";
  auto const expected = digest_of(desk, line);
  for (auto const* pass : distinct_passes()) {
    if (!pass->optional || pass->rounds) continue;
    INFO(pass->name);
    CHECK(digest_of(desk, line + " --without " + std::string(pass->name)) == expected);
  }
}
