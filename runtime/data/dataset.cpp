// What every data set has in common, and which reader a user's words ask for.
#include "runtime/data/dataset.h"

#include "ir/diagnostic.h"
#include "runtime/data/builtin.h"

#include <fmt/core.h>

namespace nnc {
namespace {

bool names_files(std::string const& words) { return words.find('=') != std::string::npos; }

bool names_a_path(std::string const& words) {
  std::error_code error;
  return words.find('/') != std::string::npos || std::filesystem::exists(words, error);
}

[[noreturn]] void unknown(std::string const& words) {
  Diagnostic diagnostic{.at = {}, .message = fmt::format("unknown data set '{}'", words)};
  auto const near = nearest(words, builtin_datasets());
  diagnostic.help =
      near.empty() ? "a data set is mnist, fashion, a folder of IDX files, or named files (image=a.idx,label=b.idx)"
                   : fmt::format("did you mean '{}'?", near);
  throw Error(std::move(diagnostic));
}

} // namespace

HostTensor const* Split::column(std::string_view name) const {
  for (auto const& column : columns)
    if (column.name == name) return &column.tensor;
  return nullptr;
}

Split Split::rows(i64 first, i64 count) const {
  Split part;
  part.examples = count;
  for (auto const& column : columns) part.columns.push_back({column.name, column.tensor.rows(first, count)});
  return part;
}

std::string Dataset::summary() const {
  auto const counts = test.examples ? fmt::format("{} training and {} test examples", train.examples, test.examples)
                                    : fmt::format("{} examples", train.examples);
  return fmt::format("{}: {} from {}{}{}", name, counts, from, note.empty() ? "" : "; ", note);
}

Dataset load_dataset(std::string const& words, std::optional<std::filesystem::path> const& folder) {
  if (words == "mnist") return load_mnist(folder);
  if (words == "fashion") return load_fashion(folder);
  if (names_files(words)) return load_named_files(words);
  if (names_a_path(words)) return load_idx_folder(words);
  unknown(words);
}

std::vector<std::string> const& builtin_datasets() {
  static std::vector<std::string> const names{"mnist", "fashion"};
  return names;
}

} // namespace nnc
