// Checkpoints: all of a training comes back, files from elsewhere are parameters, damaged ones are refused.
#include "runtime/checkpoint.h"
#include "runtime/safetensors.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace nnc;
using namespace nnc::test;

namespace {

HostTensor filled(std::vector<i64> shape, f32 value) {
  HostTensor tensor(DType::f32, std::move(shape));
  std::ranges::fill(tensor.writable_as<f32>(), value);
  return tensor;
}

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.parameters = {{"dense.weight", filled({2, 3}, 1)}, {"dense.bias", filled({3}, 2)}};
  checkpoint.states = {{"batch_norm.mean", filled({3}, 3)}};
  checkpoint.optimizer = {{"m/dense.weight", filled({2, 3}, 4)}, {"m/dense.bias", filled({3}, 5)}};
  checkpoint.step = 12345678901;
  checkpoint.epoch = 3;
  checkpoint.seed = ~u64{0};
  checkpoint.notes = {{"batch", "32"}};
  return checkpoint;
}

std::vector<std::string> names(std::vector<NamedTensor> const& tensors) {
  std::vector<std::string> result;
  for (auto const& named : tensors) result.push_back(named.name);
  std::ranges::sort(result);
  return result;
}

bool same(std::vector<NamedTensor> const& a, std::vector<NamedTensor> const& b) {
  return names(a) == names(b) && digest(a) == digest(b);
}

// The example with one entry of its metadata changed (or, with no value, taken out).
std::string error_with(std::string const& key, std::optional<std::string> const& value) {
  Scratch scratch;
  save_checkpoint(scratch / "w", example());
  auto content = read_safetensors(scratch / "w");
  content.metadata.erase(key);
  if (value) content.metadata[key] = *value;
  write_safetensors(scratch / "v", content);
  return error_in(scratch, [&] { load_checkpoint(scratch / "v"); });
}

} // namespace

TEST_CASE("a checkpoint comes back whole") {
  Scratch scratch;
  auto const saved = example();
  save_checkpoint(scratch / "w", saved);
  auto const loaded = load_checkpoint(scratch / "w");
  CHECK(loaded.can_resume);
  CHECK(same(loaded.parameters, saved.parameters));
  CHECK(same(loaded.states, saved.states));
  CHECK(same(loaded.optimizer, saved.optimizer));
  CHECK(loaded.step == saved.step);
  CHECK(loaded.epoch == saved.epoch);
  CHECK(loaded.seed == saved.seed);
  CHECK(loaded.notes == saved.notes);
}

TEST_CASE("the same training gives the same file") {
  Scratch scratch;
  save_checkpoint(scratch / "a", example());
  save_checkpoint(scratch / "b", example());
  CHECK(content_of(scratch / "a") == content_of(scratch / "b"));
}

TEST_CASE("a file from elsewhere is parameters alone") {
  Scratch scratch;
  write_safetensors(scratch / "w", {.tensors = example().parameters, .metadata = {{"format", "pt"}}});
  auto const loaded = load_checkpoint(scratch / "w");
  CHECK(!loaded.can_resume);
  CHECK(same(loaded.parameters, example().parameters));
  CHECK(loaded.states.empty());
  CHECK(loaded.step == 0);
}

TEST_CASE("metadata that make no sense are refused") {
  CHECK(error_with("version", "2") == "v: a checkpoint of version '2', expected '1'");
  CHECK(error_with("step", std::nullopt) == "v: a checkpoint whose metadata lack 'step'");
  CHECK(error_with("step", "-1") == "v: the metadata say step = '-1', expected a number");
  CHECK(error_with("step", "12x") == "v: the metadata say step = '12x', expected a number");
  CHECK(error_with("seed", "18446744073709551616") ==
        "v: the metadata say seed = '18446744073709551616', expected a number");
  CHECK(error_with("states", "3") == "v: the metadata say states = '3', expected a list of names");
  CHECK(error_with("states", "[3]") == "v: the metadata say states = '[3]', expected a list of names");
  CHECK(error_with("states", "[") == "v: the metadata say states = '[', expected a list of names");
  CHECK(error_with("states", R"(["a","a"])") ==
        R"(v: the metadata say states = '["a","a"]', expected a list of names)");
  CHECK(error_with("optimizer", R"(["nothing"])") ==
        "v: the metadata list 1 tensors under optimizer, and the file has 0 of them");
}

TEST_CASE("a full disk keeps the old checkpoint") {
  Scratch scratch;
  save_checkpoint(scratch / "w", example());
  auto const before = content_of(scratch / "w");
  auto larger = example();
  larger.parameters[0].tensor = filled({100, 300}, 9);
  {
    FullDisk const full(10'000);
    CHECK(error_in(scratch, [&] { save_checkpoint(scratch / "w", larger); }) == "w: cannot write: file too large");
  }
  CHECK(content_of(scratch / "w") == before);
  CHECK(same(load_checkpoint(scratch / "w").parameters, example().parameters));
}

TEST_CASE("the digest is the published recipe, whatever the order of the tensors") {
  // printf 'b\nf32[1]\n\0\0\200\077w\nf32[2]\n\0\0\0\100\0\0\0\100' | sha256sum
  std::vector<NamedTensor> const forth{{"b", filled({1}, 1)}, {"w", filled({2}, 2)}};
  std::vector<NamedTensor> const back{{"w", filled({2}, 2)}, {"b", filled({1}, 1)}};
  CHECK(digest(forth) == "e1637b54c2a8a0a80995b636c0f30380bdcc04ab02e2a0f138d92bb9a22c40da");
  CHECK(digest(back) == digest(forth));
  CHECK(digest({{"b", filled({1}, 1)}, {"w", filled({2, 1}, 2)}}) != digest(forth));
}
