// The settings of a train block, in one table: from the block, from --set, from --batch.
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/setting_values.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/train.h"

#include "frontend/habits.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>

namespace nnc::front {

using namespace syntax;

namespace {

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
    {"accumulate", set_int<&Training::accumulate, 1, INT32_MAX>},
    {"save_best", set_save_best, true},
    {"patience", set_patience, true},
};

} // namespace

std::vector<std::string> setting_names() {
  std::vector<std::string> names{"clip_norm", "clip_value"};
  for (auto const& known : settings) names.emplace_back(known.name);
  return names;
}

// What the data look like depends on it, so it is looked at in front of the model, of which it knows the arguments.
i64 TrainBuilder::window() {
  if (!now_.train || now_.settings.are_examples) return 0;
  if (auto const given = e_.setting_values.find("window"))
    return e_.constants.as_constant(given->value, given->at, "`window`");
  Frame frame{.kind = Frame::Kind::train, .name = now_.model->name.text, .file = &now_.main};
  frame.path = std::make_shared<PathScope>();
  e_.model_builder.bind_arguments_early(frame);
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
  if (now_.settings.are_examples) t.window = 0;
  if (t.accumulate > INT32_MAX / t.batch)
    errors_.fail(place_of_setting("accumulate"),
                 fmt::format("{} batches of {} rows: rows are numbered up to {}", t.accumulate, t.batch, INT32_MAX));
  check_order();
}

// The column of weights by which rows are drawn, known before the settings are run; empty: none.
std::string TrainBuilder::sample_column() {
  if (!now_.train) return {};
  if (auto const given = e_.setting_values.find("sample"))
    if (auto const* text = given->value.get<std::string>()) return *text;
  if (e_.setting_values.find("order") || e_.setting_values.find("balance")) return {};
  for (auto const& step : now_.train->body)
    if (auto const* s = std::get_if<SettingStep>(&step->as); s && s->name.text == "sample" && s->value)
      if (auto const* text = std::get_if<StringExpr>(&s->value->as)) return plain_text(text->string);
  return {};
}

// Rows come in one way; one that --set names takes the place of the block's.
void TrainBuilder::check_order() {
  constexpr std::array<char const*, 3> names{"order", "sample", "balance"};
  auto const is_set = [&](std::string const& name) { return e_.setting_values.find(name).has_value(); };
  bool const any_set = std::ranges::any_of(names, is_set);
  std::string first;
  for (std::string const name : names) {
    bool const given = any_set ? is_set(name) : place_of_setting(name) != now_.train->at;
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
namespace {

std::optional<std::string> help_for_aim(std::string const& report, std::vector<std::string> const& names) {
  if (auto near = did_you_mean(report, names); near || names.empty()) return near;
  return fmt::format("it has `{}`", fmt::join(names, "`, `"));
}

} // namespace

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
                   help_for_aim(report, names));
}

Location TrainBuilder::place_of_setting(std::string const& name) {
  Location at = now_.train->at;
  for (auto const& step : now_.train->body)
    if (auto const* s = std::get_if<SettingStep>(&step->as); s && s->name.text == name)
      at = s->aim ? s->aim->report.at : s->name.at;
  if (auto const given = e_.setting_values.find(name)) at = given->at;
  return at;
}

bool is_setting(std::string const& name) {
  auto const names = setting_names();
  return std::ranges::find(names, name) != names.end();
}

// Is there such a setting? Asked before its value is looked at, which may be nonsense elsewhere as well.
void TrainBuilder::check_setting(std::string const& name, Location at) {
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

} // namespace nnc::front
