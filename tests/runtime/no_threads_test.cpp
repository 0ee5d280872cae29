// Where the system starts no thread: what can be done without one is done, the rest is an error at the program. System
// calls are refused by a filter, as a container refuses them, so that the test is the same for every user.
#ifdef NNC_COMMAND

#include "nnc/nnc.hpp"
#include "tests/runtime/desk.h"

#include <cerrno>
#include <cstddef>
#include <doctest/doctest.h>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>

using namespace nnc::test;

namespace {

// From now on this thread, and what it starts, gets EAGAIN for a new thread; new processes are no threads.
bool refuse_threads() {
  constexpr auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
  constexpr auto first_argument = static_cast<unsigned>(offsetof(seccomp_data, args));
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS), // then libc takes the old one, whose flags can be read
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first_argument),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog const program{.len = sizeof rules / sizeof *rules, .filter = rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// On a thread of its own; false where the system takes no filter.
bool without_threads(std::function<void()> const& action) {
  bool done = false;
  std::thread([&] {
    done = refuse_threads();
    if (done) action();
  }).join();
  if (!done) MESSAGE("this system takes no filter of system calls");
  return done;
}

constexpr char const* lacking = "Resource temporarily unavailable";

} // namespace

TEST_CASE("one thread trains, compiles and runs without another") {
  Desk desk;
  auto const usual = desk.nnc("digits.nn --train mnist --steps 5 --digest");
  REQUIRE(usual.status == 0);
  without_threads([&] {
    for (auto const* threads : {"", " --threads 1"}) {
      auto const said = desk.nnc(std::string("digits.nn --train mnist --steps 5 --digest") + threads);
      CHECK_MESSAGE(said.status == 0, said.err);
      CHECK(digest_in(said.out) == digest_in(usual.out));
    }
    CHECK(desk.nnc("digits.nn --emit object -o digits.o").status == 0);
  });
}

TEST_CASE("threads that were asked for and do not start are an error at the program") {
  Desk desk;
  without_threads([&] {
    auto const said = desk.nnc("digits.nn --train mnist --steps 5 --threads 2");
    CHECK(said.status == 1);
    CHECK(contains(said.err, "digits.nn:"));
    CHECK(contains(said.err, std::string("error: the system does not start 2 threads: ") + lacking));
  });
}

TEST_CASE("a small stack without a thread to move to is an error at the program") {
  Desk desk;
  without_threads([&] {
    auto const said = desk.nnc("digits.nn --emit asm -o digits.s", "ulimit -s 512; ");
    CHECK(said.status == 1);
    CHECK(contains(said.err, "digits.nn:1:1: error: a thread cannot be started: "));
    CHECK(contains(said.err, lacking));
  });
}

#endif
