// Every .ir file below tests/passes: the passes that its first line names turn the program into the text at its end.
// The harness adds what no file has to say: the values stay (evaluator), the result verifies, prints and parses back,
// "unchanged" is true, and a pass that only rewrites changes nothing the second time.
#include "tests/text_test.h"

#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"

#include <iterator>

using namespace nnc;

namespace {

Module parsed(std::string const& name, std::string const& text) {
  auto p = parse_ir(name, text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  return std::move(p.module);
}

std::vector<std::string> words(std::string const& s) {
  std::istringstream in(s);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string run(text_test::Case const& c) {
  auto module = parsed(c.path.string(), c.program);
  PassOptions options;
  options.check_each = true;
  if (c.command != "pipeline") options.only = words(c.command);
  std::string before = print(module);
  options.dump = [&](std::string_view stage, Module const& m, bool changed) {
    INFO(c.path.string() << " after " << stage);
    auto text = print(m);
    CHECK(print(parsed("again.ir", text)) == text);
    if (!changed) CHECK(text == before);
    before = text;
    auto const* pass = pass_named(stage);
    if (!pass || !pass->idempotent) return;
    PassContext context;
    CHECK_MESSAGE(print(pass->run(m, context).module) == text, "a second " << stage << " changes something");
  };
  PassContext context;
  try {
    return print(run_passes(std::move(module), options, context));
  } catch (Error const& e) {
    return render(e.diagnostics, Sources{});
  }
}

} // namespace

TEST_CASE("passes turn programs into programs") { text_test::check_folder("tests/passes", ".ir", run); }
