#include "frontend/elaborate/value.h"

#include "frontend/elaborate/graph.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace nnc::front {

int depth_of(Any const& v) {
  if (auto* l = v.list()) return l->depth;
  auto* f = v.get<FunctionValue>();
  return f ? f->depth : 0;
}

Type const& type_of(Any const& v) { return v.tensor()->graph->type(v.tensor()->id); }

bool is_number(Any const& v) {
  auto* t = v.tensor();
  return v.is<Dim>() || v.is<f64>() || (t && t->tunes);
}

Any list_of(List items) {
  items.depth = 1;
  for (auto const& item : items) items.depth = std::max(items.depth, depth_of(item) + 1);
  if (items.depth > deepest_value) throw Error(fmt::format("lists are nested deeper than {}", deepest_value));
  return {std::make_shared<List const>(std::move(items))};
}

Any list_of(Shape const& shape) {
  List items;
  for (auto const& d : shape) items.push_back({d});
  return list_of(std::move(items));
}

std::string shown(Dim const& d) { return d.text(); }

// The shortest text that reads back as the same number.
std::string shown(f64 x) {
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, x).ptr;
  std::string text(buffer, end);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string shown(Type const& type) {
  std::string out = fmt::format("{}[", name(type.dtype));
  for (size_t i = 0; i < type.shape.size(); ++i) out += (i ? ", " : "") + shown(type.shape[i]);
  return out + "]";
}

namespace {

std::string shown_list(List const& items) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == 8) return out + ", ...]";
    auto const& item = items[i];
    out += i ? ", " : "";
    if (auto* d = item.get<Dim>()) out += shown(*d);
    else if (auto* x = item.get<f64>()) out += shown(*x);
    else out += shown(item);
  }
  return out + "]";
}

struct Shown {
  std::string operator()(None) const { return "none"; }
  std::string operator()(Poison) const { return "an unknown value"; }
  std::string operator()(Dim const& d) const { return fmt::format("the int {}", shown(d)); }
  std::string operator()(f64 x) const { return fmt::format("the float {}", shown(x)); }
  std::string operator()(bool b) const { return b ? "true" : "false"; }
  std::string operator()(std::string const& s) const { return fmt::format("the string \"{}\"", s); }
  std::string operator()(DType d) const { return fmt::format("the dtype {}", name(d)); }
  std::string operator()(std::shared_ptr<List const> const& l) const {
    return fmt::format("the list {}", shown_list(*l));
  }
  std::string operator()(FunctionValue const& f) const {
    auto const& text = f.function->name.text;
    return text.empty() ? "a function without a name" : fmt::format("the function {}", text);
  }
  std::string operator()(TensorValue const& t) const {
    if (t.tunes && t.known) return fmt::format("the float {}", shown(*t.known));
    if (t.tunes) return "a number that is known only at run time";
    return shown(t.graph->type(t.id));
  }
};

} // namespace

std::string shown(Any const& value) { return std::visit(Shown{}, value.as); }

} // namespace nnc::front
