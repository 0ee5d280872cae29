// The body of a model, run once for each of its three functions: the training step, evaluation, run.
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/tunables.h"

#include "frontend/habits.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>

namespace nnc::front {

using namespace syntax;

namespace {

constexpr std::string_view numbers_of_training[]{"step", "steps", "epoch", "clip_norm", "clip_value"};

// All inputs and targets of a model, in order, also those in branches.
void collect_inputs(Block const& b, std::vector<InputStmt const*>& out) {
  for (auto const& s : b.statements) {
    if (auto* x = std::get_if<InputStmt>(&s->as)) out.push_back(x);
    else if (auto* x = std::get_if<IfStmt>(&s->as)) {
      collect_inputs(x->yes, out);
      if (x->no) collect_inputs(*x->no, out);
    } else if (auto* x = std::get_if<ForStmt>(&s->as)) collect_inputs(x->body, out);
  }
}

std::string callee_name(Expr const& e) {
  if (auto* n = std::get_if<NameExpr>(&e.as)) return n->name;
  auto* c = std::get_if<CallExpr>(&e.as);
  if (!c) return {};
  if (auto* n = std::get_if<NameExpr>(&c->callee->as)) return n->name;
  if (auto* m = std::get_if<MemberExpr>(&c->callee->as)) return m->member.text;
  return {};
}

} // namespace

// An input takes the column of its name, else the next one that is not bound, inputs first, then targets; the weights
// of a sampler are for no input that does not name them.
void ModelBuilder::plan_columns() {
  columns_ = now_.settings.columns;
  if (columns_.empty()) return;
  if (i64 const window = e_.train_builder.window(); window > 0)
    for (auto& c : columns_) c.example.shape.insert(c.example.shape.begin(), Dim(window));
  std::vector<InputStmt const*> inputs;
  collect_inputs(now_.model->body, inputs);
  std::stable_partition(inputs.begin(), inputs.end(), [](auto* i) { return !i->is_target; });
  std::set<std::string> used;
  auto const weights = e_.train_builder.sample_column();
  for (auto* i : inputs)
    for (auto const& c : columns_)
      if (c.name == i->name.text && used.insert(c.name).second) column_of_[i->name.text] = c.name;
  for (auto* i : inputs) {
    if (column_of_.contains(i->name.text)) continue;
    for (auto const& c : columns_)
      if (c.name != weights && used.insert(c.name).second) {
        column_of_[i->name.text] = c.name;
        break;
      }
  }
}

ColumnType const* ModelBuilder::column_for(std::string const& name) {
  auto it = column_of_.find(name);
  if (it == column_of_.end()) return nullptr;
  for (auto const& c : columns_)
    if (c.name == it->second) return &c;
  return nullptr;
}

std::map<std::string, Actual> ModelBuilder::arguments_of_training() {
  std::map<std::string, Actual> given;
  if (!now_.train) return given;
  Frame outside{.kind = Frame::Kind::train, .name = now_.train->model.text, .file = &now_.main};
  outside.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, outside);
  size_t next = 0;
  for (auto& a : e_.expressions.actuals(now_.train->arguments)) {
    if (a.name.empty()) {
      if (next >= now_.model->parameters.size())
        errors_.fail(a.at,
                     fmt::format("the model `{}` takes {} argument{}", now_.model->name.text,
                                 now_.model->parameters.size(), now_.model->parameters.size() == 1 ? "" : "s"),
                     {}, {{now_.model->name.at, "the model is declared here"}});
      a.name = now_.model->parameters[next++].name.text;
    }
    auto known = [&](auto const& p) { return p.name.text == a.name; };
    if (std::none_of(now_.model->parameters.begin(), now_.model->parameters.end(), known)) {
      std::vector<std::string> names;
      for (auto const& p : now_.model->parameters) names.push_back(p.name.text);
      auto near = nearest(a.name, names);
      errors_.fail(a.at, fmt::format("the model `{}` has no argument `{}`", now_.model->name.text, a.name),
                   near.empty() ? std::nullopt : std::optional(fmt::format("did you mean `{}`?", near)),
                   {{now_.model->name.at, "the model is declared here"}});
    }
    if (given.contains(a.name)) errors_.fail(a.at, fmt::format("`{}` is given twice", a.name));
    given[a.name] = a;
  }
  return given;
}

// --set, the train block, the default, a property of the data set. Floats only tune.
Actual ModelBuilder::argument_value(syntax::Parameter const& p, std::map<std::string, Actual> const& given) {
  std::string const& name = p.name.text;
  Location at = p.name.at;
  std::optional<Any> value, initial;
  if (p.initial) initial = e_.expressions.eval(*p.initial);
  if (auto const set = e_.setting_values.find(name))
    value = e_.setting_values.as_function(*set, initial.value_or(Any{})), at = set->at;
  if (!value && given.contains(name)) value = given.at(name).value, at = given.at(name).at;
  if (!value) value = initial;
  if (!value)
    if (auto it = now_.settings.properties.find(name); it != now_.settings.properties.end())
      value = Any{Dim(it->second)};
  if (!value) {
    errors_.report(
        {{.at = at,
          .message = fmt::format("the argument `{}` of the model `{}` has no value", name, now_.model->name.text),
          .help = p.type ? fmt::format("a tensor is declared in the body, `input {}: f32[batch, 784]`", name)
                         : fmt::format("give it a default, `train {}({} = ...)`, or Options::set `{}=...`; a tensor is "
                                       "an `input` in the body",
                                       now_.model->name.text, name, name)}});
    value = Any{Poison{}};
  }
  bool const tunes = value->is<f64>() || (value->is<Dim>() && initial && initial->is<f64>());
  if (tunes) {
    if (std::ranges::find(numbers_of_training, name) != std::end(numbers_of_training))
      errors_.fail(p.name.at, fmt::format("`{}` is a number of the training, not an argument of a model", name),
                   "give it another name");
    value = Any{e_.constants.as_float(*value, at, fmt::format("`{}`", name))};
  }
  return {name, *value, at};
}

void ModelBuilder::bind_model_arguments(Frame& frame) {
  auto const given = arguments_of_training();
  FrameGuard guard(now_, frame);
  for (auto const& p : now_.model->parameters) {
    auto const [name, value, at] = argument_value(p, given);
    arguments_[name] = value;
    auto const* number = value.get<f64>();
    Any const bound = number ? e_.tunables.scalar(name, *number) : value;
    if (bound.is<Poison>()) frame.names[name] = bound;
    else e_.calls.bind_argument(p, bound, at, fmt::format("the model `{}`", now_.model->name.text));
  }
}

void ModelBuilder::bind_arguments(Frame& frame) {
  for (auto const& p : now_.model->parameters) {
    auto const found = arguments_.find(p.name.text);
    if (found == arguments_.end()) continue;
    auto const* number = now_.graph ? found->second.get<f64>() : nullptr;
    frame.names[p.name.text] = number ? e_.tunables.scalar(p.name.text, *number) : found->second;
    frame.names[p.name.text].at = p.name.at;
  }
}

void ModelBuilder::bind_validation(Frame& frame) {
  for (auto const& m : measured_)
    if (m.role != Role::output)
      frame.names[m.name] =
          e_.tunables.scalar(std::string(validation_prefix) + m.name, std::numeric_limits<f64>::infinity());
}

void ModelBuilder::run_model(Graph& graph) {
  GraphGuard in_graph(now_, &graph);
  measured_.clear();
  measured_at_.clear();
  Frame frame{.kind = Frame::Kind::model, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  frame.names["batch"] = {Dim(Symbol::batch), now_.model->name.at};
  FrameGuard guard(now_, frame);
  try {
    bind_model_arguments(frame);
  } catch (Failure const& failure) {
    errors_.report(failure);
    return;
  }
  now_.frame = &frame;
  e_.statements.block(now_.model->body, false);
}

// Binds the extents that are named here for the first time: `batch`, and those that --set or the data set give.
void ModelBuilder::run_input(InputStmt const& s, Location at) {
  if (now_.frame->kind != Frame::Kind::model)
    errors_.fail(at, fmt::format("`{}` stands in a model's body only", s.is_target ? "target" : "input"));
  ColumnType const* column = column_for(s.name.text);
  for (size_t i = 0; i < s.type.dims.size(); ++i) {
    auto const& d = s.type.dims[i];
    auto* n = d.kind == syntax::DimPattern::Kind::expression ? std::get_if<NameExpr>(&d.expression->as) : nullptr;
    if (!n || e_.patterns.bound_dim(n->name, d.at)) continue;
    std::optional<i64> extent;
    if (auto const given = e_.setting_values.find(n->name))
      extent = e_.constants.as_constant(given->value, given->at, fmt::format("`{}`", n->name));
    if (!extent && now_.settings.properties.contains(n->name)) extent = now_.settings.properties.at(n->name);
    if (!extent && column && i > 0 && i - 1 < column->example.shape.size())
      extent = column->example.shape[i - 1].constant();
    if (!extent && column)
      errors_.fail(d.at, fmt::format("nothing says what the dimension `{}` of `{}` is: an example of the data's column "
                                     "`{}` is {}", n->name, s.name.text, column->name, shown(column->example)));
    if (!extent)
      errors_.fail(d.at, fmt::format("nothing says what the dimension `{}` of `{}` is", n->name, s.name.text),
                   habit(HabitKind::name, n->name) || habit(HabitKind::setting, n->name)
                       ? "the number of examples is `batch`"
                       : fmt::format("a data set can give it, or Options::set `{}=...`; a `const {} = ...` fixes it",
                                     n->name, n->name));
    now_.frame->names[n->name] = {Dim(*extent), d.at};
  }
  Type type = e_.patterns.resolve(s.type, fmt::format("the {} `{}`", s.is_target ? "target" : "input", s.name.text));
  if (type.shape.empty() || !(type.shape.front() == Dim(Symbol::batch)))
    errors_.fail(s.type.at, fmt::format("`{}` is {}: an input starts with `batch`", s.name.text, shown(type)),
                 "the number of examples stays open until the program runs, `f32[batch, 784]`");
  if (now_.graph->arguments.contains(s.name.text))
    errors_.fail(s.name.at, fmt::format("`{}` is declared twice", s.name.text));
  if (column) {
    Type have{column->example.dtype, {Dim(Symbol::batch)}};
    have.shape.insert(have.shape.end(), column->example.shape.begin(), column->example.shape.end());
    if (have.shape != type.shape || !column_fits(have.dtype, type.dtype))
      errors_.fail(s.type.at,
                   fmt::format("`{}` is declared as {}, the data's column `{}` is {}", s.name.text, shown(type),
                               column->name, shown(have)),
                   have.shape == type.shape
                       ? std::optional(fmt::format("declare it as {}; `{}({})` converts", shown(have),
                                                   nnc::name(type.dtype), s.name.text))
                       : std::nullopt);
  }
  e_.tensors.builder(at);
  ValueId id = now_.graph->argument(s.name.text, type, s.is_target ? Role::target : Role::input);
  if (now_.graph->kind == Graph::Kind::training && now_.graph->function.name == "loss")
    now_.out.inputs.push_back(
        {.name = s.name.text, .type = type, .is_target = s.is_target, .column = column ? column->name : ""});
  e_.statements.bind(s.name.text, e_.tensors.tensor(id), s.name.at);
}

void ModelBuilder::run_output(OutputStmt const& s, Location at) {
  if (now_.frame->kind != Frame::Kind::model) errors_.fail(at, "`output` stands in a model's body only");
  Any value = s.value ? e_.expressions.eval(*s.value) : e_.lookup.lookup(s.name.text, s.name.at);
  ValueId id = e_.tensors.as_tensor(value, s.value ? s.value->at : s.name.at);
  if (s.value) e_.statements.bind(s.name.text, e_.tensors.tensor(id), s.name.at);
  add_measured(s.name.text, e_.tensors.tensor(id), Role::output, s.name.at);
}

// `loss e` is called loss; `metric f(...)` is called f, `metric m` is called m.
void ModelBuilder::run_measure(MeasureStmt const& s, Location at) {
  char const* kind = s.is_metric ? "metric" : "loss";
  if (now_.frame->kind != Frame::Kind::model) errors_.fail(at, fmt::format("`{}` stands in a model's body only", kind));
  std::string name = s.name        ? s.name->text
                     : s.title     ? e_.expressions.name_text(*s.title, at, s.is_metric ? "a metric" : "a loss")
                     : s.is_metric ? callee_name(*s.value)
                                   : "loss";
  Any value = e_.expressions.eval(*s.value);
  ValueId id = e_.tensors.as_tensor(value, s.value->at);
  if (name.empty()) errors_.fail(at, "this metric needs a name", "`metric name = ...`");
  bool const table = is_table(s, name, id);
  if (!table && (now_.graph->type(id).rank() != 0 || !is_float(now_.graph->type(id).dtype)))
    errors_.fail(s.value->at,
                 fmt::format("the {} `{}` is {}, not a float scalar", kind, name, shown(now_.graph->type(id))),
                 is_float(now_.graph->type(id).dtype) && s.is_metric
                     ? "reduce it with `mean` or `sum`, or sum it up over the epoch: `total(x)`"
                 : is_float(now_.graph->type(id).dtype) ? "reduce it with `mean` or `sum`"
                 : now_.graph->type(id).rank() == 0     ? "convert it: `f32(x)`"
                                                        : "convert and reduce it: `mean(f32(x))`");
  if (s.name || (!s.is_metric && !s.title)) e_.statements.bind(name, e_.tensors.tensor(id), s.name ? s.name->at : at);
  add_measured(name, e_.tensors.tensor(id), s.is_metric ? Role::metric : Role::loss, s.name ? s.name->at : at);
  if (s.rows) measured_.back().rows = rows_of(s, now_.graph->type(id));
}

// A metric of several numbers is a total: it is given as it is behind the last batch.
bool ModelBuilder::is_table(MeasureStmt const& s, std::string const& name, ValueId id) {
  Type const& type = now_.graph->type(id);
  if (!s.is_metric || type.rank() == 0 || bytes(type.dtype) < 4 || !is_float(type.dtype)) return false;
  bool const measures = now_.graph->kind != Graph::Kind::run; // which has no metrics, and begins all totals
  if (measures && !totals(*now_.graph)[id]) return false;
  for (auto const& d : type.shape)
    if (!d.constant())
      errors_.fail(s.value->at, fmt::format("the metric `{}` is {}: its extents are numbers", name, shown(type)));
  return true;
}

std::vector<std::string> ModelBuilder::rows_of(MeasureStmt const& s, Type const& type) {
  std::vector<std::string> rows;
  for (auto const& row : e_.constants.as_list(e_.expressions.eval(*s.rows), s.rows->at, "the rows of a metric"))
    rows.push_back(e_.expressions.need_printable(e_.constants.as_string(row, s.rows->at, "the name of a row"),
                                                 s.rows->at, "a row"));
  i64 const have = type.rank() == 0 ? 0 : type.shape[0].constant().value_or(0);
  if (std::ssize(rows) != have)
    errors_.fail(s.rows->at, fmt::format("{} names of rows for {}", rows.size(), shown(type)));
  return rows;
}

void ModelBuilder::add_measured(std::string name, Any const& value, Role role, Location at) {
  auto const [first, is_new] = measured_at_.try_emplace({role == Role::output, name}, at);
  if (!is_new)
    errors_.fail(at, fmt::format("there are two results called `{}`", name),
                 role == Role::output ? std::nullopt
                                      : std::optional(fmt::format("name one of them: `{} other = ...`",
                                                                  role == Role::metric ? "metric" : "loss")),
                 {{first->second, "the first one"}});
  measured_.push_back({.name = std::move(name), .value = value.tensor()->id, .role = role, .at = at, .rows = {}});
}

// Which values are computed from those that the library's `total` keeps.
std::vector<bool> ModelBuilder::totals(Graph const& graph) const {
  std::vector<bool> out(graph.function.values.size(), false);
  for (auto const& path : e_.parameters.paths())
    if (auto const found = graph.arguments.find(path);
        e_.parameters.kept(path).is_total && found != graph.arguments.end())
      out[found->second] = true;
  for (auto const& node : graph.function.body.nodes)
    if (std::ranges::any_of(node.operands, [&](ValueId v) { return out[v]; }))
      for (ValueId v : node.results) out[v] = true;
  return out;
}

// Results of the three functions; what they do not need is dropped.
void ModelBuilder::finish(Graph& graph) {
  bool const run = graph.kind == Graph::Kind::run;
  auto const is_total = totals(graph);
  auto const given_as = [&](Measured const& m) {
    if (m.role != Role::metric) return m.role;
    if (graph.type(m.value).rank() > 0) return Role::table;
    return is_total[m.value] ? Role::total : Role::metric;
  };
  for (Role role : {Role::loss, Role::metric, Role::output})
    for (auto const& m : measured_) {
      if (m.role != role || run != (role == Role::output)) continue;
      graph.builder.result(m.name, m.value, given_as(m));
      graph.function.results.back().rows = m.rows;
    }
}

} // namespace nnc::front
