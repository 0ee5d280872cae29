#include "runtime/data/media.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
namespace {

namespace fs = std::filesystem;

constexpr char const* label = "label";

// These readers give one column and its labels: a part would be a name of one of them.
std::string column_of(Reading const& reading, std::string const& name) {
  auto const& item = reading.item;
  if (!item.parts.empty())
    throw Error(Diagnostic{.message = fmt::format("{} has no column '{}'", item.path, printable(item.parts[0])),
                           .help = fmt::format("it gives '{}'; NAME={} gives it another name", name, item.path)});
  return item.column.empty() ? name : item.column;
}

} // namespace

MediaFiles one_file(Reading const& reading, std::string const& name) {
  return {.column = column_of(reading, name), .paths = {reading.path}, .labels = {}, .classes = {}};
}

MediaFiles files_of_folder(Reading const& reading, std::string const& name, std::vector<std::string> const& endings) {
  MediaFiles files{.column = column_of(reading, name), .paths = files_below(reading.path, endings), .labels = {}, .classes = {}};
  auto const is_direct = [&](fs::path const& path) { return path.parent_path() == reading.path; };
  auto const direct = std::ranges::find_if(files.paths, is_direct);
  auto const below = std::ranges::find_if_not(files.paths, is_direct);
  if (below == files.paths.end()) return files;
  if (direct != files.paths.end())
    throw Error(fmt::format("{} lies beside the folder of {}: expected a folder for each class and no file beside them, or "
                            "files alone",
                            direct->string(), below->string()));
  auto const known = reading.known.find(label);
  bool const is_known = known != reading.known.end() && known->second.kind == Encoding::Kind::categories;
  auto found = class_folder(reading.path, endings, is_known ? &known->second.names : nullptr);
  files.paths = std::move(found.files);
  files.labels = std::move(found.labels);
  files.classes = std::move(found.classes);
  return files;
}

void add_labels(Dataset& set, MediaFiles files) {
  for (auto const& path : files.paths) set.files.push_back(path.string());
  if (files.labels.empty()) return;
  HostTensor labels(DType::i32, {std::ssize(files.labels)});
  std::ranges::copy(files.labels, labels.writable_as<i32>().begin());
  set.train.columns.push_back({label, std::move(labels)});
  set.encodings[label] = {.kind = Encoding::Kind::categories, .names = std::move(files.classes)};
  set.target = label;
}

} // namespace nnc
