// The train block: which one, its settings, and the gradients of its `minimize` clauses.
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/path_patterns.h"
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

template <class Items, class Shown>
std::string joined(Items const& items, Shown shown_item) {
  std::string out;
  for (auto const& i : items) out += (out.empty() ? "`" : ", `") + shown_item(i) + "`";
  return out;
}

struct SettingSpec {
  std::string_view name;
  void (*apply)(Training&, Elaborator&, std::string const& name, Any const&, Location);
  bool takes_aim = false;
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
  if (t.order != "shuffle" && t.order != "file" && t.order != "stream")
    e.errors.fail(at, fmt::format("`order` is \"{}\", expected \"shuffle\", \"file\" or \"stream\"", t.order));
}

// Rows are drawn by a column of the data set: "sample COLUMN" and "balance COLUMN" are orders as well.
void set_column(Training& t, Elaborator& e, std::string const& name, Any const& v, Location at) {
  std::string const column = e.constants.as_string(v, at, fmt::format("`{}`", name));
  if (column.empty()) e.errors.fail(at, fmt::format("`{}` is \"\", expected the name of a column", name));
  t.order = fmt::format("{} {}", name, column);
}

void set_drop_last(Training& t, Elaborator& e, std::string const&, Any const& v, Location at) {
  t.drop_last = e.constants.as_bool(v, at, "`drop_last`");
}

// An aim comes as its text, "max accuracy".
void set_save_best(Training& t, Elaborator& e, std::string const&, Any const& v, Location at) {
  auto const* text = v.get<std::string>();
  auto const aim = text ? aim_of(*text) : std::nullopt;
  if (!aim)
    e.errors.fail(at, fmt::format("`save_best` is {}, expected an aim", shown(v)),
                  "`save_best = max accuracy`, or `min` and the name of a loss");
  t.save_best = aim;
}

void set_patience(Training& t, Elaborator& e, std::string const&, Any const& v, Location at) {
  auto const* text = v.get<std::string>();
  auto patience = text ? patience_of(*text) : std::nullopt;
  if (auto const* n = v.get<Dim>(); n && n->constant().value_or(0) > 0 && t.patience)
    patience = Patience{*n->constant(), t.patience->aim};
  if (!patience)
    e.errors.fail(at, fmt::format("`patience` is {}, expected a number of epochs and an aim", shown(v)),
                  "`patience = 3 of min loss`");
  t.patience = patience;
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
    {"sample", set_column},
    {"balance", set_column},
    {"drop_last", set_drop_last},
    {"window", set_int<&Training::window, 1, INT32_MAX>},
    {"accumulate", set_later},
    {"save_best", set_save_best, true},
    {"patience", set_patience, true},
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

// What the data look like depends on it, so it is looked at in front of the model, of which it knows nothing.
i64 TrainBuilder::window() {
  if (!now_.train) return 0;
  if (auto const given = e_.setting_values.find("window"))
    return e_.constants.as_constant(given->value, given->at, "`window`");
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  for (auto const& step : now_.train->body)
    if (auto const* s = std::get_if<SettingStep>(&step->as); s && s->name.text == "window" && s->value)
      return e_.constants.as_constant(e_.expressions.eval(*s->value), s->value->at, "`window`");
  return 0;
}

// Settings come from the block, then from --set and --batch.
void TrainBuilder::run_training_settings() {
  Training& t = now_.out.module.training.emplace();
  t.model = now_.model->name.text;
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  FrameGuard guard(now_, frame);
  e_.model_builder.bind_arguments(frame);
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
      auto const* word = s->value ? std::get_if<NameExpr>(&s->value->as) : nullptr;
      bool const takes_string = s->name.text == "order" || s->name.text == "sample" || s->name.text == "balance";
      if (word && takes_string && !e_.lookup.find(word->name, false, s->value->at))
        errors_.fail(s->value->at, fmt::format("unknown name `{}`", word->name),
                     fmt::format("a string stands in double quotes, `\"{}\"`", word->name));
      setting(s->name.text, setting_value(*s), s->value ? s->value->at : s->aim->report.at);
    } catch (Failure const& failure) {
      errors_.report(failure);
      now_.frame = &frame;
    }
  }
  for (auto const& name : setting_names())
    if (auto const given = e_.setting_values.find(name)) setting(name, given->value, given->at);
  if (now_.settings.batch) t.batch = *now_.settings.batch;
  check_order();
}

// The column of weights by which rows are drawn, known before the settings are run; empty: none.
std::string TrainBuilder::sample_column() {
  if (!now_.train) return {};
  if (auto const given = e_.setting_values.find("sample"))
    if (auto const* text = given->value.get<std::string>()) return *text;
  for (auto const& step : now_.train->body)
    if (auto const* s = std::get_if<SettingStep>(&step->as); s && s->name.text == "sample" && s->value)
      if (auto const* text = std::get_if<StringExpr>(&s->value->as)) return plain_text(text->string);
  return {};
}

// Rows come in one way.
void TrainBuilder::check_order() {
  std::string first;
  for (std::string const name : {"order", "sample", "balance"}) {
    bool const given = place_of_setting(name) != now_.train->at;
    if (given && !first.empty())
      errors_.fail(place_of_setting(name), fmt::format("`{}` and `{}` both say how rows come", first, name), {},
                   {{place_of_setting(first), "the other one"}});
    if (given) first = name;
  }
}

// An aim as its text, with the number in front of it.
Any TrainBuilder::setting_value(SettingStep const& s) {
  if (!s.aim) return e_.expressions.eval(*s.value);
  if (!std::ranges::any_of(settings, [&](auto const& known) { return known.name == s.name.text && known.takes_aim; }))
    errors_.fail(s.aim->report.at, fmt::format("`{}` is no aim", s.name.text), "`save_best = max accuracy` is one");
  std::string const aim = shown(nnc::Aim{s.aim->report.text, s.aim->largest});
  if (!s.value) return Any{aim};
  i64 const n = e_.constants.as_constant(e_.expressions.eval(*s.value), s.value->at, "the patience");
  return Any{fmt::format("{} of {}", n, aim)};
}

// What an aim names is reported.
void TrainBuilder::check_aims() {
  auto const& training = *now_.out.module.training;
  std::vector<std::string> names;
  for (auto const& m : e_.model_builder.measured())
    if (m.role != Role::output) names.push_back(m.name);
  std::vector<std::pair<std::string, std::string>> aims;
  if (training.save_best) aims.emplace_back("save_best", training.save_best->report);
  if (training.patience) aims.emplace_back("patience", training.patience->aim.report);
  for (auto const& [setting, report] : aims)
    if (std::ranges::find(names, report) == names.end())
      errors_.fail(place_of_setting(setting), fmt::format("the model has no loss or metric `{}`", report),
                   did_you_mean(report, names));
}

Location TrainBuilder::place_of_setting(std::string const& name) {
  Location at = now_.train->at;
  for (auto const& step : now_.train->body)
    if (auto const* s = std::get_if<SettingStep>(&step->as); s && s->name.text == name)
      at = s->aim ? s->aim->report.at : s->name.at;
  if (auto const given = e_.setting_values.find(name)) at = given->at;
  return at;
}

std::vector<std::string> TrainBuilder::setting_names() {
  std::vector<std::string> names{"clip_norm", "clip_value"};
  for (auto const& known : settings)
    if (known.apply != set_later) names.emplace_back(known.name);
  return names;
}

bool TrainBuilder::is_setting(std::string const& name) {
  auto const names = setting_names();
  return std::ranges::find(names, name) != names.end();
}

// Is there such a setting? Asked before its value is looked at, which may be nonsense elsewhere as well.
void TrainBuilder::check_setting(std::string const& name, Location at) {
  for (auto const& known : settings)
    if (known.apply == set_later && known.name == name)
      errors_.fail(at, fmt::format("the setting `{}` is not built yet", name));
  if (is_setting(name)) return;
  auto const names = setting_names();
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

// The loss that a clause minimizes, by name; an expression of losses becomes one of its own.
std::string TrainBuilder::objective_name(ValueId y, Location at) {
  for (auto const& known : e_.model_builder.measured())
    if (known.value == y && known.role == Role::loss) return known.name;
  int const n = ++counters_.unnamed;
  std::string name = n == 1 ? "objective" : fmt::format("objective_{}", n);
  e_.model_builder.measured().push_back({.name = name, .value = y, .role = Role::loss, .at = at});
  return name;
}

// A clause: which parameters it changes, and one `grad` node for all of them.
TrainBuilder::Clause TrainBuilder::derive(Graph& graph, MinimizeStep const& m, Location at,
                                          std::set<std::string>& taken) {
  Any objective = e_.expressions.eval(*m.objective);
  if (objective.is<FunctionValue>() || objective.is<std::string>())
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a loss, got {}", shown(objective)),
                 e_.suggestions.losses_in_sight());
  ValueId y = e_.tensors.as_tensor(objective, m.objective->at);
  if (graph.type(y).rank() != 0 || !is_float(graph.type(y).dtype))
    errors_.fail(m.objective->at, fmt::format("`minimize` needs a float scalar, got {}", shown(graph.type(y))));
  std::string name = objective_name(y, m.objective->at);
  Clause out{.step = &m,
             .optimizer = {},
             .parameters = paths_that_fit(e_, m.over, Chosen::parameters, m.over_at),
             .gradients = {}};
  auto reached = reached_by_derivative(graph.function, y);
  std::erase_if(out.parameters, [&](auto const& path) {
    return taken.contains(path) || is_frozen(path, phase_) || !reached[graph.arguments.at(path)];
  });
  if (out.parameters.empty())
    errors_.fail(at, fmt::format("`{}` depends on no parameter that this clause may change", name));
  std::vector<ValueId> operands{y};
  std::vector<Type> types;
  std::vector<std::string> names;
  for (auto const& path : out.parameters) {
    taken.insert(path);
    operands.push_back(graph.arguments.at(path));
    types.push_back(e_.parameters.kept(path).type);
    names.push_back(path + "'");
  }
  out.gradients = e_.tensors.builder(at).make_many(OpCode::grad, operands, {}, types, names);
  out.optimizer = clause_name(m);
  now_.out.module.training->phases[phase_].minimize.push_back({.objective = name, .parameters = out.parameters});
  return out;
}

// What the numbers of a clause are called after: the tag, or the optimizer; the second of a name has a number.
std::string TrainBuilder::clause_name(MinimizeStep const& m) {
  auto const& call = std::get<CallExpr>(m.optimizer->as);
  auto* callee = std::get_if<NameExpr>(&call.callee->as);
  if (auto* member = std::get_if<MemberExpr>(&call.callee->as)) e_.suggestions.refuse_package(*member, m.optimizer->at);
  if (!callee) errors_.fail(m.optimizer->at, "expected the name of an optimizer");
  std::string name = call.tag ? e_.expressions.text(call.tag->text) : callee->name;
  now_.out.optimizers.push_back(callee->name);
  int n = ++counters_.names[name];
  return n == 1 ? name : fmt::format("{}_{}", name, n);
}

// Which statements belong to which phase; without `phase` all is one.
void TrainBuilder::plan_phases() {
  PlannedPhase common;
  for (auto const& step : now_.train->body) {
    try {
      auto const* phase = std::get_if<PhaseStep>(&step->as);
      if (!phase) plan(*step, common, false);
      else {
        auto& own = plan_.emplace_back();
        own.turn.count = steps_of(*phase);
        for (auto const& inner : phase->body) plan(*inner, own, true);
        if (own.minimize.empty()) errors_.fail(step->at, "this phase minimizes nothing");
      }
    } catch (Failure const& failure) {
      errors_.report(failure);
    }
  }
  if (plan_.empty()) plan_.emplace_back();
  else if (!common.minimize.empty())
    errors_.fail(common.minimize.front()->at, "`minimize` stands beside phases", "put it in a phase of its own");
  i64 cycle = 0;
  for (auto& phase : plan_) {
    phase.minimize.insert(phase.minimize.end(), common.minimize.begin(), common.minimize.end());
    phase.freeze.insert(phase.freeze.end(), common.freeze.begin(), common.freeze.end());
    phase.turn.before = cycle;
    cycle += phase.turn.count;
  }
  for (auto& phase : plan_) {
    phase.turn.cycle = cycle;
    now_.out.module.training->phases.push_back({.steps = phase.turn.count, .minimize = {}});
  }
}

void TrainBuilder::plan(StepStmt const& step, PlannedPhase& phase, bool in_phase) {
  if (std::holds_alternative<MinimizeStep>(step.as)) return phase.minimize.push_back(&step);
  auto const* patterns = std::get_if<PatternStep>(&step.as);
  if (patterns && !patterns->fresh) return phase.freeze.push_back(&step);
  if (in_phase) errors_.fail(step.at, "this stands outside of phases", "a phase holds `minimize` and `freeze`");
  if (patterns) fresh_.push_back(&step);
  if (!std::holds_alternative<AverageStep>(step.as)) return;
  if (average_) errors_.fail(step.at, "`average` is given twice", {}, {{average_->at, "the first time here"}});
  average_ = &step;
}

i64 TrainBuilder::steps_of(PhaseStep const& phase) {
  if (!phase.count) return 1;
  i64 const n = e_.constants.as_constant(e_.expressions.eval(*phase.count), phase.count->at, "the batches of a phase");
  if (n < 1 || n > INT32_MAX)
    errors_.fail(phase.count->at, fmt::format("a phase of {} batches, expected at least 1", n));
  return n;
}

// What the patterns of the block mean, once the model has declared its parameters.
void TrainBuilder::choose_paths() {
  auto& training = *now_.out.module.training;
  for (auto& phase : plan_)
    for (auto const* step : phase.freeze)
      for (auto const& path :
           paths_that_fit(e_, std::get<PatternStep>(step->as).patterns, Chosen::parameters_and_states, step->at))
        phase.frozen.insert(path);
  for (auto const* step : fresh_)
    for (auto const& path :
         paths_that_fit(e_, std::get<PatternStep>(step->as).patterns, Chosen::parameters_and_states, step->at))
      training.fresh.push_back(path);
  for (auto const& path : e_.parameters.paths()) {
    auto const& kept = e_.parameters.kept(path);
    if (training.order == "file" || training.order == "stream" ||
        !std::ranges::any_of(kept.type.shape, [](Dim const& d) { return d.mentions(Symbol::batch); }))
      continue;
    errors_.report(
        {{.at = kept.at,
          .message = fmt::format("the state `{}` has `batch` in its type {}, and a shuffled batch does not go "
                                 "on where the one before ended",
                                 path, shown(kept.type)),
          .notes = {},
          .help = "`order = \"stream\"` cuts the data into `batch` runs and takes the next row of each"}});
  }
  if (!average_) return;
  for (auto const& path :
       paths_that_fit(e_, std::get<AverageStep>(average_->as).over, Chosen::parameters, average_->at))
    averaged_.insert(path);
}

// The gradients of all clauses at the end of the training step, then the updates of their parameters.
void TrainBuilder::run_phase(Graph& graph, size_t phase) {
  GraphGuard in_graph(now_, &graph);
  phase_ = phase;
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  e_.model_builder.bind_arguments(frame);
  for (auto const& m : e_.model_builder.measured())
    if (m.role == Role::loss) frame.names[m.name] = {e_.tensors.tensor(m.value).as, m.at};
  FrameGuard guard(now_, frame);
  if (phase == 0) {
    choose_paths();
    check_aims();
  }
  if (plan_[phase].minimize.empty())
    errors_.fail(now_.train->at, "this train block minimizes nothing", "it needs `minimize LOSS with OPTIMIZER(...)`");
  std::vector<Clause> clauses;
  std::set<std::string> taken;
  for (auto const* step : plan_[phase].minimize) {
    try {
      clauses.push_back(derive(graph, std::get<MinimizeStep>(step->as), step->at, taken));
    } catch (Failure const& failure) {
      errors_.report(failure);
      now_.frame = &frame;
    }
  }
  clip(clauses);
  e_.model_builder.finish(graph);
  for (auto const& c : clauses)
    for (size_t i = 0; i < c.parameters.size(); ++i)
      graph.builder.result(c.parameters[i], c.gradients[i], Role::gradient);
  now_.turn = plan_[phase].turn;
  for (auto const& c : clauses) run_updates(c);
  now_.turn = {};
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
