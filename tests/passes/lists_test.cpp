// What is true of a pass stands in its row of the pipeline, and nowhere else: no test has a list of passes of its own.
#include "passes/pass.h"
#include "tests/text_test.h"

#include <doctest/doctest.h>

using namespace nnc;

namespace {

constexpr int a_list = 3; // so many names in one pair of brackets; two may be a case of their own

// The most names of passes, in quotes, that stand between two brackets which hold no others.
int longest_list(std::string const& text) {
  int longest = 0, names = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (std::string_view("[](){}").find(text[at]) != std::string_view::npos) names = 0;
    if (text[at] != '"') continue;
    size_t const end = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1), text.size() - 1);
    if (text[end] != '"' || !pass_named(std::string_view(text).substr(at + 1, end - at - 1))) continue;
    longest = std::max(longest, ++names);
    at = end;
  }
  return longest;
}

} // namespace

TEST_CASE("a list of passes is found") {
  std::string all;
  for (auto const* p : distinct_passes()) all += "\"" + std::string(p->name) + "\",\n ";
  CHECK(longest_list("for (auto name : {" + all + "})") == static_cast<int>(distinct_passes().size()));
  CHECK(longest_list("f(\"dce\", g(\"fold\"), \"x\")") == 1);
}

TEST_CASE("no test has a list of passes") {
  for (auto const* extension : {".cpp", ".h", ".py"})
    for (auto const& path : text_test::files_below("tests", extension)) {
      INFO(path.string());
      CHECK(longest_list(text_test::read_file(path)) < a_list);
    }
}
