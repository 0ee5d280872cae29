// Signals and readers who leave while the command trains: what was trained is saved, and the status says why it ended.
#ifdef NNC_COMMAND

#include "runtime/checkpoint.h"
#include "tests/runtime/desk.h"

#include <doctest/doctest.h>

using namespace nnc::test;

namespace {

// A shell that goes on when the command (process $pid) trains.
std::string const when_it_trains = " & pid=$!; for n in $(seq 600); do grep -qs batch words && break; sleep 0.1; done; "
                                   "sleep 0.4; ";
std::string const endless = "digits.nn --train mnist --epochs 1000000 --save w ";

Said killed(Desk const& desk, std::string const& signals, std::string const& before = "") {
  desk.remove("words");
  return desk.nnc(endless + "2>words" + when_it_trains + signals + "; wait $pid", before);
}

bool can_resume(Desk const& desk) {
  auto const checkpoint = nnc::load_checkpoint(desk.scratch() / "w");
  return checkpoint.can_resume && checkpoint.step > 0;
}

} // namespace

TEST_CASE("SIGINT, SIGTERM and SIGHUP end a training, which saves, and are its status") {
  for (auto const& [name, status] : {std::pair{"INT", 130}, {"TERM", 143}, {"HUP", 129}}) {
    Desk desk;
    auto const said = killed(desk, std::string("kill -") + name + " $pid");
    CHECK_MESSAGE(said.status == status, name);
    CHECK(contains(desk.content("words"), "interrupted after step "));
    CHECK(contains(desk.content("words"), "saved w (step "));
    CHECK(can_resume(desk));
  }
}

TEST_CASE("a second signal ends the process at once, whatever the first one waits for") {
  Desk desk;
  auto const said = killed(desk, "kill -TERM $pid; kill -HUP $pid");
  bool const either = said.status == 129 || said.status == 143; // they may arrive as one look at them
  CHECK(either);
}

TEST_CASE("under nohup a hang-up ends nothing") {
  Desk desk;
  auto const said =
      killed(desk, "kill -HUP $pid; sleep 0.3; kill -HUP $pid; sleep 0.3; kill -TERM $pid", "trap '' HUP; ");
  CHECK(said.status == 143);
  CHECK(can_resume(desk));
}

TEST_CASE("a reader who has gone costs neither the training nor its checkpoint") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --train mnist --epochs 3 --save w --digest 2>pipe & pid=$!; head -n 1 <pipe "
                             ">words; wait $pid",
                             "mkfifo pipe; ");
  CHECK(said.status == 0);
  CHECK(contains(desk.content("words"), "mnist: "));
  CHECK(can_resume(desk));
  CHECK(nnc::load_checkpoint(desk.scratch() / "w").epoch == 3);
}

TEST_CASE("Ctrl-C saves also when the reader has gone, or has stopped reading") {
  for (auto const* reader : {"(head -n 2 <pipe; true)", "sleep 100 <pipe"}) {
    Desk desk;
    // As many words as fill a pipe: a line for each epoch of one step.
    auto const said =
        desk.nnc("digits.nn --train mnist --epochs 1000000 --batch 5000 --save w --set adam.lr=0 2>pipe & "
                 "pid=$!; " +
                     std::string(reader) +
                     " >words & reader=$!; sleep 3; kill -INT $pid; wait $pid; status=$?; kill $reader; "
                     "exit $status",
                 "mkfifo pipe; ");
    CHECK_MESSAGE(said.status == 130, reader);
    CHECK(can_resume(desk));
  }
}

#endif
