// The reference page: its programs are accepted, and its table of the library names what exists, and all of it.
#include "frontend/elaborate/builtin.h"
#include "frontend/parser.h"
#include "frontend/std_library.h"
#include "tests/frontend/program.h"

#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

using namespace nnc;

namespace {

std::string page() {
  std::ifstream in(std::string(NNC_SOURCE_DIR) + "/frontend/LANGUAGE.md");
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// Everything that the library and the elaborator declare.
std::set<std::string> library() {
  std::set<std::string> out;
  for (auto const& name : front::builtin_names()) out.insert(name);
  for (auto const& file : std_library()) {
    Sources sources;
    auto parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
    CHECK(parsed.diagnostics.empty());
    for (auto const& f : parsed.file.functions) out.insert(f->name.text);
    for (auto const& f : parsed.file.optimizers) out.insert(f->name.text);
  }
  return out;
}

// The names between backquotes in the rows of the table of section 10; what is in parentheses are arguments.
std::set<std::string> documented(std::string const& text) {
  std::set<std::string> out;
  auto begin = text.find("| what | names |"), end = text.find("\n\n", begin);
  std::string word;
  bool quoted = false;
  int depth = 0;
  for (char c : text.substr(begin, end - begin)) {
    bool letter = (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') && quoted && depth == 0;
    if (letter) word += c;
    else if (!word.empty()) out.insert(std::exchange(word, ""));
    if (c == '`') quoted = !quoted;
    if (c == '(') ++depth;
    if (c == ')') --depth;
  }
  return out;
}

} // namespace

TEST_CASE("the examples, the programs of the benchmark and of the tests are accepted without a warning") {
  int programs = 0;
  for (auto const* folder : {"/examples", "/tools/bench", "/tests/frontend/values"})
    for (auto const& entry : std::filesystem::directory_iterator(NNC_SOURCE_DIR + std::string(folder))) {
      if (entry.path().extension() != ".nn") continue;
      std::string name = entry.path().filename().string();
      CAPTURE(name);
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      auto sources = std::make_shared<Sources>();
      u32 file = sources->add(name, text.str());
      CHECK(render(elaborate(sources, file, {.batch_anywhere = true}).diagnostics, *sources) == "");
      ++programs;
    }
  CHECK(programs >= 10);
}

// Its functions are looked at as those of a user are: names that mean nothing, whether or not somebody calls them.
TEST_CASE("the library names nothing that does not exist") {
  for (auto const& library_file : std_library()) {
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add("mine.nn", std::string(library_file.text) + "\nmodel m { output y = zeros([1]) }\n");
    CHECK(render(elaborate(sources, file).diagnostics, *sources) == "");
  }
}

TEST_CASE("the programs of the reference are accepted, without a warning") {
  std::string text = page();
  int programs = 0;
  for (size_t at = text.find("```nn\n"); at != std::string::npos; at = text.find("```nn\n", at + 1)) {
    size_t begin = at + 6;
    test::Compiled program(text.substr(begin, text.find("```", begin) - begin));
    CHECK(render(program.result.diagnostics, *program.sources) == "");
    ++programs;
  }
  CHECK(programs >= 3);
}

TEST_CASE("the table of the library is complete") {
  std::istringstream kept("reduced fan_in fan_out front_axis wide_dtype widened narrowed random_bits for_each_axis "
                          "spatial_axes convert grad descended warmed between updated updated_floats along is_float "
                          "pushed in_order ratio_of_norms root_mean_square weighted spread_behind log_of_cosh "
                          "turned sorted largest_so_far reversed_max least pooled_parts padded resized in_layers "
                          "first_state in_order_of_steps in_order_of_time cosine_window for_each_example random_box "
                          "log_gamma_draw dropped central_erf_inverse orthogonal_rows");
  std::set<std::string> const internal{std::istream_iterator<std::string>(kept), {}};
  std::set<std::string> const later{"total"};
  auto have = library(), said = documented(page());
  for (auto const& name : said)
    CHECK_MESSAGE(have.contains(name), fmt::format("documented, but does not exist: {}", name));
  for (auto const& name : have)
    CHECK_MESSAGE((said.contains(name) || internal.contains(name) || later.contains(name)),
                  fmt::format("exists, but is not documented: {}", name));
}
