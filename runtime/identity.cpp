#include "runtime/identity.h"

#include "frontend/std_library.h"
#include "ir/text.h"
#include "ir/walk.h"
#include "passes/dce.h"
#include "runtime/bytes.h"
#include "runtime/data/dataset.h"
#include "runtime/sha256.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace nnc {
namespace {

using Json = nlohmann::json;

// In the order in which a difference is reported. Tensors are compared between the two.
std::vector<char const*> const names{"model", "objective", "optimizer"};
std::vector<char const*> const rest{"columns", "validation", "examples", "batch", "order", "drop_last"};
// The same text may be another graph when the library that it calls has changed, so these count with the same one only.
std::vector<char const*> const texts{"model_text", "optimizer_text"};

std::string short_digest(std::string const& text) { return sha256(as_bytes(text)).substr(0, 12); }

// The text of what a function computes, whatever its values are called and wherever they are written.
std::string bare_text(Module const& module, Function function, bool constants) {
  std::erase_if(function.results, [](Result const& r) {
    return r.role == Role::metric || r.role == Role::total || r.role == Role::table;
  });
  drop_unused(function);
  each_node(function.body.nodes, [&](Node& node) {
    node.at = {};
    each_definition(node, [&](ValueId v) { function.values[v].name.clear(); });
  });
  if (!constants)
    for (auto& value : function.values)
      if (value.constant && is_float(value.type.dtype)) value.constant = Scalar{};
  return print(module, function);
}

std::string update_text(Module const& module, bool constants) {
  std::string text;
  for (auto const& function : module.functions)
    if (function.name.starts_with("update")) text += bare_text(module, function, constants);
  return text;
}

std::string library_digest() {
  std::string text;
  for (auto const& file : std_library()) text += file.text;
  return short_digest(text);
}

std::string objectives_of(Training const& training) {
  std::vector<std::string> objectives;
  for (auto const& phase : training.phases)
    for (auto const& clause : phase.minimize) objectives.push_back(clause.objective);
  return fmt::format("{}", fmt::join(objectives, ", "));
}

bool is_built_in(std::string const& set) { return std::ranges::count(builtin_datasets(), set) > 0; }

} // namespace

Facts program_facts(Module const& elaborated, std::vector<std::string> const& optimizers) {
  if (!elaborated.training) return {};
  Facts facts{{"model", elaborated.training->model},
              {"objective", objectives_of(*elaborated.training)},
              {"library", library_digest()}};
  if (!elaborated.training->fresh.empty())
    facts["fresh"] = fmt::format("{}", fmt::join(elaborated.training->fresh, ", "));
  if (!optimizers.empty()) facts["optimizer"] = fmt::format("{}", fmt::join(optimizers, ", "));
  // A module that comes as text may be past the stages that have these functions.
  std::string model;
  for (size_t k = 0; auto const* loss = elaborated.function(of_phase("loss", k)); ++k)
    model += bare_text(elaborated, *loss, true);
  if (!model.empty()) facts["model_text"] = short_digest(model);
  if (auto const text = update_text(elaborated, false); !text.empty()) {
    facts["optimizer_text"] = short_digest(text);
    facts["optimizer_numbers"] = short_digest(update_text(elaborated, true));
  }
  return facts;
}

std::string numbers_text(std::vector<Number> const& numbers) {
  Json object = Json::object();
  for (auto const& number : numbers) object[number.name] = number.value;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Number> numbers_of(std::string const& text) {
  std::vector<Number> numbers;
  auto const object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return numbers;
  for (auto const& [name, value] : object.items())
    if (value.is_number()) numbers.push_back({name, value.get<double>()});
    else if (value.is_null()) numbers.push_back({name, std::numeric_limits<f64>::infinity()}); // which JSON has not
  return numbers;
}

// What was, when both sides say something and it is not the same.
std::string const* Comparison::changed(std::string const& key) const {
  auto const then = then_.find(key), now = now_.find(key);
  if (then == then_.end() || now == now_.end() || then->second == now->second) return nullptr;
  return &then->second;
}

void Comparison::refuse(std::string const& key, std::string const& help) const {
  auto const* then = changed(key);
  if (!then) return;
  Diagnostic problem;
  if (auto const end = key.find("_text"); end != std::string::npos)
    problem.message = fmt::format("{} was written with another {}: the digest of its text was {}, now it is {}", file_,
                                  key.substr(0, end), *then, now_.at(key));
  else problem.message = fmt::format("{} was written with {} = {}, now it is {}", file_, key, *then, now_.at(key));
  problem.help = help;
  throw Error(problem);
}

void Comparison::check(std::vector<char const*> const& keys) const {
  for (auto const* key : keys)
    refuse(key, fmt::format("a new training can start from its weights: Session::load {}", file_));
}

void Comparison::check_names() const { check(names); }

void Comparison::check_rest() const {
  if (same_library()) check(texts);
  if (auto const* then = changed("data"); then && is_built_in(*then) && is_built_in(now_.at("data"))) check({"data"});
  check(rest);
}

void Comparison::check_steps() const {
  refuse("steps", "a schedule reads `steps`: TrainOptions::replan stretches it to the new total");
}

void Comparison::compare_numbers(std::vector<std::string>& lines) const {
  auto const then = then_.find("numbers"), now = now_.find("numbers");
  if (then == then_.end() || now == now_.end()) return;
  auto const old = Json::parse(then->second, nullptr, false), given = Json::parse(now->second, nullptr, false);
  if (!old.is_object() || !given.is_object()) return;
  for (auto const& [name, value] : given.items()) {
    bool const tunes = name != "steps" && name != "epoch"; // the others say where the training is
    if (tunes && old.contains(name) && old[name] != value && !name.starts_with(validation_prefix))
      lines.push_back(fmt::format("{} was {} in {}, now it is {}", name, old[name].dump(), file_, value.dump()));
  }
}

std::vector<std::string> Comparison::remarks() const {
  std::vector<std::string> lines, missing;
  for (auto const& list : {names, rest, texts})
    for (auto const* key : list)
      if (now_.contains(key) && !then_.contains(key)) missing.emplace_back(key);
  if (!missing.empty())
    lines.push_back(
        fmt::format("{} does not say with which {} it was written: not compared", file_, fmt::join(missing, ", ")));
  if (auto const* then = changed("data"))
    lines.push_back(fmt::format("{} was trained on {}, now it is {}", file_, *then, now_.at("data")));
  for (auto const* key : texts)
    if (changed(key)) lines.push_back(fmt::format("{} was written with another library, and {} differs", file_, key));
  if (changed("optimizer_numbers") && !changed("optimizer_text"))
    lines.push_back(fmt::format("constants of the optimizer or its schedule are not those of {}", file_));
  compare_numbers(lines);
  return lines;
}

} // namespace nnc
