#include "runtime/data/encoding.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

namespace nnc {
namespace {

using Json = nlohmann::json;

constexpr std::pair<Encoding::Kind, char const*> kinds[] = {
    {Encoding::Kind::numbers, "numbers"},
    {Encoding::Kind::categories, "categories"},
    {Encoding::Kind::tokens, "tokens"},
};

[[noreturn]] void no_encodings(std::string const& from) {
  throw Error(fmt::format("{}: what it says of the columns of its data is damaged", from));
}

Encoding encoding_of(Json const& json, std::string const& from) {
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string()) no_encodings(from);
  Encoding encoding;
  auto const kind = std::ranges::find(kinds, json["kind"].get<std::string>(), [](auto& k) { return k.second; });
  if (kind == std::end(kinds)) no_encodings(from);
  encoding.kind = kind->first;
  for (auto const& name : json.value("names", Json::array())) {
    if (!name.is_string()) no_encodings(from);
    encoding.names.push_back(name);
  }
  auto const options = json.value("options", Json::object());
  for (auto const& [name, value] : options.items()) {
    if (!value.is_string()) no_encodings(from);
    encoding.options[name] = value;
  }
  return encoding;
}

std::optional<f64> as_number(std::string_view text) {
  f64 value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

} // namespace

std::string encodings_text(Encodings const& encodings) {
  auto all = Json::object();
  for (auto const& [column, encoding] : encodings) {
    auto const kind = std::ranges::find(kinds, encoding.kind, [](auto& k) { return k.first; });
    all[column] = {{"kind", kind->second}};
    if (!encoding.names.empty()) all[column]["names"] = encoding.names;
    if (!encoding.options.empty()) all[column]["options"] = encoding.options;
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Encodings parse_encodings(std::string_view text, std::string const& from) {
  auto const all = Json::parse(text, nullptr, false);
  if (!all.is_object()) no_encodings(from);
  Encodings encodings;
  for (auto const& [column, json] : all.items()) encodings[column] = encoding_of(json, from);
  return encodings;
}

Numbering::Numbering(std::vector<std::string> const& names) {
  for (auto const& name : names) number_of(name);
}

std::optional<i32> Numbering::find(std::string_view name) const {
  auto const found = numbers_.find(name);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

i32 Numbering::number_of(std::string_view name) {
  if (auto const known = find(name)) return *known;
  if (names_.size() >= static_cast<size_t>(std::numeric_limits<i32>::max()))
    throw Error("a column has more different values than there are numbers");
  auto const number = static_cast<i32>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(name, number);
  return number;
}

std::vector<i32> Numbering::sort() {
  std::vector<std::optional<f64>> values;
  for (auto const& name : names_) values.push_back(as_number(name));
  bool const numeric = std::ranges::all_of(values, [](auto& value) { return value.has_value(); });
  std::vector<i32> order(names_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](i32 a, i32 b) {
    auto const i = static_cast<size_t>(a), j = static_cast<size_t>(b);
    if (numeric && *values[i] != *values[j]) return *values[i] < *values[j];
    return names_[i] < names_[j];
  });
  std::vector<i32> place(order.size());
  std::vector<std::string> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    place[static_cast<size_t>(order[i])] = static_cast<i32>(i);
    sorted.push_back(std::move(names_[static_cast<size_t>(order[i])]));
  }
  names_ = std::move(sorted);
  numbers_.clear();
  for (size_t i = 0; i < names_.size(); ++i) numbers_.emplace(names_[i], static_cast<i32>(i));
  return place;
}

std::string unknown_category(std::string_view value, std::string const& column, std::vector<std::string> const& names) {
  std::string list;
  constexpr size_t most = 8;
  for (size_t i = 0; i < std::min(most, names.size()); ++i)
    list += fmt::format("{}'{}'", i ? ", " : "", printable(names[i]));
  if (names.size() > most) list += fmt::format(", ... ({} in all)", names.size());
  return fmt::format("unknown category '{}' of '{}', expected {}{}", printable(value), column,
                     names.size() > 1 ? "one of " : "", list);
}

} // namespace nnc
