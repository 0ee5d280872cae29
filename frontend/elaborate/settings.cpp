// Values of --set, written as in the language: numbers, true, false, none, strings, lists of them; a word that means
// nothing else is a string.
#include "frontend/elaborate/elaborator.h"
#include "frontend/parser.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

Location Elaborator::setting_place(std::string const& text, std::string const& name) {
  auto const begin = static_cast<u32>(name.size()) + 1;
  return {program_.option(name, text), 1, begin + 1, static_cast<u32>(text.size())};
}

// Of all values: mistakes in them are independent of each other.
bool Elaborator::settings_are_values() {
  size_t const before = out_.diagnostics.size();
  for (auto const& [name, text] : settings_.set) {
    try {
      (void)parsed_setting(text, name);
    } catch (Failure const& failure) {
      report(failure);
    }
  }
  return out_.diagnostics.size() == before;
}

Any Elaborator::setting_value(std::string const& text, std::string const& name) {
  set_used_.insert(name);
  return parsed_setting(text, name);
}

Any Elaborator::parsed_setting(std::string const& text, std::string const& name) {
  Location const at = setting_place(text, name);
  auto parsed = parse_expression(program_.sources(), at.file, at.column - 1);
  if (!parsed.diagnostics.empty()) throw Failure{parsed.diagnostics.front()};
  Frame frame{.kind = Frame::Kind::constant, .name = name};
  FrameGuard guard(*this, frame);
  GraphGuard no_graph(*this, nullptr);
  Any value = setting_value(*parsed.expression);
  value.at = at;
  return value;
}

Any Elaborator::setting_value(Expr const& e) {
  if (auto* n = std::get_if<NameExpr>(&e.as)) {
    bool const number = n->name == "pi" || n->name == "inf" || n->name == "nan";
    return number || dtype_named(n->name) ? eval(e) : Any{n->name};
  }
  if (auto* l = std::get_if<ListExpr>(&e.as)) {
    List out;
    for (auto const& item : l->items) {
      if (item.spread) refuse_setting(e.at);
      out.push_back(setting_value(*item.value));
    }
    return list_of(std::move(out));
  }
  if (auto* s = std::get_if<StringExpr>(&e.as)) {
    for (auto const& part : s->string.parts)
      if (part.expression) refuse_setting(part.expression->at);
    return eval(e);
  }
  if (std::holds_alternative<NumberExpr>(e.as) || std::holds_alternative<ConstantExpr>(e.as)) return eval(e);
  auto* u = std::get_if<UnaryExpr>(&e.as);
  auto* b = std::get_if<BinaryExpr>(&e.as);
  if (u && u->op == "-") return negate(setting_number(*u->operand), e.at);
  if (b) {
    Any left = setting_number(*b->left);
    return binary(b->op, left, setting_number(*b->right), e.at);
  }
  refuse_setting(e.at);
}

Any Elaborator::setting_number(Expr const& e) {
  Any value = setting_value(e);
  if (!value.is<Dim>() && !value.is<f64>()) refuse_setting(e.at);
  return value;
}

void Elaborator::refuse_setting(Location at) {
  fail(at, "expected a number, true, false, none, a string or a list of them",
       "a string stands in double quotes, `\"...\"`");
}

} // namespace nnc::front
