// Reads the header by events, without building a tree: only this form has a place for what it says.
//
//   { "__metadata__": { KEY: TEXT, ... }, NAME: { "dtype": TEXT, "shape": [N, ...], "data_offsets": [N, N] }, ... }
#include "runtime/safetensors_header.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace nnc {
namespace {

using Json = nlohmann::json;

constexpr char const* metadata_key = "__metadata__";
constexpr size_t largest_rank = 64;

class HeaderReader final : public Json::json_sax_t {
public:
  explicit HeaderReader(std::string const& file) : file_(file) {}
  SafetensorsHeader header;

  bool start_object(std::size_t) override {
    switch (place_) {
    case Place::outside: place_ = Place::top; return true;
    case Place::top_value: return enter_entry();
    default: unexpected("an object");
    }
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool key(std::string& text) override {
    if (place_ == Place::top) place_ = Place::top_value, name_ = text;
    else if (place_ == Place::metadata) place_ = Place::metadata_value, field_ = text;
    else start_field(text);
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata_value) {
      if (!header.metadata.emplace(field_, text).second) fail(fmt::format("the metadata have '{}' twice", field_));
      place_ = Place::metadata;
    } else if (place_ == Place::dtype) {
      tensor_.dtype = text;
      place_ = Place::tensor;
    } else {
      unexpected("a text");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape) place_ = Place::shape_array;
    else if (place_ == Place::offsets) place_ = Place::offsets_array;
    else unexpected("a list");
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets_array && offsets_.size() != 2)
      fail(fmt::format("tensor '{}' has {} data offsets, expected 2", name_, offsets_.size()));
    place_ = Place::tensor;
    return true;
  }

  bool number_unsigned(Json::number_unsigned_t value) override {
    if (place_ == Place::offsets_array) add_offset(value);
    else if (place_ == Place::shape_array) add_extent(value);
    else unexpected("a number");
    return true;
  }

  bool number_integer(Json::number_integer_t value) override { unexpected(fmt::format("the number {}", value)); }
  bool number_float(Json::number_float_t, std::string const& text) override {
    unexpected(fmt::format("the number {}", text));
  }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool null() override { unexpected("null"); }
  bool binary(Json::binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t position, std::string const&, nlohmann::detail::exception const&) override {
    fail(fmt::format("is no JSON at byte {}", position));
  }

private:
  // What was just read, so what may follow.
  enum class Place {
    outside,
    top,
    top_value,
    metadata,
    metadata_value,
    tensor,
    dtype,
    shape,
    shape_array,
    offsets,
    offsets_array
  };

  [[noreturn]] void fail(std::string const& what) const {
    throw Error(fmt::format("{}: the header of a safetensors file: {}", file_, what));
  }
  [[noreturn]] void unexpected(std::string const& found) const {
    fail(name_.empty() ? fmt::format("expected an object of tensors, found {}", found)
                       : fmt::format("{} is out of place in '{}'", found, name_));
  }

  bool enter_entry() {
    if (name_ == metadata_key) {
      if (seen_metadata_) fail("the metadata are there twice");
      seen_metadata_ = true;
      place_ = Place::metadata;
    } else {
      tensor_ = {.name = name_};
      offsets_.clear();
      fields_ = 0;
      place_ = Place::tensor;
    }
    return true;
  }

  // Bits of `fields_`; each field once, all of them in the end.
  void start_field(std::string const& text) {
    struct Field {
      char const* name;
      Place place;
    };
    constexpr Field fields[] = {{"dtype", Place::dtype}, {"shape", Place::shape}, {"data_offsets", Place::offsets}};
    for (unsigned i = 0; i < 3; ++i) {
      if (text != fields[i].name) continue;
      if (fields_ >> i & 1) fail(fmt::format("tensor '{}' has '{}' twice", name_, text));
      fields_ |= 1u << i;
      place_ = fields[i].place;
      return;
    }
    fail(fmt::format("tensor '{}' has an unknown field '{}'", name_, text));
  }

  void finish_tensor() {
    if (fields_ != 7) fail(fmt::format("tensor '{}' needs dtype, shape and data_offsets", name_));
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    header.tensors.push_back(std::move(tensor_));
  }

  void add_offset(u64 value) {
    if (offsets_.size() == 2) fail(fmt::format("tensor '{}' has more than 2 data offsets", name_));
    offsets_.push_back(value);
  }

  void add_extent(u64 value) {
    if (value > static_cast<u64>(std::numeric_limits<i64>::max())) unexpected(fmt::format("the extent {}", value));
    if (tensor_.shape.size() == largest_rank)
      fail(fmt::format("tensor '{}' has more than {} dimensions", name_, largest_rank));
    tensor_.shape.push_back(static_cast<i64>(value));
  }

  std::string const& file_;
  Place place_ = Place::outside;
  std::string name_, field_;
  TensorHeader tensor_;
  std::vector<u64> offsets_;
  unsigned fields_ = 0;
  bool seen_metadata_ = false;
};

} // namespace

SafetensorsHeader parse_safetensors_header(std::span<u8 const> text, std::string const& file) {
  HeaderReader reader(file);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return std::move(reader.header);
}

std::string safetensors_header_text(SafetensorsHeader const& header, std::string const& file) {
  // One entry after the other: a JSON object of the library would sort them, and the order is that of the bytes.
  std::string text = "{";
  auto add = [&](std::string const& name, Json const& value) {
    text += fmt::format("{}{}:{}", text.size() > 1 ? "," : "", Json(name).dump(), value.dump());
  };
  try {
    if (!header.metadata.empty()) add(metadata_key, header.metadata);
    for (auto const& t : header.tensors) {
      if (t.name == metadata_key) throw Error(fmt::format("{}: a tensor cannot be called {}", file, metadata_key));
      add(t.name, {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {t.begin, t.end}}});
    }
  } catch (nlohmann::json::exception const&) {
    throw Error(fmt::format("{}: a name or a metadata entry is not UTF-8", file));
  }
  return text + "}";
}

} // namespace nnc
