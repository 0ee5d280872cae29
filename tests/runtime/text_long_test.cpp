// A text of one line without end is streamed: besides the file, which is mapped, and its numbers, which are mapped as well,
// next to nothing is in memory.
#include "runtime/data/dataset.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using namespace nnc;
using namespace nnc::test;

namespace {

// Megabytes of this process that are no pages of files.
long anonymous_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stol(line.substr(8)) / 1024;
  return -1;
}

} // namespace

TEST_CASE("a line of 100 MB is read as a stream and as an example") {
  Scratch scratch;
  Environment const cache("XDG_CACHE_HOME", (scratch / "cache").string());
  auto const path = (scratch / "a.txt").string();
  constexpr i64 words = 10'000'000;
  {
    std::ofstream file(path, std::ios::binary);
    for (i64 i = 0; i < words; ++i) file << "word" << 10000 + i % 1000 << ' '; // 10 bytes
  }
  auto const before = anonymous_megabytes();
  for (auto const* as : {"stream", "lines"}) {
    auto const set = load_dataset(path + ",unit=words,as=" + as);
    CHECK(set.train.column("text")->elements() == words);
    CHECK(set.properties.at("vocab") == 1002);
    CHECK(set.train.column("text")->as<i32>()[1001] == 3);
  }
  CHECK(anonymous_megabytes() - before < 20);
}
