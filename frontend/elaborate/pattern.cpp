#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"

#include "frontend/habits.h"

#include <fmt/core.h>

namespace nnc::front {

using syntax::NameExpr;

Patterns::Patterns(Elaborator& e)
    : now_(e.now), errors_(e.errors), constants_(e.constants), tensors_(e.tensors), lookup_(e.lookup),
      expressions_(e.expressions) {}

// Something in this function or around it, or a const of the file.
std::optional<Any> Patterns::bound_dim(std::string const& name, Location at) {
  if (auto* l = lookup_.local(name)) {
    if (l->is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    return *l;
  }
  if (now_.frame->file)
    if (auto it = now_.frame->file->consts.find(name); it != now_.frame->file->consts.end())
      return lookup_.const_value(*now_.frame->file, *it->second, at);
  return {};
}

bool Patterns::match_dim(syntax::DimPattern const& pattern, Dim const& extent) {
  if (pattern.kind == syntax::DimPattern::Kind::any) return true;
  if (auto* n = std::get_if<NameExpr>(&pattern.expression->as)) {
    auto bound = bound_dim(n->name, pattern.at);
    if (!bound) {
      now_.frame->names[n->name] = {extent, pattern.at};
      return true;
    }
    return constants_.as_int(*bound, pattern.at, fmt::format("`{}`", n->name)) == extent;
  }
  Any value = expressions_.eval(*pattern.expression);
  if (value.is<f64>())
    errors_.fail(pattern.at, fmt::format("an extent is {}, not an int", shown(value)),
                 help_for_int(*value.get<f64>()).value_or("`//` divides and gives an int"));
  return constants_.as_int(value, pattern.at, "an extent") == extent;
}

bool Patterns::match_dtype(std::string const& pattern, DType dtype) {
  if (pattern == "_") return true;
  if (pattern == "float" || pattern == "int") {
    if (pattern == "float" ? !is_float(dtype) : !is_int(dtype)) return false;
    auto& bound = pattern == "float" ? now_.frame->float_type : now_.frame->int_type;
    if (!bound) bound = dtype;
    return *bound == dtype;
  }
  auto named = dtype_named(pattern);
  return named && *named == dtype;
}

DType Patterns::dtype_named_in(syntax::Name const& n) {
  if (n.text == "float") return now_.frame->float_type.value_or(DType::f32);
  if (n.text == "int") return now_.frame->int_type.value_or(DType::i32);
  if (auto d = dtype_named(n.text)) return *d;
  std::vector<std::string> names{"float", "int"};
  for (int i = 0; i < dtype_count; ++i) names.emplace_back(name(static_cast<DType>(i)));
  auto const* foreign = habit(HabitKind::dtype, n.text);
  errors_.fail(n.at, fmt::format("unknown dtype `{}`", n.text),
               foreign ? help_of(*foreign) : did_you_mean(n.text, names));
}

bool Patterns::match(syntax::TypePattern const& pattern, Any& value, Location at) {
  if (pattern.dtype.text != "_") (void)dtype_named_in(pattern.dtype);
  if (!value.tensor() || value.tensor()->tunes) {
    bool number = value.is<Dim>() || value.is<f64>() || value.is<bool>() || value.tensor();
    if (!number || !now_.graph) return false;
    bool wants_float = pattern.dtype.text == "float" ||
                       (dtype_named(pattern.dtype.text) && is_float(*dtype_named(pattern.dtype.text)));
    size_t const before = now_.nodes_so_far();
    if (wants_float && !value.is<bool>())
      value = tensors_.tensor(tensors_.as_tensor(value, dtype_named_in(pattern.dtype), at));
    else value = tensors_.tensor(tensors_.as_tensor(value, at));
    value = tensors_.own_value(value, before, at);
  }
  Type const type = type_of(value);
  if (!match_dtype(pattern.dtype.text, type.dtype)) return false;
  size_t n = pattern.dims.size(), rest = n;
  for (size_t i = 0; i < n; ++i)
    if (pattern.dims[i].kind == syntax::DimPattern::Kind::rest) {
      if (rest != n) errors_.fail(pattern.dims[i].at, "`..` stands at most once in a type");
      rest = i;
    }
  size_t fixed = rest == n ? n : n - 1, rank = type.shape.size();
  if (rest == n ? rank != n : rank < fixed) return false;
  for (size_t i = 0; i < n; ++i) {
    if (i == rest) {
      auto const& name = pattern.dims[i].name;
      Shape taken(type.shape.begin() + static_cast<i64>(i), type.shape.begin() + static_cast<i64>(i + rank - fixed));
      if (name.empty()) continue;
      auto bound = bound_dim(name, pattern.dims[i].at);
      if (!bound) now_.frame->names[name] = {list_of(taken).as, pattern.dims[i].at};
      else if (constants_.as_shape(*bound, pattern.dims[i].at, fmt::format("`..{}`", name)) != taken) return false;
    } else if (!match_dim(pattern.dims[i], type.shape[i < rest ? i : i + rank - fixed - 1])) return false;
  }
  return true;
}

std::string Patterns::shown_pattern(syntax::TypePattern const& pattern) {
  std::string dtype = pattern.dtype.text;
  if (dtype == "float" && now_.frame->float_type) dtype = name(*now_.frame->float_type);
  if (dtype == "int" && now_.frame->int_type) dtype = name(*now_.frame->int_type);
  std::string out = (dtype == "_" ? "_" : dtype) + "[";
  for (size_t i = 0; i < pattern.dims.size(); ++i) {
    auto const& d = pattern.dims[i];
    out += i ? ", " : "";
    if (d.kind == syntax::DimPattern::Kind::any) out += "_";
    else if (d.kind == syntax::DimPattern::Kind::rest) {
      auto bound = d.name.empty() ? std::nullopt : bound_dim(d.name, d.at);
      if (!bound || !bound->list()) out += ".." + d.name;
      else
        for (size_t k = 0; k < bound->list()->size(); ++k)
          out += (k ? ", " : "") + shown(constants_.as_shape(*bound, d.at, "`..`")[k]);
    } else if (auto* n = std::get_if<NameExpr>(&d.expression->as)) {
      auto bound = bound_dim(n->name, d.at);
      out += bound && bound->is<Dim>() ? shown(*bound->get<Dim>()) : n->name;
    } else out += shown(constants_.as_int(expressions_.eval(*d.expression), d.at, "an extent"));
  }
  return out + "]";
}

Type Patterns::resolve(syntax::TypePattern const& t, std::string const& what) {
  if (t.dtype.text == "_") errors_.fail(t.dtype.at, fmt::format("the type of {} needs a dtype", what));
  Type out{.dtype = dtype_named_in(t.dtype), .shape = {}};
  for (auto const& d : t.dims) {
    if (d.kind == syntax::DimPattern::Kind::any)
      errors_.fail(d.at, fmt::format("the type of {} needs every extent", what));
    if (d.kind == syntax::DimPattern::Kind::rest) {
      if (d.name.empty()) errors_.fail(d.at, fmt::format("the type of {} needs every extent", what));
      for (auto const& e : constants_.as_shape(lookup_.lookup(d.name, d.at), d.at, fmt::format("`..{}`", d.name)))
        out.shape.push_back(e);
      continue;
    }
    Any value = expressions_.eval(*d.expression);
    if (value.is<f64>())
      errors_.fail(d.at, fmt::format("an extent of {} is {}, not an int", what, shown(value)),
                   help_for_int(*value.get<f64>()).value_or("`//` divides and gives an int"));
    Dim extent = constants_.as_int(value, d.at, fmt::format("an extent of {}", what));
    if (auto c = extent.constant(); c && *c < 0)
      errors_.fail(d.at, fmt::format("an extent of {} is negative: {}", what, *c),
                   *c == -1 && &d == &t.dims.front() ? std::optional<std::string>("the number of examples is `batch`")
                                                     : std::nullopt);
    out.shape.push_back(extent);
  }
  return out;
}

} // namespace nnc::front
