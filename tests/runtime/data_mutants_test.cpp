// Mutants of good files of tables and arrays: each is read, or refused by an Error, in bounded time and memory. NNC_FUZZ
// and NNC_FUZZ_SEED in the environment say how many of each format and from which seed.
#include "runtime/data/dataset.h"
#include "runtime/safetensors.h"
#include "tests/props/fuzz.h"
#include "tests/runtime/mutants.h"
#include "tests/runtime/numpy_files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Format {
  char const* name;
  std::vector<std::string> files;
  char const* options = "";
};

std::vector<Format> formats() {
  auto const x = npy("<f4", "(4, 2)", bytes_of_numbers<f32>({1, 2, 3, 4, 5, 6, 7, 8}));
  auto const y = npy(">i2", "(2, 2)", "abcdefgh", true), names = npy("|S2", "(4,)", "aabbccaa");
  std::string idx{0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4};
  return {
      {"a.csv", {"age,name,score\n1,\"bob\",1.5\n,al,\n3,\"b\"\"b\",2e5\n", "1;2,5\r\n3;4,5\r\n"}, ",fill=mean,test=0.5"},
      {"a.tsv", {"a\tb\n1\tx\n2\ty\n", "1\t2\n3\t4\n"}, ""},
      {"a.jsonl", {"{\"x\": [[1, 2], [3, 4]], \"n\": 1.5, \"s\": \"a\"}\n{\"x\": [[1, 2], [3, null]], \"n\": 2, \"s\": \"b\"}\n"}, ",fill=0"},
      {"a.npy", {x, y, names, npy("<U1", "(2,)", "aaaabbbb"), npy("<f8", "(1,)", "abcdefgh", false, 2)}},
      {"a.npz", {zip({{"x_train.npy", x}, {"x_test.npy", x, true}}), zip({{"x.npy", x, true}, {"n.npy", names, true}})}},
      {"a.idx", {idx}},
  };
}

} // namespace

TEST_CASE("mutants of tables and arrays are read or refused") {
  Scratch const scratch;
  Environment const cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  for (auto const& format : formats()) {
    CAPTURE(format.name);
    u64 good = 0, refused = 0;
    auto const memory = largest_memory();
    for (u64 seed = props::first_seed(), end = seed + props::cases(2000); seed < end; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      auto file = format.files[below(random, format.files.size())];
      for (size_t i = 1 + below(random, 4); i > 0; --i) mutate(file, random);
      auto const path = scratch.write(format.name, file);
      try {
        auto const set = load_dataset(path.string() + format.options);
        // Whatever is read is consistent.
        for (auto const* split : {&set.train, &set.test})
          for (auto const& column : split->columns) {
            REQUIRE(column.tensor.shape()[0] == split->examples);
            REQUIRE(static_cast<i64>(column.tensor.bytes().size()) == *bytes_of(column.tensor.shape(), column.tensor.dtype()));
            auto const encoding = set.encodings.find(column.name);
            if (encoding == set.encodings.end() || encoding->second.kind == Encoding::Kind::numbers) continue;
            for (auto const place : column.tensor.as<i32>()) {
              REQUIRE(place >= 0);
              REQUIRE(place < std::ssize(encoding->second.names));
            }
          }
        ++good;
      } catch (Error const& error) {
        REQUIRE(!std::string(error.what()).empty());
        ++refused;
      }
    }
    CHECK(good > 0);
    CHECK(refused > 0);
    CHECK(largest_memory() - memory < (u64{256} << 20));
  }
}
