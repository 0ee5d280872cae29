// Values of --set, written as in the language: numbers, true, false, none, strings, lists of them; a word that means
// nothing else is a string.
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/tunables.h"
#include "frontend/habits.h"
#include "frontend/parser.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace nnc::front {

using namespace syntax;

Location SettingValues::place_of(std::string const& text, std::string const& name) {
  auto const begin = static_cast<u32>(name.size()) + 1;
  return {now_.program.option(name, text), 1, begin + 1, static_cast<u32>(text.size())};
}

// Of all values: mistakes in them are independent of each other.
bool SettingValues::all_are_values() {
  size_t const before = now_.out.diagnostics.size();
  for (auto const& [name, text] : now_.settings.set) {
    try {
      (void)parsed(text, name);
    } catch (Failure const& failure) {
      errors_.report(failure);
    }
  }
  return now_.out.diagnostics.size() == before;
}

std::optional<SettingValues::Given> SettingValues::find(std::string const& name) {
  std::optional<Given> found; // the last one counts
  for (auto const& [given, text] : now_.settings.set)
    if (given == name) {
      used_[name].insert(name);
      found = {parsed(text, name), place_of(text, name)};
    }
  return found;
}

std::optional<SettingValues::Given> SettingValues::find_path(std::string const& path) {
  std::optional<Given> found = find(path);
  if (found) return found;
  for (auto const& [given, text] : now_.settings.set)
    if (path.ends_with("." + given) && !is_a_name_of_its_own(given)) {
      used_[given].insert(path);
      found = {parsed(text, given), place_of(text, given)};
    }
  return found;
}

bool SettingValues::is_a_name_of_its_own(std::string const& name) const {
  return std::ranges::any_of(now_.model->parameters, [&](auto const& p) { return p.name.text == name; }) ||
         now_.main.consts.contains(name) || is_setting(name) || e_.tunables.settings().contains(name);
}

Any SettingValues::as_function(Given const& given, Any const& expected) {
  auto const* word = given.value.get<std::string>();
  if (!word || !expected.is<FunctionValue>()) return given.value;
  Frame frame{.kind = Frame::Kind::constant, .name = *word, .file = &now_.main};
  FrameGuard guard(now_, frame);
  return e_.lookup.lookup_callable(*word, given.at);
}

Any SettingValues::parsed(std::string const& text, std::string const& name) {
  Location const at = place_of(text, name);
  if (aim_of(text) || patience_of(text)) return {text, at}; // `max accuracy`, `3 of min loss`
  auto expression = parse_expression(now_.program.sources(), at.file, at.column - 1);
  if (!expression.diagnostics.empty()) throw Failure{expression.diagnostics.front()};
  Frame frame{.kind = Frame::Kind::constant, .name = name};
  FrameGuard guard(now_, frame);
  GraphGuard no_graph(now_, nullptr);
  Any value = value_of(*expression.expression);
  value.at = at;
  return value;
}

Any SettingValues::value_of(Expr const& e) {
  if (auto* n = std::get_if<NameExpr>(&e.as)) {
    bool const number = n->name == "pi" || n->name == "inf" || n->name == "nan";
    return number || dtype_named(n->name) ? e_.expressions.eval(e) : Any{n->name};
  }
  if (auto* l = std::get_if<ListExpr>(&e.as)) {
    List out;
    for (auto const& item : l->items) {
      if (item.spread) refuse(e.at);
      out.push_back(value_of(*item.value));
    }
    return list_of(std::move(out));
  }
  if (auto* s = std::get_if<StringExpr>(&e.as)) {
    for (auto const& part : s->string.parts)
      if (part.expression) refuse(part.expression->at);
    return e_.expressions.eval(e);
  }
  if (std::holds_alternative<NumberExpr>(e.as) || std::holds_alternative<ConstantExpr>(e.as))
    return e_.expressions.eval(e);
  auto* u = std::get_if<UnaryExpr>(&e.as);
  auto* b = std::get_if<BinaryExpr>(&e.as);
  if (u && u->op == "-") return e_.operators.negate(number_of(*u->operand), e.at);
  if (b) {
    Any left = number_of(*b->left);
    return e_.operators.binary(b->op, left, number_of(*b->right), e.at);
  }
  refuse(e.at);
}

Any SettingValues::number_of(Expr const& e) {
  Any value = value_of(e);
  if (!value.is<Dim>() && !value.is<f64>()) refuse(e.at);
  return value;
}

void SettingValues::refuse(Location at) {
  errors_.fail(at, "expected a number, true, false, none, a string or a list of them",
               "a string stands in double quotes, `\"...\"`");
}

// Whatever --set names must have found its place.
void SettingValues::check_used() {
  for (auto const& [name, text] : now_.settings.set) {
    auto const used = used_.find(name);
    bool const found = used != used_.end() && used->second.size() == 1;
    if (found || now_.main.consts.contains(name)) continue; // also one that nothing reads
    std::vector<std::string> names;
    if (now_.model)
      for (auto const& p : now_.model->parameters) names.push_back(p.name.text);
    for (auto const& [n, _] : e_.tunables.settings())
      if (!n.starts_with(validation_prefix) && std::find(names.begin(), names.end(), n) == names.end())
        names.push_back(n);
    for (auto const& [n, _] : now_.main.consts) names.push_back(n);
    for (auto const& n : setting_names())
      if (std::find(names.begin(), names.end(), n) == names.end()) names.push_back(n);
    auto near = nearest(name, names);
    if (auto const* h = habit(HabitKind::setting, name); h && !h->means.empty()) near = h->means;
    auto const dot = name.rfind('.');
    if (auto const* h = dot == std::string::npos ? nullptr : habit(HabitKind::argument, name.substr(dot + 1)); h) {
      auto const meant = name.substr(0, dot + 1) + std::string(h->means);
      if (std::find(names.begin(), names.end(), meant) != names.end()) near = meant;
    }
    std::string help;
    if (used != used_.end()) help = fmt::format("it may be `{}`", fmt::join(used->second, "` or `"));
    else if (!near.empty()) help = fmt::format("did you mean `{}`?", near);
    else
      for (auto const& n : names) help += (help.empty() ? "there are " : ", ") + n;
    Location at = place_of(text, name);
    at.column = 1, at.length = static_cast<u32>(name.size());
    std::string const message = used != used_.end() ? fmt::format("several numbers are called `{}`", name)
                                                    : fmt::format("nothing here is called `{}`", name);
    errors_.report(Diagnostic{.at = at, .message = message, .help = help});
  }
}

} // namespace nnc::front
