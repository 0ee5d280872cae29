// Replacing a file: either the old or the new content is there, and nothing else is left behind.
#include "runtime/bytes.h"
#include "runtime/files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <sys/stat.h>

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
