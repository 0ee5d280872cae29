// Data sets made of IDX files: where they are looked for, and how files become columns.
#include "runtime/data/builtin.h"

#include "ir/diagnostic.h"
#include "runtime/data/embedded.h"
#include "runtime/data/idx.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace nnc {
namespace {

namespace fs = std::filesystem;

// The names under which MNIST, and all that imitates it, is distributed.
struct SplitFiles {
  char const* images;
  char const* labels;
};
constexpr SplitFiles train_files{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
constexpr SplitFiles test_files{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

// FOLDER/NAME or FOLDER/NAME.gz, whichever is there.
std::optional<fs::path> find_file(fs::path const& folder, char const* name) {
  std::error_code error;
  for (auto const* ending : {"", ".gz"})
    if (auto path = folder / (std::string(name) + ending); fs::exists(path, error)) return path;
  return std::nullopt;
}

fs::path need_file(fs::path const& folder, char const* name) {
  if (auto path = find_file(folder, name)) return *path;
  throw Error(fmt::format("{}: expected a file {} or {}.gz there, found neither", folder.string(), name, name));
}

bool has_file(fs::path const& folder, SplitFiles files) {
  return find_file(folder, files.images) || find_file(folder, files.labels);
}

bool is_complete(fs::path const& folder) {
  return find_file(folder, train_files.images) && find_file(folder, train_files.labels) &&
         find_file(folder, test_files.images) && find_file(folder, test_files.labels);
}

// A column of one small integer per example is a label: models take it as i32.
HostTensor widened_label(HostTensor tensor) {
  if (tensor.shape().size() != 1 || (tensor.dtype() != DType::u8 && tensor.dtype() != DType::i8)) return tensor;
  HostTensor result(DType::i32, tensor.shape());
  auto const target = result.writable_as<i32>();
  if (tensor.dtype() == DType::u8) std::ranges::copy(tensor.as<u8>(), target.begin());
  else std::ranges::copy(tensor.as<i8>(), target.begin());
  return result;
}

// Joins columns into a split; `names` is what errors call each of them.
Split join(std::vector<NamedTensor> columns, std::vector<std::string> const& names) {
  Split split;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto const& tensor = columns[i].tensor;
    if (i == 0) split.examples = tensor.shape()[0];
    if (tensor.shape()[0] == 0) throw Error(fmt::format("{}: has no examples", names[i]));
    if (tensor.shape()[0] != split.examples)
      throw Error(fmt::format("{} has {} examples, and {} has {}: the columns of a data set must have the same number",
                              names[0], split.examples, names[i], tensor.shape()[0]));
  }
  for (auto& column : columns) split.columns.push_back({column.name, widened_label(std::move(column.tensor))});
  return split;
}

Split images_and_labels(HostTensor images, HostTensor labels, std::vector<std::string> const& names) {
  if (labels.shape().size() != 1)
    throw Error(fmt::format("{}: expected one label per example, found {}", names[1], labels.type_text()));
  return join({{"image", std::move(images)}, {"label", std::move(labels)}}, names);
}

Split read_split(fs::path const& folder, SplitFiles files, std::vector<std::string>& read) {
  auto const images = need_file(folder, files.images);
  auto const labels = need_file(folder, files.labels);
  read.insert(read.end(), {images.string(), labels.string()});
  return images_and_labels(read_idx(images), read_idx(labels), {images.string(), labels.string()});
}

// Both splits feed the same model.
void check_same_types(Dataset const& set) {
  if (set.test.examples == 0) return;
  for (auto const& column : set.train.columns) {
    auto const* other = set.test.column(column.name);
    auto of_example = [](HostTensor const& t) {
      return type_text(t.dtype(), {t.shape().begin() + 1, t.shape().end()});
    };
    if (!other || of_example(*other) != of_example(column.tensor))
      throw Error(fmt::format("{}: an example of '{}' is {} in the training set and {} in the test set", set.from,
                              column.name, of_example(column.tensor), other ? of_example(*other) : "missing"));
  }
}

// The largest label and one, over both splits; nothing without a column of integer labels.
std::optional<i64> count_classes(Dataset const& set) {
  i64 largest = -1;
  for (auto const* split : {&set.train, &set.test}) {
    auto const* labels = split->column("label");
    if (!labels || labels->dtype() != DType::i32 || labels->elements() == 0) continue;
    largest = std::max<i64>(largest, std::ranges::max(labels->as<i32>()));
  }
  return largest < 0 ? std::nullopt : std::optional(largest + 1);
}

Dataset finished(Dataset set) {
  check_same_types(set);
  if (auto const classes = count_classes(set)) set.properties["classes"] = *classes;
  return set;
}

// A name in each line; a last line without a name is none. Nothing without the file.
constexpr char const* class_file = "classes.txt";
std::vector<std::string> class_names_in(fs::path const& folder) {
  std::vector<std::string> names;
  std::ifstream in(folder / class_file);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    names.push_back(line);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

Dataset read_folder(std::string name, fs::path const& folder) {
  Dataset set{.name = std::move(name), .from = folder.string(), .note = ""};
  set.class_names = class_names_in(folder);
  if (!set.class_names.empty()) set.files.push_back((folder / class_file).string());
  set.train = read_split(folder, train_files, set.files);
  if (has_file(folder, test_files)) set.test = read_split(folder, test_files, set.files);
  return finished(std::move(set));
}

Dataset embedded_mnist() {
  auto digits = embedded_digits();
  std::string const where = "the command itself";
  Dataset set{
      .name = "mnist", .from = where, .note = "nnc-fetch-data mnist fetches the full set", .is_excerpt = true};
  set.train = images_and_labels(digits[0], digits[1], {where, where});
  set.test = images_and_labels(digits[2], digits[3], {where, where});
  return finished(std::move(set));
}

// The folder that the user named with --data holds the files itself, or in a folder of the set's name. It was asked
// for, so what is missing there is an error.
fs::path in_named_folder(fs::path const& folder, char const* name) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw Error(fmt::format("{}: is not a folder", folder.string()));
  return has_file(folder / name, train_files) ? folder / name : folder;
}

// Places that are looked at without being asked for: only a complete set counts.
std::optional<fs::path> first_complete(std::vector<fs::path> const& folders) {
  auto const found = std::ranges::find_if(folders, is_complete);
  return found == folders.end() ? std::nullopt : std::optional(*found);
}

std::optional<fs::path> folder_of_environment() {
  auto const* data = std::getenv("NNC_DATA");
  return data && data[0] != '\0' ? std::optional<fs::path>(data) : std::nullopt;
}

constexpr char const* fashion_package_folder = "/usr/share/datasets/fashion-mnist";

// One "name=file" of the words that name a data set.
NamedTensor read_named_file(std::string const& part, std::string const& words, std::vector<std::string>& names) {
  auto const equals = part.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == part.size())
    throw Error(fmt::format("expected name=file[,name=file]..., found '{}' in '{}'", part, words));
  auto const file = part.substr(equals + 1);
  names.push_back(file);
  return {part.substr(0, equals), read_idx(file)};
}

std::vector<std::string> split_at_commas(std::string const& words) {
  std::vector<std::string> parts(1);
  for (char c : words) {
    if (c == ',') parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

} // namespace

Dataset load_mnist(std::optional<fs::path> const& folder) {
  if (folder) return read_folder("mnist", in_named_folder(*folder, "mnist"));
  std::vector<fs::path> folders;
  if (auto const data = folder_of_environment()) folders = {*data / "mnist", *data};
  if (auto const cache = cache_folder()) folders.push_back(*cache / "mnist");
  if (auto const found = first_complete(folders)) return read_folder("mnist", *found);
  return embedded_mnist();
}

namespace {

// As its authors call the classes (Xiao and others 2017), unless a file beside the images does.
Dataset read_fashion(fs::path const& folder) {
  auto set = read_folder("fashion", folder);
  if (set.class_names.empty())
    set.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                       "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return set;
}

} // namespace

Dataset load_fashion(std::optional<fs::path> const& folder) {
  if (folder) return read_fashion(in_named_folder(*folder, "fashion-mnist"));
  // Not $NNC_DATA itself: its files have the same names, and may well be the digits.
  std::vector<fs::path> folders;
  if (auto const data = folder_of_environment()) folders.push_back(*data / "fashion-mnist");
  folders.emplace_back(fashion_package_folder);
  if (auto const found = first_complete(folders)) return read_fashion(*found);
  Diagnostic diagnostic{.at = {},
                        .message = fmt::format("the data set 'fashion' is not in {}", fashion_package_folder)};
  diagnostic.help = "install the package dataset-fashion-mnist, or name its folder to Data::open";
  throw Error(std::move(diagnostic));
}

Dataset load_idx_folder(fs::path const& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) throw Error(fmt::format("{}: no such folder", folder.string()));
  if (!fs::is_directory(folder, error))
    throw Error(Diagnostic{.at = {},
                           .message = fmt::format("{}: is not a folder", folder.string()),
                           .help = "files are named with their columns: image=a.idx,label=b.idx"});
  return read_folder(folder.string(), folder);
}

Dataset load_named_files(std::string const& words) {
  std::vector<NamedTensor> columns;
  std::vector<std::string> names;
  for (auto const& part : split_at_commas(words)) {
    auto column = read_named_file(part, words, names);
    for (auto const& other : columns)
      if (other.name == column.name)
        throw Error(fmt::format("the column '{}' is given twice in '{}'", column.name, words));
    columns.push_back(std::move(column));
  }
  Dataset set{.name = words, .from = "the named files", .note = "", .train = join(std::move(columns), names)};
  set.files = names;
  return finished(std::move(set));
}

} // namespace nnc
