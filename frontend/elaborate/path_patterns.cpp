#include "frontend/elaborate/path_patterns.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/parameter.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace nnc::front {

namespace {

// Does the text fit the pattern, in which `*` stands for any text? What stands between two stars is found as early as
// possible: a later place could fit no better.
bool fits(std::string_view pattern, std::string_view text) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  for (;;) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == std::string_view::npos) return text.ends_with(pattern);
    size_t at = text.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + star);
  }
}

} // namespace

std::vector<std::string> paths_that_fit(Elaborator& e, std::vector<syntax::String> const& patterns, Chosen chosen,
                                        Location at) {
  std::vector<std::string> paths;
  for (auto const& path : e.parameters.paths())
    if (chosen == Chosen::parameters_and_states || !e.parameters.kept(path).is_state) paths.push_back(path);
  std::vector<std::string> texts;
  for (auto const& s : patterns) texts.push_back(e.expressions.text(s));
  for (auto const& text : texts)
    if (std::ranges::none_of(paths, [&](auto const& path) { return fits(text, path); }))
      e.errors.fail(at, fmt::format("the pattern \"{}\" matches no parameter", text),
                    fmt::format("the parameters are `{}`", fmt::join(paths, "`, `")));
  if (!texts.empty())
    std::erase_if(paths, [&](auto const& path) {
      return std::ranges::none_of(texts, [&](auto const& text) { return fits(text, path); });
    });
  return paths;
}

} // namespace nnc::front
