// An argument of the wrong type: which conversion of it, or of another argument of the call, would fit. A conversion is
// offered only after the type that it makes has been matched against all patterns of the call.
#include "frontend/elaborate/argument_help.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/tensor.h"

#include <fmt/core.h>
#include <functional>

namespace nnc::front {

namespace {

using Rewrite = std::function<std::string(std::string const&)>;

struct Conversion {
  Type type;
  Rewrite of;       // the text of the operand -> the text of the converted one
  std::string pipe; // what stands between two `|>`, where that is possible
};

// An index that takes every axis but the last whole.
std::string indexed(size_t whole, char const* last) {
  if (whole > 2) return fmt::format("[.., {}]", last);
  std::string out = "[";
  for (size_t i = 0; i < whole; ++i) out += ":, ";
  return out + last + "]";
}

std::optional<Conversion> dropped(Type const& t) {
  if (t.rank() < 1 || !(t.shape.back() == Dim(1))) return {};
  Type to = t;
  to.shape.pop_back();
  std::string tail = indexed(to.shape.size(), "0");
  return Conversion{to, [tail](auto& e) { return e + tail; }, ""};
}

Conversion widened(Type const& t) {
  Type to = t;
  to.shape.push_back(1);
  std::string tail = indexed(t.shape.size(), "none");
  return {to, [tail](auto& e) { return e + tail; }, ""};
}

// Images of one channel that was left out.
std::optional<Conversion> with_channel(Type const& t) {
  if (t.rank() < 2) return {};
  Type to = t;
  to.shape.insert(to.shape.begin() + 1, Dim(1));
  return Conversion{to, [](auto& e) { return e + "[:, none]"; }, ""};
}

bool takes_channels(syntax::TypePattern const& p) {
  auto const* name =
      p.dims.size() > 1 && p.dims[1].expression ? std::get_if<syntax::NameExpr>(&p.dims[1].expression->as) : nullptr;
  return name && name->name == "channels";
}

std::optional<Conversion> flattened(Type const& t) {
  if (t.rank() < 3) return {};
  Type to{t.dtype, {t.shape.front(), 1}};
  for (size_t i = 1; i < t.shape.size(); ++i) to.shape[1] = to.shape[1] * t.shape[i];
  return Conversion{to, [](auto& e) { return fmt::format("flatten({})", e); }, "flatten"};
}

Conversion as_dtype(Conversion const& c, DType d) {
  if (c.type.dtype == d) return c;
  auto of = [inner = c.of, d](auto& e) { return fmt::format("{}({})", name(d), inner(e)); };
  std::string pipe = c.pipe.empty() ? std::string(name(d)) : fmt::format("{} |> {}", c.pipe, name(d));
  return {Type{d, c.type.shape}, of, pipe};
}

Conversion unchanged(Type const& t) {
  return {t, [](auto& e) { return e; }, ""};
}

// The labels of a tensor of probabilities, and the other way.
std::optional<Conversion> labels_of(Type const& t) {
  if (t.rank() < 2 || !is_float(t.dtype)) return {};
  Type to{DType::i32, t.shape};
  to.shape.pop_back();
  return Conversion{to, [](auto& e) { return fmt::format("argmax({})", e); }, "argmax"};
}

std::optional<Conversion> one_hot(Type const& t, Dim const& classes) {
  if (!is_int(t.dtype) || !classes.is_constant() || classes == Dim(1)) return {};
  Type to{DType::f32, t.shape};
  to.shape.push_back(classes);
  return Conversion{to, [n = shown(classes)](auto& e) { return fmt::format("one_hot({}, {})", e, n); }, ""};
}

// Can an index stand behind this text: is it a name, a call or an index itself?
bool takes_an_index(std::string_view text) {
  int depth = 0;
  for (char c : text) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (c == '(' || c == '[') ++depth;
    if (depth == 0 && !letter) return false;
    if (c == ')' || c == ']') --depth;
  }
  return depth == 0 && !text.empty() && !(text[0] >= '0' && text[0] <= '9');
}

} // namespace

// Does every pattern of the call match, if the given arguments had these types instead?
bool ArgumentHelp::would_match(Slots const& slots, std::map<size_t, Any> const& instead) {
  Frame saved = *now_.frame;
  now_.frame->names.clear();
  now_.frame->float_type = now_.frame->int_type = {};
  bool fits = true;
  try {
    for (size_t i = 0; fits && i < slots.values.size(); ++i) {
      if (!slots.values[i]) continue;
      auto const& p = slots.function.parameters[i];
      Any value = instead.contains(i) ? instead.at(i) : *slots.values[i];
      fits = !p.type || e_.patterns.match(*p.type, value, slots.places[i]);
      now_.frame->names[p.name.text] = std::move(value);
    }
  } catch (Failure const&) {
    fits = false;
  }
  *now_.frame = std::move(saved);
  return fits;
}

// A value that has nothing but a type.
Any ArgumentHelp::of_type(Type const& t, Location at) {
  Builder& make = e_.tensors.builder(at);
  ValueId zero = is_float(t.dtype) ? make.constant(t.dtype, 0.0) : make.integer(t.dtype, 0);
  return e_.tensors.tensor(t.shape.empty() ? zero : make.broadcast_scalar(zero, t.shape));
}

// Is it given from outside, not computed?
bool ArgumentHelp::is_argument(Any const& v) const {
  for (auto const& a : now_.graph->function.arguments)
    if (v.tensor() && a.value == v.tensor()->id) return true;
  return false;
}

// Every tensor among the arguments, with its number: the one that does not fit first.
std::vector<size_t> ArgumentHelp::tensors_of(Slots const& slots, size_t first) const {
  std::vector<size_t> out;
  auto is_tensor = [&](size_t i) {
    auto const* t = slots.values[i] ? slots.values[i]->tensor() : nullptr;
    return t && !t->tunes && t->graph == now_.graph && slots.function.parameters[i].type;
  };
  if (is_tensor(first)) out.push_back(first);
  for (size_t i = 0; i < slots.values.size(); ++i)
    if (i != first && is_tensor(i)) out.push_back(i);
  return out;
}

std::optional<std::string> ArgumentHelp::fitting_conversion(Slots const& slots, size_t wrong) {
  auto const tensors = tensors_of(slots, wrong);
  if (tensors.empty() || tensors.front() != wrong) return {};
  Location at = slots.places[wrong];
  auto type_at = [&](size_t i) -> Type const& { return type_of(*slots.values[i]); };
  auto offered = [&](size_t i, Conversion const& c) -> std::optional<std::string> {
    if (!would_match(slots, {{i, of_type(c.type, at)}})) return {};
    bool const piped = slots.places[i] == slots.call_at;
    if (piped && !c.pipe.empty()) return fmt::format("`... |> {} |> {}` would fit", c.pipe, errors_.source_of(at));
    std::string operand = errors_.source_of(slots.places[i]);
    auto prefix = operand.find_first_not_of(" =", slots.function.parameters[i].name.text.size());
    if (operand.starts_with(slots.function.parameters[i].name.text) && operand.find('=') < prefix)
      operand = operand.substr(prefix);
    if (piped || !takes_an_index(operand)) operand = "x";
    return fmt::format("`{}` has the type {} and would fit", c.of(operand), shown(c.type));
  };
  auto wanted = [&](size_t i) {
    auto const& pattern = slots.function.parameters[i].type->dtype.text;
    if (pattern == "float") return DType::f32;
    if (pattern == "int") return DType::i32;
    return dtype_named(pattern).value_or(type_at(i).dtype);
  };
  Type const have = type_at(wrong);
  DType const dtype = wanted(wrong);
  // Rounded activations are no labels; what comes from the data may be.
  bool const computed = !is_argument(*slots.values[wrong]);
  bool const rounds = is_float(have.dtype) && is_int(dtype) && computed;
  bool const blurs = is_int(have.dtype) && is_float(dtype) && computed; // positions are no numbers to compute with
  std::vector<std::pair<size_t, Conversion>> candidates{{wrong, as_dtype(unchanged(have), dtype)}};
  auto add = [&](size_t i, std::optional<Conversion> c) {
    if (c) candidates.emplace_back(i, *c), candidates.emplace_back(i, as_dtype(*c, wanted(i)));
  };
  for (auto it = tensors.rbegin(); it != tensors.rend(); ++it) add(*it, dropped(type_at(*it)));
  for (size_t i : tensors)
    if (i != wrong && type_at(i).rank() > 0) add(wrong, one_hot(have, type_at(i).shape.back()));
  for (size_t i : tensors) // one-hot labels beside logits of their shape
    if (i != wrong && is_int(dtype) && type_at(i).shape == have.shape) add(wrong, labels_of(have));
  add(wrong, flattened(have));
  if (takes_channels(*slots.function.parameters[wrong].type)) add(wrong, with_channel(have));
  for (size_t i : tensors) add(i, widened(type_at(i)));
  for (auto const& [i, c] : candidates)
    if (!(c.type == type_at(i)) && !(rounds && i == wrong && c.pipe != "argmax") &&
        !(blurs && i == wrong && c.type.rank() > have.rank()))
      if (auto help = offered(i, c)) return help;
  return {};
}

// `one_hot(label, 10)` where the label itself fits.
std::optional<std::string> ArgumentHelp::fitting_operand(Slots const& slots, size_t wrong) {
  std::string const text = errors_.source_of(slots.places[wrong]);
  auto const open = std::min(text.find('('), text.size());
  auto const function = text.substr(0, open);
  if (!dtype_named(function) && function != "one_hot" && function != "argmax" && function != "flatten") return {};
  auto const end = std::min(text.find_first_of(",)", open), text.size());
  auto const found = now_.frame->caller->names.find(text.substr(std::min(open + 1, end), end - open - 1));
  if (found == now_.frame->caller->names.end() || !found->second.tensor()) return {};
  if (found->second.tensor()->graph != now_.graph || !would_match(slots, {{wrong, found->second}})) return {};
  return fmt::format("`{}` has the type {} and would fit", found->first, shown(found->second));
}

// A number where the tensor is expected that stands behind it.
std::optional<std::string> ArgumentHelp::fitting_tensor(Slots const& slots, size_t wrong) {
  for (size_t i = wrong + 1; !slots.number.empty() && i < slots.values.size(); ++i) {
    auto const* t = slots.values[i] ? slots.values[i]->tensor() : nullptr;
    if (!t || t->tunes || t->graph != now_.graph) continue;
    if (!would_match(slots, {{wrong, *slots.values[i]}, {i, *slots.values[wrong]}})) continue;
    auto const& p = slots.function.parameters;
    if (p[i].initial && !std::holds_alternative<syntax::NumberExpr>(p[i].initial->as)) continue; // takes no number
    return fmt::format("`{}` stands in front of `{}`", p[wrong].name.text, p[i].name.text);
  }
  return {};
}

// `h = gru(x, 8)`: all that a function gives, in the place of one of them.
std::optional<std::string> ArgumentHelp::fitting_item(Slots const& slots, size_t wrong) {
  auto const* items = slots.values[wrong]->list();
  std::string const operand = errors_.source_of(slots.places[wrong]);
  bool const is_name = takes_an_index(operand) && slots.places[wrong] != slots.call_at;
  for (size_t i = 0; items && i < items->size(); ++i)
    if ((*items)[i].tensor() && would_match(slots, {{wrong, (*items)[i]}}))
      return fmt::format("`{}[{}]` has the type {} and would fit", is_name ? operand : "x", i, shown((*items)[i]));
  return {};
}

// Two arguments that stand in the wrong order.
std::optional<std::string> ArgumentHelp::fitting_order(Slots const& slots, size_t wrong) {
  for (size_t i = 0; i < slots.values.size(); ++i) {
    if (i == wrong || !slots.values[i] || !slots.values[i]->tensor() || slots.values[i]->tensor()->graph != now_.graph)
      continue;
    if (!would_match(slots, {{i, *slots.values[wrong]}, {wrong, *slots.values[i]}})) continue;
    auto const& p = slots.function.parameters;
    return fmt::format("`{}` stands in front of `{}`", p[std::min(i, wrong)].name.text,
                       p[std::max(i, wrong)].name.text);
  }
  return {};
}

// A name of the caller, the last one that was bound, for a call of one tensor whose
// type says an extent: what any tensor would fit says nothing.
std::optional<std::string> ArgumentHelp::fitting_name(Slots const& slots, size_t wrong) {
  std::optional<std::string> out;
  auto const& dims = slots.function.parameters[wrong].type->dims;
  bool const says_an_extent = std::any_of(dims.begin(), dims.end(), [](auto const& d) {
    return d.expression && std::holds_alternative<syntax::NumberExpr>(d.expression->as);
  });
  if (!now_.frame->caller || !says_an_extent || tensors_of(slots, wrong).size() > 1) return out;
  u32 line = 0;
  for (auto const& [name, candidate] : now_.frame->caller->names) {
    if (!candidate.tensor() || candidate.tensor()->tunes || candidate.tensor()->graph != now_.graph) continue;
    if (candidate.at.line < line || !would_match(slots, {{wrong, candidate}})) continue;
    line = candidate.at.line;
    out = fmt::format("`{}` has the type {} and would fit", name, shown(candidate));
  }
  return out;
}

// Logits with axes between `batch` and the classes, of an input that was never flattened: the labels are right.
void ArgumentHelp::refuse_unflattened(Slots const& slots, size_t wrong, std::string const& shown_name) {
  for (size_t i : tensors_of(slots, wrong)) {
    auto const& p = slots.function.parameters[i];
    Type const have = type_of(*slots.values[i]);
    if (i >= wrong || have.rank() < 3 || p.type->dims.size() < 2) continue;
    Type const flat{have.dtype, {have.shape.front(), have.shape.back()}};
    if (!would_match(slots, {{i, of_type(flat, slots.places[i])}})) continue;
    if (auto& names = now_.frame->caller->names; names.contains(errors_.source_of(slots.places[i])))
      names[errors_.source_of(slots.places[i])] = Any{Poison{}}; // whatever else takes these logits has the same fault
    errors_.blame_caller(slots.places[i],
                         fmt::format("{} expects {} as `{}` for {}, got {}", shown_name, shown(flat), p.name.text,
                                     shown(*slots.values[wrong]), shown(have)),
                         "a `flatten` is missing: `x |> flatten |> dense(10)` makes one row of every example",
                         {{p.type->at, fmt::format("{} declares its argument `{}` here", shown_name, p.name.text)}});
  }
}

void ArgumentHelp::refuse_argument(Slots const& slots, size_t wrong, std::string const& shown_name) {
  auto const& p = slots.function.parameters[wrong];
  std::string const expected = e_.patterns.shown_pattern(*p.type);
  auto help = fitting_operand(slots, wrong);
  if (!slots.number.empty()) help = fitting_tensor(slots, wrong);
  else if (!help) help = fitting_conversion(slots, wrong);
  if (!help) help = fitting_item(slots, wrong);
  if (!help && slots.number.empty()) help = fitting_order(slots, wrong);
  if (!help) refuse_unflattened(slots, wrong, shown_name);
  if (!help) help = fitting_name(slots, wrong);
  errors_.blame_caller(slots.places[wrong],
                       fmt::format("{} expects {}, got {}", shown_name, expected,
                                   slots.number.empty() ? shown(*slots.values[wrong]) : slots.number),
                       help,
                       {{p.type->at, fmt::format("{} declares its argument `{}` here", shown_name, p.name.text)}});
}

} // namespace nnc::front
