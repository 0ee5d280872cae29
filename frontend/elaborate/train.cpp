// The train block: which one, its settings, and the gradients of its `minimize` clauses.
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/tunables.h"

#include "frontend/habits.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

std::string plain_text(String const& s) {
  std::string out;
  for (auto const& part : s.parts) out += part.text;
  return out;
}

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

template <class Items, class Shown>
std::string joined(Items const& items, Shown shown_item) {
  std::string out;
  for (auto const& i : items) out += (out.empty() ? "`" : ", `") + shown_item(i) + "`";
  return out;
}

struct SettingSpec {
  std::string_view name;
  void (*apply)(Training&, Elaborator&, std::string const& name, Any const&, Location);
};

template <i64 Training::*field, i64 least, i64 most = INT64_MAX>
void set_int(Training& t, Elaborator& e, std::string const& name, Any const& v, Location at) {
  if (name == "validation" && v.is<f64>())
    e.errors.fail(at, fmt::format("`{}` is {}, not an int", name, shown(v)), "`validation = 5000` keeps so many rows");
  i64 x = e.constants.as_constant(v, at, fmt::format("`{}`", name));
  if (x > most) e.errors.fail(at, fmt::format("`{}` is {}, expected at most {}", name, x, most));
  if (x < least) e.errors.fail(at, fmt::format("`{}` is {}, expected at least {}", name, x, least));
  t.*field = x;
}

void set_order(Training& t, Elaborator& e, std::string const&, Any const& v, Location at) {
  t.order = e.constants.as_string(v, at, "`order`");
  if (t.order == "stream") e.errors.fail(at, "the order \"stream\" is not built yet");
  if (t.order != "shuffle" && t.order != "file")
    e.errors.fail(at, fmt::format("`order` is \"{}\", expected \"shuffle\" or \"file\"", t.order));
}

void set_drop_last(Training& t, Elaborator& e, std::string const&, Any const& v, Location at) {
  t.drop_last = e.constants.as_bool(v, at, "`drop_last`");
}

void set_later(Training&, Elaborator& e, std::string const& name, Any const&, Location at) {
  e.errors.fail(at, fmt::format("the setting `{}` is not built yet", name));
}

constexpr SettingSpec settings[]{
    {"batch", set_int<&Training::batch, 1, INT32_MAX>}, // rows are numbered in i32
    {"epochs", set_int<&Training::epochs, 0>},
    {"steps", set_int<&Training::steps, 0>},
    {"seed", set_int<&Training::seed, 0>},
    {"validation", set_int<&Training::validation, 0>},
    {"order", set_order},
    {"drop_last", set_drop_last},
    {"window", set_later},
    {"accumulate", set_later},
    {"patience", set_later},
};

} // namespace

std::vector<std::string> setting_names() {
  std::vector<std::string> names{"clip_norm", "clip_value"};
  for (auto const& known : settings)
    if (known.apply != set_later) names.emplace_back(known.name);
  return names;
}

// FILE:NAME chooses by tag or by model; one alone needs no name.
void TrainBuilder::choose() {
  auto const& tree = now_.main.tree;
  auto const& wanted = now_.settings.train_name;
  auto tag_of = [](Train const& t) { return t.tag ? plain_text(t.tag->text) : std::string(); };
  std::vector<Train const*> found;
  for (auto const& t : tree.trains)
    if (wanted.empty() || tag_of(*t) == wanted || t->model.text == wanted) found.push_back(t.get());
  for (auto* t : found)
    if (!wanted.empty() && tag_of(*t) == wanted) found = {t};
  if (found.size() > 1) {
    auto name = [&](auto* t) { return tag_of(*t).empty() ? t->model.text : tag_of(*t); };
    errors_.fail(found[0]->at, "the file has several train blocks",
                 fmt::format("choose one with Options::train_name: {}", joined(found, name)),
                 {{found[1]->at, "another one"}});
  }
  std::string model = found.empty() ? wanted : found.front()->model.text;
  if (!found.empty()) now_.train = found.front();
  std::vector<std::string> names;
  for (auto const& m : tree.models) names.push_back(m->name.text);
  for (auto const& m : tree.models)
    if (m->name.text == model || (model.empty() && tree.models.size() == 1)) now_.model = m.get();
  if (now_.model) {
    now_.out.at = now_.model->name.at;
    now_.out.summary =
        fmt::format("{} {}", now_.train ? "train" : "model",
                    now_.train && !tag_of(*now_.train).empty() ? tag_of(*now_.train) : now_.model->name.text);
    return;
  }
  Location const start{now_.main.id, 1, 1, 0};
  Location at = now_.train ? now_.train->model.at : names.empty() ? start : tree.models.front()->name.at;
  if (names.empty()) errors_.fail(at, "the file declares no model", "a program needs `model name { ... }`");
  if (model.empty())
    errors_.fail(at, "the file has several models",
                 fmt::format("choose one with Options::train_name: {}", joined(names, [](auto& n) { return n; })));
  auto near = nearest(model, names);
  errors_.fail(now_.train ? at : Location{},
               fmt::format("unknown model `{}`", model), // the command line may have named it

               near.empty() ? std::nullopt : std::optional(fmt::format("did you mean `{}`?", near)));
}

// Settings come from the block, then from --set and --batch.
void TrainBuilder::run_training_settings() {
  Training& t = now_.out.module.training.emplace();
  t.model = now_.model->name.text;
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  std::map<std::string, Location> seen;
  for (auto const& step : now_.train->body) {
    auto* s = std::get_if<SettingStep>(&step->as);
    if (!s) continue;
    try {
      auto [it, fresh] = seen.try_emplace(s->name.text, s->name.at);
      if (!fresh)
        errors_.fail(s->name.at, fmt::format("the setting `{}` is given twice", s->name.text), {},
                     {{it->second, "the first time here"}});
      check_setting(s->name.text, s->name.at);
      auto const* word = std::get_if<NameExpr>(&s->value->as);
      if (word && s->name.text == "order" && !e_.lookup.find(word->name, false, s->value->at))
        errors_.fail(s->value->at, fmt::format("unknown name `{}`", word->name),
                     fmt::format("a string stands in double quotes, `\"{}\"`", word->name));
      setting(s->name.text, e_.expressions.eval(*s->value), s->value->at);
    } catch (Failure const& failure) {
      errors_.report(failure);
      now_.frame = &frame;
    }
  }
  for (auto const& [name, text] : now_.settings.set)
    for (auto const& known : settings)
      if (known.name == name)
        setting(name, e_.setting_values.value_of(text, name), e_.setting_values.place_of(text, name));
  for (auto const& [name, text] : now_.settings.set)
    if (name == "clip_norm" || name == "clip_value")
      setting(name, e_.setting_values.value_of(text, name), e_.setting_values.place_of(text, name));
  if (now_.settings.batch) t.batch = *now_.settings.batch;
}

// Is there such a setting? Asked before its value is looked at, which may be nonsense elsewhere as well.
void TrainBuilder::check_setting(std::string const& name, Location at) {
  for (auto const& known : settings)
    if (known.apply == set_later && known.name == name)
      errors_.fail(at, fmt::format("the setting `{}` is not built yet", name));
  auto const names = setting_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  auto const* foreign = habit(HabitKind::setting, name);
  errors_.fail(at, fmt::format("`train` has no setting `{}`", name),
               foreign ? help_of(*foreign) : did_you_mean(name, names));
}

void TrainBuilder::setting(std::string const& name, Any const& value, Location at) {
  if (name == "clip_norm" || name == "clip_value") {
    f64 x = e_.constants.as_float(value, at, fmt::format("`{}`", name));
    if (!(x > 0)) errors_.fail(at, fmt::format("`{}` is {}, not a positive number", name, shown(x)));
    (name == "clip_norm" ? clip_norm_ : clip_value_) = x;
    return;
  }
  for (auto const& known : settings)
    if (known.name == name) return known.apply(*now_.out.module.training, e_, name, value, at);
}

// The parameters of a clause: those that fit its patterns and belong to no clause in front.
std::vector<std::string> TrainBuilder::select_parameters(MinimizeStep const& m, std::set<std::string> const& taken) {
  std::vector<std::string> patterns, out;
  for (auto const& s : m.over) patterns.push_back(e_.expressions.text(s));
  std::vector<bool> matched(patterns.size(), false);
  for (auto const& path : e_.parameters.paths()) {
    if (e_.parameters.kept(path).is_state) continue;
    bool in = patterns.empty();
    for (size_t i = 0; i < patterns.size(); ++i)
      if (fits(patterns[i], path)) in = matched[i] = true;
    if (in && !taken.contains(path)) out.push_back(path);
  }
  for (size_t i = 0; i < patterns.size(); ++i)
    if (!matched[i]) {
      std::vector<std::string> paths;
      for (auto const& path : e_.parameters.paths())
        if (!e_.parameters.kept(path).is_state) paths.push_back(path);
      errors_.fail(m.over_at, fmt::format("the pattern \"{}\" matches no parameter", patterns[i]),
                   fmt::format("the parameters are {}", joined(paths, [](auto& p) { return p; })));
    }
  return out;
}

// The loss that a clause minimizes, by name; an expression of losses becomes one of its own.
std::string TrainBuilder::objective_name(ValueId y, Location at, int& unnamed) {
  for (auto const& known : e_.model_builder.measured())
    if (known.value == y && known.role == Role::loss) return known.name;
  std::string name = ++unnamed == 1 ? "objective" : fmt::format("objective_{}", unnamed);
  e_.model_builder.measured().push_back({.name = name, .value = y, .role = Role::loss, .at = at});
  return name;
}

// A clause: which parameters it changes, and one `grad` node for all of them.
TrainBuilder::Clause TrainBuilder::derive(Graph& graph, MinimizeStep const& m, Location at, Counters& counters) {
  Any objective = e_.expressions.eval(*m.objective);
  if (objective.is<FunctionValue>() || objective.is<std::string>())
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a loss, got {}", shown(objective)),
                 e_.suggestions.losses_in_sight());
  ValueId y = e_.tensors.as_tensor(objective, m.objective->at);
  if (graph.type(y).rank() != 0 || !is_float(graph.type(y).dtype))
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a float scalar, got {}", shown(graph.type(y))));
  std::string name = objective_name(y, m.objective->at, counters.unnamed);
  Clause out{.step = &m, .optimizer = {}, .parameters = select_parameters(m, counters.taken), .gradients = {}};
  auto reached = reached_by_derivative(graph.function, y);
  std::erase_if(out.parameters, [&](auto const& path) { return !reached[graph.arguments.at(path)]; });
  if (out.parameters.empty())
    errors_.fail(at, fmt::format("`{}` depends on no parameter that this clause may change", name));
  std::vector<ValueId> operands{y};
  std::vector<Type> types;
  std::vector<std::string> names;
  for (auto const& path : out.parameters) {
    counters.taken.insert(path);
    operands.push_back(graph.arguments.at(path));
    types.push_back(e_.parameters.kept(path).type);
    names.push_back(path + "'");
  }
  out.gradients = e_.tensors.builder(at).make_many(OpCode::grad, operands, {}, types, names);
  out.optimizer = clause_name(m, counters);
  now_.out.module.training->minimize.push_back({.objective = name, .parameters = out.parameters});
  return out;
}

// What the numbers of a clause are called after: the tag, or the optimizer; the second of a name has a number.
std::string TrainBuilder::clause_name(MinimizeStep const& m, Counters& counters) {
  auto const& call = std::get<CallExpr>(m.optimizer->as);
  auto* callee = std::get_if<NameExpr>(&call.callee->as);
  if (auto* member = std::get_if<MemberExpr>(&call.callee->as)) e_.suggestions.refuse_package(*member, m.optimizer->at);
  if (!callee) errors_.fail(m.optimizer->at, "expected the name of an optimizer");
  std::string name = call.tag ? e_.expressions.text(call.tag->text) : callee->name;
  now_.out.optimizers.push_back(callee->name);
  int n = ++counters.names[name];
  return n == 1 ? name : fmt::format("{}_{}", name, n);
}

void TrainBuilder::refuse_unbuilt(StepStmt const& step) {
  if (std::holds_alternative<PhaseStep>(step.as)) errors_.fail(step.at, "`phase` is not built yet");
  if (auto* p = std::get_if<PatternStep>(&step.as))
    errors_.fail(step.at, fmt::format("`{}` is not built yet", p->fresh ? "fresh" : "freeze"));
  if (std::holds_alternative<AverageStep>(step.as)) errors_.fail(step.at, "`average` is not built yet");
}

// The gradients of all clauses at the end of the training step, then the updates of their parameters.
void TrainBuilder::run_minimize(Graph& graph) {
  GraphGuard in_graph(now_, &graph);
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  for (auto const& m : e_.model_builder.measured())
    if (m.role == Role::loss) frame.names[m.name] = {e_.tensors.tensor(m.value).as, m.at};
  FrameGuard guard(now_, frame);
  Counters counters;
  std::vector<Clause> clauses;
  for (auto const& step : now_.train->body) {
    try {
      refuse_unbuilt(*step);
      if (auto* m = std::get_if<MinimizeStep>(&step->as)) clauses.push_back(derive(graph, *m, step->at, counters));
    } catch (Failure const& failure) {
      errors_.report(failure);
      now_.frame = &frame;
    }
  }
  bool minimizes = std::any_of(now_.train->body.begin(), now_.train->body.end(),
                               [](auto& step) { return std::holds_alternative<MinimizeStep>(step->as); });
  if (!minimizes && clauses.empty() && !has_errors(now_.out.diagnostics))
    errors_.fail(now_.train->at, "this train block minimizes nothing", "it needs `minimize LOSS with OPTIMIZER(...)`");
  clip(clauses);
  e_.model_builder.finish(graph);
  for (auto const& c : clauses)
    for (size_t i = 0; i < c.parameters.size(); ++i)
      graph.builder.result(c.parameters[i], c.gradients[i], Role::gradient);
  for (auto const& c : clauses) run_updates(c);
}

void TrainBuilder::run_updates(Clause const& clause) {
  Frame* frame = now_.frame;
  try {
    for (auto const& path : clause.parameters) run_update(path, *clause.step, clause.optimizer);
  } catch (Failure const& failure) { // the others would say the same
    errors_.report(failure);
    now_.frame = frame;
  }
}

// clip_value bounds every element, clip_norm the length of all gradients together, before the optimizers see them.
void TrainBuilder::clip(std::vector<Clause>& clauses) {
  std::vector<ValueId*> gradients;
  for (auto& c : clauses)
    for (ValueId& g : c.gradients) gradients.push_back(&g);
  Location at = now_.train->at;
  auto limit = [&](std::string const& name, f64 value) {
    Any bound = e_.tunables.scalar(name, value);
    Any holds = e_.operators.compare(">", bound, Any{0.0}, at);
    if (holds.tensor()) e_.ranges.add(holds, {fmt::format("`{}` is ", name), ", not a positive number"}, {bound}, at);
    return bound;
  };
  if (clip_value_ && !gradients.empty()) {
    Any bound = limit("clip_value", *clip_value_);
    for (ValueId* g : gradients) {
      Any low = e_.operators.elementwise(OpCode::max, {e_.tensors.tensor(*g), e_.operators.negate(bound, at)}, at);
      *g = e_.operators.elementwise(OpCode::min, {low, bound}, at).tensor()->id;
    }
  }
  if (clip_norm_ && !gradients.empty()) clip_norm(gradients, limit("clip_norm", *clip_norm_), at);
}

// Squares of large or small elements leave f32. So three sums are taken in one pass, of g, g / 2^80 and g 2^80, of
// which at least one is right: then |g| = length / scale. Where |g| is above the bound
//   g <- (g scale) (bound / length),
// elsewhere both factors are exactly 1. A NaN, or two infinite elements of which the quotient is NaN, reach every g.
void TrainBuilder::clip_norm(std::vector<ValueId*> const& gradients, Any const& limit, Location at) {
  auto number = [](f64 x) { return Any{x}; };
  auto times = [&](Any const& a, Any const& b) { return e_.operators.elementwise(OpCode::mul, {a, b}, at); };
  auto sum_of_squares = [&](f64 scale) {
    std::optional<Any> total;
    for (ValueId const* g : gradients) {
      Any part = e_.tensors.convert(e_.tensors.tensor(*g), DType::f32, at);
      if (scale != 1) part = times(part, number(scale));
      Any sum = times(part, part);
      auto axes = e_.constants.as_axes(Any{None{}}, type_of(sum).rank(), at);
      if (!axes.empty())
        sum = e_.tensors.tensor(e_.tensors.builder(at).reduce(OpCode::reduce_sum, sum.tensor()->id, axes));
      total = total ? e_.operators.elementwise(OpCode::add, {*total, sum}, at) : sum;
    }
    return *total;
  };
  auto choose = [&](Any const& c, Any const& a, Any const& b) {
    return e_.operators.elementwise(OpCode::select, {c, a, b}, at);
  };
  constexpr f64 down = 0x1p-80, up = 0x1p80;
  Any plain = sum_of_squares(1), one = number(1);
  Any large = e_.operators.compare(">", plain, number(0x1p120), at),
      small = e_.operators.compare("<", plain, number(0x1p-60), at);
  Any scale = choose(large, number(down), choose(small, number(up), one));
  Any length = e_.operators.of_table(
      OpCode::sqrt, {choose(large, sum_of_squares(down), choose(small, sum_of_squares(up), plain))}, at);
  Any bound = e_.tensors.tensor(e_.tensors.as_tensor(limit, DType::f32, at));
  Any within = e_.operators.compare("<=", length, times(bound, scale), at);
  Any first = choose(within, one, scale);
  Any second = choose(within, one, e_.operators.elementwise(OpCode::div, {bound, length}, at));
  for (ValueId* g : gradients) {
    DType dtype = now_.graph->type(*g).dtype;
    Any scaled = times(e_.tensors.tensor(*g), e_.tensors.convert(first, dtype, at));
    *g = times(scaled, e_.tensors.convert(second, dtype, at)).tensor()->id;
  }
}

void TrainBuilder::give_updates(Module& module) {
  for (auto& u : updates_) module.functions.push_back(std::move(u->function));
}

} // namespace nnc::front
