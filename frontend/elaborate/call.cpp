#include "frontend/elaborate/call.h"
#include "frontend/elaborate/argument_help.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/gradient.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/warnings.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

constexpr int max_calls = 100; // of calls within calls

std::string listed(std::vector<std::string> const& names) {
  std::string out;
  for (auto const& n : names) out += (out.empty() ? "`" : ", `") + n + "`";
  return out;
}

// `reshape(x, 3, 4)`, `transpose(x, 1, 0)`
std::optional<std::string> help_for_too_many(std::vector<syntax::Parameter> const& parameters) {
  if (parameters.empty()) return {};
  if (parameters.size() == 1 && parameters.front().name.text == "confusion")
    return "it is computed from `confusion_matrix(logits, label)`";
  auto const& last = parameters.back().name.text;
  if (last != "shape" && last != "axes") return {};
  return fmt::format("`{}` is one list, `{}`", last, last == "shape" ? "[batch, 28, 28]" : "[1, 0]");
}

} // namespace

Calls::Calls(Elaborator& e)
    : e_(e), now_(e.now), errors_(e.errors), suggestions_(e.suggestions), tensors_(e.tensors), patterns_(e.patterns),
      expressions_(e.expressions), statements_(e.statements), own_derivatives_(e.own_derivatives),
      warnings_(e.warnings) {}

Any Calls::call(Any const& callee, std::vector<Actual> actuals, Location at, std::string const& tag,
                std::string const& as) {
  if (auto* dtype = callee.get<DType>()) {
    if (actuals.size() != 1 || !actuals.front().name.empty())
      errors_.fail(at, fmt::format("`{}` converts one value, got {} arguments", name(*dtype), actuals.size()));
    size_t const before = now_.nodes_so_far();
    return tensors_.own_value(tensors_.convert(actuals.front().value, *dtype, at), before, at);
  }
  auto* f = callee.get<FunctionValue>();
  if (!f)
    errors_.fail(at, fmt::format("{} cannot be called", shown(callee)),
                 suggestions_.unquoted(callee, Suggestions::Needed::function));
  return f->builtin ? call_builtin(*f, std::move(actuals), at) : call_function(*f, std::move(actuals), at, tag, as);
}

// Of calls that are too many: the function that most of them are of may call itself.
std::string Calls::doubt() const {
  std::map<syntax::FunctionDecl const*, int> counts;
  syntax::FunctionDecl const* most = nullptr;
  for (Frame const* f = now_.frame; f; f = f->caller)
    if (f->function && !f->name.empty() && ++counts[f->function] > (most ? counts[most] : 2)) most = f->function;
  return most ? fmt::format(": does `{}` call itself without an end?", most->name.text) : "";
}

Any Calls::call_function(FunctionValue const& f, std::vector<Actual> actuals, Location at, std::string const& tag,
                         std::string const& as) {
  if (calls_ >= max_calls) errors_.fail(at, fmt::format("calls are nested deeper than {}{}", max_calls, doubt()));
  warnings_.warn_of_logits(f, actuals);
  Frame frame{.kind = Frame::Kind::function,
              .name = f.function->name.text,
              .function = f.function,
              .call_at = at,
              .caller = now_.frame,
              .file = f.file};
  frame.captured = f.captured;
  std::string component = as.empty() ? f.function->name.text : as;
  frame.path = component.empty() && tag.empty() ? now_.frame->path : now_.frame->path->enter(component, tag, at);
  if (f.captured && !f.function->name.text.empty())
    frame.names[f.function->name.text] = Any{f}; // a local function may call itself
  FrameGuard guard(now_, frame);
  auto const listing = begin_listing(frame, now_.frame->path->shared);
  size_t const before = now_.nodes_so_far();
  ++calls_;
  struct Leave {
    int& calls;
    ~Leave() { --calls; }
  } leave{calls_};
  bind_arguments(*f.function, std::move(actuals), at,
                 frame.name.empty() ? "the function" : fmt::format("`{}`", frame.name));
  Any result = run_body(*f.function);
  warnings_.remember_probabilities(f, result);
  if (listing) end_listing(*listing, frame, result, before);
  return result;
}

std::optional<size_t> Calls::begin_listing(Frame const& frame, bool shared) {
  bool const in_step = now_.graph && !now_.graph->outer && now_.graph->function.name == "loss"; // of the first phase
  if (!in_step || frame.path == frame.caller->path || !frame.caller->path) return {};
  now_.out.calls.push_back({.path = frame.path->path,
                            .function = frame.name,
                            .depth = listed_++,
                            .shared = shared,
                            .results = {},
                            .at = frame.call_at});
  return now_.out.calls.size() - 1;
}

void Calls::end_listing(size_t place, Frame const& frame, Any const& result, size_t nodes_before) {
  --listed_;
  auto& call = now_.out.calls[place];
  auto const below = now_.graph->declared.lower_bound(call.path + ".");
  bool const declares = below != now_.graph->declared.end() && below->first.starts_with(call.path + ".");
  if (frame.caller->kind != Frame::Kind::model && !declares) { // what is below it declares nothing either
    now_.out.calls.resize(place);
    return;
  }
  auto const add = [&](Any const& value) {
    if (value.tensor() && !value.tensor()->tunes) call.results.push_back(type_of(value));
  };
  if (auto const* list = result.list()) std::for_each(list->begin(), list->end(), add);
  else add(result);
  if (!now_.graph->around.empty()) return; // in a region: its nodes are those of the scan
  call.first_node = nodes_before;
  call.end_node = now_.nodes_so_far();
}

Any Calls::run_body(syntax::FunctionDecl const& f) {
  auto const variables = own_derivatives_.variables_of(f);
  statements_.block(f.body, true);
  Any result = now_.frame->result.value_or(Any{None{}});
  if (result.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (f.result) {
    if (!patterns_.match(*f.result, result, f.result->at))
      errors_.fail(f.result->at, fmt::format("`{}` promises {}, but gives {}", f.name.text,
                                             patterns_.shown_pattern(*f.result), shown(result)));
  }
  if (!variables.empty()) return own_derivatives_.with_gradient(f, variables, result);
  return result;
}

// By position; `..xs` collects the rest.
void Calls::place_positional(Slots& slots, std::vector<Actual>& actuals, std::string const& shown_name) {
  auto const& parameters = slots.function.parameters;
  size_t next = 0, given = 0;
  Location last;
  for (auto& a : actuals) {
    if (!a.name.empty()) continue;
    ++given;
    last = a.at;
    if (next < parameters.size() && parameters[next].rest) slots.rest.push_back(std::move(a.value));
    else if (next < parameters.size()) slots.set(next++, std::move(a.value), a.at);
    else ++next;
  }
  if (next > parameters.size())
    errors_.blame_caller(last,
                         fmt::format("{} takes {} argument{}, got {}", shown_name, parameters.size(),
                                     parameters.size() == 1 ? "" : "s", given),
                         help_for_too_many(parameters), slots.declared);
}

void Calls::place_named(Slots& slots, std::vector<Actual>& actuals, std::string const& shown_name) {
  auto const& parameters = slots.function.parameters;
  for (auto& a : actuals) {
    if (a.name.empty()) continue;
    auto it = std::find_if(parameters.begin(), parameters.end(),
                           [&](auto const& p) { return p.name.text == a.name && !p.rest; });
    if (it == parameters.end()) {
      std::vector<std::string> names;
      for (auto const& p : parameters) names.push_back(p.name.text);
      errors_.blame_caller(a.at, fmt::format("{} has no argument `{}`", shown_name, a.name),
                           help_for_argument(a.name, names), slots.declared);
    }
    auto i = static_cast<size_t>(it - parameters.begin());
    if (slots.values[i]) errors_.blame_caller(a.at, fmt::format("`{}` is given twice", a.name));
    slots.set(i, std::move(a.value), a.at);
  }
}

// `dense(64)`: elsewhere a layer that is called later. `initial = he_normal()`: the function itself is meant.
void Calls::refuse_missing(Slots const& slots, std::vector<std::string> const& missing, std::string const& shown_name) {
  auto const& f = slots.function;
  auto const& first = f.parameters.front();
  bool const takes_tensor = first.type && !first.type->dims.empty();
  std::string const call = errors_.source_of(slots.call_at);
  if (takes_tensor && slots.values.front() && is_number(*slots.values.front()) && call.ends_with(')'))
    errors_.blame_caller(
        slots.places.front(),
        fmt::format("{} expects a tensor as `{}`, got {}", shown_name, first.name.text, shown(*slots.values.front())),
        fmt::format("a layer is a function of its input, `x |> {}`", call), slots.declared);
  std::optional<std::string> help;
  if (first.name.text == "shape" && call == f.name.text + "()") // an initial value
    help = fmt::format("the function itself has no parentheses, `{}`", f.name.text);
  errors_.blame_caller(
      slots.call_at,
      fmt::format("{} lacks the argument{} {}", shown_name, missing.size() == 1 ? "" : "s", listed(missing)), help,
      slots.declared);
}

// By position, then by name; what is missing takes its default, which sees the parameters in front of it.
void Calls::bind_arguments(syntax::FunctionDecl const& f, std::vector<Actual> actuals, Location at,
                           std::string const& shown_name) {
  Slots slots(f, at);
  if (f.name.at && !f.name.text.empty())
    slots.declared.push_back({f.name.at, fmt::format("{} is declared here", shown_name)});
  place_positional(slots, actuals, shown_name);
  place_named(slots, actuals, shown_name);
  std::vector<std::string> missing;
  for (size_t i = 0; i < f.parameters.size(); ++i)
    if (slots.values[i]) now_.frame->given[f.parameters[i].name.text] = slots.places[i];
  for (size_t i = 0; i < f.parameters.size(); ++i)
    if (!slots.values[i] && !f.parameters[i].initial && !f.parameters[i].rest)
      missing.push_back(f.parameters[i].name.text);
  if (!missing.empty()) refuse_missing(slots, missing, shown_name);
  for (size_t i = 0; i < f.parameters.size(); ++i) {
    auto const& p = f.parameters[i];
    if (p.rest) slots.values[i] = list_of(std::move(slots.rest));
    Any value = slots.values[i] ? *slots.values[i] : expressions_.eval(*p.initial);
    slots.number = p.type && is_number(value) ? shown(value) : ""; // a match makes a tensor of it
    if (p.type && !patterns_.match(*p.type, value, slots.places[i])) {
      slots.values[i] = value;
      ArgumentHelp(e_).refuse_argument(slots, i, shown_name);
    }
    bind_parameter(p, std::move(value));
  }
}

void Calls::bind_argument(syntax::Parameter const& p, Any value, Location at, std::string const& shown_name) {
  if (p.type && !patterns_.match(*p.type, value, at)) {
    std::string expected = patterns_.shown_pattern(*p.type);
    errors_.blame_caller(at, fmt::format("{} expects {}, got {}", shown_name, expected, shown(value)), {},
                         {{p.type->at, fmt::format("{} declares its argument `{}` here", shown_name, p.name.text)}});
  }
  bind_parameter(p, std::move(value));
}

void Calls::bind_parameter(syntax::Parameter const& p, Any value) {
  if (value.tensor() || value.is<FunctionValue>() || !value.at) value.at = p.name.at;
  now_.frame->names[p.name.text] = std::move(value);
}

// A builtin has a frame as well, so that its arguments are bound and blamed like any function's.
Any Calls::call_builtin(FunctionValue const& f, std::vector<Actual> actuals, Location at) {
  Frame frame{.kind = Frame::Kind::function,
              .name = f.function->name.text,
              .function = f.function,
              .call_at = {},
              .caller = now_.frame};
  frame.path = now_.frame ? now_.frame->path : nullptr;
  std::map<std::string, Location> named;
  std::vector<Location> positional;
  for (auto const& a : actuals)
    if (a.name.empty()) positional.push_back(a.at);
    else named[a.name] = a.at;
  {
    FrameGuard guard(now_, frame);
    bind_arguments(*f.function, std::move(actuals), at, fmt::format("`{}`", frame.name));
  }
  BuiltinCall call{.e = e_, .at = at, .name = frame.name, .op = f.builtin->op, .values = {}, .places = {}};
  for (size_t i = 0; i < f.function->parameters.size(); ++i) {
    auto const& name = f.function->parameters[i].name.text;
    call.values.push_back(std::move(frame.names[name]));
    call.places.push_back(named.contains(name) ? named[name] : i < positional.size() ? positional[i] : at);
  }
  size_t const before = now_.nodes_so_far();
  return tensors_.own_value(f.builtin->run(call), before, at);
}

} // namespace nnc::front
