// Files that hold arrays: NPY, NPZ, safetensors, IDX.
#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/idx.h"
#include "runtime/data/npy.h"
#include "runtime/data/reading.h"
#include "runtime/data/zip.h"
#include "runtime/files.h"
#include "runtime/safetensors.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
namespace {

struct Named {
  std::string name;
  NpyArray array;
};

// The columns that are asked for, under the names that they are asked for by.
Dataset set_of(std::vector<Named> arrays, Reading const& reading) {
  auto const& item = reading.item;
  if (arrays.empty()) throw Error(fmt::format("{}: holds no array", reading.path.string()));
  std::vector<Named> chosen;
  for (auto const& part : item.parts) {
    auto const found = std::ranges::find(arrays, part, &Named::name);
    if (found == arrays.end()) {
      std::string list;
      for (auto const& array : arrays) list += (list.empty() ? "" : ", ") + printable(array.name);
      throw Error(Diagnostic{.message = fmt::format("{} has no array '{}'", reading.path.string(), printable(part)),
                             .help = "it has " + list});
    }
    chosen.push_back(*found);
  }
  if (item.parts.empty()) chosen = std::move(arrays);
  if (!item.column.empty()) {
    if (chosen.size() > 1)
      throw Error(Diagnostic{.message = fmt::format("{} holds {} arrays, and '{}' is one column", reading.path.string(),
                                                    chosen.size(), item.column),
                             .help = fmt::format("{}={}:{} names one of them", item.column, item.path, chosen[0].name)});
    chosen[0].name = item.column;
  }
  Dataset set;
  set.files = {reading.path.string()};
  for (auto& [name, array] : chosen) {
    if (array.tensor.shape().empty())
      throw Error(fmt::format("{}: '{}' is a single number, expected an array whose first axis is the examples",
                              reading.path.string(), name));
    if (array.encoding.kind != Encoding::Kind::numbers) set.encodings[name] = array.encoding;
    if (!array.note.empty()) set.notes.push_back(array.note);
    set.train.columns.push_back({name, std::move(array.tensor)});
  }
  return set;
}

std::string stem_of(std::filesystem::path const& path) {
  auto name = path.filename().string();
  auto const ending = ending_of(path);
  name.resize(name.size() - ending.size());
  return name;
}

Encoding const* known_of(Reading const& reading, std::string const& name) {
  auto const found = reading.known.find(reading.item.column.empty() ? name : reading.item.column);
  return found == reading.known.end() ? nullptr : &found->second;
}

} // namespace

Dataset read_numpy(Reading const& reading) {
  auto const file = MappedFile::open(reading.path);
  auto const path = reading.path.string();
  std::vector<Named> arrays;
  if (ending_of(reading.path) != ".npz") {
    auto const stem = stem_of(reading.path);
    arrays.push_back({stem, parse_npy(file->bytes(), path, file, known_of(reading, stem))});
  } else {
    for (auto& entry : read_zip(file->bytes(), path, file)) {
      constexpr std::string_view ending = ".npy";
      auto name = entry.name;
      if (name.ends_with(ending)) name.resize(name.size() - ending.size());
      arrays.push_back({name, parse_npy(entry.bytes, fmt::format("{}:{}", path, printable(name)), entry.owner,
                                        known_of(reading, name))});
    }
  }
  return set_of(std::move(arrays), reading);
}

Dataset read_tensors(Reading const& reading) {
  std::vector<Named> arrays;
  for (auto& [name, tensor] : read_safetensors(reading.path).tensors) arrays.push_back({name, {std::move(tensor)}});
  return set_of(std::move(arrays), reading);
}

Dataset read_idx_file(Reading const& reading) {
  auto tensor = read_idx(reading.path);
  return set_of({{stem_of(reading.path), {std::move(tensor)}}}, reading);
}

} // namespace nnc
