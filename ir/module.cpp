// Attributes, roles, and look-ups by name in functions and modules.
#include "ir/module.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <map>

namespace nnc {

bool same_bits(Scalar a, Scalar b) {
  if (a.i != b.i) return false;
  if (std::isnan(a.f) && std::isnan(b.f)) return true;
  return std::bit_cast<u64>(a.f) == std::bit_cast<u64>(b.f);
}

namespace {

auto position(auto& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](auto const& e, std::string_view n) { return e.first < n; });
}

} // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> entries) {
  for (auto const& [name, value] : entries) set(name, value);
}

AttributeValue const* Attributes::find(std::string_view name) const {
  auto it = position(entries_, name);
  return it != entries_.end() && it->first == name ? &it->second : nullptr;
}

void Attributes::set(std::string_view name, AttributeValue value) {
  auto it = position(entries_, name);
  if (it != entries_.end() && it->first == name) it->second = std::move(value);
  else entries_.insert(it, {std::string(name), std::move(value)});
}

void Attributes::erase(std::string_view name) {
  auto it = position(entries_, name);
  if (it != entries_.end() && it->first == name) entries_.erase(it);
}

void Attributes::missing(std::string_view name) {
  throw CompilerBug("attribute '" + std::string(name) + "' is missing or of another kind");
}

namespace {

// In the order of the enum.
constexpr std::array<std::string_view, 18> roles{"none",     "input",   "target",    "data",   "rows",  "param",
                                                 "state",    "carried", "optimizer", "scalar", "step",  "seed",
                                                 "gradient", "loss",    "metric",    "total", "table",  "output"};
static_assert(static_cast<size_t>(Role::output) + 1 == roles.size());

} // namespace

std::string_view name(Role r) { return roles[static_cast<size_t>(r)]; }

std::optional<Role> role_named(std::string_view text) {
  for (size_t i = 0; i < roles.size(); ++i)
    if (roles[i] == text) return static_cast<Role>(i);
  return {};
}

std::string of_phase(std::string_view function, size_t phase) {
  return phase == 0 ? std::string(function) : std::string(function) + std::to_string(phase + 1);
}

std::string optimizer_state(std::string_view state, std::string_view parameter, size_t phase) {
  return of_phase(state, phase) + "/" + std::string(parameter);
}

std::string shown(Aim const& aim) { return (aim.largest ? "max " : "min ") + aim.report; }

std::optional<Aim> aim_of(std::string_view text) {
  bool const largest = text.starts_with("max ");
  if (!largest && !text.starts_with("min ")) return {};
  text.remove_prefix(std::min(text.find_first_not_of(' ', 4), text.size()));
  if (text.empty()) return {};
  return Aim{std::string(text), largest};
}

std::string shown(Patience const& p) { return std::to_string(p.epochs) + " of " + shown(p.aim); }

std::optional<Patience> patience_of(std::string_view text) {
  i64 epochs = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), epochs);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (error != std::errc() || epochs < 1 || !text.starts_with(" of ")) return {};
  auto const aim = aim_of(text.substr(4));
  if (!aim) return {};
  return Patience{epochs, *aim};
}

namespace {

constexpr std::string_view statistics_prefix = "data/";
struct StatisticEntry {
  Statistic kind;
  std::string_view name;
  f64 without_data;
};
constexpr StatisticEntry statistics[] = {
    {Statistic::mean, "mean", 0},       {Statistic::std, "std", 1},         {Statistic::least, "least", 0},
    {Statistic::largest, "largest", 1}, {Statistic::missing, "missing", 0},
};

} // namespace

std::string_view name(Statistic kind) { return statistics[static_cast<size_t>(kind)].name; }
f64 value_without_data(Statistic kind) { return statistics[static_cast<size_t>(kind)].without_data; }

std::string state_of(StatisticName const& statistic) {
  return std::string(statistics_prefix) + statistic.input + '.' + std::string(name(statistic.kind));
}

std::optional<StatisticName> statistic_of(std::string_view state) {
  if (!state.starts_with(statistics_prefix)) return std::nullopt;
  state.remove_prefix(statistics_prefix.size());
  auto const dot = state.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  for (auto const& entry : statistics)
    if (state.substr(dot + 1) == entry.name) return StatisticName{std::string(state.substr(0, dot)), entry.kind};
  return std::nullopt;
}

std::string average_of(std::string_view parameter) { return "average/" + std::string(parameter); }

Argument const* Function::argument(std::string_view wanted) const {
  for (auto const& a : arguments)
    if (values[a.value].name == wanted) return &a;
  return nullptr;
}

Result const* Function::result(std::string_view wanted) const {
  for (auto const& r : results)
    if (r.name == wanted) return &r;
  return nullptr;
}

std::vector<std::optional<size_t>> Function::replaced_arguments() const {
  std::map<std::pair<Role, std::string_view>, size_t> kept;
  for (size_t i = 0; i < arguments.size(); ++i)
    kept.try_emplace({arguments[i].role, values[arguments[i].value].name}, i);
  std::vector<std::optional<size_t>> out;
  for (auto const& r : results) {
    auto const found = is_kept(r.role) ? kept.find({r.role, r.name}) : kept.end();
    out.push_back(found == kept.end() ? std::nullopt : std::optional(found->second));
  }
  return out;
}

Function const* Module::function(std::string_view wanted) const {
  for (auto const& f : functions)
    if (f.name == wanted) return &f;
  return nullptr;
}

Function* Module::function(std::string_view wanted) {
  return const_cast<Function*>(static_cast<Module const*>(this)->function(wanted));
}

} // namespace nnc
