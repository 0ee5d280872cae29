// Replacing a file: either the old or the new content is there, and nothing else is left behind.
#include "runtime/bytes.h"
#include "runtime/files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

namespace fs = std::filesystem;

int files_in(fs::path const& folder) {
  int count = 0;
  for ([[maybe_unused]] auto const& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

} // namespace

TEST_CASE("a file is replaced as a whole and keeps its permissions") {
  Scratch scratch;
  auto const path = scratch.write("w", "old");
  ::chmod(path.c_str(), 0640);
  write_atomically(path, {as_bytes("new "), {}, as_bytes("content")});
  CHECK(content_of(path) == "new content");
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(files_in(scratch.folder()) == 1);
}

TEST_CASE("a new file appears") {
  Scratch scratch;
  write_atomically(scratch / "w", {as_bytes("x")});
  CHECK(content_of(scratch / "w") == "x");
}

TEST_CASE("a symbolic link to a file is followed, one to nowhere refused") {
  Scratch scratch;
  scratch.write("real", "old");
  fs::create_symlink("real", scratch / "link");
  write_atomically(scratch / "link", {as_bytes("new")});
  CHECK(fs::is_symlink(scratch / "link"));
  CHECK(content_of(scratch / "real") == "new");
  fs::create_symlink("nothing", scratch / "lost");
  CHECK(error_in(scratch, [&] { write_atomically(scratch / "lost", {}); }) ==
        "lost: is a symbolic link that leads nowhere");
}

TEST_CASE("what is no regular file is refused, before and while writing") {
  Scratch scratch;
  fs::create_directory(scratch / "folder");
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  for (auto const& check :
       {+[](fs::path const& p) { check_writable(p); }, +[](fs::path const& p) { write_atomically(p, {}); }}) {
    CHECK(error_in(scratch, [&] { check(scratch / "folder"); }) ==
          "folder: is not a regular file, so it is not replaced");
    CHECK(error_in(scratch, [&] { check(scratch / "pipe"); }) == "pipe: is not a regular file, so it is not replaced");
    CHECK(error_of([&] { check("/dev/null"); }) == "/dev/null: is not a regular file, so it is not replaced");
    CHECK(error_in(scratch, [&] { check(scratch / "none/w"); }) == "none/w: cannot write: no such file or directory");
  }
  CHECK_NOTHROW(check_writable(scratch / "w"));
  CHECK(!fs::exists(scratch / "w"));
}

TEST_CASE("a full disk leaves the old file and no other") {
  Scratch scratch;
  auto const path = scratch.write("w", "old");
  std::string const large(100'000, 'x');
  {
    FullDisk const full(50'000);
    CHECK(error_in(scratch, [&] { write_atomically(path, {as_bytes(large)}); }) == "w: cannot write: file too large");
  }
  CHECK(content_of(path) == "old");
  CHECK(files_in(scratch.folder()) == 1);
  write_atomically(path, {as_bytes(large)});
  CHECK(content_of(path) == large);
}

TEST_CASE("temporary files of dead processes are removed, and no others") {
  Scratch scratch;
  for (auto const* abandoned : {".w.nnc-7-0.tmp", ".other.safetensors.nnc-123-45.tmp"}) scratch.write(abandoned, "x");
  for (auto const* foreign : {".w.7.0.tmp", "w.nnc-7-0.tmp", ".w.nnc-7-0.tmp2", ".w.nnc-7.tmp", ".w.nnc--1.tmp",
                              ".w.nnc-7-.tmp", ".w.nnc-x-0.tmp"})
    scratch.write(foreign, "x");
  auto const busy = scratch.write(".w.nnc-8-0.tmp", "x"); // of a process that lives: it holds a lock
  int const descriptor = ::open(busy.c_str(), O_RDONLY);
  REQUIRE(::flock(descriptor, LOCK_EX | LOCK_NB) == 0);
  fs::create_symlink("w.nnc-7-0.tmp", scratch / ".link.nnc-7-0.tmp");
  write_atomically(scratch / "w", {as_bytes("new")});
  CHECK(files_in(scratch.folder()) == 10);
  CHECK(!fs::exists(scratch / ".w.nnc-7-0.tmp"));
  CHECK(!fs::exists(scratch / ".other.safetensors.nnc-123-45.tmp"));
  CHECK(fs::exists(busy));
  ::close(descriptor);
  check_writable(scratch / "w");
  CHECK(!fs::exists(busy));
}

TEST_CASE("many who replace one file at a time leave one of their contents") {
  Scratch scratch;
  std::vector<std::thread> writers;
  for (char letter = 'a'; letter < 'e'; ++letter)
    writers.emplace_back([&scratch, letter] {
      std::string const content(50'000, letter);
      for (int i = 0; i < 20; ++i) write_atomically(scratch / "w", {as_bytes(content)});
    });
  for (auto& writer : writers) writer.join();
  auto const content = content_of(scratch / "w");
  CHECK(content == std::string(50'000, content.at(0)));
  CHECK(files_in(scratch.folder()) == 1);
}

TEST_CASE("the longest names that a file may have can be replaced") {
  Scratch scratch;
  std::string const name(255, 'n');
  write_atomically(scratch / name, {as_bytes("x")});
  CHECK(content_of(scratch / name) == "x");
}

TEST_CASE("a pipe is refused by the reader too, at once") {
  Scratch scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK(error_in(scratch, [&] { MappedFile::open(scratch / "pipe"); }) == "pipe: is not a regular file");
  CHECK(MappedFile::open(scratch.write("empty", ""))->bytes().empty());
}

TEST_CASE("the cache follows the environment") {
  Environment const home("HOME", "/home/someone");
  {
    Environment const cache("XDG_CACHE_HOME", "/var/somewhere");
    CHECK(cache_folder() == fs::path("/var/somewhere/nnc"));
  }
  {
    Environment const cache("XDG_CACHE_HOME", "relative"); // ignored, as the standard of these variables says
    CHECK(cache_folder() == fs::path("/home/someone/.cache/nnc"));
  }
  Environment const cache("XDG_CACHE_HOME", std::nullopt), nobody("HOME", std::nullopt);
  CHECK(!cache_folder());
}
