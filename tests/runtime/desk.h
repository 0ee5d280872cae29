// What the tests of the command share: a folder in which it runs, and what it said.
#pragma once

#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <cstdlib>
#include <sys/wait.h>

namespace nnc::test {

struct Said {
  int status = -1;
  std::string out, err;
};

// A folder with digits.nn in which commands run; nothing is found in caches, so `mnist` is the digits inside nnc.
class Desk {
public:
  Desk() { scratch_.write("digits.nn", digits); }
  Scratch const& scratch() const { return scratch_; }
  bool has(std::string const& file) const { return std::filesystem::exists(scratch_ / file); }
  std::string content(std::string const& file) const { return content_of(scratch_ / file); }
  void remove(std::string const& file) const { std::filesystem::remove(scratch_ / file); }

  // `arguments` go to a shell and may end in more commands; so may `before` begin with some ("ulimit -f 9; ").
  Said nnc(std::string const& arguments, std::string const& before = "") const {
    remove("err");
    auto const command = "cd '" + scratch_.folder().string() + "' || exit; " + before +
                         "env -u NNC_DATA XDG_CACHE_HOME=/nowhere TERM=dumb '" NNC_COMMAND "' >out 2>err " + arguments;
    int const status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content("out"), content("err")};
  }

private:
  Scratch scratch_;
};

inline bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

inline std::string digest_in(std::string const& out) {
  auto const at = out.find("weights sha256 ");
  return at == std::string::npos ? "none" : out.substr(at + 15, 64);
}

} // namespace nnc::test
