// The first 100 losses of the examples against what numpy computes from the same initial weights and batches
// (reference.py, which made the *.losses files beside this test).
//
// Tolerance: relative 1e-4. nnc computes in f32 and numpy in f64, so a loss differs by the rounding of its own sum
// (1e-7) and by what the weights have drifted apart within at most 100 updates (some 1e-6). The seed of mlp is one for
// which no relu falls to the other side of 0 by rounding; see reference.py.
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace nnc::test;

namespace {

std::vector<double> stored(std::string const& example) {
  std::istringstream lines(content_of(std::string(NNC_SOURCE_DIR "/tests/train/") + example + ".losses"));
  std::vector<double> out;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] != '#') out.push_back(std::stod(line));
  return out;
}

// Trains on the embedded digits: the cache is an empty folder.
std::vector<double> trained(std::string const& example, std::string const& settings) {
  Scratch scratch;
  Environment cache("XDG_CACHE_HOME", scratch.folder().string()), data("NNC_DATA", std::nullopt);
  auto log = (scratch / "log.jsonl").string();
  auto command = std::string(NNC_COMMAND) + " " NNC_SOURCE_DIR "/examples/" + example +
                 ".nn --train mnist --steps 100 --log " + log + " --log-every 1 " + settings + " 2>" +
                 (scratch / "words").string() + " >/dev/null";
  int status = std::system(command.c_str());
  INFO(content_of(scratch / "words"));
  REQUIRE(status == 0);
  std::istringstream lines(content_of(log));
  std::vector<double> out;
  for (std::string line; std::getline(lines, line);) {
    auto entry = nlohmann::json::parse(line);
    if (out.size() < 100 && entry.contains("loss")) out.push_back(entry["loss"].get<double>());
  }
  return out;
}

void follows_reference(std::string const& example, std::string const& settings) {
  auto expected = stored(example), found = trained(example, settings);
  REQUIRE(expected.size() == 100);
  REQUIRE(found.size() == 100);
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO(example << ", step " << i + 1);
    CHECK(std::fabs(found[i] - expected[i]) <= 1e-4 * std::fabs(expected[i]));
  }
}

} // namespace

TEST_CASE("softmax.nn trains as numpy does") { follows_reference("softmax", ""); }
TEST_CASE("two_layer.nn trains as numpy does") { follows_reference("two_layer", "--set validation=1000"); }
TEST_CASE("mlp.nn trains as numpy does") { follows_reference("mlp", "--seed 1"); }
