// How many members work, against machines that are formulas.
#include "runtime/cores.h"
#include "runtime/team_size.h"

#include <doctest/doctest.h>
#include <functional>

namespace {

using namespace nnc;

constexpr f64 slice = 0.03;

// Lets a team of this size work for some seconds in slices; gives the work that it did, in that of one member a second.
f64 work_in(TeamSize& team, f64 seconds, std::function<f64(int)> const& speed) {
  f64 work = 0;
  for (f64 now = 0; now < seconds; now += slice) {
    team.took(slice * speed(team.members()), slice);
    work += slice * speed(team.members());
  }
  return work;
}

f64 quiet(int members) { return 0.9 * members + 0.1; }
f64 busy(int members) { return members == 1 ? 1 : 0.6; }                   // one core of two is taken
f64 one_of_eight_taken(int members) { return members == 8 ? 4 : members; } // all wait for the slowest

} // namespace

TEST_CASE("on a quiet machine all members work, and trials cost less than two hundredths") {
  for (int most : {1, 2, 3, 8, 64}) {
    TeamSize team(most);
    CHECK(team.members() == most);
    CHECK(work_in(team, 20, quiet) >= 0.98 * 20 * quiet(most));
  }
}

TEST_CASE("on a busy machine a team is at most a tenth behind one thread after a second") {
  TeamSize team(2);
  work_in(team, 1, busy);
  CHECK(work_in(team, 1, busy) >= 0.9);
  CHECK(work_in(team, 30, busy) >= 0.95 * 30);
}

TEST_CASE("a machine that becomes busy is noticed within a second, one that becomes quiet within ten") {
  TeamSize team(2);
  work_in(team, 60, quiet);
  work_in(team, 1, busy);
  CHECK(work_in(team, 10, busy) >= 0.93 * 10);
  work_in(team, 10, quiet);
  CHECK(work_in(team, 10, quiet) >= 0.97 * 10 * quiet(2));
}

TEST_CASE("a team of eight that lost a core leaves that one alone") {
  TeamSize team(8);
  work_in(team, 60, one_of_eight_taken);
  CHECK(work_in(team, 10, one_of_eight_taken) >= 0.95 * 70);
}

TEST_CASE("a team has a limit, and it has a core") {
  CHECK(core_count() >= 1);
  CHECK(most_threads() >= 64);
  CHECK(most_threads() >= 4 * core_count());
}
