// param, state and `<-`. A parameter is its path; its initial value is made in the function @initialize.
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/tensor.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

struct PathGuard { // declares draws below a parameter's own path
  PathGuard(Frame& f, std::string const& path) : frame(f), before(f.path) {
    frame.path = std::make_shared<PathScope>();
    frame.path->path = frame.path->draw_path = path;
  }
  ~PathGuard() { frame.path = before; }
  Frame& frame;
  std::shared_ptr<PathScope> before;
};

// Did the call get its place among the paths from its function's name, by counting?
bool is_counted(Frame const& frame) {
  std::string const& path = frame.path->path;
  std::string last = path.substr(path.rfind('.') + 1);
  return !frame.name.empty() && (last == frame.name || last.starts_with(frame.name + "_"));
}

// The call that a parameter belongs to, where the user wrote it, or in the library below a tag: paths behind it count the
// calls of that function alone. In a model's own body the declaration itself.
Location place_of(Frame const& frame, Location at) {
  Frame const* f = &frame;
  if (f->kind != Frame::Kind::function) return at;
  while (f->caller && f->caller->file && f->caller->file->is_std && is_counted(*f->caller)) f = f->caller;
  return f->call_at;
}

} // namespace

char const* Parameters::help_for_region() const {
  return std::string_view(now_.region) == "scan" ? "carry the value, and write it behind the scan"
                                                 : "give the value, and write it behind the cond";
}

Parameters::Parameters(Elaborator& e)
    : e_(e), now_(e.now), errors_(e.errors), initialize_(Graph::Kind::initialize, "initialize", e.now.limit),
      begin_pass_(Graph::Kind::initialize, "begin_pass", e.now.limit) {}

Update& Parameters::start_update(std::string const& path, size_t phase) {
  update_ = {
      .path = path, .phase = phase, .initial_p = Any{TensorValue{.graph = &initialize_, .id = kept(path).initial}}};
  return update_;
}

ValueId Parameters::argument(Graph& graph, Kept const& kept) {
  if (!kept.average || graph.kind == Graph::Kind::training) return graph.argument(kept.path, kept.type, kept.role());
  ValueId const average = graph.argument(average_of(kept.path), *kept.average, Role::state);
  return e_.tensors.builder(kept.at).convert(average, kept.type.dtype);
}

// An average of numbers of 16 bits would stand still: 0.999 of what it was, rounded, is what it was.
Type Parameters::keep_average(std::string const& path) {
  auto& kept = kept_.at(path);
  refuse_taken(average_of(path), fmt::format("the average of `{}`", path));
  if (!kept.average) kept.average = Type{bytes(kept.type.dtype) < 4 ? DType::f32 : kept.type.dtype, kept.type.shape};
  return *kept.average;
}

// A tag may be any text: also one that makes a path of what belongs to another.
void Parameters::refuse_taken(std::string const& path, std::string const& owner) {
  if (auto const found = kept_.find(path); found != kept_.end())
    errors_.fail(found->second.at, fmt::format("`{}` is the name of {}", path, owner), "give the call another tag");
}

// The results of @initialize: parameters, states, averages, and what optimizers have asked for.
void Parameters::finish(Module& module) {
  auto& initial = initialize_.function;
  std::vector<Result> optimizer_results = std::exchange(initial.results, {});
  for (auto const& path : kept_order_) {
    auto const& kept = kept_.at(path);
    (kept.per_epoch ? begin_pass_ : initialize_).builder.result(path, kept.initial, kept.role());
  }
  for (auto const& path : kept_order_)
    if (auto const& kept = kept_.at(path); kept.average)
      initialize_.builder.result(average_of(path), initialize_.builder.convert(kept.initial, kept.average->dtype),
                                 Role::state);
  for (auto& r : optimizer_results) initial.results.push_back(std::move(r));
  for (Graph* g : {&initialize_, &begin_pass_}) {
    if (g == &begin_pass_ && g->function.results.empty()) continue;
    prune(g->function);
    sort_arguments(g->function);
    module.functions.push_back(std::move(g->function));
  }
}

// What is wrong with a parameter of the library is the fault of the call, and is said once for each call.
void Parameters::run_param(ParamStmt const& s, Location at) {
  try {
    declare_param(s, at);
  } catch (Failure& failure) {
    std::string call = fmt::format("{} {}:{}:{}", now_.frame->path->path, now_.frame->call_at.file,
                                   now_.frame->call_at.line, now_.frame->call_at.column);
    if (now_.frame->file && now_.frame->file->is_std && !blamed_.insert(call).second) failure.silent = true;
    throw;
  }
}

void Parameters::declare_param(ParamStmt const& s, Location at) {
  char const* kind = s.is_state ? "state" : "param";
  if (s.is_state && now_.region)
    errors_.fail(at, fmt::format("a state cannot be declared in a {}", now_.region), help_for_region());
  for (Frame const* f = now_.frame; f; f = f->caller)
    if (f->function && f->function->gradient)
      errors_.fail(
          at, fmt::format("`{}` has a `gradient` block, so neither it nor what it calls can have a {}", f->name, kind),
          "declare it outside and pass it as an argument");
  if (now_.graph && now_.graph->kind == Graph::Kind::update) { // an optimizer, or a schedule among its arguments
    if (!s.is_state) errors_.fail(at, "an optimizer has states, not parameters");
    if (s.per_epoch) errors_.fail(at, "the state of an optimizer is kept over all epochs, `per epoch` is for models");
    e_.statements.bind(s.name.text, optimizer_state(s, at), s.name.at);
    return;
  }
  if (!now_.graph || now_.graph->kind == Graph::Kind::initialize || now_.graph->kind == Graph::Kind::update)
    errors_.fail(at, fmt::format("`{}` stands in a model and in functions that a model calls", kind));
  std::string path = PathScope::joined(now_.frame->path->path, s.name.text);
  check_path(path, s.name.at);

  std::optional<Type> type;
  if (s.type) type = e_.patterns.resolve(*s.type, fmt::format("`{}`", path));
  if (type && !s.per_epoch) refuse_batch(*type, kind, path, s.name.at);
  auto const found = kept_.find(path);
  Kept const& kept = found != kept_.end() ? found->second : keep(s, type, path, at);
  if (!s.is_state && !is_float(kept.type.dtype))
    errors_.fail(s.name.at, fmt::format("the param `{}` is {}: only float tensors are trained", path, shown(kept.type)),
                 "`state` keeps a tensor that is not trained");
  if (type && !(*type == kept.type))
    errors_.fail(at, fmt::format("`{}` is shared as {}, here it would be {}", path, shown(kept.type), shown(*type)), {},
                 {{kept.at, "declared here first"}});
  if (kept.per_epoch != s.per_epoch)
    errors_.fail(at, fmt::format("`{}` is `per epoch` at one place and not at another", path), {},
                 {{kept.at, "declared here first"}});
  if (kept.is_state != s.is_state)
    errors_.fail(at, fmt::format("`{}` is a param at one place and a state at another", path), {},
                 {{kept.at, "declared here first"}});
  // Calls are counted, so one that stands in an `if training` would shift the paths of those behind it.
  if (now_.graph->kind != Graph::Kind::training && is_counted(*now_.frame) &&
      !(place_of(*now_.frame, s.name.at) == kept.at))
    errors_.fail(at, fmt::format("`{}` belongs to another call while `training` is true", path),
                 "a tag gives a call the same path in every function of the model", {{kept.at, "that call"}});
  // A run is a pass of its own.
  bool const begins = s.per_epoch && now_.graph->kind == Graph::Kind::run;
  ValueId id = begins ? initial_value(s, type, path, *now_.graph, at).tensor()->id : argument(*now_.graph, kept);
  if (s.is_state) {
    id = now_.graph->state_values.try_emplace(path, id).first->second;
    now_.frame->states[s.name.text] = path;
  }
  e_.statements.bind(s.name.text, e_.tensors.tensor(id), s.name.at);
}

Any Parameters::statistic(Statistic kind, Any const& input, Location at) {
  auto* graph = now_.graph;
  while (graph && graph->outer) graph = graph->outer;
  bool const in_model = graph && graph->kind != Graph::Kind::initialize && graph->kind != Graph::Kind::update &&
                        graph->kind != Graph::Kind::require;
  if (!in_model) errors_.fail(at, fmt::format("data_{} stands in a model and in functions that a model calls", name(kind)));
  auto const* tensor = input.tensor();
  nnc::Argument const* argument = nullptr;
  for (auto const& one : graph->function.arguments)
    if (tensor && tensor->graph == graph && one.value == tensor->id && (one.role == Role::input || one.role == Role::target))
      argument = &one;
  if (!argument)
    errors_.fail(at, fmt::format("data_{} is of an input or target of the model, got {}", name(kind), shown(input)),
                 "the input itself, before anything is computed from it");
  auto const& column = graph->function.values[argument->value];
  std::string const path = state_of({column.name, kind});
  if (!kept_.contains(path)) {
    auto shape = column.type.shape;
    shape.erase(shape.begin());
    GraphGuard guard(now_, &initialize_);
    Builder& make = e_.tensors.builder(at);
    ValueId const number = make.constant(DType::f32, value_without_data(kind));
    kept_.emplace(path, Kept{.path = path,
                             .type = {DType::f32, shape},
                             .is_state = true,
                             .at = at,
                             .initial = shape.empty() ? number : make.broadcast_scalar(number, shape)});
    kept_order_.push_back(path);
  }
  auto const& kept = kept_.at(path);
  ValueId const id = now_.graph->argument(path, kept.type, Role::state);
  graph->state_values.try_emplace(path, graph->argument(path, kept.type, Role::state));
  return e_.tensors.tensor(id);
}

// What is met for the first time.
Kept& Parameters::keep(ParamStmt const& s, std::optional<Type> const& type, std::string const& path, Location at) {
  char const* kind = s.is_state ? "state" : "param";
  if (now_.graph->kind != Graph::Kind::training && !s.per_epoch)
    errors_.fail(at, fmt::format("the {} `{}` appears only when `training` is false", kind, path),
                 "every parameter must appear with `training` true");
  Graph& graph = s.per_epoch ? begin_pass_ : initialize_;
  Any const initial = initial_value(s, type, path, graph, at);
  auto const* function = now_.frame->function;
  Kept kept{.path = path,
            .type = graph.type(initial.tensor()->id),
            .is_state = s.is_state,
            .per_epoch = s.per_epoch,
            .is_total = function && now_.frame->file->is_std && function->name.text == "total",
            .at = place_of(*now_.frame, s.name.at),
            .initial = initial.tensor()->id};
  if (!s.per_epoch) refuse_batch(kept.type, kind, path, s.name.at);
  kept_order_.push_back(path);
  return kept_.emplace(path, kept).first->second;
}

void Parameters::refuse_batch(Type const& type, std::string const& kind, std::string const& path, Location at) {
  for (auto const& d : type.shape)
    if (d.mentions(Symbol::batch))
      errors_.fail(at, fmt::format("the {} `{}` has `batch` in its type {}", kind, path, shown(type)),
                   kind == "state" ? std::optional<std::string>("one of a pass over the data may: `state ... per epoch`")
                                   : std::nullopt);
}

// A path may be declared again only below a tag that is shared.
void Parameters::check_path(std::string const& path, Location at) {
  auto [it, fresh] = now_.graph->declared.try_emplace(path, at);
  auto const& scope = *now_.frame->path;
  if (scope.clash)
    errors_.fail(at, fmt::format("the path `{}` is taken by another call", path),
                 "the same tag on both calls shares their parameters; different tags keep them apart",
                 {{*scope.clash, "the other call"}});
  if (fresh || scope.shared) return;
  errors_.fail(at, fmt::format("`{}` is declared twice", path),
               "in a loop, call a function that declares it: each call has a path of its own",
               {{it->second, "the first time here"}});
}

Any Parameters::initial_value(ParamStmt const& s, std::optional<Type> const& type, std::string const& path,
                              Graph& graph, Location at) {
  GraphGuard guard(now_, &graph);
  PathGuard draws(*now_.frame, path);
  Any value = evaluate_initial(*s.initial, type);
  bool number = !value.tensor() || value.tensor()->tunes;
  if (value.tensor() && value.tensor()->graph != now_.graph) e_.tensors.refuse_value_of_step(value, s.initial->at);
  ValueId id = type && number ? e_.tensors.as_tensor(value, type->dtype, s.initial->at)
                              : e_.tensors.as_tensor(value, s.initial->at);
  if (!type) return e_.tensors.tensor(id);
  Type have = now_.graph->type(id);
  if (have.rank() != 0 && have.shape != type->shape)
    errors_.fail(at, fmt::format("`{}` is declared as {}, its initial value is {}", path, shown(*type), shown(have)));
  Builder& make = e_.tensors.builder(at);
  id = make.convert(id, type->dtype);
  return e_.tensors.tensor(have.shape == type->shape ? id : make.broadcast_scalar(id, type->shape));
}

// A call gets the declared shape as its missing first parameter `shape`.
Any Parameters::evaluate_initial(Expr const& e, std::optional<Type> const& type) {
  auto* c = std::get_if<CallExpr>(&e.as);
  auto* callee_name = c ? std::get_if<NameExpr>(&c->callee->as) : nullptr;
  if (!type || !callee_name) return e_.expressions.eval(e);
  Any callee = e_.lookup.lookup_callable(callee_name->name, c->callee->at);
  auto* f = callee.get<FunctionValue>();
  if (!f || f->function->parameters.empty() || f->function->parameters.front().name.text != "shape")
    return e_.expressions.eval(e);
  auto arguments = e_.expressions.actuals(c->arguments);
  bool given = false;
  for (auto const& a : arguments)
    given |= a.name == "shape" || (&a == &arguments.front() && a.name.empty() && a.value.list());
  if (!given) arguments.insert(arguments.begin(), Actual{{}, list_of(type->shape), e.at});
  return e_.calls.call(callee, std::move(arguments), e.at);
}

// A state of an optimizer: in @update.P an argument of its own name, in @initialize the result "m/P", where `p` is the
// initial value of the parameter.
Any Parameters::optimizer_state(ParamStmt const& s, Location at) {
  std::string const name = PathScope::joined(now_.frame->path->path, s.name.text);
  std::string full = nnc::optimizer_state(name, update_.path, update_.phase);
  if (now_.graph->state_values.contains(name)) errors_.fail(at, fmt::format("the state `{}` is declared twice", name));
  if (name == "p" || name == "g" || name == "average") // which are arguments of the update as well
    errors_.fail(s.name.at, fmt::format("an optimizer's state cannot be called `{}`", name));
  refuse_taken(full, fmt::format("what the optimizer keeps of `{}`", update_.path));
  std::optional<Type> type;
  if (s.type) type = e_.patterns.resolve(*s.type, fmt::format("`{}`", s.name.text));
  Names const in_update = now_.frame->names;
  if (now_.frame->kind == Frame::Kind::optimizer) now_.frame->names["p"] = update_.initial_p;
  Any initial;
  try {
    initial = initial_value(s, type, full, initialize_, at);
  } catch (Failure const&) {
    now_.frame->names = in_update;
    throw;
  }
  now_.frame->names = in_update;
  Type const kept = initialize_.type(initial.tensor()->id);
  initialize_.builder.result(full, initial.tensor()->id, Role::optimizer);
  ValueId id = now_.graph->argument(name, kept, Role::optimizer);
  now_.graph->state_values[name] = id;
  now_.frame->states[s.name.text] = name;
  update_.states.emplace_back(name, id);
  // A schedule computes numbers, from those that it keeps as well.
  bool const number = now_.frame->kind != Frame::Kind::optimizer && kept == scalar_of(DType::f64);
  return number ? Any{TensorValue{.graph = now_.graph, .id = id, .tunes = true}} : e_.tensors.tensor(id);
}

void Parameters::run_write(WriteStmt const& s, Location at) {
  if (now_.region) errors_.fail(at, fmt::format("`<-` cannot stand in a {}", now_.region), help_for_region());
  auto const& name = s.target.text;
  bool is_p = now_.frame->kind == Frame::Kind::optimizer && name == "p";
  if (auto const* known = e_.lookup.local(name); known && known->is<Poison>())
    throw Failure{.diagnostic = {}, .silent = true};
  auto state = now_.frame->states.find(name);
  if (!is_p && state == now_.frame->states.end()) {
    std::vector<std::string> names;
    for (auto const& [n, _] : now_.frame->states) names.push_back(n);
    auto near = nearest(name, names);
    std::optional<std::string> help;
    if (!near.empty()) help = fmt::format("did you mean `{}`?", near);
    else if (kept_.contains(PathScope::joined(now_.frame->path->path, name)))
      help = fmt::format("a training changes the param; what the model writes is declared by `state {}`", name);
    else help = fmt::format("`{} = ...` binds {}", name, e_.lookup.local(name) ? "the name anew" : "a name");
    errors_.fail(s.target.at, fmt::format("`<-` writes a state of the same function, and `{}` is no state", name),
                 help);
  }
  std::string path = is_p ? "p" : state->second;
  Any now = now_.frame->names[name];
  if (!now.tensor()) throw Failure{.diagnostic = {}, .silent = true};
  Type const type = type_of(now);
  Any value = e_.expressions.eval(*s.value);
  ValueId id = e_.tensors.as_tensor(value, type.dtype, s.value->at);
  Type const have = now_.graph->type(id);
  bool fits = have.rank() <= type.rank();
  for (size_t i = 1; fits && i <= have.shape.size(); ++i) {
    Dim const& d = have.shape[have.shape.size() - i];
    fits = d == type.shape[type.shape.size() - i] || d == Dim(1);
  }
  if (!fits) errors_.fail(s.value->at, fmt::format("`{}` is {}, the value is {}", name, shown(type), shown(have)));
  id = e_.tensors.stretch(id, type.shape, at);
  now_.graph->state_values[path] = id;
  if (is_p) update_.writes_p = true;
  Any written = e_.tensors.tensor(id);
  if (now.tensor()->tunes) std::get<TensorValue>(written.as).tunes = true;
  e_.statements.bind(name, written, s.target.at);
}

} // namespace nnc::front
