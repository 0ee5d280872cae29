// kill -9 at any moment: the checkpoint is the old or the new one, whole; the training goes on from it to the same
// bits, and what a killed process left behind is gone after the next save.
#ifdef NNC_COMMAND

#include "runtime/checkpoint.h"
#include "tests/runtime/desk.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <random>

using namespace nnc::test;

namespace {

int temporary_files(Desk const& desk) {
  int count = 0;
  for (auto const& entry : std::filesystem::directory_iterator(desk.scratch().folder()))
    count += contains(entry.path().filename().string(), ".nnc-");
  return count;
}

} // namespace

TEST_CASE("a training that is killed again and again ends at the bits of one that is not") {
  Desk desk;
  std::mt19937 random(7);
  int left = 0, killed = 0;
  std::int64_t last = 0;
  for (int i = 0; i < 60; ++i) {
    // From the start, or from the first word that it trains: half of the time of a step is the writing of its file.
    auto const wait = i % 3 ? "for n in $(seq 400); do grep -qs batch words && break; sleep 0.05; done; " : "";
    auto const command =
        fmt::format("digits.nn --train mnist --steps 1000000 --save w --save-every 1 --resume 2>words & "
                    "pid=$!; {}sleep {}; kill -9 $pid; wait $pid",
                    wait, 0.0005 * static_cast<double>(random() % 400));
    desk.remove("words");
    killed += desk.nnc(command).status == 137;
    left = std::max(left, temporary_files(desk));
    if (!desk.has("w")) continue; // killed before its first step
    auto const checkpoint = nnc::load_checkpoint(desk.scratch() / "w");
    CHECK(checkpoint.can_resume);
    CHECK(checkpoint.step >= last);
    last = checkpoint.step;
  }
  CHECK(killed == 60);
  CHECK(last > 60);
  MESSAGE("step ", last, ", at most ", left, " temporary files left by a kill");
  auto const steps = std::to_string(last + 3);
  auto const resumed = desk.nnc("digits.nn --train mnist --save w --resume --digest --steps " + steps);
  CHECK(resumed.status == 0);
  CHECK(temporary_files(desk) == 0);
  CHECK(digest_in(resumed.out).size() == 64);
  CHECK(digest_in(resumed.out) == digest_in(desk.nnc("digits.nn --train mnist --digest --steps " + steps).out));
}

#endif
