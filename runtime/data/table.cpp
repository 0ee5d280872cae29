#include "runtime/data/table.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/cells.h"
#include "runtime/data/vocabulary.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

namespace nnc {
namespace {

constexpr char const* features_name = "features";

// A column of the set: one cell of each row, or several, which have these extents behind the examples.
struct Group {
  std::string name;
  std::vector<size_t> places;
  std::vector<i64> extents = {};
  bool is_length = false; // of the texts in front of it
  bool is_vector() const { return !extents.empty(); }
};

class TableReader {
public:
  TableReader(TableRows& rows, Reading const& reading, char decimal)
      : rows_(rows), reading_(reading), rules_(cell_rules(reading.options, decimal)) {}
  Dataset read(std::string const& how);

private:
  size_t place_of(std::string const& name) const;
  std::vector<size_t> places_of(std::vector<std::string> const& names) const;
  void choose();
  void choose_texts();
  std::string name_of(size_t place) const;
  void look();
  std::vector<Group> groups();
  Group stacked(std::string name, std::vector<size_t> const& places, bool only_numbers);
  ColumnPlan plan(Group const&) const;
  void fill(std::vector<Group> const&, std::vector<NamedTensor>&);
  void say_missing(std::vector<Group> const&, Dataset&) const;
  Dataset from_cache(Safetensors&&) const;
  CellColumn& column(size_t place) { return *columns_[place]; }
  bool is_text(size_t place) const { return texts_.contains(place); }
  bool is_numeric(size_t place) { return !is_text(place) && column(place).is_numeric(); }

  TableRows& rows_;
  Reading const& reading_;
  CellRules rules_;
  std::vector<TableVector> const vectors_ = rows_.vectors();
  std::optional<std::string> target_;
  std::vector<size_t> chosen_;                       // places of the cells that are looked at
  std::vector<std::optional<CellColumn>> columns_;   // by place; those that are chosen and no texts
  std::map<size_t, PaddedTexts> texts_;              // by place; those that are chosen
  std::vector<std::string> notes_;
  i64 count_ = 0;
};

// By its name, or by its number from 1 where the file has no names.
size_t TableReader::place_of(std::string const& name) const {
  auto const& names = rows_.names();
  auto const found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  size_t number = 0;
  auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size() && number >= 1 && number <= names.size())
    return number - 1;
  Diagnostic problem{.message = fmt::format("{} has no column '{}'", rows_.file(), printable(name))};
  std::string list;
  constexpr size_t most = 20;
  for (size_t i = 0; i < std::min(most, names.size()); ++i)
    list += fmt::format("{}{}", i ? ", " : "", printable(names[i]));
  if (names.size() > most) list += fmt::format(", ... ({} in all)", names.size());
  auto const near = nearest(name, names);
  problem.help = near.empty() ? "it has " + list : fmt::format("did you mean '{}'?", near);
  throw Error(std::move(problem));
}

// The name of a vector means all of its cells.
std::vector<size_t> TableReader::places_of(std::vector<std::string> const& names) const {
  std::vector<size_t> places;
  for (auto const& name : names) {
    auto const vector = std::ranges::find(vectors_, name, &TableVector::name);
    if (vector == vectors_.end()) {
      places.push_back(place_of(name));
      continue;
    }
    i64 const count = std::accumulate(vector->extents.begin(), vector->extents.end(), i64{1}, std::multiplies());
    for (i64 i = 0; i < count; ++i) places.push_back(vector->first + static_cast<size_t>(i));
  }
  return places;
}

bool is_all(std::vector<std::string> const& parts) { return parts.size() == 1 && parts[0] == "*"; }

void TableReader::choose() {
  auto const& item = reading_.item;
  target_ = reading_.options.text("target");
  auto const dropped = places_of(reading_.options.list("drop"));
  for (auto const& name : rules_.categories) place_of(name);
  columns_.resize(rows_.names().size());
  if (!item.parts.empty() && !is_all(item.parts)) {
    chosen_ = places_of(item.parts);
  } else {
    for (size_t place = 0; place < columns_.size(); ++place)
      if (std::ranges::find(dropped, place) == dropped.end()) chosen_.push_back(place);
  }
  if (is_all(item.parts) && target_) std::erase(chosen_, place_of(*target_));
  auto const& names = rows_.names();
  choose_texts();
  for (auto const place : chosen_) {
    if (std::ranges::count(names, names[place]) > 1)
      throw Error(Diagnostic{.message = fmt::format("{}: two columns are called '{}'", rows_.file(), printable(names[place])),
                             .help = "header=no numbers the columns from 1"});
    if (is_text(place)) continue;
    auto const known = reading_.known.find(name_of(place));
    columns_[place].emplace(names[place], rules_, known == reading_.known.end() ? nullptr : &known->second);
  }
  if (chosen_.empty()) throw Error(fmt::format("{}: no column is left", rows_.file()));
}

// A single column is known by the name that the user gave it.
std::string TableReader::name_of(size_t place) const {
  return chosen_.size() == 1 && !reading_.item.column.empty() ? reading_.item.column : rows_.names()[place];
}

// Those that text= names, and those that were texts where the model was trained. Of several files each has some of them.
void TableReader::choose_texts() {
  auto const& names = rows_.names();
  auto listed = reading_.options.list("text");
  if (!reading_.item.parts.empty())
    std::erase_if(listed, [&](auto const& name) { return std::ranges::find(names, name) == names.end(); });
  auto const said = places_of(listed);
  for (auto const place : chosen_) {
    auto const known = reading_.known.find(name_of(place));
    bool const was_text = known != reading_.known.end() && known->second.kind == Encoding::Kind::tokens;
    if (was_text || std::ranges::find(said, place) != said.end())
      texts_.emplace(place, PaddedTexts(name_of(place), reading_.options, reading_.known));
  }
}

void TableReader::look() {
  rows_.restart();
  for (count_ = 0; rows_.next(); ++count_)
    for (auto const place : chosen_) {
      auto const cell = rows_.cell(place);
      if (auto const text = texts_.find(place); text != texts_.end()) text->second.count(cell.text, {rows_.file(), rows_.line()});
      else column(place).look(cell.text, cell.is_text, rows_.line());
    }
  if (count_ == 0) throw Error(fmt::format("{}: has no examples", rows_.file()));
  std::vector<size_t> named;
  for (auto const place : chosen_)
    if (!is_text(place) && column(place).has_names()) named.push_back(place);
  if (!named.empty()) {
    rows_.restart();
    while (rows_.next())
      for (auto const place : named) column(place).collect(rows_.cell(place).text);
  }
  for (auto const place : chosen_)
    if (!is_text(place)) column(place).settle(rows_.file());
  for (auto& [place, text] : texts_) {
    text.settle();
    for (auto& note : text.notes()) notes_.push_back(std::move(note));
  }
}

Group TableReader::stacked(std::string name, std::vector<size_t> const& places, bool only_numbers) {
  Group group{.name = std::move(name), .places = {}};
  for (auto const place : places) {
    if (is_numeric(place)) group.places.push_back(place);
    else if (only_numbers)
      throw Error(Diagnostic{.message = fmt::format("{}: the column '{}' is text, and '{}' is made of numbers",
                                                    rows_.file(), printable(rows_.names()[place]), group.name),
                             .help = fmt::format("drop={} leaves it out; alone it becomes categories", rows_.names()[place])});
  }
  group.extents = {std::ssize(group.places)};
  return group;
}

std::vector<Group> TableReader::groups() {
  auto const& item = reading_.item;
  std::vector<Group> groups;
  auto const single = [&](size_t place) {
    if (is_text(place)) {
      groups.push_back({name_of(place), {place}});
      groups.push_back({.name = length_name(name_of(place)), .places = {place}, .is_length = true});
    } else if (!column(place).is_prose()) groups.push_back({column(place).name(), {place}});
    else if (item.parts.empty())
      notes_.push_back(fmt::format("the column '{}' of {} is left out: it has too many different texts to be categories; text={} "
                                   "reads it as words",
                                   column(place).name(), rows_.file(), column(place).name()));
    else
      throw Error(Diagnostic{.message = fmt::format("{}: the column '{}' has too many different texts to be categories",
                                                    rows_.file(), column(place).name()),
                             .help = fmt::format("text={} reads it as words", column(place).name())});
  };
  // Vectors of the file stay together; the places that are left are looked at one by one.
  auto const take_vectors = [&](std::vector<size_t> places) {
    for (auto const& vector : vectors_) {
      auto const all = places_of({vector.name});
      if (std::ranges::find(places, vector.first) == places.end()) continue;
      auto group = stacked(vector.name, all, true);
      group.extents = vector.extents;
      groups.push_back(std::move(group));
      std::erase_if(places, [&](size_t place) { return place >= all.front() && place <= all.back(); });
    }
    return places;
  };
  if (!item.column.empty() && !vectors_.empty()) {
    auto const rest = take_vectors(chosen_);
    if (rest.empty() && groups.size() == 1) {
      groups[0].name = item.column;
      return groups;
    }
    groups.clear();
  }
  if (!item.column.empty()) {
    if (chosen_.size() > 1 || is_all(item.parts)) return {stacked(item.column, chosen_, true)};
    single(chosen_[0]);
    if (groups.empty()) throw Error(fmt::format("{}: nothing is left for '{}'", rows_.file(), item.column));
    groups[0].name = item.column;
    return groups;
  }
  if (!target_ || !item.parts.empty()) {
    if (is_all(item.parts)) return {stacked(features_name, chosen_, false)};
    for (auto const place : take_vectors(chosen_)) single(place);
    return groups;
  }
  auto const target = place_of(*target_);
  auto others = chosen_;
  std::erase(others, target);
  others = take_vectors(others);
  if (auto features = stacked(features_name, others, false); !features.places.empty())
    groups.push_back(std::move(features));
  for (auto const place : others)
    if (!is_numeric(place)) single(place);
  single(target);
  return groups;
}

ColumnPlan TableReader::plan(Group const& group) const {
  if (auto const text = texts_.find(group.places[0]); text != texts_.end() && !group.is_vector()) {
    if (group.is_length) return {.name = group.name, .dtype = DType::i32, .shape = {count_}};
    return {.name = group.name, .dtype = DType::i32, .shape = {count_, text->second.time()}};
  }
  ColumnPlan plan{.name = group.name, .dtype = columns_[group.places[0]]->dtype(), .shape = {count_}};
  if (group.is_vector()) plan.dtype = DType::f32;
  plan.shape.insert(plan.shape.end(), group.extents.begin(), group.extents.end());
  return plan;
}

void TableReader::fill(std::vector<Group> const& groups, std::vector<NamedTensor>& tensors) {
  rows_.restart();
  for (size_t row = 0; rows_.next(); ++row) {
    if (static_cast<i64>(row) == count_) throw Error(fmt::format("{}: has grown while it was read", rows_.file()));
    for (size_t g = 0; g < groups.size(); ++g) {
      auto const& group = groups[g];
      auto& tensor = tensors[g].tensor;
      if (group.is_length) continue;
      if (auto const found = texts_.find(group.places[0]); found != texts_.end() && !group.is_vector()) {
        auto const width = static_cast<size_t>(found->second.time());
        tensors[g + 1].tensor.writable_as<i32>()[row] =
            found->second.write(rows_.cell(group.places[0]).text, {rows_.file(), rows_.line()},
                                tensor.writable_as<i32>().subspan(row * width, width));
        continue;
      }
      auto& first = column(group.places[0]);
      if (group.is_vector() || (first.is_numeric() && tensor.dtype() == DType::f32)) {
        auto* to = tensor.writable_as<f32>().data() + row * group.places.size();
        for (auto const place : group.places) *to++ = static_cast<f32>(column(place).number(rows_.cell(place).text));
      } else if (tensor.dtype() == DType::i64) {
        tensor.writable_as<i64>()[row] = first.integer(rows_.cell(group.places[0]).text);
      } else {
        auto const text = rows_.cell(group.places[0]).text;
        tensor.writable_as<i32>()[row] = first.is_numeric() ? static_cast<i32>(first.integer(text))
                                                            : first.category(text, rows_.file(), rows_.line());
      }
    }
  }
}

void TableReader::say_missing(std::vector<Group> const& groups, Dataset& set) const {
  for (auto const& group : groups)
    for (auto const place : group.places) {
      if (is_text(place)) continue;
      auto const& column = *columns_[place];
      if (column.missing_count() == 0 || !column.is_numeric()) continue;
      auto& missing = set.missing[group.name];
      if (missing.count == 0)
        missing.where = fmt::format("{}:{}: no value for '{}'", rows_.file(), column.first_missing(), column.name());
      missing.count += column.missing_count();
    }
}

// What a table is decoded to, as the metadata of the cache keep it.
std::map<std::string, std::string> metadata_of(Dataset const& set) {
  auto missing = nlohmann::json::object();
  for (auto const& [name, some] : set.missing) missing[name] = {{"count", some.count}, {"where", some.where}};
  using Handler = nlohmann::json::error_handler_t;
  return {{"encodings", encodings_text(set.encodings)},
          {"missing", missing.dump(-1, ' ', false, Handler::replace)},
          {"notes", nlohmann::json(set.notes).dump(-1, ' ', false, Handler::replace)}};
}

Dataset TableReader::from_cache(Safetensors&& found) const {
  Dataset set;
  set.train.columns = std::move(found.tensors);
  set.encodings = parse_encodings(found.metadata["encodings"], "the cache");
  auto const missing = nlohmann::json::parse(found.metadata["missing"]);
  for (auto some = missing.begin(); some != missing.end(); ++some)
    set.missing[some.key()] = {some.value()["count"], some.value()["where"]};
  set.notes = nlohmann::json::parse(found.metadata["notes"]).get<std::vector<std::string>>();
  return set;
}

Dataset TableReader::read(std::string const& how) {
  choose();
  std::string key = how + "\n" + reading_.item.column + "\n" + encodings_text(reading_.known);
  for (auto const& part : reading_.item.parts) key += "\n" + part;
  for (auto const& [name, value] : reading_.options.asked()) key += fmt::format("\n{}={}", name, value);
  Decoded decoded({reading_.path}, key);
  Dataset set;
  if (auto found = decoded.find()) {
    set = from_cache(std::move(*found));
  } else {
    look();
    auto const groups = this->groups();
    if (groups.empty()) throw Error(fmt::format("{}: no column is left", rows_.file()));
    std::vector<ColumnPlan> plans;
    for (auto const& group : groups) {
      plans.push_back(plan(group));
      if (auto const text = texts_.find(group.places[0]); text != texts_.end()) {
        if (!group.is_length) set.encodings[group.name] = text->second.encoding();
        continue;
      }
      auto const encoding = columns_[group.places[0]]->encoding();
      if (!group.is_vector() && encoding.kind != Encoding::Kind::numbers) set.encodings[group.name] = encoding;
    }
    say_missing(groups, set);
    set.notes = notes_;
    set.train.columns = decoded.make(plans, metadata_of(set));
    fill(groups, set.train.columns);
    decoded.keep();
  }
  set.train.examples = set.train.columns[0].tensor.shape()[0];
  set.files = {reading_.path.string()};
  if (target_ && reading_.item.parts.empty() && reading_.item.column.empty())
    set.target = set.train.columns.back().name;
  return set;
}

} // namespace

Dataset read_rows(TableRows& rows, Reading const& reading, char decimal, std::string const& how) {
  return TableReader(rows, reading, decimal).read(how);
}

} // namespace nnc
