#include "runtime/checkpoint.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/safetensors.h"
#include "runtime/sha256.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

namespace nnc {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr char const* format_name = "nnc";
constexpr char const* format_version = "1";
constexpr std::string_view note_prefix = "program.";
constexpr char const* encodings_key = "encodings";

// A file from elsewhere may have a key of this name for its own purpose.
Encodings encodings_in(Metadata const& metadata, std::string const& file) {
  auto const format = metadata.find("format"), text = metadata.find(encodings_key);
  bool const is_ours = format != metadata.end() && format->second == format_name && text != metadata.end();
  return is_ours ? parse_encodings(text->second, file) : Encodings{};
}

std::string list_of_names(std::vector<NamedTensor> const& tensors) {
  std::vector<std::string> names;
  for (auto const& named : tensors) names.push_back(named.name);
  // A name that is not UTF-8 is refused when its tensor is written, with a better message than could be given here.
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string const& entry(Metadata const& metadata, std::string const& key, std::string const& file) {
  auto const found = metadata.find(key);
  if (found == metadata.end()) throw Error(fmt::format("{}: a checkpoint whose metadata lack '{}'", file, key));
  return found->second;
}

// A decimal number that is not negative and fits into T.
template <class T>
T number(Metadata const& metadata, std::string const& key, std::string const& file) {
  auto const& text = entry(metadata, key, file);
  T value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr T most = std::is_signed_v<T> ? T{1} << 53 : std::numeric_limits<T>::max(); // of counts
  if (error != std::errc() || end != text.data() + text.size() || value < T{0} || value > most)
    throw Error(fmt::format("{}: the metadata say {} = '{}', expected a number", file, key, text));
  return value;
}

std::set<std::string> names_of(Metadata const& metadata, std::string const& key, std::string const& file) {
  auto const& text = entry(metadata, key, file);
  auto const list = nlohmann::json::parse(text, nullptr, false);
  std::set<std::string> names;
  bool good = list.is_array();
  if (good)
    for (auto const& name : list) good = good && name.is_string() && names.insert(name.get<std::string>()).second;
  if (!good) throw Error(fmt::format("{}: the metadata say {} = '{}', expected a list of names", file, key, text));
  return names;
}

// Takes the tensors with these names out of `rest`, in its order.
std::vector<NamedTensor> take(std::vector<NamedTensor>& rest, std::set<std::string> const& names,
                              std::string const& key, std::string const& file) {
  auto const split =
      std::stable_partition(rest.begin(), rest.end(), [&](NamedTensor const& t) { return !names.contains(t.name); });
  std::vector<NamedTensor> taken(std::make_move_iterator(split), std::make_move_iterator(rest.end()));
  rest.erase(split, rest.end());
  if (taken.size() != names.size())
    throw Error(fmt::format("{}: the metadata list {} tensors under {}, and the file has {} of them", file,
                            names.size(), key, taken.size()));
  return taken;
}

Metadata metadata_of(Checkpoint const& checkpoint) {
  Metadata metadata{
      {"format", format_name},
      {"version", format_version},
      {"step", fmt::format("{}", checkpoint.step)},
      {"epoch", fmt::format("{}", checkpoint.epoch)},
      {"seed", fmt::format("{}", checkpoint.seed)},
      {"offset", fmt::format("{}", checkpoint.offset.value_or(0))},
      {"states", list_of_names(checkpoint.states)},
      {"optimizer", list_of_names(checkpoint.optimizer)},
  };
  if (!checkpoint.encodings.empty()) metadata.emplace(encodings_key, encodings_text(checkpoint.encodings));
  if (!checkpoint.carried.empty()) metadata.emplace("carried", list_of_names(checkpoint.carried));
  for (auto const& [key, value] : checkpoint.notes) metadata.emplace(std::string(note_prefix) + key, value);
  return metadata;
}

void read_training(Checkpoint& checkpoint, Metadata const& metadata, std::string const& file) {
  if (auto const& version = entry(metadata, "version", file); version != format_version)
    throw Error(fmt::format("{}: a checkpoint of version '{}', expected '{}'", file, version, format_version));
  checkpoint.step = number<i64>(metadata, "step", file);
  checkpoint.epoch = number<i64>(metadata, "epoch", file);
  if (metadata.contains("offset")) checkpoint.offset = number<i64>(metadata, "offset", file);
  checkpoint.seed = number<u64>(metadata, "seed", file);
  checkpoint.states = take(checkpoint.parameters, names_of(metadata, "states", file), "states", file);
  if (metadata.contains("carried"))
    checkpoint.carried = take(checkpoint.parameters, names_of(metadata, "carried", file), "carried", file);
  checkpoint.optimizer = take(checkpoint.parameters, names_of(metadata, "optimizer", file), "optimizer", file);
  checkpoint.encodings = encodings_in(metadata, file);
  for (auto const& [key, value] : metadata)
    if (key.starts_with(note_prefix)) checkpoint.notes.emplace(key.substr(note_prefix.size()), value);
  checkpoint.can_resume = true;
}

Safetensors content_of(Checkpoint const& checkpoint) {
  Safetensors content{.tensors = checkpoint.parameters, .metadata = metadata_of(checkpoint)};
  for (auto const* more : {&checkpoint.states, &checkpoint.carried, &checkpoint.optimizer})
    content.tensors.insert(content.tensors.end(), more->begin(), more->end());
  return content;
}

Checkpoint checkpoint_of(Safetensors content, std::string const& file) {
  Checkpoint checkpoint;
  checkpoint.parameters = std::move(content.tensors);
  auto const format = content.metadata.find("format");
  if (format != content.metadata.end() && format->second == format_name)
    read_training(checkpoint, content.metadata, file);
  return checkpoint;
}

} // namespace

void save_checkpoint(std::filesystem::path const& path, Checkpoint const& checkpoint) {
  write_safetensors(path, content_of(checkpoint));
}

Checkpoint load_checkpoint(std::filesystem::path const& path) {
  return checkpoint_of(read_safetensors(path), path.string());
}

Encodings encodings_of_checkpoint(std::filesystem::path const& path) {
  return encodings_in(read_safetensors(path).metadata, path.string());
}

std::string checkpoint_bytes(Checkpoint const& checkpoint) {
  auto const pieces = safetensors_pieces(content_of(checkpoint), "the checkpoint");
  std::string bytes;
  for (auto const& piece : pieces.spans()) bytes.append(reinterpret_cast<char const*>(piece.data()), piece.size());
  return bytes;
}

Checkpoint parse_checkpoint(std::string_view bytes, std::string const& name) {
  auto const copy = std::make_shared<std::string const>(bytes);
  return checkpoint_of(parse_safetensors(as_bytes(*copy), name, copy), name);
}

std::string digest(std::vector<NamedTensor> const& parameters) {
  std::vector<NamedTensor const*> order;
  for (auto const& named : parameters) order.push_back(&named);
  std::ranges::sort(order, {}, &NamedTensor::name);
  Sha256 hash;
  for (auto const* named : order) {
    hash.update(as_bytes(fmt::format("{}\n{}\n", named->name, named->tensor.type_text())));
    hash.update(named->tensor.bytes());
  }
  return hash.hex();
}

} // namespace nnc
