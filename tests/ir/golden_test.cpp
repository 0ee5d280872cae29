// The text form by example. tests/ir/text: what a module prints as. tests/ir/wrong: what is said about a wrong one, by
// the parser or, if it parses, by the verifier.
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/text_test.h"

using namespace nnc;

namespace {

ParsedModule parsed(text_test::Case const& c) { return parse_ir(c.path.filename().string(), c.program); }

} // namespace

TEST_CASE("modules print as they were read, and the same a second time") {
  text_test::check_folder("tests/ir/text", ".ir", [](text_test::Case const& c) {
    auto p = parsed(c);
    if (!p.diagnostics.empty()) return render(p.diagnostics, *p.module.sources);
    std::string text = print(p.module);
    CHECK(print(parse_ir("again.ir", text).module) == text);
    CHECK(verify(p.module).empty());
    return text;
  });
}

TEST_CASE("wrong modules are refused with a place and a reason") {
  text_test::check_folder("tests/ir/wrong", ".ir", [](text_test::Case const& c) {
    auto p = parsed(c);
    auto problems = p.diagnostics.empty() ? verify(p.module) : p.diagnostics;
    CHECK_FALSE(problems.empty());
    return render(problems, *p.module.sources);
  });
}
