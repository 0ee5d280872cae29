// Passes and code generation ask the operator table for what they need to know: traits, index maps, joins. What is
// still named in them is counted here, and the counts only go down.
#include "tests/text_test.h"

#include <doctest/doctest.h>

#include <regex>

using namespace nnc;

namespace {

std::ptrdiff_t count(std::string const& folder, std::regex const& what) {
  std::ptrdiff_t n = 0;
  for (auto const* extension : {".cpp", ".h"})
    for (auto const& path : text_test::files_below(folder, extension)) {
      auto const text = text_test::read_file(path);
      n += std::distance(std::sregex_iterator(text.begin(), text.end(), what), {});
    }
  return n;
}

} // namespace

// passes: 52 of 115 are the rules of simplify, by which an operator becomes another one; layout says of seven what
// another order of axes means to their attributes; differentiate, assemble_step, accumulate, phases and plan_memory make nodes, and
// tell scan and cond apart. codegen: 51 of 160 are the table of elementwise operators, most others make index
// arithmetic, conditions and joins.
TEST_CASE("few operators are named outside of the table") {
  std::regex const any("OpCode::[a-z_]+");
  CHECK(count("passes", any) <= 115);
  CHECK(count("codegen", any) <= 160);
}

TEST_CASE("code generation names no operator that only moves data") {
  CHECK(count("codegen", std::regex("OpCode::(reshape|transpose|broadcast|slice|pad|concat|reverse|gather)\\b")) == 0);
}
