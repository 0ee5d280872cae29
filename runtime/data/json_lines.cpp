// Lines of JSON objects, as tables: an array of numbers is as many cells, which become one column.
#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/table.h"
#include "runtime/data/whole_file.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace nnc {
namespace {

using Json = nlohmann::ordered_json;

class JsonLines final : public TableRows {
public:
  JsonLines(std::span<u8 const> text, std::string file)
      : text_(reinterpret_cast<char const*>(text.data()), text.size()), file_(std::move(file)) {
    if (!next_line()) throw Error(fmt::format("{}: is empty", file_));
    auto const object = parsed();
    for (auto at = object.begin(); at != object.end(); ++at) {
      auto const& key = at.key();
      auto const& value = at.value();
      fields_.push_back({key, names_.size(), value.is_array() ? extents_of(value) : std::vector<i64>{}});
      i64 count = 1;
      for (auto const extent : fields_.back().extents) count *= extent;
      if (!value.is_array()) names_.push_back(key);
      else
        for (i64 i = 0; i < count; ++i) names_.push_back(fmt::format("{}[{}]", key, i));
    }
    if (names_.empty()) throw Error(fmt::format("{}:1: an object without a value", file_));
    cells_.resize(names_.size());
    restart();
  }
  std::string const& file() const override { return file_; }
  std::vector<std::string> const& names() const override { return names_; }
  std::vector<TableVector> vectors() const override {
    std::vector<TableVector> vectors;
    for (auto const& field : fields_)
      if (!field.extents.empty()) vectors.push_back({field.name, field.first, field.extents});
    return vectors;
  }
  void restart() override {
    at_ = 0;
    line_ = 0;
  }
  bool next() override {
    if (!next_line()) return false;
    auto const object = parsed();
    for (auto const& field : fields_) {
      auto const found = object.find(field.name);
      auto const* value = found == object.end() ? nullptr : &*found;
      if (field.extents.empty()) put(field.first, value, field.name);
      else put_array(field, value);
    }
    for (auto at = object.begin(); at != object.end(); ++at)
      if (std::ranges::find(fields_, at.key(), &Field::name) == fields_.end())
        fail(fmt::format("the first line has no key '{}'", printable(at.key())), "the same keys in every line");
    return true;
  }
  TableCell cell(size_t place) const override { return {cells_[place].text, cells_[place].is_text}; }
  i64 line() const override { return line_; }

private:
  struct Field {
    std::string name;
    size_t first;
    std::vector<i64> extents; // of an array
  };
  struct Cell {
    std::string text;
    bool is_text = false;
  };

  [[noreturn]] void fail(std::string const& found, std::string const& expected) const {
    throw Error(fmt::format("{}:{}: {}, expected {}", file_, line_, found, expected));
  }

  // Blank lines are left out.
  bool next_line() {
    do {
      if (at_ >= text_.size()) return false;
      auto const end = std::min(text_.find('\n', at_), text_.size());
      current_ = text_.substr(at_, end - at_);
      at_ = end + 1;
      ++line_;
    } while (current_.find_first_not_of(" \t\r") == std::string_view::npos);
    return true;
  }

  Json parsed() const {
    // Values in values in values take stack for each of them.
    int depth = 0, deepest = 0;
    for (char c : current_) {
      depth += (c == '[' || c == '{') - (c == ']' || c == '}');
      deepest = std::max(deepest, depth);
    }
    if (deepest > 64) fail("values in each other more than 64 deep", "at most 64");
    auto object = Json::parse(current_, nullptr, false);
    if (!object.is_object()) fail(object.is_discarded() ? "no JSON" : "no object", "an object, {\"name\": value, ...}");
    return object;
  }

  std::vector<i64> extents_of(Json const& value) const {
    std::vector<i64> extents;
    for (auto const* at = &value; at->is_array(); at = &at->front()) {
      if (at->empty()) fail("an empty array", "numbers in it");
      extents.push_back(static_cast<i64>(at->size()));
    }
    return extents;
  }

  void put(size_t place, Json const* value, std::string const& name) {
    auto& cell = cells_[place];
    cell.is_text = value && value->is_string();
    if (!value || value->is_null()) cell.text.clear();
    else if (value->is_string()) cell.text = value->get<std::string>();
    else if (value->is_boolean()) cell.text = value->get<bool>() ? "1" : "0";
    else if (value->is_number()) cell.text = value->dump();
    else fail(fmt::format("'{}' is {}", printable(name), value->is_array() ? "an array" : "an object"),
              "a number, a text or a bool, as in the first line");
  }

  void put_array(Field const& field, Json const* value) {
    size_t place = field.first;
    put_level(field, value, 0, place);
  }
  void put_level(Field const& field, Json const* value, size_t axis, size_t& place) {
    if (axis == field.extents.size()) {
      if (value && !value->is_number() && !value->is_boolean() && !value->is_null())
        fail(fmt::format("'{}' has an element that is no number", printable(field.name)), "numbers");
      put(place++, value, field.name);
      return;
    }
    if (!value || !value->is_array() || static_cast<i64>(value->size()) != field.extents[axis])
      fail(fmt::format("'{}' is {}", printable(field.name),
                       value && value->is_array() ? fmt::format("{} long", value->size()) : "no array"),
           fmt::format("an array of {}, as in the first line", field.extents[axis]));
    for (auto const& element : *value) put_level(field, &element, axis + 1, place);
  }

  std::string_view text_, current_;
  std::string file_;
  size_t at_ = 0;
  i64 line_ = 0;
  std::vector<Field> fields_;
  std::vector<std::string> names_;
  std::vector<Cell> cells_;
};

} // namespace

Dataset read_json_lines(Reading const& reading) {
  auto const content = WholeFile::open(reading.path);
  JsonLines lines(content->bytes(), reading.path.string());
  return read_rows(lines, reading, '.', "json lines");
}

} // namespace nnc
